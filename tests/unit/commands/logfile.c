/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"

#include <fcntl.h>
#include <string.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "commands/logfile.h"
#include "state/state.h"

/* Writes n lines through the logger: "1" to stdout, "2" to stderr, "3" … */
static void fill(struct scratch *dir, int n)
{
	struct container c = { .dir = dir->fd };
	struct logger *log = NULL;
	struct err err = ERR_INIT;

	assert_int_equal(logger_open(&c, &log, &err), 0);
	for (int i = 1; i <= n; i++) {
		char line[16];
		int len = snprintf(line, sizeof(line), "%d\n", i);

		assert_int_equal(logger_write(log, 2 - i % 2, line, (size_t)len, &err), 0);
	}
	logger_free(log);
}

static int open_log(const struct scratch *dir)
{
	int fd = openat(dir->fd, "log", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

/* What is left to read, as "1o 2e 3o ". */
static char *rest(struct logfile *file)
{
	struct buf out = BUF_INIT;
	struct err err = ERR_INIT;

	for (;;) {
		autologentry struct log_entry entry = { 0 };
		int r = logfile_next(file, &entry, &err);

		assert_true(r >= 0);
		if (r == 0)
			return buf_steal(&out);
		buf_addf(&out, "%.*s%c ", (int)strcspn(entry.text, "\n"), entry.text,
			entry.stream == 1 ? 'o' : 'e');
		assert_true(entry.time > 0);
	}
}

static void tail_begins_at_the_nth_entry_from_the_end(void **state)
{
	static const struct {
		int64_t lines;
		const char *want;
	} cases[] = { { 0, "" }, { 1, "5o " }, { 2, "4e 5o " }, { 5, "1o 2e 3o 4e 5o " },
		{ 100, "1o 2e 3o 4e 5o " } };
	autofd int fd = -EBADF;

	fill(*state, 5);
	fd = open_log(*state);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		autologfile struct logfile file = { .fd = fd };
		autofree char *got = NULL;
		struct err err = ERR_INIT;

		assert_int_equal(logfile_seek_tail(&file, cases[i].lines, &err), 0);
		got = rest(&file);
		assert_string_equal(got, cases[i].want);
	}
}

static void tail_works_across_blocks(void **state)
{
	autofd int fd = -EBADF;
	autologfile struct logfile file = { 0 };
	autofree char *got = NULL;
	struct err err = ERR_INIT;

	fill(*state, 5000); /* some 400 kB */
	fd = open_log(*state);
	file.fd = fd;
	assert_int_equal(logfile_seek_tail(&file, 4000, &err), 0);
	got = rest(&file);
	assert_int_equal(strncmp(got, "1001o 1002e ", 12), 0);
	assert_non_null(strstr(got, "4999o 5000e "));
}

static void reading_goes_on_when_the_file_grows(void **state)
{
	autofd int fd = -EBADF;
	autologfile struct logfile file = { 0 };
	autofree char *first = NULL, *second = NULL;

	fill(*state, 2);
	fd = open_log(*state);
	file.fd = fd;
	first = rest(&file);
	assert_string_equal(first, "1o 2e ");
	fill(*state, 1);
	second = rest(&file);
	assert_string_equal(second, "1o ");
}

static void torn_lines_are_skipped(void **state)
{
	autofd int fd = -EBADF;
	autologfile struct logfile file = { 0 };
	autofree char *got = NULL;

	scratch_write(*state, "log",
		"{\"log\":\"torn\n{\"log\":\"a\\n\",\"stream\":\"stderr\",\"time\":"
		"\"2024-01-01T00:00:00Z\"}\nnot json\n{}\n{\"log\":\"unfinish");
	fd = open_log(*state);
	file.fd = fd;
	got = rest(&file);
	assert_string_equal(got, "ae ");
}

#define T(name) cmocka_unit_test_setup_teardown(name, harness_scratch, harness_scratch_done)
TEST_MAIN(T(tail_begins_at_the_nth_entry_from_the_end), T(tail_works_across_blocks),
	T(reading_goes_on_when_the_file_grows), T(torn_lines_are_skipped))
