/* SPDX-License-Identifier: Apache-2.0 */
#include "image/unpack_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "harness.h"

static void a_copy_has_contents_mode_and_time(void **state)
{
	const struct scratch *dir = *state;
	struct err err = ERR_INIT;
	struct stat a, b;
	char *text;

	scratch_write(dir, "a", "contents");
	assert_int_equal(fchmodat(dir->fd, "a", 04751, 0), 0);
	assert_int_equal(utimensat(dir->fd, "a", (struct timespec[2]){ { 5, 0 }, { 7, 9 } }, 0), 0);
	assert_int_equal(unpack_copy_file(dir->fd, "a", dir->fd, "b", &err), 0);
	assert_int_equal(fstatat(dir->fd, "a", &a, 0), 0);
	assert_int_equal(fstatat(dir->fd, "b", &b, 0), 0);
	assert_int_not_equal(a.st_ino, b.st_ino);
	assert_int_equal(b.st_mode, a.st_mode);
	assert_int_equal(b.st_uid, a.st_uid);
	assert_int_equal(b.st_mtim.tv_sec, 7);
	assert_int_equal(b.st_mtim.tv_nsec, 9);
	text = scratch_read(dir, "b");
	assert_string_equal(text, "contents");
	free(text);
}

static void attributes_go_with_it(void **state)
{
	const struct scratch *dir = *state;
	struct err err = ERR_INIT;
	char path[512], value[8] = "";

	scratch_write(dir, "a", "");
	(void)snprintf(path, sizeof(path), "%s/a", dir->path);
	if (setxattr(path, "user.sbx.stat", "5:7", 3, 0) < 0 && errno == EOPNOTSUPP) {
		print_message("no extended attributes here\n");
		skip();
	}
	assert_int_equal(unpack_copy_file(dir->fd, "a", dir->fd, "b", &err), 0);
	path[strlen(path) - 1] = 'b';
	assert_int_equal(getxattr(path, "user.sbx.stat", value, sizeof(value)), 3);
	assert_string_equal(value, "5:7");
}

static void what_is_no_file_and_what_is_there_is_refused(void **state)
{
	const struct scratch *dir = *state;
	struct err err = ERR_INIT;

	scratch_write(dir, "a", "x");
	scratch_write(dir, "there", "kept");
	assert_int_equal(symlinkat("a", dir->fd, "link"), 0);
	assert_int_equal(unpack_copy_file(dir->fd, "link", dir->fd, "b", &err), -ELOOP);
	assert_int_equal(unpack_copy_file(dir->fd, "a", dir->fd, "there", &err), -EEXIST);
	assert_int_equal(faccessat(dir->fd, "b", F_OK, 0), -1);
}

static void only_a_file_system_without_links_is_meant(void **state)
{
	(void)state;
	assert_true(unpack_no_links(EPERM));
	assert_false(unpack_no_links(EMLINK));
	assert_false(unpack_no_links(ENOSPC));
	assert_false(unpack_no_links(EEXIST));
}

#define IN_SCRATCH(test) \
	cmocka_unit_test_setup_teardown(test, harness_scratch, harness_scratch_done)

TEST_MAIN(IN_SCRATCH(a_copy_has_contents_mode_and_time), IN_SCRATCH(attributes_go_with_it),
	IN_SCRATCH(what_is_no_file_and_what_is_there_is_refused),
	cmocka_unit_test(only_a_file_system_without_links_is_meant))
