/* SPDX-License-Identifier: Apache-2.0 */
/* The start itself needs a mount: tests/system/test_isolation.py and test_fuse.py go through it. */
#include "process/fuse.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"

static void words_of(const struct scratch *dir, const char *log, char *ret, size_t size)
{
	struct fuse_server server = FUSE_SERVER_INIT;

	scratch_write(dir, "fuse.log", log);
	server.log = openat(dir->fd, "fuse.log", O_RDONLY | O_CLOEXEC);
	assert_true(server.log >= 0);
	fuse_server_last_words(&server, ret, size);
	fuse_server_done(&server);
	assert_int_equal(server.log, -EBADF);
}

static void the_last_line_is_quoted_without_its_end(void **state)
{
	char words[64];

	words_of(*state, "first\nsbx-fuse: no way\n", words, sizeof(words));
	assert_string_equal(words, "sbx-fuse: no way");
	words_of(*state, "only, unfinished", words, sizeof(words));
	assert_string_equal(words, "only, unfinished");
	words_of(*state, "", words, sizeof(words));
	assert_string_equal(words, "");
}

static void a_long_log_gives_the_end_of_its_last_line(void **state)
{
	char log[2000], words[64];

	memset(log, 'x', sizeof(log));
	memcpy(log + sizeof(log) - 6, "\nlast\n", 6);
	log[sizeof(log) - 1] = '\0';
	words_of(*state, log, words, sizeof(words));
	assert_string_equal(words, "last");
}

static void without_a_log_there_are_no_words(void **state)
{
	struct fuse_server server = FUSE_SERVER_INIT;
	char words[8] = "old";

	fuse_server_last_words(&server, words, sizeof(words));
	assert_string_equal(words, "");
}

static void lower_paths_are_escaped(void **state)
{
	struct buf list = BUF_INIT;

	fuse_server_add_lower(&list, "/a:b");
	fuse_server_add_lower(&list, "/c\\d,e");
	assert_string_equal(list.data, "/a\\:b:/c\\\\d,e");
	buf_done(&list);
}

#define SCRATCH(test) cmocka_unit_test_setup_teardown(test, harness_scratch, harness_scratch_done)

TEST_MAIN(SCRATCH(the_last_line_is_quoted_without_its_end),
	SCRATCH(a_long_log_gives_the_end_of_its_last_line),
	cmocka_unit_test(without_a_log_there_are_no_words),
	cmocka_unit_test(lower_paths_are_escaped))
