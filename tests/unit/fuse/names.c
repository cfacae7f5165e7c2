/* SPDX-License-Identifier: Apache-2.0 */
/* What the set of lower names says must be what the layers say, whenever it was made. */
#include "fixture.h"

#include <errno.h>
#include <stdio.h>

#include "fuse/names.h"

static void miss(struct overlay *o, const char *dir, int times)
{
	for (int i = 0; i < times; i++) {
		char path[64];
		uint64_t node;

		(void)snprintf(path, sizeof(path), "%s/none%d", dir, i);
		assert_int_equal(path_id(o, path, &node), -ENOENT);
	}
}

static struct node *node_of(struct overlay *o, const char *path)
{
	uint64_t want = id(o, path);
	struct node *node = NULL;

	ovl_lock(o->fs);
	assert_int_equal(node_get(o->fs, want, &node), 0);
	ovl_unlock(o->fs);
	return node;
}

static bool surely_not(struct overlay *o, struct node *dir, const char *name)
{
	bool not ;

	ovl_lock(o->fs);
	not = names_surely_not(o->fs, dir, name);
	ovl_unlock(o->fs);
	return not ;
}

static void names_of_every_layer_are_found_after_many_misses(void **state)
{
	struct overlay *o = *state;
	uint64_t node;

	disk_dir(o, "l1/d");
	disk_dir(o, "l2/d");
	disk_file(o, "l1/d/one", "1");
	disk_file(o, "l2/d/two", "2");
	overlay_start(o);
	struct node *dir = node_of(o, "d");
	assert_false(surely_not(o, dir, "none0"));
	miss(o, "d", 20);
	assert_true(surely_not(o, dir, "none0"));
	assert_false(surely_not(o, dir, "one"));
	assert_false(surely_not(o, dir, "two"));
	assert_int_equal(path_id(o, "d/one", &node), 0);
	assert_int_equal(path_id(o, "d/two", &node), 0);
	assert_int_equal(unlink_path(o, "d/two"), 0);
	assert_true(disk_is_whiteout(o, "upper/d/two"));
	assert_int_equal(path_id(o, "d/two", &node), -ENOENT);
}

static void a_name_hidden_in_a_lower_layer_stays_hidden(void **state)
{
	struct overlay *o = *state;
	uint64_t node;

	disk_dir(o, "l1/d");
	disk_dir(o, "l2/d");
	disk_whiteout(o, "l1/d/gone");
	disk_file(o, "l2/d/gone", "2");
	overlay_start(o);
	miss(o, "d", 20);
	assert_int_equal(path_id(o, "d/gone", &node), -ENOENT);
	assert_string_equal(names_in(o, "d"), "");
}

static void what_is_made_after_the_misses_needs_no_whiteout(void **state)
{
	struct overlay *o = *state;
	uint64_t node;

	disk_dir(o, "l1/d");
	disk_file(o, "l1/d/a", "a");
	overlay_start(o);
	miss(o, "d", 20);
	assert_int_equal(make_file(o, "d/none3", "new"), 0);
	assert_int_equal(path_id(o, "d/none3", &node), 0);
	assert_string_equal(names_in(o, "d"), "a none3");
	assert_int_equal(rename_path(o, "d/none3", "d/other", 0), 0);
	assert_false(disk_has(o, "upper/d/none3"));
	assert_int_equal(unlink_path(o, "d/other"), 0);
	assert_false(disk_has(o, "upper/d/other"));
}

static void thousands_of_lower_names_are_told_apart(void **state)
{
	struct overlay *o = *state;
	uint64_t node;

	disk_dir(o, "l2/d");
	for (int i = 0; i < 3000; i++) {
		char path[64];

		(void)snprintf(path, sizeof(path), "l2/d/f%d", i);
		disk_file(o, path, "");
	}
	overlay_start(o);
	miss(o, "d", 20);
	struct node *dir = node_of(o, "d");
	for (int i = 0; i < 3000; i++) {
		char name[64], path[64];

		(void)snprintf(name, sizeof(name), "f%d", i);
		(void)snprintf(path, sizeof(path), "d/f%d", i);
		assert_false(surely_not(o, dir, name));
		assert_int_equal(path_id(o, path, &node), 0);
	}
}

TEST_MAIN(overlay_test(names_of_every_layer_are_found_after_many_misses),
	overlay_test(a_name_hidden_in_a_lower_layer_stays_hidden),
	overlay_test(what_is_made_after_the_misses_needs_no_whiteout),
	overlay_test(thousands_of_lower_names_are_told_apart))
