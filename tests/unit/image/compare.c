/* SPDX-License-Identifier: Apache-2.0 */
/* Two trees side by side; each test spoils the second. */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/own.h"
#include "image/compare.h"

static void fill(const struct scratch *dir, const char *top)
{
	char name[64];
	autofd int at = -EBADF;

	scratch_mkdir(dir, top);
	at = openat(dir->fd, top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(at >= 0);
	assert_int_equal(mkdirat(at, "d", 0755), 0);
	(void)snprintf(name, sizeof(name), "%s/d/file", top);
	scratch_write(dir, name, "text");
	assert_int_equal(symlinkat("d/file", at, "link"), 0);
	assert_int_equal(mkfifoat(at, "fifo", 0644), 0);
}

static int setup(void **state)
{
	if (harness_scratch(state) != 0)
		return -1;
	fill(*state, "want");
	fill(*state, "have");
	return 0;
}

static void compares(const struct scratch *dir, const char *says)
{
	autofd int want = openat(dir->fd, "want", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	autofd int have = openat(dir->fd, "have", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct err err = ERR_INIT;
	int r = tree_compare(want, have, true, &err);

	assert_int_equal(r, says ? -EUCLEAN : 0);
	assert_string_equal(err.text, says ? says : "");
}

static void equal_trees_are_equal_whatever_their_times(void **state)
{
	const struct scratch *dir = *state;
	const struct timespec times[2] = { { .tv_sec = 1 }, { .tv_sec = 2 } };

	compares(dir, NULL);
	assert_int_equal(utimensat(dir->fd, "have/d/file", times, 0), 0);
	compares(dir, NULL);
}

static void other_contents_and_sizes_are_told(void **state)
{
	const struct scratch *dir = *state;

	scratch_write(dir, "have/d/file", "tex!");
	compares(dir, "'d/file' has other contents");
	scratch_write(dir, "have/d/file", "longer");
	compares(dir, "'d/file' has another size");
}

static void what_is_missing_or_too_much_is_told(void **state)
{
	const struct scratch *dir = *state;

	scratch_write(dir, "have/d/more", "");
	compares(dir, "'d/more' does not belong there");
	assert_int_equal(unlinkat(dir->fd, "have/d/more", 0), 0);
	assert_int_equal(unlinkat(dir->fd, "have/d/file", 0), 0);
	compares(dir, "'d/file' is missing");
}

static void other_kinds_and_targets_are_told(void **state)
{
	const struct scratch *dir = *state;

	assert_int_equal(unlinkat(dir->fd, "have/link", 0), 0);
	assert_int_equal(symlinkat("d/fil", dir->fd, "have/link"), 0);
	compares(dir, "'link' leads somewhere else");
	assert_int_equal(unlinkat(dir->fd, "have/link", 0), 0);
	assert_int_equal(
		mkfifoat(dir->fd, "have/link", 0644), 0); /* is not opened: it would block */
	compares(dir, "'link' is of another kind");
}

static void modes_and_attributes_are_told(void **state)
{
	const struct scratch *dir = *state;
	autofd int file = openat(dir->fd, "have/d/file", O_RDONLY | O_CLOEXEC);
	struct stat st;

	assert_int_equal(fstat(file, &st), 0);
	assert_int_equal(fchmod(file, 0611), 0);
	compares(dir, "'d/file' has another mode");
	assert_int_equal(fchmod(file, st.st_mode & 07777), 0);
	compares(dir, NULL);
	assert_int_equal(fsetxattr(file, "user.overlay.origin", "x", 1, 0), 0);
	compares(dir, NULL);
	assert_int_equal(fsetxattr(file, "user.sbx.stat", "x", 1, 0), 0);
	compares(dir, "'d/file' has other extended attributes");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, harness_scratch_done)

TEST_MAIN(TEST(equal_trees_are_equal_whatever_their_times), TEST(other_contents_and_sizes_are_told),
	TEST(what_is_missing_or_too_much_is_told), TEST(other_kinds_and_targets_are_told),
	TEST(modes_and_attributes_are_told))
