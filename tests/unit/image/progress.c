/* SPDX-License-Identifier: Apache-2.0 */
#include "image/progress.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "harness.h"

static const struct progress_row half = {
	.id = "125a6e411906", .state = PROGRESS_DOWNLOADING, .done = 14560000, .total = 29120000
};

static void a_row_has_dockers_shape(void **state)
{
	autobuf struct buf line = BUF_INIT;

	(void)state;
	progress_format(&half, 120, &line);
	assert_string_equal(line.data,
		"125a6e411906: Downloading "
		"[=========================>                        ]  14.56MB/29.12MB");
}

static void a_row_is_never_wider_than_the_window(void **state)
{
	(void)state;
	for (unsigned width = 1; width < 130; width++) {
		autobuf struct buf line = BUF_INIT;

		progress_format(&half, width, &line);
		if (line.len > width)
			fail_msg("%zu columns of %u: %s", line.len, width, line.data);
	}
}

static void narrow_windows_lose_the_bar_before_the_numbers(void **state)
{
	autobuf struct buf wide = BUF_INIT, narrow = BUF_INIT;

	(void)state;
	progress_format(&half, 60, &wide);
	assert_non_null(strchr(wide.data, '['));
	progress_format(&half, 46, &narrow);
	assert_null(strchr(narrow.data, '['));
	assert_non_null(strstr(narrow.data, "14.56MB/29.12MB"));
}

static void odd_totals_do_no_harm(void **state)
{
	static const struct progress_row odd[] = {
		{ .id = "a", .state = PROGRESS_EXTRACTING, .done = 5, .total = 0 },
		{ .id = "a", .state = PROGRESS_DOWNLOADING, .done = 9, .total = 3 },
		{ .id = "a", .state = PROGRESS_DOWNLOADING, .done = INT64_MAX, .total = INT64_MAX },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
		autobuf struct buf line = BUF_INIT;

		progress_format(&odd[i], 100, &line);
		assert_true(line.len > 0 && line.len <= 100);
	}
}

static char *through_pipe(bool quiet)
{
	struct progress progress;
	char *text = test_malloc(4096);
	ssize_t n;
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	progress_init(&progress, ends[1], quiet);
	progress_say(&progress, "%s", "latest: Pulling from a/b");
	(void)progress_add(&progress, "sha256:125a6e411906aaaa");
	progress_set(&progress, 0, PROGRESS_WAITING);
	progress_set(&progress, 0, PROGRESS_DOWNLOADING);
	progress_count(&progress, 0, 1, 2);
	progress_tick(&progress);
	progress_set(&progress, 0, PROGRESS_DOWNLOADED);
	progress_set(&progress, 0, PROGRESS_EXTRACTING);
	progress_set(&progress, 0, PROGRESS_COMPLETE);
	progress_settle(&progress);
	progress_done(&progress);
	close(ends[1]);
	n = read(ends[0], text, 4095);
	close(ends[0]);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void a_pipe_gets_one_plain_line_per_state(void **state)
{
	char *text = through_pipe(false);

	(void)state;
	assert_string_equal(text, "latest: Pulling from a/b\n125a6e411906: Pulling fs layer\n"
				  "125a6e411906: Download complete\n125a6e411906: Pull complete\n");
	test_free(text);
}

static void quiet_is_silent(void **state)
{
	char *text = through_pipe(true);

	(void)state;
	assert_string_equal(text, "");
	test_free(text);
}

TEST_MAIN(cmocka_unit_test(a_row_has_dockers_shape),
	cmocka_unit_test(a_row_is_never_wider_than_the_window),
	cmocka_unit_test(narrow_windows_lose_the_bar_before_the_numbers),
	cmocka_unit_test(odd_totals_do_no_harm),
	cmocka_unit_test(a_pipe_gets_one_plain_line_per_state), cmocka_unit_test(quiet_is_silent))
