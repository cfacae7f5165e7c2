/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

static struct stat set(struct overlay *o, const char *path, const struct stat *want, unsigned what)
{
	struct stat st = { 0 };

	assert_int_equal(ovl_setattr(o->fs, id(o, path), want, what, &st), 0);
	return st;
}

static void a_changed_mode_is_in_the_upper_only(void **state)
{
	struct overlay *o = *state;
	struct stat want = { .st_mode = 0600 }, st;

	disk_file(o, "l1/a", "a");
	disk_dir(o, "l1/d");
	overlay_start(o);
	assert_int_equal(set(o, "a", &want, OVL_SET_MODE).st_mode, S_IFREG | 0600);
	assert_int_equal(set(o, "d", &want, OVL_SET_MODE).st_mode, S_IFDIR | 0600);
	assert_int_equal(disk_stat(o, "l1/a", &st), 0);
	assert_int_not_equal(st.st_mode, S_IFREG | 0600);
	overlay_restart(o);
	assert_int_equal(attr(o, "a").st_mode, S_IFREG | 0600);
	assert_string_equal(text_of(o, "a"), "a");
}

static void times_are_set_on_links_themselves(void **state)
{
	struct overlay *o = *state;
	struct stat want = { .st_mtim = { 5000, 5 }, .st_atim = { 4000, 4 } };
	struct stat st;

	disk_file(o, "l1/target", "");
	assert_int_equal(symlinkat("target", o->dir->fd, "l1/link"), 0);
	overlay_start(o);
	st = set(o, "link", &want, OVL_SET_MTIME | OVL_SET_ATIME);
	assert_int_equal(st.st_mtim.tv_sec, 5000);
	assert_int_equal(st.st_mtim.tv_nsec, 5);
	assert_int_equal(st.st_atim.tv_sec, 4000);
	assert_int_not_equal(attr(o, "target").st_mtim.tv_sec, 5000);
	want.st_mtim.tv_nsec = UTIME_NOW;
	assert_true(set(o, "link", &want, OVL_SET_MTIME).st_mtim.tv_sec > 5000);
}

static void set_id_bits_go_when_told(void **state)
{
	struct overlay *o = *state;
	struct stat want = { .st_mode = 06755 };

	overlay_start(o);
	assert_int_equal(make_file(o, "a", "a"), 0);
	assert_int_equal(set(o, "a", &want, OVL_SET_MODE).st_mode, S_IFREG | 06755);
	assert_int_equal(set(o, "a", &want, OVL_KILL_SUID).st_mode, S_IFREG | 0755);
	want.st_mode = 02644; /* not executable: mandatory locking, stays */
	assert_int_equal(set(o, "a", &want, OVL_SET_MODE).st_mode, S_IFREG | 02644);
	assert_int_equal(set(o, "a", &want, OVL_KILL_SUID).st_mode, S_IFREG | 02644);
}

static void a_chown_with_a_mode_keeps_the_mode_asked_for(void **state)
{
	struct overlay *o = *state;
	struct stat want = { .st_mode = 04755, .st_uid = geteuid(), .st_gid = getegid() };

	overlay_start(o);
	assert_int_equal(make_file(o, "a", "a"), 0);
	assert_int_equal(set(o, "a", &want, OVL_SET_MODE | OVL_SET_UID | OVL_SET_GID).st_mode,
		S_IFREG | 04755);
}

static void a_removed_file_can_still_be_changed(void **state)
{
	struct overlay *o = *state;
	struct stat want = { .st_mode = 0611, .st_mtim = { 77, 0 }, .st_size = 1 }, st;
	uint64_t node;

	overlay_start(o);
	assert_int_equal(make_file(o, "a", "abc"), 0);
	node = id(o, "a");
	assert_int_equal(unlink_path(o, "a"), 0);
	assert_int_equal(
		ovl_setattr(o->fs, node, &want, OVL_SET_MODE | OVL_SET_MTIME | OVL_SET_SIZE, &st),
		0);
	assert_int_equal(st.st_mode, S_IFREG | 0611);
	assert_int_equal(st.st_mtim.tv_sec, 77);
	assert_int_equal(st.st_size, 1);
}

static void with_one_id_modes_are_shown_and_owners_kept(void **state)
{
	struct overlay *o = *state;
	struct stat want = { .st_mode = 04711, .st_uid = geteuid(), .st_gid = getegid() };
	char text[64] = "";

	o->single_id = true;
	disk_file(o, "l1/su", "a");
	disk_xattr(o, "l1/su", "user.sbx.stat", "33:44:4755:0:0");
	disk_file(o, "l1/null", "");
	disk_xattr(o, "l1/null", "user.sbx.stat", "0:0:20666:1:3");
	overlay_start(o);
	assert_int_equal(attr(o, "su").st_mode, S_IFREG | 04755);
	assert_int_equal(attr(o, "su").st_uid, geteuid());
	assert_int_equal(attr(o, "null").st_mode, S_IFCHR | 0666);
	assert_int_equal(attr(o, "null").st_rdev, makedev(1, 3));
	assert_int_equal(set(o, "su", &want, OVL_SET_MODE).st_mode, S_IFREG | 04711);
	assert_true(getxattr(disk_path(o, "upper/su"), "user.sbx.stat", text, 63) > 0);
	assert_string_equal(text, "33:44:104711:0:0");
	set(o, "su", &want, OVL_SET_UID);
	assert_true(getxattr(disk_path(o, "upper/su"), "user.sbx.stat", text, 63) > 0);
	assert_int_equal(strtol(text, NULL, 10), geteuid());
	assert_non_null(strstr(text, ":44:104711:"));
}

static void names_may_have_255_bytes(void **state)
{
	struct overlay *o = *state;
	struct statvfs st;

	overlay_start(o);
	assert_int_equal(ovl_statfs(o->fs, &st), 0);
	assert_int_equal(st.f_namemax, 255);
	assert_true(st.f_blocks > 0);
}

TEST_MAIN(overlay_test(a_changed_mode_is_in_the_upper_only),
	overlay_test(times_are_set_on_links_themselves), overlay_test(set_id_bits_go_when_told),
	overlay_test(a_chown_with_a_mode_keeps_the_mode_asked_for),
	overlay_test(with_one_id_modes_are_shown_and_owners_kept),
	overlay_test(a_removed_file_can_still_be_changed), overlay_test(names_may_have_255_bytes))
