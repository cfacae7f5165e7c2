/* SPDX-License-Identifier: Apache-2.0 */
/* The overlay over a layer that has no descriptors at all. */
#include "fixture.h"
#include "memory_layer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct memory_file files[] = {
	{ "etc", S_IFDIR | 0755, NULL, NULL },
	{ "etc/passwd", S_IFREG | 0644, "root", "user.mark" },
	{ "etc/link", S_IFLNK | 0777, "passwd", NULL },
	{ "etc/ssl", S_IFDIR | 0700, NULL, NULL },
	{ "etc/ssl/key", S_IFREG | 0600, "secret", NULL },
	{ "hidden", S_IFDIR | 0755, NULL, NULL },
	{ "hidden/file", S_IFREG | 0644, "x", NULL },
	{ NULL, 0, NULL, NULL },
};

static void start(struct overlay *o)
{
	o->extra = memory_layer_new(files);
	assert_non_null(o->extra);
	disk_dir(o, "l1/etc");
	disk_file(o, "l1/etc/hosts", "localhost");
	disk_dir(o, "l1/hidden");
	disk_xattr(o, "l1/hidden", "user.overlay.opaque", "y");
	overlay_start(o);
}

static void it_merges_with_directories(void **state)
{
	struct overlay *o = *state;
	char target[16];

	start(o);
	assert_string_equal(names_in(o, "etc"), "hosts link passwd ssl");
	assert_string_equal(names_in(o, "hidden"), "");
	assert_string_equal(text_of(o, "etc/passwd"), "root");
	assert_string_equal(text_of(o, "etc/ssl/key"), "secret");
	assert_int_equal(ovl_readlink(o->fs, id(o, "etc/link"), target, sizeof(target)), 6);
	assert_int_equal(attr(o, "etc/ssl").st_mode, S_IFDIR | 0700);
}

static void its_files_are_copied_up_whole(void **state)
{
	struct overlay *o = *state;
	struct stat st;
	char value[4];

	start(o);
	assert_int_equal(ovl_write(o->fs, id(o, "etc/passwd"), "R", 1, 0), 1);
	assert_string_equal(text_of(o, "etc/passwd"), "Root");
	assert_int_equal(ovl_getxattr(o->fs, id(o, "etc/passwd"), "user.mark", value, 4), 1);
	assert_int_equal(rename_path(o, "etc/ssl/key", "key", 0), 0);
	assert_string_equal(text_of(o, "key"), "secret");
	assert_int_equal(disk_stat(o, "upper/key", &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	assert_int_equal(st.st_mtim.tv_sec, 4711);
	assert_int_equal(disk_stat(o, "upper/etc/ssl", &st), 0);
	assert_int_equal(st.st_mode, S_IFDIR | 0700);
}

static void its_entries_are_removed_by_whiteouts(void **state)
{
	struct overlay *o = *state;
	uint64_t removed;

	start(o);
	removed = id(o, "etc/passwd");
	assert_int_equal(unlink_path(o, "etc/passwd"), 0);
	assert_true(disk_is_whiteout(o, "upper/etc/passwd"));
	assert_string_equal(names_in(o, "etc"), "hosts link ssl");
	assert_string_equal(text_of_id(o, removed), "root");
	assert_int_equal(rename_path(o, "etc", "etc2", 0), 0);
	assert_string_equal(names_in(o, "etc2"), "hosts link ssl");
	assert_string_equal(text_of(o, "etc2/ssl/key"), "secret");
}

static void numbers_of_another_device_are_told_apart(void **state)
{
	struct overlay *o = *state;

	start(o);
	assert_true(attr(o, "etc/passwd").st_ino >> 48 != 0);
	assert_true(attr(o, "etc/hosts").st_ino >> 48 == 0);
}

TEST_MAIN(overlay_test(it_merges_with_directories), overlay_test(its_files_are_copied_up_whole),
	overlay_test(its_entries_are_removed_by_whiteouts),
	overlay_test(numbers_of_another_device_are_told_apart))
