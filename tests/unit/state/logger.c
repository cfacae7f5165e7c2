/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "base/own.h"
#include "base/xalloc.h"
#include "state/state.h"

static void put(struct logger *log, int stream, const char *text, size_t len)
{
	struct err err = ERR_INIT;

	assert_int_equal(logger_write(log, stream, text, len, &err), 0);
}

static struct logger *open_log(struct scratch *dir, struct container *c)
{
	struct logger *log = NULL;
	struct err err = ERR_INIT;

	c->dir = dir->fd;
	assert_int_equal(logger_open(c, &log, &err), 0);
	return log;
}

/* Line `index` of the log, parsed; NULL when there is none. */
static struct json *entry(struct scratch *dir, size_t index)
{
	autofree char *text = scratch_read(dir, "log");
	char *line = text;
	struct json *doc = NULL;
	struct err err = ERR_INIT;

	for (; line && index; index--) {
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	if (!line || !*line)
		return NULL;
	assert_non_null(strchr(line, '\n')); /* whole objects only */
	assert_int_equal(json_parse(line, strcspn(line, "\n"), &doc, &err), 0);
	return doc;
}

static void check(struct scratch *dir, size_t index, const char *stream, const char *text)
{
	autojson struct json *doc = entry(dir, index);
	int64_t ns;

	assert_non_null(doc);
	assert_string_equal(json_str(json_get(doc, "log"), "?"), text);
	assert_string_equal(json_str(json_get(doc, "stream"), "?"), stream);
	assert_int_equal(state_time_parse(json_str(json_get(doc, "time"), "?"), &ns), 0);
}

static void lines_keep_their_stream_and_partial_ones_wait(void **state)
{
	struct container c = CONTAINER_INIT;
	struct logger *log = open_log(*state, &c);

	put(log, 1, "one\ntwo\nthr", 11);
	put(log, 2, "oops\n", 5);
	check(*state, 0, "stdout", "one\n");
	check(*state, 1, "stdout", "two\n");
	check(*state, 2, "stderr", "oops\n");
	assert_null(entry(*state, 3));
	put(log, 1, "ee\n$ ", 5);
	check(*state, 3, "stdout", "three\n");
	logger_free(log);
	check(*state, 4, "stdout", "$ ");
	assert_null(entry(*state, 5));
}

static void any_bytes_make_valid_json(void **state)
{
	struct container c = CONTAINER_INIT;
	struct logger *log = open_log(*state, &c);
	static const char euro[] = "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x90\xb3 \"\\\t\r\n";
	char all[256];

	for (int i = 0; i < 256; i++)
		all[i] = (char)(i == '\n' || i == 0 ? 'x' : i);
	put(log, 1, all, sizeof(all));
	put(log, 1, "\n", 1);
	put(log, 1, "\xc0\xaf|\xed\xa0\x80|\xf4\x90\x80\x80|\xe2\x82\n", 15);
	put(log, 1, euro, strlen(euro));
	logger_free(log);
	check(*state, 2, "stdout", euro);
	check(*state, 1, "stdout",
		"\xef\xbf\xbd\xef\xbf\xbd|\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd|"
		"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd|\xef\xbf\xbd\xef\xbf\xbd\n");
	json_free(entry(*state, 0));
}

static void a_long_line_is_cut_between_characters(void **state)
{
	struct container c = CONTAINER_INIT;
	struct logger *log = open_log(*state, &c);
	autofree char *line = xmalloc(40000);
	size_t total = 0;

	for (size_t i = 0; i + 3 <= 39999; i += 3)
		memcpy(line + i, "\xe2\x82\xac", 3);
	line[39999] = '\n';
	put(log, 2, line, 40000);
	logger_free(log);
	for (size_t i = 0;; i++) {
		autojson struct json *doc = entry(*state, i);
		const char *text = json_str(json_get(doc, "log"), "");

		if (!doc)
			break;
		assert_true(strlen(text) <= 16384);
		assert_null(strstr(text, "\xef\xbf\xbd"));
		assert_memory_equal(text, line + total, strlen(text));
		total += strlen(text);
	}
	assert_int_equal(total, 40000);
}

static void a_full_disk_leaves_whole_lines(void **state)
{
	struct scratch *dir = *state;
	struct container c = CONTAINER_INIT;
	struct logger *log = open_log(dir, &c);
	struct rlimit old, small;
	struct err err = ERR_INIT;
	struct stat st;
	int r;

	(void)signal(SIGXFSZ, SIG_IGN);
	put(log, 1, "first\n", 6);
	assert_int_equal(fstatat(dir->fd, "log", &st, 0), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small = old;
	small.rlim_cur = (rlim_t)st.st_size + 10;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	r = logger_write(log, 1, "second\n", 7, &err);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(r, -EFBIG);
	put(log, 1, "third\n", 6);
	logger_free(log);
	check(dir, 0, "stdout", "first\n");
	check(dir, 1, "stdout", "third\n");
	assert_null(entry(dir, 2));
}

static bool has(struct scratch *dir, const char *name)
{
	struct stat st;

	return fstatat(dir->fd, name, &st, 0) == 0;
}

static void a_full_file_makes_way_for_a_new_one(void **state)
{
	static const char text[] = "{\"logOpts\":{\"max-size\":\"100\",\"max-file\":\"3\"}}";
	struct scratch *dir = *state;
	struct container c = CONTAINER_INIT;
	struct err err = ERR_INIT;
	struct logger *log;

	assert_int_equal(json_parse(text, strlen(text), &c.config, &err), 0);
	log = open_log(dir, &c);
	put(log, 1, "one\n", 4);
	put(log, 1, "two\n", 4);
	assert_false(has(dir, "log.1"));
	for (int i = 0; i < 6; i++)
		put(log, 1, "more\n", 5);
	logger_free(log);
	json_free(c.config);
	assert_true(has(dir, "log") && has(dir, "log.1") && has(dir, "log.2"));
	assert_false(has(dir, "log.3"));
	check(dir, 0, "stdout", "more\n");
}

static void without_a_driver_there_is_no_file(void **state)
{
	static const char text[] = "{\"logDriver\":\"none\"}";
	struct scratch *dir = *state;
	struct container c = CONTAINER_INIT;
	struct err err = ERR_INIT;
	struct logger *log;

	assert_int_equal(json_parse(text, strlen(text), &c.config, &err), 0);
	log = open_log(dir, &c);
	put(log, 1, "one\n", 4);
	put(log, 2, "begun", 5);
	logger_free(log);
	json_free(c.config);
	assert_false(has(dir, "log"));
}

static void a_piece_that_a_power_cut_left_is_cut_off(void **state)
{
	struct scratch *dir = *state;
	struct container c = CONTAINER_INIT;
	struct logger *log = open_log(dir, &c);
	autofd int fd = -EBADF;

	put(log, 1, "one\n", 4);
	logger_free(log);
	fd = openat(dir->fd, "log", O_WRONLY | O_APPEND | O_CLOEXEC);
	for (int i = 0; i < 2000; i++) /* longer than one look back */
		assert_int_equal(write(fd, "{\"log\"", 6), 6);
	log = open_log(dir, &c);
	put(log, 1, "two\n", 4);
	logger_free(log);
	check(dir, 0, "stdout", "one\n");
	check(dir, 1, "stdout", "two\n");
	assert_null(entry(dir, 2));
}

#define T(name) cmocka_unit_test_setup_teardown(name, harness_scratch, harness_scratch_done)
TEST_MAIN(T(lines_keep_their_stream_and_partial_ones_wait), T(any_bytes_make_valid_json),
	T(a_long_line_is_cut_between_characters), T(a_full_disk_leaves_whole_lines),
	T(a_full_file_makes_way_for_a_new_one), T(without_a_driver_there_is_no_file),
	T(a_piece_that_a_power_cut_left_is_cut_off))
