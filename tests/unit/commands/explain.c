/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/explain.h"

#include <string.h>

#include "base/buf.h"
#include "base/own.h"
#include "harness.h"

static void collect(void *data, const struct message *message)
{
	buf_addf(data, "[%s|%s|%s]", message->id, message->means, message->mend);
}

static void assert_read(const char *page, const char *want)
{
	autofree char *copy = strdup(page);
	autobuf struct buf got = BUF_INIT;

	explain_each(copy, collect, &got);
	assert_string_equal(got.data ? got.data : "", want);
}

static void rows_of_messages_are_found_among_text(void **state)
{
	(void)state;
	assert_read("# Messages\n\n| ID | What | Do |\n|---|---|---|\n| E-ONE | one | do |\n"
		    "text\n| W-TWO | two `x` | do\"s |",
		"[E-ONE|one|do][W-TWO|two `x`|do\"s]");
}

static void what_is_no_row_of_a_message_is_passed_over(void **state)
{
	(void)state;
	assert_read("", "");
	assert_read("| E-ONE | one\n| E-TWO\n|\n| Else | x | y |\nE-ONE | a | b |\n", "");
}

TEST_MAIN(cmocka_unit_test(rows_of_messages_are_found_among_text),
	cmocka_unit_test(what_is_no_row_of_a_message_is_passed_over))
