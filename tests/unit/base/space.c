/* SPDX-License-Identifier: Apache-2.0 */
#include "base/space.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/statvfs.h>

#include "base/own.h"
#include "harness.h"

static void a_quota_counts_where_it_leaves_less(void **state)
{
	static const struct {
		struct dqblk quota;
		struct space wanted;
	} cases[] = {
		{ { 0 }, { 1000000, 500, false, false } },
		{ { .dqb_bhardlimit = 100, .dqb_curspace = 2400 }, { 100000, 500, true, false } },
		{ { .dqb_bhardlimit = 100000, .dqb_curspace = 0 }, { 1000000, 500, false, false } },
		{ { .dqb_bhardlimit = 100, .dqb_curspace = 102401 }, { 0, 500, true, false } },
		{ { .dqb_ihardlimit = 30, .dqb_curinodes = 20 }, { 1000000, 10, false, true } },
		{ { .dqb_ihardlimit = 30, .dqb_curinodes = 31 }, { 1000000, 0, false, true } },
		{ { .dqb_bsoftlimit = 1, .dqb_isoftlimit = 1 }, { 1000000, 500, false, false } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct space space = { 1000000, 500, false, false };

		space_limit(&space, &cases[i].quota);
		assert_int_equal(space.bytes, cases[i].wanted.bytes);
		assert_int_equal(space.inodes, cases[i].wanted.inodes);
		assert_int_equal(space.bytes_quota, cases[i].wanted.bytes_quota);
		assert_int_equal(space.inodes_quota, cases[i].wanted.inodes_quota);
	}
}

static void a_folder_has_what_its_file_system_has(void **state)
{
	const struct scratch *dir = *state;
	autofd int fd = open(dir->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	autofd int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct space space = { 0 };
	struct statvfs vfs;

	assert_int_equal(fstatvfs(fd, &vfs), 0);
	assert_int_equal(space_ask(fd, &space), 0);
	assert_true(space.bytes <= (uint64_t)vfs.f_blocks * vfs.f_frsize);
	assert_int_equal(space_ask(proc, &space), 0);
	assert_true(space.bytes == UINT64_MAX && !space.bytes_quota);
	assert_int_equal(space_ask(-1, &space), -EBADF);
}

TEST_MAIN(cmocka_unit_test(a_quota_counts_where_it_leaves_less),
	cmocka_unit_test_setup_teardown(
		a_folder_has_what_its_file_system_has, harness_scratch, harness_scratch_done))
