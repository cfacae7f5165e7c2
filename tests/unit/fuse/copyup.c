/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

static void a_copy_has_the_attributes_of_its_original(void **state)
{
	struct overlay *o = *state;
	struct timespec times[2] = { { 1000, 111 }, { 2000, 222 } };
	struct stat before, after, disk;
	char value[16];

	disk_dir(o, "l1/d");
	disk_file(o, "l1/d/a", "text");
	disk_xattr(o, "l1/d/a", "user.mark", "kept");
	assert_int_equal(fchmodat(o->dir->fd, "l1/d/a", 0640, 0), 0);
	assert_int_equal(fchmodat(o->dir->fd, "l1/d", 0700, 0), 0);
	assert_int_equal(utimensat(o->dir->fd, "l1/d/a", times, 0), 0);
	assert_int_equal(utimensat(o->dir->fd, "l1/d", times, 0), 0);
	overlay_start(o);
	before = attr(o, "d/a");
	assert_int_equal(rename_path(o, "d/a", "d/b", 0), 0);
	after = attr(o, "d/b");
	assert_int_equal(after.st_ino, before.st_ino);
	assert_int_equal(after.st_mode, S_IFREG | 0640);
	assert_int_equal(after.st_uid, before.st_uid);
	assert_int_equal(after.st_mtim.tv_sec, 2000);
	assert_int_equal(after.st_mtim.tv_nsec, 222);
	assert_int_equal(ovl_getxattr(o->fs, id(o, "d/b"), "user.mark", value, sizeof(value)), 4);
	assert_int_equal(disk_stat(o, "upper/d", &disk), 0);
	assert_int_equal(disk.st_mode, S_IFDIR | 0700); /* never wider, not even for a moment */
}

static void the_number_of_a_file_stays_after_it_was_forgotten(void **state)
{
	struct overlay *o = *state;
	struct stat before;

	disk_file(o, "l1/a", "a");
	overlay_start(o);
	before = attr(o, "a");
	assert_int_equal(ovl_write(o->fs, id(o, "a"), "b", 1, 0), 1);
	ovl_forget(o->fs, id(o, "a"), 100);
	assert_int_equal(attr(o, "a").st_ino, before.st_ino);
	overlay_restart(o);
	assert_int_equal(attr(o, "a").st_ino, before.st_ino);
}

static void a_parent_keeps_its_times_when_a_child_is_copied_up(void **state)
{
	struct overlay *o = *state;
	struct timespec times[2] = { { 1000, 0 }, { 2000, 0 } };

	disk_dir(o, "l1/d");
	disk_file(o, "l1/d/a", "a");
	assert_int_equal(utimensat(o->dir->fd, "l1/d", times, 0), 0);
	overlay_start(o);
	assert_int_equal(ovl_write(o->fs, id(o, "d/a"), "b", 1, 0), 1);
	assert_int_equal(attr(o, "d").st_mtim.tv_sec, 2000);
}

static void holes_stay_holes(void **state)
{
	struct overlay *o = *state;
	struct stat st;
	int fd = openat(o->dir->fd, "l1/sparse", O_CREAT | O_WRONLY, 0644);

	assert_int_equal(pwrite(fd, "end", 3, 64 << 20), 3);
	assert_int_equal(ftruncate(fd, 128 << 20), 0);
	close(fd);
	overlay_start(o);
	assert_int_equal(ovl_write(o->fs, id(o, "sparse"), "X", 1, 0), 1);
	assert_int_equal(disk_stat(o, "upper/sparse", &st), 0);
	assert_int_equal(st.st_size, 128 << 20);
	assert_true(st.st_blocks * 512 < 1 << 20);
	char buf[3];
	assert_int_equal(ovl_read(o->fs, id(o, "sparse"), buf, 3, 64 << 20), 3);
	assert_memory_equal(buf, "end", 3);
}

static void a_truncation_copies_only_what_stays(void **state)
{
	struct overlay *o = *state;
	struct stat want = { .st_size = 3 }, st;

	disk_file(o, "l1/a", "abcdef");
	disk_file(o, "l1/b", "abcdef");
	overlay_start(o);
	assert_int_equal(ovl_setattr(o->fs, id(o, "a"), &want, OVL_SET_SIZE, &st), 0);
	assert_int_equal(st.st_size, 3);
	assert_string_equal(text_of(o, "a"), "abc");
	want.st_size = 10;
	assert_int_equal(ovl_setattr(o->fs, id(o, "b"), &want, OVL_SET_SIZE, &st), 0);
	assert_int_equal(st.st_size, 10);
	assert_string_equal(text_of(o, "b"), "abcdef");
}

static void symbolic_links_and_directories_are_copied_too(void **state)
{
	struct overlay *o = *state;
	char target[16];

	assert_int_equal(symlinkat("target", o->dir->fd, "l1/link"), 0);
	disk_dir(o, "l1/d");
	disk_dir(o, "l1/d/e");
	overlay_start(o);
	assert_int_equal(rename_path(o, "link", "moved", 0), 0);
	assert_int_equal(ovl_readlink(o->fs, id(o, "moved"), target, sizeof(target)), 6);
	assert_int_equal(make(o, "d/e/f", S_IFDIR | 0755), 0);
	assert_true(disk_has(o, "upper/d/e/f"));
	assert_false(disk_is_opaque(o, "upper/d"));
}

static void a_failed_copy_leaves_the_lower_file_visible(void **state)
{
	struct overlay *o = *state;

	disk_file(o, "l1/a", "text");
	overlay_start(o);
	/* no work directory any more: the copy cannot be made */
	assert_int_equal(unlinkat(o->dir->fd, "work/work", AT_REMOVEDIR), 0);
	assert_true(ovl_write(o->fs, id(o, "a"), "X", 1, 0) < 0);
	assert_string_equal(text_of(o, "a"), "text");
	assert_false(disk_has(o, "upper/a"));
}

static void leftovers_in_the_work_directory_go_at_start(void **state)
{
	struct overlay *o = *state;

	disk_dir(o, "work/work");
	disk_dir(o, "work/work/#1");
	disk_file(o, "work/work/#1/half", "x");
	overlay_start(o);
	assert_int_equal(disk_count(o, "work/work"), 0);
}

TEST_MAIN(overlay_test(a_copy_has_the_attributes_of_its_original),
	overlay_test(the_number_of_a_file_stays_after_it_was_forgotten),
	overlay_test(a_parent_keeps_its_times_when_a_child_is_copied_up),
	overlay_test(holes_stay_holes), overlay_test(a_truncation_copies_only_what_stays),
	overlay_test(symbolic_links_and_directories_are_copied_too),
	overlay_test(a_failed_copy_leaves_the_lower_file_visible),
	overlay_test(leftovers_in_the_work_directory_go_at_start))
