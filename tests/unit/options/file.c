/* SPDX-License-Identifier: Apache-2.0 */
#include "options/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "harness.h"

static void whole_files_are_read_and_terminated(void **state)
{
	struct scratch *dir = *state;
	struct err err = ERR_INIT;
	autofree char *text = NULL, *nothing = NULL;
	size_t len = 1;
	int fd;

	scratch_write(dir, "empty", "");
	fd = openat(dir->fd, "empty", O_RDONLY | O_CLOEXEC);
	assert_int_equal(read_to_end(fd, 10, &nothing, &len, &err), 0);
	assert_int_equal(len, 0);
	assert_string_equal(nothing, "");
	close(fd);
	scratch_write(dir, "ten", "0123456789");
	fd = openat(dir->fd, "ten", O_RDONLY | O_CLOEXEC);
	assert_int_equal(read_to_end(fd, 10, &text, &len, &err), 0);
	assert_int_equal(len, 10);
	assert_string_equal(text, "0123456789");
	close(fd);
}

static void too_much_is_refused(void **state)
{
	struct scratch *dir = *state;
	struct err err = ERR_INIT;
	char *text = NULL;
	size_t len;
	int fd;

	scratch_write(dir, "ten", "0123456789");
	fd = openat(dir->fd, "ten", O_RDONLY | O_CLOEXEC);
	assert_int_equal(read_to_end(fd, 9, &text, &len, &err), -EFBIG);
	assert_null(text);
	close(fd);
	assert_int_equal(read_to_end(dir->fd, 9, &text, &len, &err), -EISDIR);
}

TEST_MAIN(cmocka_unit_test_setup_teardown(
		  whole_files_are_read_and_terminated, harness_scratch, harness_scratch_done),
	cmocka_unit_test_setup_teardown(too_much_is_refused, harness_scratch, harness_scratch_done))
