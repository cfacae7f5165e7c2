/* SPDX-License-Identifier: Apache-2.0 */
#include "builder/diagnose.h"

#include <string.h>

#include "base/own.h"
#include "harness.h"

static char *excerpt(char *text, unsigned first, unsigned last)
{
	char name[] = "Dockerfile";
	struct dockerfile file = { .name = name, .text = text };
	struct buf out = BUF_INIT;

	diagnose(&file, (struct lines){ first, last }, &out);
	return buf_steal(&out);
}

static void the_place_is_marked_between_its_neighbours(void **state)
{
	char text[] = "FROM alpine\nRUM echo hi\nCMD sh\n";
	autofree char *got = excerpt(text, 2, 2);

	assert_string_equal(got, "Dockerfile:2\n"
				 "--------------------\n"
				 "   1 |     FROM alpine\n"
				 "   2 | >>> RUM echo hi\n"
				 "   3 |     CMD sh\n"
				 "--------------------\n");
}

static void every_line_of_an_instruction_is_marked(void **state)
{
	char text[] = "FROM a\r\nRUN one \\\n  two";
	autofree char *got = excerpt(text, 2, 3);

	assert_non_null(
		strstr(got, "   1 |     FROM a\n   2 | >>> RUN one \\\n   3 | >>>   two\n"));
}

static void far_lines_are_left_out(void **state)
{
	char text[] = "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n";
	autofree char *got = excerpt(text, 6, 6);

	assert_null(strstr(got, "   1 |"));
	assert_non_null(strstr(got, "   2 |     2\n"));
	assert_non_null(strstr(got, "  10 |     10\n"));
	assert_null(strstr(got, "  11 |"));
}

static void no_place_is_no_excerpt(void **state)
{
	char text[] = "FROM a\n";
	autofree char *got = excerpt(text, 0, 0);

	assert_string_equal(got, "");
}

static void a_terminal_cannot_be_driven(void **state)
{
	char text[] = "RUN \x1b[2J \xff \xc2\x9b ok \xc3\xa4\ttab\n";
	autofree char *got = excerpt(text, 1, 1);

	assert_non_null(strstr(got, "RUN \\x1b[2J \\xff \\xc2\\x9b ok \xc3\xa4\ttab\n"));
}

static void the_nearest_name_answers_a_slip(void **state)
{
	static const char *const names[] = { "RUN", "FROM", "COPY", "ENTRYPOINT", NULL };

	assert_string_equal(diagnose_nearest("RUM", names), "RUN");
	assert_string_equal(diagnose_nearest("form", names), "FROM");
	assert_string_equal(diagnose_nearest("ENTRYPOIN", names), "ENTRYPOINT");
	assert_null(diagnose_nearest("banana", names));
	assert_null(diagnose_nearest("", names));
	assert_null(diagnose_nearest("xyz", names)); /* three changes make any three letters */
}

TEST_MAIN(cmocka_unit_test(the_place_is_marked_between_its_neighbours),
	cmocka_unit_test(every_line_of_an_instruction_is_marked),
	cmocka_unit_test(far_lines_are_left_out), cmocka_unit_test(no_place_is_no_excerpt),
	cmocka_unit_test(a_terminal_cannot_be_driven),
	cmocka_unit_test(the_nearest_name_answers_a_slip))
