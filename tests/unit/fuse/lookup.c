/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static void the_uppermost_layer_with_a_name_wins(void **state)
{
	struct overlay *o = *state;

	disk_file(o, "l1/a", "from l1");
	disk_file(o, "l2/a", "from l2");
	disk_file(o, "l2/b", "b from l2");
	disk_file(o, "upper/b", "b from upper");
	overlay_start(o);
	assert_string_equal(text_of(o, "a"), "from l1");
	assert_string_equal(text_of(o, "b"), "b from upper");
}

static void a_whiteout_hides_what_is_below_and_nothing_above(void **state)
{
	struct overlay *o = *state;
	uint64_t node;

	disk_file(o, "l2/gone", "x");
	disk_whiteout(o, "l1/gone");
	disk_file(o, "l2/back", "old");
	disk_whiteout(o, "l1/back");
	disk_file(o, "upper/back", "new");
	overlay_start(o);
	assert_int_equal(path_id(o, "gone", &node), -ENOENT);
	assert_string_equal(text_of(o, "back"), "new");
}

static void a_whiteout_may_be_an_xattr_in_a_marked_directory(void **state)
{
	struct overlay *o = *state;
	uint64_t node;

	disk_dir(o, "l1/d");
	disk_xattr(o, "l1/d", "user.overlay.opaque", "x");
	disk_file(o, "l1/d/gone", "");
	disk_xattr(o, "l1/d/gone", "user.overlay.whiteout", "y");
	disk_file(o, "l1/d/empty", "");
	disk_dir(o, "l2/d");
	disk_file(o, "l2/d/gone", "x");
	disk_file(o, "l2/d/stays", "x");
	disk_dir(o, "l1/unmarked");
	disk_file(o, "l1/unmarked/file", "");
	disk_xattr(o, "l1/unmarked/file", "user.overlay.whiteout", "y");
	overlay_start(o);
	assert_int_equal(path_id(o, "d/gone", &node), -ENOENT);
	assert_string_equal(names_in(o, "d"), "empty stays");
	assert_int_equal(path_id(o, "unmarked/file", &node), 0);
}

static void directories_merge_until_one_is_opaque_or_no_directory(void **state)
{
	struct overlay *o = *state;

	disk_dir(o, "l1/d");
	disk_dir(o, "l2/d");
	disk_dir(o, "upper/d");
	disk_file(o, "l1/d/one", "1");
	disk_file(o, "l2/d/two", "2");
	disk_file(o, "upper/d/up", "u");
	disk_dir(o, "l1/opaque");
	disk_xattr(o, "l1/opaque", "user.overlay.opaque", "y");
	disk_dir(o, "l2/opaque");
	disk_file(o, "l2/opaque/hidden", "x");
	disk_dir(o, "l1/mixed");
	disk_file(o, "l2/mixed", "a file");
	overlay_start(o);
	assert_string_equal(names_in(o, "d"), "one two up");
	assert_string_equal(names_in(o, "opaque"), "");
	assert_string_equal(names_in(o, "mixed"), "");
	assert_int_equal(attr(o, "d").st_nlink, 1);
}

static void a_forgotten_id_is_stale_and_its_slot_gets_a_new_one(void **state)
{
	struct overlay *o = *state;
	struct ovl_counts before, after;
	struct stat st;
	uint64_t node;

	disk_file(o, "l1/a", "a");
	overlay_start(o);
	ovl_count(o->fs, &before);
	node = id(o, "a");
	ovl_forget(o->fs, node, 1);
	assert_int_equal(ovl_getattr(o->fs, node, &st), -ESTALE);
	assert_int_not_equal(id(o, "a"), node);
	ovl_forget(o->fs, id(o, "a"), 2);
	ovl_count(o->fs, &after);
	assert_int_equal(before.nodes, after.nodes);
	assert_int_equal(ovl_getattr(o->fs, 0, &st), -ESTALE);
	assert_int_equal(ovl_getattr(o->fs, UINT64_MAX, &st), -ESTALE);
	ovl_forget(o->fs, OVL_ROOT, 100);
	assert_int_equal(ovl_getattr(o->fs, OVL_ROOT, &st), 0);
}

static void a_directory_stays_while_its_children_are_known(void **state)
{
	struct overlay *o = *state;
	uint64_t dir, file;
	struct stat st;

	disk_dir(o, "l1/d");
	disk_file(o, "l1/d/f", "text");
	overlay_start(o);
	dir = id(o, "d");
	file = id(o, "d/f");
	ovl_forget(o->fs, dir, 2);
	assert_string_equal(text_of_id(o, file), "text");
	ovl_forget(o->fs, file, 1);
	assert_int_equal(ovl_getattr(o->fs, dir, &st), -ESTALE);
}

static void names_that_are_none_are_refused(void **state)
{
	struct overlay *o = *state;
	struct ovl_entry entry;
	char name[300];

	overlay_start(o);
	memset(name, 'x', sizeof(name));
	name[256] = '\0';
	assert_int_equal(ovl_lookup(o->fs, OVL_ROOT, name, &entry), -ENAMETOOLONG);
	name[255] = '\0';
	assert_int_equal(ovl_lookup(o->fs, OVL_ROOT, name, &entry), -ENOENT);
	assert_int_equal(make_file(o, name, "long"), 0);
	assert_int_equal(unlink_path(o, name), 0);
	assert_int_equal(ovl_lookup(o->fs, OVL_ROOT, "..", &entry), -EINVAL);
	assert_int_equal(ovl_lookup(o->fs, OVL_ROOT, ".", &entry), -EINVAL);
	assert_int_equal(ovl_lookup(o->fs, OVL_ROOT, "", &entry), -EINVAL);
	assert_int_equal(ovl_lookup(o->fs, OVL_ROOT, "a/b", &entry), -EINVAL);
	assert_int_equal(ovl_lookup(o->fs, 77, "a", &entry), -ESTALE);
}

static void a_symbolic_link_in_a_layer_leads_nowhere(void **state)
{
	struct overlay *o = *state;
	uint64_t node;

	disk_dir(o, "outside");
	disk_file(o, "outside/secret", "s");
	assert_int_equal(symlinkat("../outside", o->dir->fd, "l1/link"), 0);
	disk_dir(o, "l2/d");
	overlay_start(o);
	assert_true(S_ISLNK(attr(o, "link").st_mode));
	assert_int_equal(path_id(o, "link/secret", &node), -ENOTDIR);
	/* a directory that becomes a link underneath a running overlay */
	id(o, "d");
	assert_int_equal(unlinkat(o->dir->fd, "l2/d", AT_REMOVEDIR), 0);
	assert_int_equal(symlinkat("../outside", o->dir->fd, "l2/d"), 0);
	assert_true(path_id(o, "d/secret", &node) < 0);
	assert_true(make_file(o, "d/new", "x") < 0);
	assert_false(disk_has(o, "outside/new"));
}

static void names_of_one_upper_file_share_a_node(void **state)
{
	struct overlay *o = *state;

	disk_file(o, "upper/a", "a");
	assert_int_equal(linkat(o->dir->fd, "upper/a", o->dir->fd, "upper/b", 0), 0);
	overlay_start(o);
	assert_int_equal(id(o, "a"), id(o, "b"));
}

static void names_of_one_lower_file_part_when_one_is_written(void **state)
{
	struct overlay *o = *state;

	disk_file(o, "l1/a", "a");
	assert_int_equal(linkat(o->dir->fd, "l1/a", o->dir->fd, "l1/b", 0), 0);
	overlay_start(o);
	assert_int_not_equal(id(o, "a"), id(o, "b"));
	assert_int_equal(ovl_write(o->fs, id(o, "a"), "A", 1, 0), 1);
	assert_string_equal(text_of(o, "a"), "A");
	assert_string_equal(text_of(o, "b"), "a");
}

static long resident_pages(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	long total, resident;

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%ld %ld", &total, &resident), 2);
	(void)fclose(f);
	return resident;
}

static void memory_is_given_back_when_files_are_forgotten(void **state)
{
	enum { FILES = 20000 };
	struct overlay *o = *state;
	uint64_t *ids;
	struct ovl_entry entry;
	struct ovl_counts counts;
	char name[32];
	long before, most;

#if defined(__SANITIZE_ADDRESS__)
	print_message("# SKIP the sanitizer keeps what is freed\n");
	skip();
#endif
	ids = calloc(FILES, sizeof(*ids));
	assert_non_null(ids);
	for (int i = 0; i < FILES; i++) {
		(void)snprintf(name, sizeof(name), "l1/file-%d", i);
		disk_file(o, name, "");
	}
	overlay_start(o);
	before = resident_pages();
	for (int i = 0; i < FILES; i++) {
		(void)snprintf(name, sizeof(name), "file-%d", i);
		assert_int_equal(ovl_lookup(o->fs, OVL_ROOT, name, &entry), 0);
		ids[i] = entry.id;
	}
	most = resident_pages();
	/* 60 bytes for each; the kernel's figure is some pages off */
	assert_true((most - before) * sysconf(_SC_PAGESIZE) < 100L * FILES);
	for (int i = 0; i < FILES; i++)
		ovl_forget(o->fs, ids[i], 1);
	ovl_count(o->fs, &counts);
	assert_int_equal(counts.nodes, 1);
	assert_true(resident_pages() < before + (most - before) / 3);
	free(ids);
}

TEST_MAIN(overlay_test(memory_is_given_back_when_files_are_forgotten),
	overlay_test(the_uppermost_layer_with_a_name_wins),
	overlay_test(a_whiteout_hides_what_is_below_and_nothing_above),
	overlay_test(a_whiteout_may_be_an_xattr_in_a_marked_directory),
	overlay_test(directories_merge_until_one_is_opaque_or_no_directory),
	overlay_test(a_forgotten_id_is_stale_and_its_slot_gets_a_new_one),
	overlay_test(a_directory_stays_while_its_children_are_known),
	overlay_test(names_that_are_none_are_refused),
	overlay_test(a_symbolic_link_in_a_layer_leads_nowhere),
	overlay_test(names_of_one_upper_file_share_a_node),
	overlay_test(names_of_one_lower_file_part_when_one_is_written))
