/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static void new_objects_of_every_kind_are_in_the_upper(void **state)
{
	struct overlay *o = *state;
	struct stat st;

	disk_dir(o, "l1/d");
	overlay_start(o);
	assert_int_equal(make_file(o, "d/file", "text"), 0);
	assert_int_equal(make(o, "d/dir", S_IFDIR | 0750), 0);
	assert_int_equal(make(o, "d/link", S_IFLNK | 0777), 0);
	assert_int_equal(make(o, "d/fifo", S_IFIFO | 0600), 0);
	assert_string_equal(names_in(o, "d"), "dir fifo file link");
	assert_int_equal(disk_stat(o, "upper/d/dir", &st), 0);
	assert_int_equal(st.st_mode, S_IFDIR | 0750);
	assert_int_equal(disk_stat(o, "upper/d/fifo", &st), 0);
	assert_int_equal(st.st_mode, S_IFIFO | 0600);
	overlay_restart(o);
	assert_string_equal(text_of(o, "d/file"), "text");
}

static void what_exists_in_any_layer_is_not_made_again(void **state)
{
	struct overlay *o = *state;

	disk_file(o, "l2/a", "a");
	disk_dir(o, "l2/d");
	overlay_start(o);
	assert_int_equal(make_file(o, "a", ""), -EEXIST);
	assert_int_equal(make(o, "d", S_IFDIR | 0755), -EEXIST);
	assert_int_equal(make_file(o, "nowhere/a", ""), -ENOENT);
	assert_int_equal(make_file(o, "a/b", ""), -ENOTDIR);
}

static void a_file_takes_the_place_of_a_whiteout(void **state)
{
	struct overlay *o = *state;

	disk_file(o, "l1/a", "old");
	overlay_start(o);
	assert_int_equal(unlink_path(o, "a"), 0);
	assert_true(disk_is_whiteout(o, "upper/a"));
	assert_int_equal(make_file(o, "a", "new"), 0);
	assert_string_equal(text_of(o, "a"), "new");
	assert_int_equal(unlink_path(o, "a"), 0);
	assert_true(disk_is_whiteout(o, "upper/a"));
}

static void a_directory_over_a_whiteout_is_opaque(void **state)
{
	struct overlay *o = *state;

	disk_dir(o, "l1/d");
	overlay_start(o);
	assert_int_equal(rmdir_path(o, "d"), 0);
	disk_file(o, "l1/d/late", "x");
	assert_int_equal(make(o, "d", S_IFDIR | 0755), 0);
	assert_true(disk_is_opaque(o, "upper/d"));
	assert_string_equal(names_in(o, "d"), "");
	overlay_restart(o);
	assert_string_equal(names_in(o, "d"), "");
}

/* The answer that a name is nothing is remembered for the request that makes it, and no longer. */
static void what_was_nothing_may_come_and_go_again(void **state)
{
	struct overlay *o = *state;
	uint64_t ignored;

	disk_file(o, "l1/low", "lower");
	overlay_start(o);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(path_id(o, "a", &ignored), -ENOENT);
		assert_int_equal(make_file(o, "a", "text"), 0);
		assert_int_equal(make_file(o, "a", ""), -EEXIST);
		assert_int_equal(path_id(o, "b", &ignored), -ENOENT);
		assert_int_equal(rename_path(o, "a", "b", 0), 0);
		assert_string_equal(text_of(o, "b"), "text");
		assert_int_equal(path_id(o, "a", &ignored), -ENOENT);
		assert_int_equal(link_path(o, "b", "a"), 0);
		assert_int_equal(unlink_path(o, "a"), 0);
		assert_int_equal(unlink_path(o, "b"), 0);
		assert_string_equal(names_in(o, ""), "low");
	}
	assert_int_equal(unlink_path(o, "low"), 0);
	assert_int_equal(path_id(o, "low", &ignored), -ENOENT);
	assert_int_equal(make(o, "low", S_IFDIR | 0755), 0);
	assert_true(disk_is_opaque(o, "upper/low"));
}

static void a_link_is_the_same_object_and_copies_up(void **state)
{
	struct overlay *o = *state;

	disk_file(o, "l1/a", "text");
	overlay_start(o);
	assert_int_equal(link_path(o, "a", "b"), 0);
	assert_int_equal(id(o, "a"), id(o, "b"));
	assert_int_equal(attr(o, "b").st_nlink, 2);
	assert_int_equal(ovl_write(o->fs, id(o, "b"), "TEXT", 4, 0), 4);
	assert_string_equal(text_of(o, "a"), "TEXT");
	assert_int_equal(link_path(o, "a", "b"), -EEXIST);
	overlay_restart(o);
	assert_int_equal(id(o, "a"), id(o, "b"));
	assert_string_equal(text_of(o, "b"), "TEXT");
}

static void directories_cannot_be_linked(void **state)
{
	struct overlay *o = *state;

	disk_dir(o, "l1/d");
	overlay_start(o);
	assert_int_equal(link_path(o, "d", "e"), -EPERM);
}

static void a_link_takes_the_place_of_a_whiteout(void **state)
{
	struct overlay *o = *state;

	disk_file(o, "l1/a", "a");
	disk_file(o, "l1/b", "b");
	overlay_start(o);
	assert_int_equal(unlink_path(o, "b"), 0);
	assert_int_equal(link_path(o, "a", "b"), 0);
	assert_string_equal(text_of(o, "b"), "a");
	assert_int_equal(disk_count(o, "work/work"), 1); /* the shared whiteout */
}

static void the_group_comes_from_a_set_group_id_directory(void **state)
{
	struct overlay *o = *state;
	struct stat want = { .st_mode = 02775 };
	struct stat st;

	overlay_start(o);
	assert_int_equal(make(o, "d", S_IFDIR | 0755), 0);
	assert_int_equal(ovl_setattr(o->fs, id(o, "d"), &want, OVL_SET_MODE, &st), 0);
	assert_int_equal(make(o, "d/sub", S_IFDIR | 0755), 0);
	assert_int_equal(attr(o, "d/sub").st_mode, S_IFDIR | 02755);
	assert_int_equal(attr(o, "d/sub").st_gid, attr(o, "d").st_gid);
}

static void a_nameless_file_holds_data_and_can_get_a_name(void **state)
{
	struct overlay *o = *state;
	struct ovl_new new = {
		.parent = OVL_ROOT, .mode = S_IFREG | 0600, .uid = geteuid(), .gid = getegid()
	};
	struct ovl_entry entry, named;
	struct stat st;

	overlay_start(o);
	assert_int_equal(ovl_tmpfile(o->fs, &new, &entry), 0);
	assert_int_equal(entry.st.st_nlink, 0);
	assert_int_equal(ovl_write(o->fs, entry.id, "data", 4, 0), 4);
	assert_string_equal(names_in(o, ""), "");
	assert_int_equal(ovl_link(o->fs, entry.id, OVL_ROOT, "named", &named), 0);
	assert_int_equal(named.id, entry.id);
	assert_string_equal(text_of(o, "named"), "data");
	assert_int_equal(ovl_getattr(o->fs, entry.id, &st), 0);
	assert_int_equal(st.st_nlink, 1);
}

/* u::rwx g::--- o::--- */
static const unsigned char private_acl[] = { 2, 0, 0, 0, 1, 0, 7, 0, 0xff, 0xff, 0xff, 0xff, 4, 0,
	0, 0, 0xff, 0xff, 0xff, 0xff, 0x20, 0, 0, 0, 0xff, 0xff, 0xff, 0xff };

static void a_nameless_file_inherits_the_default_acl(void **state)
{
	struct overlay *o = *state;
	struct ovl_new new = { .parent = OVL_ROOT,
		.mode = S_IFREG | 0666,
		.umask = 022,
		.uid = geteuid(),
		.gid = getegid() };
	struct ovl_xattr acl = { .name = "system.posix_acl_default",
		.value = private_acl,
		.size = sizeof(private_acl) };
	struct ovl_entry entry;
	int r;

	overlay_start(o);
	assert_int_equal(ovl_tmpfile(o->fs, &new, &entry), 0);
	assert_int_equal(entry.st.st_mode & 0777, 0644);
	r = ovl_setxattr(o->fs, OVL_ROOT, &acl);
	if (r == -EOPNOTSUPP) {
		print_message("# SKIP this file system has no ACLs\n");
		skip();
	}
	assert_int_equal(r, 0);
	assert_int_equal(ovl_tmpfile(o->fs, &new, &entry), 0);
	assert_int_equal(entry.st.st_mode & 0777, 0600);
}

static void a_new_set_group_id_bit_is_seen(void **state)
{
	struct overlay *o = *state;
	struct stat want = { .st_mode = 02755 }, st;

	overlay_start(o);
	assert_int_equal(make(o, "d", S_IFDIR | 0755), 0);
	assert_int_equal(make(o, "d/before", S_IFDIR | 0755), 0);
	assert_int_equal(attr(o, "d/before").st_mode, S_IFDIR | 0755);
	assert_int_equal(ovl_setattr(o->fs, id(o, "d"), &want, OVL_SET_MODE, &st), 0);
	assert_int_equal(make(o, "d/after", S_IFDIR | 0755), 0);
	assert_int_equal(attr(o, "d/after").st_mode, S_IFDIR | 02755);
}

static void nothing_is_made_without_an_upper(void **state)
{
	struct overlay *o = *state;

	disk_file(o, "l1/a", "a");
	overlay_start_read_only(o);
	assert_string_equal(text_of(o, "a"), "a");
	assert_int_equal(make_file(o, "b", ""), -EROFS);
	assert_int_equal(link_path(o, "a", "b"), -EROFS);
	assert_int_equal(unlink_path(o, "a"), -EROFS);
	assert_int_equal(rename_path(o, "a", "b", 0), -EROFS);
	assert_int_equal(ovl_write(o->fs, id(o, "a"), "x", 1, 0), -EROFS);
}

TEST_MAIN(overlay_test(new_objects_of_every_kind_are_in_the_upper),
	overlay_test(what_exists_in_any_layer_is_not_made_again),
	overlay_test(a_file_takes_the_place_of_a_whiteout),
	overlay_test(a_directory_over_a_whiteout_is_opaque),
	overlay_test(a_link_is_the_same_object_and_copies_up),
	overlay_test(what_was_nothing_may_come_and_go_again),
	overlay_test(directories_cannot_be_linked),
	overlay_test(a_link_takes_the_place_of_a_whiteout),
	overlay_test(the_group_comes_from_a_set_group_id_directory),
	overlay_test(a_nameless_file_holds_data_and_can_get_a_name),
	overlay_test(a_nameless_file_inherits_the_default_acl),
	overlay_test(a_new_set_group_id_bit_is_seen),
	overlay_test(nothing_is_made_without_an_upper))
