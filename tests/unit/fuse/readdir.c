/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <stdio.h>
#include <string.h>

#define MANY 1000

struct reader {
	size_t limit, n;
	uint64_t cookie;
	bool full;
	unsigned char seen[MANY];
	uint64_t ids[MANY];
};

static int take(void *data, const struct ovl_dirent *entry)
{
	struct reader *reader = data;
	int number;

	if (reader->n == reader->limit)
		return 1;
	reader->n++;
	reader->cookie = entry->cookie;
	if (sscanf(entry->name, "f%d", &number) == 1) {
		reader->seen[number]++;
		reader->ids[number] = entry->entry.id;
		assert_true(S_ISREG(entry->entry.st.st_mode));
		assert_true(entry->entry.st.st_ino != 0);
	}
	return 0;
}

static size_t read_some(struct overlay *o, struct reader *reader, size_t limit)
{
	struct ovl_listing want = { reader->cookie, reader->full, take, reader };

	reader->limit = limit;
	reader->n = 0;
	assert_int_equal(ovl_readdir(o->fs, id(o, "d"), &want), 0);
	return reader->n;
}

static void fill(struct overlay *o)
{
	char name[32];

	disk_dir(o, "l1/d");
	disk_dir(o, "l2/d");
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "%s/d/f%d", i % 2 ? "l1" : "l2", i);
		disk_file(o, name, "");
	}
	overlay_start(o);
}

/* What was read to its end is not kept; who is in the middle of it goes on. */
static void a_reader_goes_on_when_another_has_come_to_the_end(void **state)
{
	struct overlay *o = *state;
	struct reader slow = { .cookie = 0 }, fast = { .cookie = 0 };

	fill(o);
	assert_int_equal(read_some(o, &slow, 100), 100);
	while (read_some(o, &fast, 300) > 0) {
	}
	assert_int_equal(unlink_path(o, "d/f1"), 0);
	while (read_some(o, &slow, 300) > 0) {
	}
	for (int i = 0; i < MANY; i++) {
		assert_int_equal(fast.seen[i], 1);
		assert_true(slow.seen[i] == 1 || (i == 1 && slow.seen[i] == 0));
	}
}

static void every_entry_comes_once_in_pieces_of_any_size(void **state)
{
	struct overlay *o = *state;
	static struct reader reader;
	size_t total = 0, n;

	fill(o);
	while ((n = read_some(o, &reader, 1 + total % 7)))
		total += n;
	assert_int_equal(total, MANY + 2);
	for (int i = 0; i < MANY; i++)
		assert_int_equal(reader.seen[i], 1);
}

static void removing_while_reading_loses_nothing_else(void **state)
{
	struct overlay *o = *state;
	static struct reader reader;
	char name[32];

	fill(o);
	while (read_some(o, &reader, 50)) {
		for (int i = 0; i < MANY; i++) {
			snprintf(name, sizeof(name), "d/f%d", i);
			if (reader.seen[i] == 1 && unlink_path(o, name) == 0)
				reader.seen[i]++;
		}
		if (reader.seen[0])
			assert_int_equal(
				make_file(o, "d/f0", ""), 0); /* may or may not come again */
		if (reader.seen[0])
			assert_int_equal(unlink_path(o, "d/f0"), 0);
	}
	for (int i = 1; i < MANY; i++)
		assert_int_equal(reader.seen[i], 2);
	assert_string_equal(names_in(o, "d"), "");
}

static void a_full_listing_counts_a_lookup_for_each_entry_given(void **state)
{
	struct overlay *o = *state;
	static struct reader reader = { .full = true };
	struct ovl_counts before, after;
	uint64_t dir;

	fill(o);
	dir = id(o, "d");
	ovl_count(o->fs, &before);
	while (read_some(o, &reader, 33))
		;
	ovl_count(o->fs, &after);
	assert_int_equal(after.nodes, before.nodes + MANY);
	for (int i = 0; i < MANY; i++)
		ovl_forget(o->fs, reader.ids[i], 1);
	ovl_count(o->fs, &after);
	assert_int_equal(after.nodes, before.nodes);
	ovl_forget(o->fs, dir, 1);
}

static int first_two(void *data, const struct ovl_dirent *entry)
{
	uint64_t *inos = data;

	if (strcmp(entry->name, ".") == 0)
		inos[0] = entry->entry.st.st_ino;
	if (strcmp(entry->name, "..") == 0)
		inos[1] = entry->entry.st.st_ino;
	return 0;
}

static void the_dots_name_the_directory_and_its_parent(void **state)
{
	struct overlay *o = *state;
	uint64_t inos[2];

	disk_dir(o, "l1/d");
	overlay_start(o);
	assert_int_equal(ovl_readdir(o->fs, id(o, "d"),
				 &(struct ovl_listing){ .fn = first_two, .data = inos }),
		0);
	assert_int_equal(inos[0], attr(o, "d").st_ino);
	assert_int_equal(inos[1], attr(o, "").st_ino);
}

static int one_number(void *data, const struct ovl_dirent *entry)
{
	uint64_t *ino = data;

	if (strcmp(entry->name, "a") == 0)
		*ino = entry->entry.st.st_ino;
	return 0;
}

static void the_number_in_a_listing_is_that_of_stat(void **state)
{
	struct overlay *o = *state;
	struct ovl_listing want = { .fn = one_number };
	uint64_t ino = 0;

	disk_dir(o, "l1/d");
	disk_file(o, "l1/d/a", "a");
	overlay_start(o);
	want.data = &ino;
	assert_int_equal(ovl_write(o->fs, id(o, "d/a"), "b", 1, 0), 1);
	overlay_restart(o);
	assert_int_equal(ovl_readdir(o->fs, id(o, "d"), &want), 0);
	assert_int_equal(ino, attr(o, "d/a").st_ino);
}

TEST_MAIN(overlay_test(a_reader_goes_on_when_another_has_come_to_the_end),
	overlay_test(every_entry_comes_once_in_pieces_of_any_size),
	overlay_test(removing_while_reading_loses_nothing_else),
	overlay_test(a_full_listing_counts_a_lookup_for_each_entry_given),
	overlay_test(the_dots_name_the_directory_and_its_parent),
	overlay_test(the_number_in_a_listing_is_that_of_stat))
