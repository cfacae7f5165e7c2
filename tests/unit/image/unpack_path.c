/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"
#include "image/unpack.h"

static void names_become_clean(void **state)
{
	static const char *const rows[][2] = { { "a/b", "a/b" }, { "./a//b/", "a/b" }, { "/", "" },
		{ "", "" }, { ".", "" }, { "/./a/.", "a" }, { "...", "..." },
		{ "a/..b", "a/..b" } };
	static const char *const bad[] = { "..", "a/..", "../a", "a/../b", "/..", "./..//" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		autofree char *clean = NULL;
		struct err err = ERR_INIT;

		assert_int_equal(path_clean(rows[i][0], &clean, &err), 0);
		assert_string_equal(clean, rows[i][1]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		autofree char *clean = NULL;
		struct err err = ERR_INIT;

		assert_int_equal(path_clean(bad[i], &clean, &err), -EINVAL);
	}
}

static bool leads_to(struct walk *walk, const char *path, int dir, const char *want)
{
	struct err err = ERR_INIT;
	struct stat a, b;
	const char *base;
	int fd = walk_parent(walk, path, false, &base, &err);

	assert_string_equal(base, strrchr(path, '/') + 1);
	return fd >= 0 && fstat(fd, &a) == 0 && fstatat(dir, want, &b, 0) == 0 &&
	       a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

static void links_are_followed_below_the_root_only(void **state)
{
	struct scratch *dir = *state;
	struct walk walk;

	scratch_mkdir(dir, "root");
	scratch_mkdir(dir, "root/a");
	scratch_mkdir(dir, "root/a/b");
	scratch_mkdir(dir, "beside");
	assert_int_equal(symlinkat("/a", dir->fd, "root/abs"), 0);
	assert_int_equal(symlinkat("../../../..", dir->fd, "root/a/up"), 0);
	assert_int_equal(symlinkat("../beside", dir->fd, "root/out"), 0);
	assert_int_equal(symlinkat("abs/b/..", dir->fd, "root/chain"), 0);
	walk_init(&walk, openat(dir->fd, "root", O_PATH | O_DIRECTORY));
	assert_true(leads_to(&walk, "a/b/x", dir->fd, "root/a/b"));
	assert_true(leads_to(&walk, "abs/b/x", dir->fd, "root/a/b"));
	assert_true(leads_to(&walk, "a/up/x", dir->fd, "root"));
	assert_true(leads_to(&walk, "a/up/a/b/x", dir->fd, "root/a/b"));
	assert_true(leads_to(&walk, "chain/x", dir->fd, "root/a"));
	assert_false(leads_to(&walk, "out/x", dir->fd, "beside"));
	(void)close(walk.root);
	walk_done(&walk);
}

static void what_is_missing_is_made_only_on_request(void **state)
{
	struct scratch *dir = *state;
	struct walk walk;
	struct err err = ERR_INIT;
	const char *base;

	walk_init(&walk, dir->fd);
	assert_int_equal(walk_parent(&walk, "a/b/c", false, &base, &err), -ENOENT);
	assert_int_not_equal(faccessat(dir->fd, "a", F_OK, 0), 0);
	assert_true(walk_parent(&walk, "a/b/c", true, &base, &err) >= 0);
	assert_int_equal(walk.created, 2);
	assert_int_equal(faccessat(dir->fd, "a/b", F_OK, 0), 0);
	walk_done(&walk);
}

TEST_MAIN(cmocka_unit_test(names_become_clean),
	cmocka_unit_test_setup_teardown(
		links_are_followed_below_the_root_only, harness_scratch, harness_scratch_done),
	cmocka_unit_test_setup_teardown(
		what_is_missing_is_made_only_on_request, harness_scratch, harness_scratch_done))
