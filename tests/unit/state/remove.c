/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

static void removing_leaves_nothing_and_follows_no_symlink(void **state)
{
	struct fixture *f = *state;
	autocontainer struct container c = CONTAINER_INIT;
	autofree char *link = NULL, *target = NULL;

	assert_int_equal(make(f, "c1", &c), 0);
	assert_int_equal(state_run_dir(&c, &f->globals, &f->err), 0);
	scratch_mkdir(f->scratch, "canary");
	scratch_write(f->scratch, "canary/data", "mine");
	assert_int_equal(mkdirat(c.dir, "upper", 0700), 0);
	link = xasprintf("%s/upper/link", c.path);
	target = xasprintf("%s/canary", f->scratch->path);
	assert_int_equal(symlink(target, link), 0);
	assert_int_equal(state_remove(&f->globals, &c, false, &f->err), 0);
	assert_false(exists(f, "root/containers/", c.id));
	assert_false(exists(f, "root/names/", "c1"));
	assert_false(exists(f, "run/", c.id));
	assert_true(exists(f, "canary/", "data"));
}

static void put_volume(struct fixture *f, struct json *mounts, const char *name)
{
	autofree char *dir = xasprintf("root/volumes/%s", name);
	struct json *mount = json_new_map();

	scratch_mkdir(f->scratch, dir);
	json_put_string(mount, "type", "volume");
	json_put_string(mount, "name", name);
	json_put_bool(mount, "anonymous", strlen(name) == 64);
	json_push(mounts, mount);
}

static void only_unused_anonymous_volumes_go_with_the_container(void **state)
{
	struct fixture *f = *state;
	autocontainer struct container c = CONTAINER_INIT, other = CONTAINER_INIT;
	struct json *config = json_new_map(), *mounts = json_new_list();
	struct json *config2 = json_new_map(), *mounts2 = json_new_list();
	char mine[65], shared[65];

	memset(mine, 'a', 64);
	memset(shared, 'b', 64);
	mine[64] = shared[64] = '\0';
	assert_int_equal(make(f, "make-root", &c), 0);
	assert_int_equal(state_remove(&f->globals, &c, false, &f->err), 0);
	container_done(&c);
	scratch_mkdir(f->scratch, "root/volumes");
	put_volume(f, mounts, mine);
	put_volume(f, mounts, shared);
	put_volume(f, mounts, "named");
	json_put(config, "mounts", mounts);
	json_push(mounts2, json_ref(json_at(mounts, 1)));
	json_put(config2, "mounts", mounts2);
	assert_int_equal(make_with(f, "c1", config, &c), 0);
	assert_int_equal(make_with(f, "c2", config2, &other), 0);
	assert_int_equal(state_remove(&f->globals, &c, true, &f->err), 0);
	assert_false(exists(f, "root/volumes/", mine));
	assert_true(exists(f, "root/volumes/", shared));
	assert_true(exists(f, "root/volumes/", "named"));
}

TEST_MAIN(T(removing_leaves_nothing_and_follows_no_symlink),
	T(only_unused_anonymous_volumes_go_with_the_container))
