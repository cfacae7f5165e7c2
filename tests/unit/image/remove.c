/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/xalloc.h"

#define REDIS "docker.io/library/redis:latest"
#define HEX   "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

struct user {
	const char *container;
	bool running;
};

static const char *in_use(void *data, const char *image_id, bool *ret_running)
{
	const struct user *user = data;

	assert_true(digest_valid(image_id));
	*ret_running = user->running;
	return user->container;
}

/* Closes the fixture's own store first: it counts as a running pull. */
static int rmi(
	struct fixture *fx, const char *name, bool force, struct user user, char **ret_report)
{
	autostrv struct strv report = STRV_INIT;
	struct err err = ERR_INIT;
	struct buf text = BUF_INIT;
	struct image_users users = { in_use, &user };
	int r;

	fd_drop(&fx->store.hold);
	r = image_remove(&fx->globals, name, force, &users, &report, &err);
	strv_each (line, &report)
		buf_addf(&text, "%s\n", *line);
	if (r < 0)
		buf_adds(&text, err.text);
	*ret_report = buf_steal(&text);
	return r;
}

static const struct user nobody = { 0 };
static const struct user stopped = { "0123456789abcdef0123", false };
static const struct user running = { "0123456789abcdef0123", true };

static bool gone(struct fixture *fx, const char *seed, const char *id)
{
	char chain[65], layer[DIGEST_MAX];
	autofree char *record = NULL;

	fixture_chain(seed, chain);
	fixture_layer_digest(seed, layer);
	record = xasprintf("%s.json", chain);
	return !store_has_blob(&fx->store, id) && !store_has_blob(&fx->store, layer) &&
	       faccessat(fx->store.layers, chain, F_OK, 0) < 0 &&
	       faccessat(fx->store.layers, record, F_OK, 0) < 0;
}

static void the_last_name_takes_blobs_and_layers_with_it(void **state)
{
	struct fixture *fx = *state;
	autofree char *report = NULL;
	char id[DIGEST_MAX], other[DIGEST_MAX];

	fixture_image(fx, REDIS, "one", id);
	fixture_image(fx, "docker.io/library/keep:1", "two", other);
	assert_int_equal(rmi(fx, "redis", false, nobody, &report), 0);
	assert_memory_equal(report, "Untagged: redis:latest\nUntagged: redis@sha256:", 46);
	assert_non_null(strstr(report, id));
	assert_true(gone(fx, "one", id));
	assert_false(gone(fx, "two", other));
	{
		autoimage struct image image = { 0 };
		struct err err = ERR_INIT;

		assert_int_equal(image_resolve(&fx->globals, "keep:1", &image, &err), 0);
	}
}

static void another_name_keeps_the_image(void **state)
{
	struct fixture *fx = *state;
	autofree char *report = NULL, *second = NULL;
	char id[DIGEST_MAX];
	struct err err = ERR_INIT;

	fixture_image(fx, REDIS, "one", id);
	assert_int_equal(image_tag(&fx->globals, "redis", "redis:7", &err), 0);
	assert_int_equal(rmi(fx, "redis:7", false, running, &report), 0);
	assert_string_equal(report, "Untagged: redis:7\n");
	assert_false(gone(fx, "one", id));
	assert_int_equal(rmi(fx, "redis", false, nobody, &second), 0);
	assert_true(gone(fx, "one", id));
}

static void ids_long_and_short_remove_all_names_of_one_repository(void **state)
{
	struct fixture *fx = *state;
	autofree char *report = NULL, *second = NULL;
	char id[DIGEST_MAX], shorter[13];
	struct err err = ERR_INIT;

	fixture_image(fx, REDIS, "one", id);
	assert_int_equal(image_tag(&fx->globals, "redis", "redis:7", &err), 0);
	(void)snprintf(shorter, sizeof(shorter), "%s", id + 7);
	assert_int_equal(rmi(fx, shorter, false, nobody, &report), 0);
	assert_non_null(strstr(report, "Untagged: redis:latest\n"));
	assert_non_null(strstr(report, "Untagged: redis:7\n"));
	assert_true(gone(fx, "one", id));
	fixture_image(fx, REDIS, "one", id);
	assert_int_equal(rmi(fx, id, false, nobody, &second), 0);
	assert_true(gone(fx, "one", id));
}

static void an_id_in_several_repositories_needs_force(void **state)
{
	struct fixture *fx = *state;
	autofree char *report = NULL, *second = NULL;
	char id[DIGEST_MAX];
	struct err err = ERR_INIT;

	fixture_image(fx, REDIS, "one", id);
	assert_int_equal(image_tag(&fx->globals, "redis", "mine:1", &err), 0);
	assert_int_equal(rmi(fx, id, false, nobody, &report), -EBUSY);
	assert_non_null(strstr(report, "referenced in multiple repositories"));
	assert_false(gone(fx, "one", id));
	assert_int_equal(rmi(fx, id, true, nobody, &second), 0);
	assert_true(gone(fx, "one", id));
}

static void a_used_image_is_refused_and_names_the_container(void **state)
{
	struct fixture *fx = *state;
	autofree char *by_name = NULL, *by_id = NULL, *hard = NULL;
	char id[DIGEST_MAX];

	fixture_image(fx, REDIS, "one", id);
	assert_int_equal(rmi(fx, "redis", false, stopped, &by_name), -EBUSY);
	assert_memory_equal(by_name,
		"conflict: unable to remove repository reference \"redis\" "
		"(must force) - container 0123456789ab is using",
		98);
	assert_int_equal(rmi(fx, id, false, stopped, &by_id), -EBUSY);
	assert_non_null(strstr(by_id, "stopped container 0123456789ab"));
	assert_int_equal(rmi(fx, id, true, running, &hard), -EBUSY);
	assert_non_null(
		strstr(hard, "(cannot be forced) - image is being used by running container "
			     "0123456789ab"));
	assert_false(gone(fx, "one", id));
}

static void force_untags_a_used_image_and_keeps_its_data(void **state)
{
	struct fixture *fx = *state;
	autofree char *report = NULL, *second = NULL;
	char id[DIGEST_MAX];
	struct err err = ERR_INIT;
	autoimage struct image image = { 0 };

	fixture_image(fx, REDIS, "one", id);
	assert_int_equal(rmi(fx, "redis", true, stopped, &report), 0);
	assert_non_null(strstr(report, "Untagged: redis:latest"));
	assert_null(strstr(report, "Deleted:"));
	{
		struct image_row *rows = NULL;
		size_t n = 0;

		assert_int_equal(image_list(&fx->globals, NULL, &rows, &n, &err), 0);
		assert_int_equal(n, 1);
		assert_null(rows[0].repository);
		image_rows_free(rows, n);
	}
	assert_false(gone(fx, "one", id));
	assert_int_equal(image_resolve(&fx->globals, "redis", &image, &err), -ENOENT);
	assert_int_equal(image_resolve(&fx->globals, id, &image, &err), 0);
	assert_int_equal(rmi(fx, id, false, nobody, &second), 0);
	assert_true(gone(fx, "one", id));
}

static void shared_layers_stay_until_their_last_image_goes(void **state)
{
	struct fixture *fx = *state;
	autofree char *report = NULL, *second = NULL;
	char id[DIGEST_MAX], layer[DIGEST_MAX], chain[65];
	struct err err = ERR_INIT;
	autofree char *config = NULL, *manifest = NULL;
	char config_digest[DIGEST_MAX], digest[DIGEST_MAX];

	fixture_image(fx, REDIS, "one", id);
	fixture_chain("one", chain);
	fixture_layer_digest("one", layer);
	config = xasprintf("{\"os\":\"other\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":"
			   "[\"sha256:%s\"]}}",
		chain);
	fixture_put(fx, config, config_digest);
	manifest = xasprintf(
		"{\"schemaVersion\":2,\"config\":{\"mediaType\":"
		"\"application/vnd.oci.image.config.v1+json\",\"digest\":\"%s\",\"size\":1},"
		"\"layers\":[{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar\","
		"\"digest\":\"%s\",\"size\":1}]}",
		config_digest, layer);
	fixture_put(fx, manifest, digest);
	assert_int_equal(store_set_ref(&fx->store, "docker.io/library/other:1", digest, 1,
				 "application/vnd.oci.image.manifest.v1+json", &err),
		0);
	assert_int_equal(rmi(fx, "redis", false, nobody, &report), 0);
	assert_false(store_has_blob(&fx->store, id));
	assert_true(store_has_blob(&fx->store, layer));
	assert_true(store_has_layer(&fx->store, chain));
	assert_int_equal(rmi(fx, "other:1", false, nobody, &second), 0);
	assert_true(gone(fx, "one", config_digest));
}

static void nothing_is_deleted_under_a_running_pull(void **state)
{
	struct fixture *fx = *state;
	autofree char *report = NULL;
	char id[DIGEST_MAX];
	struct store pull = STORE_INIT;
	struct err err = ERR_INIT;

	fixture_image(fx, REDIS, "one", id);
	assert_int_equal(store_open(&fx->globals, true, &pull, &err), 0);
	assert_int_equal(rmi(fx, "redis", false, nobody, &report), 0);
	assert_true(store_has_blob(&fx->store, id));
	store_done(&pull);
}

static void make_file(int dir, const char *name)
{
	autofd int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
}

static bool is_there(const struct fixture *fx, const char *name)
{
	return faccessat(fx->store.images, name, F_OK, 0) == 0;
}

/* An image without a name in the index, an interrupted download and a blob of either algorithm. */
static void make_rest(struct fixture *fx)
{
	char id[DIGEST_MAX];
	struct err err = ERR_INIT;

	fixture_image(fx, REDIS, "one", id);
	assert_int_equal(fs_write_at(fx->store.images, "index.json", "{\"manifests\":[]}", 16,
				 FS_NOSYNC, &err),
		0);
	make_file(fx->store.images, ".partial/" HEX);
	make_file(fx->store.images, "blobs/sha256/" HEX);
	make_file(fx->store.images, "blobs/sha512/" HEX HEX);
}

static void what_no_image_needs_goes_however_young(void **state)
{
	struct fixture *fx = *state;
	autostrv struct strv used = STRV_INIT, report = STRV_INIT;
	struct err err = ERR_INIT;
	char chain[65];

	make_rest(fx);
	fixture_chain("one", chain);
	strv_add(&used, chain);
	assert_int_equal(image_sweep(&fx->globals, &used, &report, &err), 0);
	assert_true(is_there(fx, ".partial/" HEX)); /* a pull is running */
	fd_drop(&fx->store.hold);
	assert_int_equal(image_sweep(&fx->globals, &used, &report, &err), 0);
	assert_false(is_there(fx, ".partial/" HEX));
	assert_false(is_there(fx, "blobs/sha256/" HEX));
	assert_false(is_there(fx, "blobs/sha512/" HEX HEX));
	assert_true(store_has_layer(&fx->store, chain));
	assert_int_equal(report.n, 0);
	assert_int_equal(image_sweep(&fx->globals, NULL, &report, &err), 0);
	assert_false(store_has_layer(&fx->store, chain));
	assert_int_equal(report.n, 1);
}

static void what_is_young_may_be_continued_after_a_removal(void **state)
{
	struct fixture *fx = *state;
	autofree char *report = NULL;
	char id[DIGEST_MAX];

	make_rest(fx);
	fixture_image(fx, "docker.io/library/two:1", "two", id);
	assert_int_equal(rmi(fx, "two:1", false, nobody, &report), 0);
	assert_true(gone(fx, "two", id));
	assert_true(is_there(fx, ".partial/" HEX) && is_there(fx, "blobs/sha512/" HEX HEX));
}

static void a_damaged_image_can_be_removed(void **state)
{
	struct fixture *fx = *state;
	autofree char *report = NULL;
	char id[DIGEST_MAX];

	fixture_image(fx, REDIS, "one", id);
	assert_int_equal(unlinkat(fx->store.blobs, id + 7, 0), 0);
	assert_int_equal(rmi(fx, "redis", false, nobody, &report), 0);
	assert_non_null(strstr(report, "Untagged: redis:latest"));
}

static void an_unknown_image_is_enoent(void **state)
{
	struct fixture *fx = *state;
	autofree char *report = NULL;

	assert_int_equal(rmi(fx, "nosuch", false, nobody, &report), -ENOENT);
	assert_string_equal(report, "No such image: nosuch:latest");
}

static void tags_are_checked_and_may_move(void **state)
{
	struct fixture *fx = *state;
	char one[DIGEST_MAX], two[DIGEST_MAX];
	struct err err = ERR_INIT;
	autoimage struct image image = { 0 };

	fixture_image(fx, REDIS, "one", one);
	fixture_image(fx, "docker.io/library/two:1", "two", two);
	assert_int_equal(image_tag(&fx->globals, "redis", "UPPER", &err), -EINVAL);
	assert_int_equal(image_tag(&fx->globals, "nosuch", "x:1", &err), -ENOENT);
	assert_int_equal(image_tag(&fx->globals, two + 7, "redis:latest", &err), 0);
	assert_int_equal(image_resolve(&fx->globals, "redis", &image, &err), 0);
	assert_string_equal(image.id, two);
	image_done(&image);
	assert_int_equal(image_resolve(&fx->globals, one, &image, &err), 0);
}

TEST_MAIN(FIXTURE_TEST(the_last_name_takes_blobs_and_layers_with_it),
	FIXTURE_TEST(another_name_keeps_the_image),
	FIXTURE_TEST(ids_long_and_short_remove_all_names_of_one_repository),
	FIXTURE_TEST(an_id_in_several_repositories_needs_force),
	FIXTURE_TEST(a_used_image_is_refused_and_names_the_container),
	FIXTURE_TEST(force_untags_a_used_image_and_keeps_its_data),
	FIXTURE_TEST(shared_layers_stay_until_their_last_image_goes),
	FIXTURE_TEST(nothing_is_deleted_under_a_running_pull),
	FIXTURE_TEST(what_no_image_needs_goes_however_young),
	FIXTURE_TEST(what_is_young_may_be_continued_after_a_removal),
	FIXTURE_TEST(a_damaged_image_can_be_removed), FIXTURE_TEST(an_unknown_image_is_enoent),
	FIXTURE_TEST(tags_are_checked_and_may_move))
