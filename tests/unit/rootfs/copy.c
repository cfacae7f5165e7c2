/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"

static int copy(const struct scratch *dir)
{
	int from = openat(dir->fd, "image", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;
	struct err err = ERR_INIT;
	char path[300];

	assert_true(from >= 0);
	(void)snprintf(path, sizeof(path), "%s/volume", dir->path);
	r = copy_into_empty(from, path, &err);
	if (r < 0)
		print_message("# %s\n", err.text);
	close(from);
	return r;
}

static void an_empty_volume_gets_the_images_content(void **state)
{
	const struct scratch *dir = *state;
	struct timespec times[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
	struct stat st;
	char *text, link[32] = "";

	scratch_mkdir(dir, "image");
	scratch_mkdir(dir, "image/sub");
	scratch_mkdir(dir, "volume");
	scratch_write(dir, "image/sub/f", "data");
	assert_int_equal(symlinkat("/etc/passwd", dir->fd, "image/link"), 0);
	assert_int_equal(fchmodat(dir->fd, "image/sub/f", 0640, 0), 0);
	assert_int_equal(utimensat(dir->fd, "image/sub/f", times, 0), 0);
	assert_int_equal(fchmodat(dir->fd, "image", 0750, 0), 0);
	assert_int_equal(mkfifoat(dir->fd, "image/pipe", 0600), 0);
	assert_int_equal(copy(dir), 0);

	text = scratch_read(dir, "volume/sub/f");
	assert_string_equal(text, "data");
	free(text);
	assert_int_equal(fstatat(dir->fd, "volume/sub/f", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(st.st_mtime, 1000);
	assert_int_equal(readlinkat(dir->fd, "volume/link", link, sizeof(link) - 1), 11);
	assert_string_equal(link, "/etc/passwd");
	assert_int_equal(fstatat(dir->fd, "volume", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0750);
	assert_int_equal(fstatat(dir->fd, "volume/pipe", &st, 0), -1);
}

static void a_volume_with_content_is_never_touched(void **state)
{
	const struct scratch *dir = *state;
	struct stat st;

	scratch_mkdir(dir, "image");
	scratch_write(dir, "image/f", "image");
	scratch_mkdir(dir, "volume");
	scratch_write(dir, "volume/.hidden", "mine");
	assert_int_equal(copy(dir), 0);
	assert_int_equal(fstatat(dir->fd, "volume/f", &st, 0), -1);
}

static void a_volume_that_is_a_symlink_is_refused(void **state)
{
	const struct scratch *dir = *state;
	struct stat st;

	scratch_mkdir(dir, "image");
	scratch_write(dir, "image/f", "image");
	scratch_mkdir(dir, "elsewhere");
	assert_int_equal(symlinkat("elsewhere", dir->fd, "volume"), 0);
	assert_true(copy(dir) < 0);
	assert_int_equal(fstatat(dir->fd, "elsewhere/f", &st, 0), -1);
}

#define SCRATCH(test) cmocka_unit_test_setup_teardown(test, harness_scratch, harness_scratch_done)

TEST_MAIN(SCRATCH(an_empty_volume_gets_the_images_content),
	SCRATCH(a_volume_with_content_is_never_touched),
	SCRATCH(a_volume_that_is_a_symlink_is_refused))
