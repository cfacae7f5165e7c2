/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

static void a_lower_file_is_copied_and_its_old_name_covered(void **state)
{
	struct overlay *o = *state;
	uint64_t node;

	disk_dir(o, "l1/d");
	disk_file(o, "l1/d/a", "text");
	overlay_start(o);
	node = id(o, "d/a");
	assert_int_equal(rename_path(o, "d/a", "b", 0), 0);
	assert_int_equal(id(o, "b"), node);
	assert_string_equal(text_of(o, "b"), "text");
	assert_true(disk_is_whiteout(o, "upper/d/a"));
	assert_string_equal(names_in(o, "d"), "");
	overlay_restart(o);
	assert_string_equal(names_in(o, ""), "b d");
	assert_string_equal(text_of(o, "b"), "text");
}

static void a_file_replaces_a_file_that_lives_on(void **state)
{
	struct overlay *o = *state;
	uint64_t old;

	disk_file(o, "l1/b", "old");
	overlay_start(o);
	assert_int_equal(make_file(o, "a", "new"), 0);
	old = id(o, "b");
	assert_int_equal(rename_path(o, "a", "b", RENAME_NOREPLACE), -EEXIST);
	assert_int_equal(rename_path(o, "a", "b", 0), 0);
	assert_string_equal(text_of(o, "b"), "new");
	assert_string_equal(text_of_id(o, old), "old");
	assert_false(disk_has(o, "upper/a"));
	assert_int_equal(rename_path(o, "a", "b", 0), -ENOENT);
}

static ino_t number_of(struct overlay *o, const char *path)
{
	struct stat st;

	assert_int_equal(ovl_getattr(o->fs, id(o, path), &st), 0);
	return st.st_ino;
}

static void a_directory_of_lower_layers_moves_with_all_that_is_visible(void **state)
{
	struct overlay *o = *state;
	uint64_t deep;
	ino_t number;

	disk_dir(o, "l1/d");
	disk_dir(o, "l1/d/sub");
	disk_dir(o, "l2/d");
	disk_dir(o, "l2/d/sub");
	disk_dir(o, "l2/d/sub/deep");
	disk_dir(o, "l2/d/gone");
	disk_file(o, "l1/d/a", "a1");
	disk_file(o, "l2/d/a", "a2");
	disk_file(o, "l2/d/removed", "x");
	disk_file(o, "l2/d/sub/deep/f", "deep");
	overlay_start(o);
	assert_int_equal(make_file(o, "d/own", "own"), 0);
	assert_int_equal(unlink_path(o, "d/removed"), 0);
	assert_int_equal(rmdir_path(o, "d/gone"), 0);
	deep = id(o, "d/sub/deep/f");
	number = number_of(o, "d/sub");
	assert_int_equal(rename_path(o, "d", "e", 0), 0);
	assert_int_equal(number_of(o, "e/sub"), number);
	assert_int_equal(id(o, "e/sub/deep/f"), deep);
	assert_true(disk_is_whiteout(o, "upper/d"));
	assert_true(disk_is_opaque(o, "upper/e"));
	assert_true(disk_is_opaque(o, "upper/e/sub"));
	assert_false(disk_has(o, "upper/e/removed")); /* no whiteout stays behind */
	overlay_restart(o);
	assert_int_equal(number_of(o, "e/sub"), number);
	assert_string_equal(names_in(o, ""), "e");
	assert_string_equal(names_in(o, "e"), "a own sub");
	assert_string_equal(text_of(o, "e/a"), "a1");
	assert_string_equal(text_of(o, "e/sub/deep/f"), "deep");
	assert_int_equal(rename_path(o, "e", "d", 0), 0);
	assert_string_equal(names_in(o, "d"), "a own sub");
	assert_int_equal(make(o, "d/removed", S_IFDIR | 0755), 0);
	assert_string_equal(names_in(o, "d/removed"), "");
}

static void directories_of_lower_layers_change_places(void **state)
{
	struct overlay *o = *state;

	disk_dir(o, "l1/d");
	disk_dir(o, "l2/e");
	disk_file(o, "l1/d/a", "a");
	disk_file(o, "l2/e/b", "b");
	overlay_start(o);
	assert_int_equal(rename_path(o, "d", "e", RENAME_EXCHANGE), 0);
	overlay_restart(o);
	assert_string_equal(names_in(o, "d"), "b");
	assert_string_equal(names_in(o, "e"), "a");
	assert_int_equal(rename_path(o, "d", "e/d", 0), 0);
	assert_int_equal(rename_path(o, "e", "e/d/x", 0), -EINVAL);
	overlay_restart(o);
	assert_string_equal(names_in(o, ""), "e");
	assert_string_equal(names_in(o, "e/d"), "b");
}

static void a_directory_of_a_lower_layer_does_not_move_where_that_is_not_wanted(void **state)
{
	struct overlay *o = *state;

	o->xdev = true;
	disk_dir(o, "l1/d");
	overlay_start(o);
	assert_int_equal(rename_path(o, "d", "e", 0), -EXDEV);
	assert_int_equal(make_file(o, "d/a", "a"), 0); /* merged now */
	assert_int_equal(rename_path(o, "d", "e", 0), -EXDEV);
	assert_string_equal(names_in(o, "d"), "a");
}

static void a_directory_of_the_upper_moves_with_its_contents(void **state)
{
	struct overlay *o = *state;
	uint64_t file;

	overlay_start(o);
	assert_int_equal(make(o, "d", S_IFDIR | 0755), 0);
	assert_int_equal(make(o, "d/sub", S_IFDIR | 0755), 0);
	assert_int_equal(make_file(o, "d/sub/f", "f"), 0);
	file = id(o, "d/sub/f");
	assert_int_equal(rename_path(o, "d", "e", 0), 0);
	assert_int_equal(id(o, "e/sub/f"), file);
	assert_int_equal(ovl_write(o->fs, file, "F", 1, 0), 1);
	assert_string_equal(text_of(o, "e/sub/f"), "F");
	assert_int_equal(rename_path(o, "e", "e/sub/x", 0), -EINVAL);
}

static void a_directory_over_a_removed_lower_one_does_not_merge(void **state)
{
	struct overlay *o = *state;

	disk_dir(o, "l1/d");
	disk_file(o, "l1/d/old", "x");
	overlay_start(o);
	assert_int_equal(unlink_path(o, "d/old"), 0);
	assert_int_equal(make(o, "new", S_IFDIR | 0755), 0);
	assert_int_equal(make_file(o, "new/f", "f"), 0);
	assert_int_equal(rename_path(o, "new", "d", 0), 0); /* onto the merged, empty d */
	assert_string_equal(names_in(o, "d"), "f");
	assert_true(disk_is_opaque(o, "upper/d"));
	assert_false(disk_has(o, "upper/new"));
	assert_int_equal(disk_count(o, "work/work"), 1);
	overlay_restart(o);
	assert_string_equal(names_in(o, "d"), "f");
	assert_string_equal(names_in(o, ""), "d");
}

static void a_directory_takes_the_place_of_a_whiteout(void **state)
{
	struct overlay *o = *state;

	disk_dir(o, "l1/d");
	overlay_start(o);
	assert_int_equal(rmdir_path(o, "d"), 0);
	assert_int_equal(make(o, "new", S_IFDIR | 0755), 0);
	assert_int_equal(rename_path(o, "new", "d", 0), 0);
	assert_true(disk_is_opaque(o, "upper/d"));
	assert_string_equal(names_in(o, ""), "d");
	assert_false(disk_has(o, "upper/new"));
}

static void types_must_fit_and_directories_be_empty(void **state)
{
	struct overlay *o = *state;

	overlay_start(o);
	assert_int_equal(make(o, "d", S_IFDIR | 0755), 0);
	assert_int_equal(make(o, "full", S_IFDIR | 0755), 0);
	assert_int_equal(make_file(o, "full/f", ""), 0);
	assert_int_equal(make_file(o, "file", ""), 0);
	assert_int_equal(rename_path(o, "d", "file", 0), -ENOTDIR);
	assert_int_equal(rename_path(o, "file", "d", 0), -EISDIR);
	assert_int_equal(rename_path(o, "d", "full", 0), -ENOTEMPTY);
	assert_int_equal(rename_path(o, "full", "d", 0), 0);
	assert_string_equal(names_in(o, "d"), "f");
}

static void two_names_change_places(void **state)
{
	struct overlay *o = *state;
	uint64_t a, b;

	disk_file(o, "l1/a", "a");
	disk_file(o, "l1/b", "b");
	overlay_start(o);
	a = id(o, "a");
	b = id(o, "b");
	assert_int_equal(rename_path(o, "a", "b", RENAME_EXCHANGE), 0);
	assert_int_equal(id(o, "a"), b);
	assert_int_equal(id(o, "b"), a);
	assert_string_equal(text_of(o, "a"), "b");
	assert_int_equal(rename_path(o, "a", "none", RENAME_EXCHANGE), -ENOENT);
	overlay_restart(o);
	assert_string_equal(text_of(o, "a"), "b");
	assert_string_equal(text_of(o, "b"), "a");
}

static void two_names_of_one_file_both_stay(void **state)
{
	struct overlay *o = *state;

	overlay_start(o);
	assert_int_equal(make_file(o, "a", "x"), 0);
	assert_int_equal(link_path(o, "a", "b"), 0);
	assert_int_equal(rename_path(o, "a", "b", 0), 0);
	assert_string_equal(names_in(o, ""), "a b");
}

static void the_second_name_of_a_file_can_be_moved(void **state)
{
	struct overlay *o = *state;

	overlay_start(o);
	assert_int_equal(make_file(o, "a", "x"), 0);
	assert_int_equal(link_path(o, "a", "b"), 0);
	assert_int_equal(rename_path(o, "b", "c", 0), 0);
	assert_string_equal(text_of(o, "a"), "x");
	assert_int_equal(id(o, "c"), id(o, "a"));
	assert_int_equal(unlink_path(o, "a"), 0);
	assert_string_equal(text_of(o, "c"), "x");
}

/* A node's cell has room for the name it was made with; a longer one is kept elsewhere. */
static void a_name_may_grow_to_its_limit_and_shrink_again(void **state)
{
	struct overlay *o = *state;
	char longest[NAME_MAX + 1];
	uint64_t node;

	memset(longest, 'n', NAME_MAX);
	longest[NAME_MAX] = '\0';
	overlay_start(o);
	assert_int_equal(make_file(o, "a", "text"), 0);
	node = id(o, "a");
	assert_int_equal(rename_path(o, "a", "twelve-bytes", 0), 0);
	assert_int_equal(id(o, "twelve-bytes"), node);
	assert_int_equal(rename_path(o, "twelve-bytes", longest, 0), 0);
	assert_int_equal(id(o, longest), node);
	assert_string_equal(text_of(o, longest), "text");
	assert_int_equal(rename_path(o, longest, "b", 0), 0);
	assert_int_equal(id(o, "b"), node);
	assert_int_equal(rename_path(o, "b", longest, 0), 0);
	assert_int_equal(link_path(o, longest, "c"), 0);
	assert_int_equal(unlink_path(o, longest), 0);
	assert_int_equal(unlink_path(o, "c"), 0);
	assert_string_equal(text_of_id(o, node), "text");
	assert_string_equal(names_in(o, ""), "");
}

TEST_MAIN(overlay_test(a_lower_file_is_copied_and_its_old_name_covered),
	overlay_test(a_file_replaces_a_file_that_lives_on),
	overlay_test(a_directory_of_lower_layers_moves_with_all_that_is_visible),
	overlay_test(directories_of_lower_layers_change_places),
	overlay_test(a_directory_of_a_lower_layer_does_not_move_where_that_is_not_wanted),
	overlay_test(a_directory_of_the_upper_moves_with_its_contents),
	overlay_test(a_directory_over_a_removed_lower_one_does_not_merge),
	overlay_test(a_directory_takes_the_place_of_a_whiteout),
	overlay_test(types_must_fit_and_directories_be_empty),
	overlay_test(two_names_change_places), overlay_test(two_names_of_one_file_both_stay),
	overlay_test(the_second_name_of_a_file_can_be_moved),
	overlay_test(a_name_may_grow_to_its_limit_and_shrink_again))
