/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void written_files_are_read_back(void **state)
{
	struct scratch *dir = *state;
	char *text;

	scratch_mkdir(dir, "a");
	scratch_write(dir, "a/b", "hello\n");
	text = scratch_read(dir, "a/b");
	assert_non_null(text);
	assert_string_equal(text, "hello\n");
	free(text);
	assert_null(scratch_read(dir, "missing"));
}

static void scratch_is_removed_with_locked_directories(void **state)
{
	char path[256];
	void *other = NULL;
	struct stat st;

	(void)state;
	assert_int_equal(harness_scratch(&other), 0);
	memcpy(path, ((struct scratch *)other)->path, sizeof(path));
	scratch_mkdir(other, "locked");
	scratch_write(other, "locked/file", "x");
	assert_int_equal(chmod(path, 0500), 0);
	assert_int_equal(harness_scratch_done(&other), 0);
	assert_int_equal(stat(path, &st), -1);
}

static void failures_become_status_one(void **state)
{
	(void)state;
	assert_int_equal(harness_status(0), 0);
	assert_int_equal(harness_status(300), 1);
}

TEST_MAIN(cmocka_unit_test_setup_teardown(
		  written_files_are_read_back, harness_scratch, harness_scratch_done),
	cmocka_unit_test(scratch_is_removed_with_locked_directories),
	cmocka_unit_test(failures_become_status_one))
