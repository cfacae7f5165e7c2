/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

static void a_volume_keeps_its_labels_and_is_made_once(void **state)
{
	struct fixture *f = *state;
	autovolume struct stored_volume a = { 0 }, b = { 0 };
	autojson struct json *labels = json_new_map(), *other = json_new_map();

	json_put_string(labels, "app", "shop");
	json_put_string(other, "app", "other");
	assert_int_equal(state_volume_create(&f->globals, "data", labels, NULL, &a, &f->err), 0);
	assert_false(a.anonymous);
	assert_true(a.created > 0);
	assert_string_equal(json_str(json_get(a.labels, "app"), ""), "shop");
	assert_true(exists(f, "root/volumes/data/", "_data"));
	assert_int_equal(state_volume_create(&f->globals, "data", other, NULL, &b, &f->err), 0);
	assert_string_equal(json_str(json_get(b.labels, "app"), ""), "shop");
}

static void names_that_lead_out_of_the_folder_are_refused(void **state)
{
	struct fixture *f = *state;
	static const char *const names[] = { "../../x", ".", "..", "-rf", "a/b", "", "x", ".new-1",
		"a\nb" };
	struct stored_volume v;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		assert_int_equal(
			state_volume_create(&f->globals, names[i], NULL, NULL, &v, &f->err),
			-EINVAL);
		assert_int_equal(state_volume_open(&f->globals, names[i], &v, &f->err), -ENOENT);
		assert_int_equal(state_volume_remove(&f->globals, names[i], &f->err), -ENOENT);
	}
}

static void without_a_name_it_is_anonymous(void **state)
{
	struct fixture *f = *state;
	autovolume struct stored_volume v = { 0 };

	assert_int_equal(state_volume_create(&f->globals, NULL, NULL, NULL, &v, &f->err), 0);
	assert_int_equal(strlen(v.name), 64);
	assert_true(v.anonymous);
}

static void a_volume_that_run_made_has_no_record(void **state)
{
	struct fixture *f = *state;
	autovolume struct stored_volume v = { 0 };

	scratch_mkdir(f->scratch, "root");
	scratch_mkdir(f->scratch, "root/volumes");
	scratch_mkdir(f->scratch, "root/volumes/byrun");
	scratch_mkdir(f->scratch, "root/volumes/byrun/_data");
	assert_int_equal(state_volume_open(&f->globals, "byrun", &v, &f->err), 0);
	assert_null(v.labels);
	assert_false(v.anonymous);
	assert_true(v.created > 0);
}

static void listing_is_by_name_and_skips_what_is_no_volume(void **state)
{
	struct fixture *f = *state;
	struct stored_volume v, *list = NULL;
	size_t n = 9;

	assert_int_equal(state_volume_list(&f->globals, &list, &n, &f->err), 0);
	assert_int_equal(n, 0);
	state_volume_list_free(list, n);
	for (const char *const *name = (const char *const[]){ "bb", "aa", NULL }; *name; name++) {
		assert_int_equal(
			state_volume_create(&f->globals, *name, NULL, NULL, &v, &f->err), 0);
		stored_volume_done(&v);
	}
	scratch_mkdir(f->scratch, "root/volumes/.new-1");
	scratch_write(f->scratch, "root/volumes/file", "");
	assert_int_equal(state_volume_list(&f->globals, &list, &n, &f->err), 0);
	assert_int_equal(n, 2);
	assert_string_equal(list[0].name, "aa");
	assert_string_equal(list[1].name, "bb");
	state_volume_list_free(list, n);
}

static void a_volume_in_use_names_its_containers(void **state)
{
	struct fixture *f = *state;
	autocontainer struct container c = CONTAINER_INIT;
	autovolume struct stored_volume v = { 0 };
	struct json *config = json_new_map(), *mounts = json_new_list(), *mount = json_new_map();

	assert_int_equal(state_volume_create(&f->globals, "data", NULL, NULL, &v, &f->err), 0);
	json_put_string(mount, "name", "data");
	json_push(mounts, mount);
	json_put(config, "mounts", mounts);
	assert_int_equal(make_with(f, "c1", config, &c), 0);
	assert_int_equal(state_volume_remove(&f->globals, "data", &f->err), -EBUSY);
	assert_non_null(strstr(f->err.text, "remove data: volume is in use - ["));
	assert_non_null(strstr(f->err.text, c.id));
	assert_true(exists(f, "root/volumes/data/", "_data"));
	assert_int_equal(state_remove(&f->globals, &c, true, &f->err), 0);
	assert_true(exists(f, "root/volumes/data/", "_data")); /* named ones stay */
	assert_int_equal(state_volume_remove(&f->globals, "data", &f->err), 0);
	assert_false(exists(f, "root/volumes/", "data"));
}

static void removing_does_not_follow_symlinks(void **state)
{
	struct fixture *f = *state;
	autovolume struct stored_volume v = { 0 }, w = { 0 };
	autojson struct json *options = json_new_map();
	autofree char *canary = xasprintf("%s/canary", f->scratch->path);
	autofree char *link = NULL;

	scratch_mkdir(f->scratch, "canary");
	scratch_write(f->scratch, "canary/data", "mine");
	json_put_string(options, "type", "none");
	json_put_string(options, "o", "bind");
	json_put_string(options, "device", canary);
	assert_int_equal(state_volume_create(&f->globals, "bound", NULL, options, &v, &f->err), 0);
	assert_int_equal(state_volume_remove(&f->globals, "bound", &f->err), 0);
	assert_true(exists(f, "canary/", "data"));
	assert_int_equal(state_volume_create(&f->globals, "data", NULL, NULL, &w, &f->err), 0);
	link = xasprintf("%s/root/volumes/linked", f->scratch->path);
	assert_int_equal(symlink(canary, link), 0);
	assert_int_equal(state_volume_remove(&f->globals, "linked", &f->err), -ENOENT);
	assert_true(exists(f, "canary/", "data"));
}

static void options_that_need_root_are_refused(void **state)
{
	struct fixture *f = *state;
	autojson struct json *nfs = json_new_map(), *odd = json_new_map();
	struct stored_volume v;

	json_put_string(nfs, "type", "nfs");
	json_put_string(odd, "colour", "red");
	assert_int_equal(state_volume_create(&f->globals, "data", NULL, nfs, &v, &f->err), -EINVAL);
	assert_int_equal(state_volume_create(&f->globals, "data", NULL, odd, &v, &f->err), -EINVAL);
	assert_string_equal(f->err.text, "create data: invalid option: \"colour\"");
	assert_false(exists(f, "root/volumes/", "data"));
}

TEST_MAIN(T(a_volume_keeps_its_labels_and_is_made_once),
	T(names_that_lead_out_of_the_folder_are_refused), T(without_a_name_it_is_anonymous),
	T(a_volume_that_run_made_has_no_record), T(listing_is_by_name_and_skips_what_is_no_volume),
	T(a_volume_in_use_names_its_containers), T(removing_does_not_follow_symlinks),
	T(options_that_need_root_are_refused))
