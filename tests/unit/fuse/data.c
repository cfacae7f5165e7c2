/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

static void reading_ends_at_the_end(void **state)
{
	struct overlay *o = *state;
	char buf[8];

	disk_file(o, "l1/a", "abc");
	overlay_start(o);
	assert_int_equal(ovl_read(o->fs, id(o, "a"), buf, 8, 1), 2);
	assert_int_equal(ovl_read(o->fs, id(o, "a"), buf, 8, 3), 0);
	assert_int_equal(ovl_read(o->fs, id(o, "a"), buf, 8, -1), -EINVAL);
	assert_int_equal(ovl_read(o->fs, OVL_ROOT, buf, 8, 0), -EISDIR);
	assert_int_equal(ovl_write(o->fs, OVL_ROOT, buf, 8, 0), -EISDIR);
}

static void writing_beyond_the_end_leaves_a_hole(void **state)
{
	struct overlay *o = *state;

	overlay_start(o);
	assert_int_equal(make_file(o, "a", "abc"), 0);
	assert_int_equal(ovl_write(o->fs, id(o, "a"), "x", 1, 1 << 20), 1);
	assert_int_equal(ovl_lseek(o->fs, id(o, "a"), 0, SEEK_HOLE), 4096);
	assert_int_equal(ovl_lseek(o->fs, id(o, "a"), 4096, SEEK_DATA), 1 << 20);
	assert_int_equal(ovl_lseek(o->fs, id(o, "a"), 2 << 20, SEEK_DATA), -ENXIO);
	assert_int_equal(ovl_lseek(o->fs, id(o, "a"), 0, SEEK_SET), -EINVAL);
}

static void a_reader_sees_what_was_written_after_the_copy_up(void **state)
{
	struct overlay *o = *state;

	disk_file(o, "l1/a", "old text");
	overlay_start(o);
	assert_string_equal(text_of(o, "a"), "old text");
	assert_int_equal(ovl_write(o->fs, id(o, "a"), "new", 3, 0), 3);
	assert_string_equal(text_of(o, "a"), "new text");
}

static void space_is_reserved_and_punched(void **state)
{
	struct overlay *o = *state;

	overlay_start(o);
	assert_int_equal(make_file(o, "a", "abc"), 0);
	assert_int_equal(ovl_fallocate(o->fs, id(o, "a"), 0, 0, 1 << 16), 0);
	assert_int_equal(attr(o, "a").st_size, 1 << 16);
	assert_int_equal(
		ovl_fallocate(o->fs, id(o, "a"), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 2),
		0);
	char buf[3];
	assert_int_equal(ovl_read(o->fs, id(o, "a"), buf, 3, 0), 3);
	assert_memory_equal(buf, "\0\0c", 3);
	assert_int_equal(ovl_fallocate(o->fs, id(o, "a"), 0, 0, -1), -EINVAL);
}

static void a_range_is_copied_between_layers(void **state)
{
	struct overlay *o = *state;
	struct ovl_range range = { .from_offset = 2, .to_offset = 1, .size = 3 };

	disk_file(o, "l1/a", "abcdef");
	overlay_start(o);
	assert_int_equal(make_file(o, "b", "123456"), 0);
	range.from = id(o, "a");
	range.to = id(o, "b");
	assert_int_equal(ovl_copy_range(o->fs, &range), 3);
	assert_string_equal(text_of(o, "b"), "1cde56");
}

static void everything_can_be_synced(void **state)
{
	struct overlay *o = *state;

	disk_file(o, "l1/a", "a");
	disk_dir(o, "l1/d");
	overlay_start(o);
	assert_int_equal(make_file(o, "b", "b"), 0);
	assert_int_equal(ovl_fsync(o->fs, id(o, "a"), false), 0);
	assert_int_equal(ovl_fsync(o->fs, id(o, "b"), true), 0);
	assert_int_equal(ovl_fsync(o->fs, id(o, "d"), false), 0);
	assert_int_equal(ovl_fsync(o->fs, OVL_ROOT, false), 0);
	assert_int_equal(ovl_fsync(o->fs, 999, false), -ESTALE);
}

struct writer {
	struct overlay *o;
	uint64_t id;
	int number;
};

static void *write_own_part(void *data)
{
	struct writer *w = data;
	char block[512];

	memset(block, 'a' + w->number, sizeof(block));
	for (int i = 0; i < 64; i++)
		if (ovl_write(w->o->fs, w->id, block, sizeof(block), (i * 4 + w->number) * 512) !=
			512)
			return data;
	return NULL;
}

static void threads_that_write_one_lower_file_copy_it_up_once(void **state)
{
	struct overlay *o = *state;
	struct writer writers[4];
	pthread_t threads[4];
	char block[512];
	void *failed;

	int fd = openat(o->dir->fd, "l1/big", O_CREAT | O_WRONLY, 0644);
	assert_int_equal(ftruncate(fd, 8 << 20), 0);
	assert_int_equal(pwrite(fd, "tail", 4, (8 << 20) - 4), 4);
	close(fd);
	overlay_start(o);
	for (int i = 0; i < 4; i++) {
		writers[i] = (struct writer){ o, id(o, "big"), i };
		assert_int_equal(pthread_create(&threads[i], NULL, write_own_part, &writers[i]), 0);
	}
	for (int i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(threads[i], &failed), 0);
		assert_null(failed);
	}
	for (int i = 0; i < 256; i++) {
		assert_int_equal(ovl_read(o->fs, id(o, "big"), block, 512, i * 512), 512);
		assert_int_equal(block[0], 'a' + i % 4);
		assert_int_equal(block[511], 'a' + i % 4);
	}
	assert_int_equal(ovl_read(o->fs, id(o, "big"), block, 4, (8 << 20) - 4), 4);
	assert_memory_equal(block, "tail", 4);
	assert_int_equal(disk_count(o, "work/work"), 0);
}

TEST_MAIN(overlay_test(reading_ends_at_the_end), overlay_test(writing_beyond_the_end_leaves_a_hole),
	overlay_test(a_reader_sees_what_was_written_after_the_copy_up),
	overlay_test(space_is_reserved_and_punched), overlay_test(a_range_is_copied_between_layers),
	overlay_test(everything_can_be_synced),
	overlay_test(threads_that_write_one_lower_file_copy_it_up_once))
