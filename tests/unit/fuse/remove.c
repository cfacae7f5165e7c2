/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <errno.h>
#include <unistd.h>

static void removing_a_lower_file_leaves_a_whiteout(void **state)
{
	struct overlay *o = *state;
	uint64_t node;

	disk_dir(o, "l2/d");
	disk_file(o, "l2/d/a", "a");
	overlay_start(o);
	assert_int_equal(unlink_path(o, "d/a"), 0);
	assert_int_equal(path_id(o, "d/a", &node), -ENOENT);
	assert_true(disk_is_whiteout(o, "upper/d/a"));
	assert_true(disk_has(o, "l2/d/a"));
	assert_string_equal(names_in(o, "d"), "");
	overlay_restart(o);
	assert_string_equal(names_in(o, "d"), "");
}

static void removing_an_upper_file_leaves_nothing(void **state)
{
	struct overlay *o = *state;

	overlay_start(o);
	assert_int_equal(make_file(o, "a", "a"), 0);
	assert_int_equal(unlink_path(o, "a"), 0);
	assert_false(disk_has(o, "upper/a"));
	assert_int_equal(unlink_path(o, "a"), -ENOENT);
}

static void a_changed_lower_file_does_not_come_back(void **state)
{
	struct overlay *o = *state;

	disk_file(o, "l1/a", "old");
	overlay_start(o);
	assert_int_equal(ovl_write(o->fs, id(o, "a"), "new", 3, 0), 3);
	assert_int_equal(unlink_path(o, "a"), 0);
	assert_true(disk_is_whiteout(o, "upper/a"));
}

static void a_removed_file_lives_while_it_is_known(void **state)
{
	struct overlay *o = *state;
	uint64_t upper, lower;
	struct stat st;

	disk_file(o, "l1/low", "low");
	overlay_start(o);
	assert_int_equal(make_file(o, "up", "up"), 0);
	upper = id(o, "up");
	lower = id(o, "low");
	assert_int_equal(unlink_path(o, "up"), 0);
	assert_int_equal(unlink_path(o, "low"), 0);
	assert_string_equal(text_of_id(o, upper), "up");
	assert_string_equal(text_of_id(o, lower), "low");
	assert_int_equal(ovl_getattr(o->fs, lower, &st), 0);
	assert_int_equal(st.st_nlink, 0);
	/* written after its removal, a lower file is copied up without a name */
	assert_int_equal(ovl_write(o->fs, lower, "LOW+", 4, 0), 4);
	assert_int_equal(ovl_write(o->fs, upper, "UP+", 3, 0), 3);
	assert_string_equal(text_of_id(o, lower), "LOW+");
	assert_string_equal(text_of_id(o, upper), "UP+");
	assert_true(disk_is_whiteout(o, "upper/low"));
	assert_int_equal(disk_count(o, "work/work"), 1);
}

static void the_other_name_of_a_removed_file_stays(void **state)
{
	struct overlay *o = *state;
	uint64_t node;

	overlay_start(o);
	assert_int_equal(make_file(o, "a", "text"), 0);
	assert_int_equal(link_path(o, "a", "b"), 0);
	node = id(o, "a");
	assert_int_equal(unlink_path(o, "a"), 0);
	assert_string_equal(text_of_id(o, node), "text");
	assert_int_equal(id(o, "b"), node);
	assert_int_equal(attr(o, "b").st_nlink, 1);
	assert_int_equal(make_file(o, "a", "other"), 0);
	assert_string_equal(text_of(o, "b"), "text");
}

static void a_directory_with_entries_stays(void **state)
{
	struct overlay *o = *state;

	disk_dir(o, "l1/d");
	disk_file(o, "l1/d/a", "a");
	overlay_start(o);
	assert_int_equal(rmdir_path(o, "d"), -ENOTEMPTY);
	assert_int_equal(unlink_path(o, "d"), -EISDIR);
	assert_int_equal(rmdir_path(o, "d/a"), -ENOTDIR);
	assert_int_equal(unlink_path(o, "d/a"), 0);
	assert_int_equal(rmdir_path(o, "d"), 0);
	assert_true(disk_is_whiteout(o, "upper/d"));
	assert_int_equal(disk_count(o, "work/work"), 1);
}

static void a_directory_of_whiteouts_is_empty(void **state)
{
	struct overlay *o = *state;

	disk_dir(o, "upper/d"); /* alone in the upper, as after a move */
	disk_whiteout(o, "upper/d/gone");
	overlay_start(o);
	assert_string_equal(names_in(o, "d"), "");
	assert_int_equal(rmdir_path(o, "d"), 0);
	assert_false(disk_has(o, "upper/d"));
	assert_int_equal(disk_count(o, "work/work"), 0);
}

static void nothing_is_made_in_a_removed_directory(void **state)
{
	struct overlay *o = *state;
	struct ovl_new new = { .name = "a", .mode = S_IFREG | 0644 };
	struct ovl_entry entry;
	struct stat st;

	disk_dir(o, "l1/d");
	overlay_start(o);
	new.parent = id(o, "d");
	assert_int_equal(rmdir_path(o, "d"), 0);
	assert_int_equal(ovl_create(o->fs, &new, &entry), -ENOENT);
	assert_int_equal(ovl_lookup(o->fs, new.parent, "a", &entry), -ENOENT);
	assert_int_equal(ovl_getattr(o->fs, new.parent, &st), 0);
}

TEST_MAIN(overlay_test(removing_a_lower_file_leaves_a_whiteout),
	overlay_test(removing_an_upper_file_leaves_nothing),
	overlay_test(a_changed_lower_file_does_not_come_back),
	overlay_test(a_removed_file_lives_while_it_is_known),
	overlay_test(the_other_name_of_a_removed_file_stays),
	overlay_test(a_directory_with_entries_stays),
	overlay_test(a_directory_of_whiteouts_is_empty),
	overlay_test(nothing_is_made_in_a_removed_directory))
