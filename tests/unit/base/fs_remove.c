/* SPDX-License-Identifier: Apache-2.0 */
#include "base/own.h"
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/userns.h"

static void a_tree_is_removed_with_links_and_locked_directories(void **state)
{
	struct scratch *dir = *state;
	struct err err = ERR_INIT;
	struct stat st;

	scratch_mkdir(dir, "t");
	scratch_mkdir(dir, "t/a");
	scratch_mkdir(dir, "t/a/b");
	scratch_write(dir, "t/a/b/f", "x");
	scratch_mkdir(dir, "kept");
	scratch_write(dir, "kept/f", "x");
	assert_int_equal(symlinkat("../kept", dir->fd, "t/link"), 0);
	assert_int_equal(mkfifoat(dir->fd, "t/fifo", 0), 0);
	assert_int_equal(fchmodat(dir->fd, "t/a/b", 0, 0), 0);
	assert_int_equal(fchmodat(dir->fd, "t/a", 0500, 0), 0);
	assert_int_equal(fs_remove_tree(dir->fd, "t", &err), 0);
	assert_int_equal(fstatat(dir->fd, "t", &st, AT_SYMLINK_NOFOLLOW), -1);
	assert_int_equal(fstatat(dir->fd, "kept/f", &st, 0), 0);
}

static void a_link_is_removed_itself(void **state)
{
	struct scratch *dir = *state;
	struct err err = ERR_INIT;
	struct stat st;

	scratch_mkdir(dir, "kept");
	assert_int_equal(symlinkat("kept", dir->fd, "link"), 0);
	assert_int_equal(fs_remove_tree(dir->fd, "link", &err), 0);
	assert_int_equal(fstatat(dir->fd, "kept", &st, 0), 0);
}

static void nothing_is_already_removed(void **state)
{
	struct scratch *dir = *state;
	struct err err = ERR_INIT;

	assert_int_equal(fs_remove_tree(dir->fd, "missing", &err), 0);
}

static int remove_with_a_mount_inside(void *data, struct err *err)
{
	const struct scratch *dir = data;
	struct err inner = ERR_INIT;
	struct stat st;
	int r;

	if (chdir(dir->path) < 0 || mount("tmpfs", "t/mnt", "tmpfs", 0, NULL) < 0 ||
		mkdir("t/mnt/kept", 0700) < 0)
		return err_sys(err, "mount a tmpfs");
	r = fs_remove_tree(AT_FDCWD, "t", &inner);
	if (stat("t/mnt/kept", &st) < 0)
		return err_set(err, -EIO, "the mount was emptied");
	return r == -EXDEV ? 0 : err_set(err, -EINVAL, "not EXDEV but %d", r);
}

static void a_mount_is_not_crossed(void **state)
{
	struct scratch *dir = *state;
	struct err err = ERR_INIT;
	struct idmap map;
	int r;

	scratch_mkdir(dir, "t");
	scratch_mkdir(dir, "t/mnt");
	assert_int_equal(setenv("SBX_USERNS", "single", 1), 0);
	assert_int_equal(idmap_detect(&map, &err), 0);
	r = userns_run(&map, CLONE_NEWNS, remove_with_a_mount_inside, dir, &err);
	if (r < 0)
		print_message("# %s\n", err.text);
	assert_int_equal(r, 0);
}

static void deep_trees_are_removed(void **state)
{
	struct scratch *dir = *state;
	struct err err = ERR_INIT;
	int at = dup(dir->fd);

	for (int i = 0; i < 500; i++) {
		int next;

		assert_int_equal(mkdirat(at, "d", 0755), 0);
		next = openat(at, "d", O_PATH | O_DIRECTORY | O_CLOEXEC);
		assert_true(next >= 0);
		close(at);
		at = next;
	}
	close(at);
	assert_int_equal(fs_remove_tree(dir->fd, "d", &err), 0);
}

static int open_deeper(int dir, int levels)
{
	int at = fcntl(dir, F_DUPFD_CLOEXEC, 3);

	for (int i = 0; i < levels; i++) {
		int next;

		assert_int_equal(mkdirat(at, "d", 0700), 0);
		assert_int_equal(mkdirat(at, "e", i % 3 ? 0700 : 0), 0);
		next = openat(at, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		(void)close(at);
		assert_true(next >= 0);
		at = next;
	}
	return at;
}

/* A container may make any depth; 6000 levels, and no more descriptors than a handful. */
static void a_very_deep_tree_goes_with_few_descriptors(void **state)
{
	const struct scratch *s = *state;
	struct rlimit few, old;
	struct err err = ERR_INIT;
	struct stat st;
	int deepest, r;

	assert_int_equal(mkdirat(s->fd, "top", 0700), 0);
	autofd int top = openat(s->fd, "top", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	deepest = open_deeper(top, 6000);
	(void)close(deepest);
	assert_int_equal(mkdirat(top, ".deep-0", 0700), 0); /* a name that is wanted */
	assert_int_equal(mkdirat(top, ".deep-0/full", 0700), 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	few = old;
	few.rlim_cur = (rlim_t)top + 6;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	r = fs_remove_tree(s->fd, "top", &err);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	if (r < 0)
		fail_msg("%s", err.text);
	assert_int_equal(fstatat(s->fd, "top", &st, 0), -1);
}

#define SCRATCH(test) cmocka_unit_test_setup_teardown(test, harness_scratch, harness_scratch_done)

TEST_MAIN(SCRATCH(a_very_deep_tree_goes_with_few_descriptors),
	SCRATCH(a_tree_is_removed_with_links_and_locked_directories),
	SCRATCH(a_link_is_removed_itself), SCRATCH(nothing_is_already_removed),
	SCRATCH(a_mount_is_not_crossed), SCRATCH(deep_trees_are_removed))
