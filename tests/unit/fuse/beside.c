/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "fuse/beside.h"

static ino_t number(struct overlay *o, const char *path)
{
	struct stat st;

	assert_int_equal(ovl_getattr(o->fs, id(o, path), &st), 0);
	return st.st_ino;
}

static void chown_as_it_is(struct overlay *o, const char *path)
{
	struct stat st;

	assert_int_equal(ovl_getattr(o->fs, id(o, path), &st), 0);
	assert_int_equal(ovl_setattr(o->fs, id(o, path), &st, OVL_SET_UID, &st), 0);
}

static void a_copied_link_keeps_its_number_over_restarts_and_renames(void **state)
{
	struct overlay *o = *state;
	ino_t before;

	disk_dir(o, "l1/d");
	assert_int_equal(symlinkat("x", o->dir->fd, "l1/d/link"), 0);
	overlay_start(o);
	before = number(o, "d/link");
	chown_as_it_is(o, "d/link");
	assert_true(disk_has(o, "upper/d/link"));
	assert_true(disk_has(o, "upper.beside"));
	overlay_restart(o);
	assert_int_equal(number(o, "d/link"), before);
	assert_int_equal(
		ovl_rename(o->fs, &(struct ovl_rename){ id(o, "d"), "link", OVL_ROOT, "moved", 0 }),
		0);
	overlay_restart(o);
	assert_int_equal(number(o, "moved"), before);
}

static void no_file_is_made_when_there_is_nothing_to_say(void **state)
{
	struct overlay *o = *state;

	disk_file(o, "l1/a", "a");
	overlay_start(o);
	chown_as_it_is(o, "a");
	assert_true(disk_has(o, "upper/a"));
	assert_false(disk_has(o, "upper.beside"));
}

/* What a crash, a full disk or somebody else left: whole lines count, the rest does not. */
static void lines_that_are_not_whole_say_nothing(void **state)
{
	struct overlay *o = *state;
	ino_t first, second;
	int fd;

	assert_int_equal(symlinkat("x", o->dir->fd, "l1/a"), 0);
	assert_int_equal(symlinkat("x", o->dir->fd, "l1/b"), 0);
	overlay_start(o);
	first = number(o, "a");
	second = number(o, "b");
	chown_as_it_is(o, "a");
	overlay_restart(o);
	fd = openat(o->dir->fd, "upper.beside", O_WRONLY | O_APPEND);
	assert_true(fd >= 0);
	assert_true(write(fd, "0123abcd 1 2 3 user.x ff\n\n\xff\0\n00000000 7", 39) > 0);
	close(fd);
	overlay_restart(o);
	assert_int_equal(number(o, "a"), first);
	chown_as_it_is(o, "b"); /* appended behind the torn line */
	overlay_restart(o);
	assert_int_equal(number(o, "a"), first);
	assert_int_equal(number(o, "b"), second);
}

static void the_file_of_another_directory_is_not_believed(void **state)
{
	struct overlay *o = *state;
	ino_t before;

	assert_int_equal(symlinkat("x", o->dir->fd, "l1/a"), 0);
	overlay_start(o);
	before = number(o, "a");
	chown_as_it_is(o, "a");
	ovl_close(o->fs);
	o->fs = NULL;
	assert_int_equal(renameat(o->dir->fd, "upper", o->dir->fd, "was"), 0);
	disk_dir(o, "upper");
	assert_int_equal(renameat(o->dir->fd, "was/a", o->dir->fd, "upper/a"), 0);
	overlay_start(o);
	assert_int_not_equal(number(o, "a"), before);
}

/* Somebody's own file that happens to have that name. */
static void a_file_of_somebody_else_is_left_alone(void **state)
{
	struct overlay *o = *state;
	char *text;

	assert_int_equal(symlinkat("x", o->dir->fd, "l1/a"), 0);
	disk_file(o, "upper.beside", "a diary\n");
	overlay_start(o);
	chown_as_it_is(o, "a");
	assert_true(disk_has(o, "upper/a"));
	text = scratch_read(o->dir, "upper.beside");
	assert_string_equal(text, "a diary\n");
	free(text);
}

static void a_link_or_pipe_in_its_place_is_not_followed_nor_waited_for(void **state)
{
	struct overlay *o = *state;

	assert_int_equal(symlinkat("x", o->dir->fd, "l1/a"), 0);
	disk_file(o, "outside", "canary");
	assert_int_equal(symlinkat("outside", o->dir->fd, "upper.beside"), 0);
	assert_int_equal(mkfifoat(o->dir->fd, "l1.beside", 0600), 0);
	overlay_start(o);
	chown_as_it_is(o, "a");
	assert_true(disk_has(o, "upper/a"));
	char *text = scratch_read(o->dir, "outside");
	assert_string_equal(text, "canary");
	free(text);
}

static int open_dir(struct overlay *o, const char *path)
{
	int fd = openat(o->dir->fd, path, O_PATH | O_DIRECTORY);

	assert_true(fd >= 0);
	return fd;
}

static struct layer *layer_of(struct overlay *o, bool writable)
{
	struct err err = ERR_INIT;
	struct layer *layer;

	assert_int_equal(layer_new_dir(open_dir(o, "upper"), &layer, &err), 0);
	assert_int_equal(beside_open(layer->root, writable, &layer->beside), 0);
	return layer;
}

static void facts_are_set_changed_and_dropped(void **state)
{
	struct overlay *o = *state;
	struct layer *layer = layer_of(o, true);
	struct at at = { layer->root, "p" };
	struct beside_fact fact = { "user.sbx.stat", "one", 3 };
	struct fact_key key;
	char buf[100];

	assert_int_equal(mkfifoat(o->dir->fd, "upper/p", 0600), 0);
	assert_int_equal(beside_getxattr(layer, at, fact.key, buf, 100), -ENODATA);
	assert_int_equal(beside_set(layer->beside, at, &fact), 0);
	fact.value = "two!";
	fact.size = 4;
	assert_int_equal(beside_set(layer->beside, at, &fact), 0);
	assert_int_equal(beside_getxattr(layer, at, fact.key, NULL, 0), 4);
	assert_int_equal(beside_getxattr(layer, at, fact.key, buf, 3), -ERANGE);
	assert_int_equal(beside_getxattr(layer, at, "user.other", buf, 3), -ENODATA);
	layer_free(layer);
	layer = layer_of(o, false);
	at.dir = layer->root;
	assert_int_equal(beside_getxattr(layer, at, fact.key, buf, 100), 4);
	assert_memory_equal(buf, "two!", 4);
	assert_int_equal(beside_set(layer->beside, at, &(struct beside_fact){ "user.x", "", 0 }),
		-EOPNOTSUPP); /* read-only */
	layer_free(layer);
	layer = layer_of(o, true);
	at.dir = layer->root;
	beside_key(layer->beside, at, &key);
	beside_drop(layer->beside, &key);
	assert_int_equal(beside_getxattr(layer, at, fact.key, buf, 100), -ENODATA);
	layer_free(layer);
	layer = layer_of(o, true);
	at.dir = layer->root;
	assert_int_equal(beside_getxattr(layer, at, fact.key, buf, 100), -ENODATA);
	layer_free(layer);
}

/* Regular files have xattrs of their own, unless their file system has none. */
static void regular_files_are_beside_only_without_xattrs(void **state)
{
	struct overlay *o = *state;
	struct layer *layer = layer_of(o, true);
	struct at at = { layer->root, "f" };
	struct beside_fact fact = { "user.overlay.opaque", "y", 1 };
	char buf[8];

	disk_file(o, "upper/f", "");
	assert_int_equal(beside_set(layer->beside, at, &fact), -EOPNOTSUPP);
	fact.no_xattrs = true;
	assert_int_equal(beside_set(layer->beside, at, &fact), 0);
	assert_int_equal(beside_getxattr(layer, at, fact.key, buf, 8), -ENODATA);
	layer_free(layer);
}

/* A crash has left half a line, then the disk is full in the middle of the next one. */
static void a_line_after_half_a_line_and_a_full_disk_counts(void **state)
{
	struct overlay *o = *state;
	struct layer *layer = layer_of(o, true);
	struct at at = { layer->root, "p" };
	struct rlimit before, full;
	char buf[8];
	struct stat st;
	int fd;

	assert_int_equal(mkfifoat(o->dir->fd, "upper/p", 0600), 0);
	assert_int_equal(
		beside_set(layer->beside, at, &(struct beside_fact){ "user.sbx.stat", "a", 1 }), 0);
	layer_free(layer);
	fd = openat(o->dir->fd, "upper.beside", O_WRONLY | O_APPEND);
	assert_int_equal(write(fd, "half a line", 11), 11);
	close(fd);
	layer = layer_of(o, true);
	at.dir = layer->root;
	assert_int_equal(disk_stat(o, "upper.beside", &st), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	full = (struct rlimit){ (rlim_t)st.st_size + 10, before.rlim_max };
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
	assert_int_equal(
		beside_set(layer->beside, at, &(struct beside_fact){ "user.sbx.stat", "b", 1 }),
		-ENOSPC);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	(void)signal(SIGXFSZ, SIG_DFL);
	assert_int_equal(
		beside_set(layer->beside, at, &(struct beside_fact){ "user.sbx.stat", "c", 1 }), 0);
	layer_free(layer);
	layer = layer_of(o, false);
	at.dir = layer->root;
	assert_int_equal(beside_getxattr(layer, at, "user.sbx.stat", buf, 8), 1);
	assert_memory_equal(buf, "c", 1);
	layer_free(layer);
}

static void old_lines_go_when_they_are_the_most(void **state)
{
	struct overlay *o = *state;
	struct layer *layer = layer_of(o, true);
	struct at at = { layer->root, "p" };
	char value[24], buf[100];
	struct stat st;

	assert_int_equal(mkfifoat(o->dir->fd, "upper/p", 0600), 0);
	for (int i = 0; i < 5000; i++) {
		snprintf(value, sizeof(value), "%d", i);
		assert_int_equal(
			beside_set(layer->beside, at,
				&(struct beside_fact){ "user.sbx.stat", value, strlen(value) }),
			0);
	}
	assert_int_equal(disk_stat(o, "upper.beside", &st), 0);
	assert_true(st.st_size < 1100 * 80);
	layer_free(layer);
	layer = layer_of(o, true);
	at.dir = layer->root;
	assert_int_equal(beside_getxattr(layer, at, "user.sbx.stat", buf, 100), 4);
	assert_memory_equal(buf, "4999", 4);
	assert_int_equal(
		beside_set(layer->beside, at, &(struct beside_fact){ "user.sbx.stat", "a", 1 }), 0);
	layer_free(layer);
	layer = layer_of(o, false);
	at.dir = layer->root;
	assert_int_equal(beside_getxattr(layer, at, "user.sbx.stat", buf, 100), 1);
	layer_free(layer);
}

TEST_MAIN(overlay_test(a_copied_link_keeps_its_number_over_restarts_and_renames),
	overlay_test(no_file_is_made_when_there_is_nothing_to_say),
	overlay_test(lines_that_are_not_whole_say_nothing),
	overlay_test(a_file_of_somebody_else_is_left_alone),
	overlay_test(the_file_of_another_directory_is_not_believed),
	overlay_test(a_link_or_pipe_in_its_place_is_not_followed_nor_waited_for),
	overlay_test(facts_are_set_changed_and_dropped),
	overlay_test(regular_files_are_beside_only_without_xattrs),
	overlay_test(a_line_after_half_a_line_and_a_full_disk_counts),
	overlay_test(old_lines_go_when_they_are_the_most))
