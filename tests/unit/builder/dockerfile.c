/* SPDX-License-Identifier: Apache-2.0 */
#include "builder/dockerfile.h"

#include <errno.h>
#include <string.h>

#include "base/own.h"
#include "harness.h"

static void dumps_as(const char *text, const char *want)
{
	autodockerfile struct dockerfile file = { 0 };
	autobuf struct buf out = BUF_INIT;
	struct err err = ERR_INIT;

	if (dockerfile_parse("Dockerfile", text, strlen(text), &file, &err) < 0)
		buf_addf(&out, "error %u-%u: %s", file.fault.first, file.fault.last, err.text);
	else
		dockerfile_dump(&file, &out);
	assert_string_equal(out.data, want);
}

static void comments_are_ignored_on_lines_of_their_own(void **state)
{
	dumps_as("#基础镜像\nFROM a\n  # indented\nRUN echo # no comment\n",
		"(from \"a\")\n(run \"echo # no comment\")\n");
	dumps_as("\xef\xbb\xbf"
		 "FROM a\r\n\r\n",
		"(from \"a\")\n");
}

static void continuations_skip_comments_and_empty_lines(void **state)
{
	dumps_as("FROM a\nRUN one && \\\n# between\n\n  two \\  \n three\n",
		"(from \"a\")\n(run \"one &&   two  three\")\n");
	dumps_as("FROM a\nRUN dir c:\\\\\nCMD x\n",
		"(from \"a\")\n(run \"dir c:\\\\\\\\\")\n(cmd \"x\")\n");
	dumps_as("FROM a\nRUN x \\", "(from \"a\")\n(run \"x\")\n");
}

static void an_empty_continuation_line_warns(void **state)
{
	static const char text[] = "FROM a\nRUN one \\\n\n two\n";
	autodockerfile struct dockerfile file = { 0 };
	struct err err = ERR_INIT;

	assert_int_equal(dockerfile_parse("D", text, strlen(text), &file, &err), 0);
	assert_int_equal(file.n_warnings, 1);
	assert_non_null(strstr(file.warnings[0].text, "RUN one  two"));
	assert_int_equal(file.nodes[1].lines.first, 2);
	assert_int_equal(file.nodes[1].lines.last, 4);
}

static void directives_stand_at_the_very_top(void **state)
{
	dumps_as("# EsCaPe = `\nFROM a\nRUN x `\n y\\\nCMD z\n",
		"(from \"a\")\n(run \"x  y\\\\\")\n(cmd \"z\")\n");
	dumps_as("# just a comment\n# escape=`\nFROM a\nRUN x `\nCMD z\n",
		"(from \"a\")\n(run \"x `\")\n(cmd \"z\")\n");
	dumps_as("# syntax=evil/frontend\n# escape=`\nFROM a\nRUN x `\n y\n",
		"(from \"a\")\n(run \"x  y\")\n");
	dumps_as("# escape=`\n# escape=`\nFROM a\n",
		"error 2-2: only one escape parser directive can be used");
	dumps_as("# escape=x\nFROM a\n",
		"error 1-1: invalid escape token 'x' does not match ` or \\");
}

static void heredoc_bodies_are_not_touched(void **state)
{
	static const char text[] =
		"FROM a\nRUN <<EOT 3<<-'X y'\n# kept \\\n\nEOT\n\ta\n\t\tX y\nCMD z\n";
	autodockerfile struct dockerfile file = { 0 };
	struct err err = ERR_INIT;
	autofree char *chomped = NULL;

	assert_int_equal(dockerfile_parse("D", text, strlen(text), &file, &err), 0);
	assert_int_equal(file.n_nodes, 3);
	assert_int_equal(file.nodes[1].n_heredocs, 2);
	assert_string_equal(file.nodes[1].heredocs[0].content, "# kept \\\n\n");
	assert_true(file.nodes[1].heredocs[0].expand);
	assert_string_equal(file.nodes[1].heredocs[1].name, "X y");
	assert_false(file.nodes[1].heredocs[1].expand);
	assert_int_equal(file.nodes[1].heredocs[1].fd, 3);
	chomped = heredoc_text(&file.nodes[1].heredocs[1]);
	assert_string_equal(chomped, "a\n");
	assert_int_equal(file.nodes[1].lines.last, 7);
}

static void only_add_copy_and_run_have_heredocs(void **state)
{
	dumps_as("FROM a\nUSER <<X\nCMD z\n", "(from \"a\")\n(user \"<<X\")\n(cmd \"z\")\n");
	dumps_as("FROM a\nRUN [\"a\", \"<<X\"]\nCMD z\n",
		"(from \"a\")\n(run \"a\" \"<<X\")\n(cmd \"z\")\n");
	dumps_as("FROM a\nONBUILD RUN <<X\nCMD z\nX\n", "(from \"a\")\n(onbuild (run \"<<X\"))\n");
	dumps_as("FROM a\nRUN <<X\nbody\n", "error 2-2: unterminated heredoc");
	dumps_as("FROM a\nRUN echo $((1<<3))\n", "(from \"a\")\n(run \"echo $((1<<3))\")\n");
}

static void nothing_to_build_is_an_error(void **state)
{
	static const char nul[] = "FROM a\0b\n";
	autodockerfile struct dockerfile file = { 0 };
	struct err err = ERR_INIT;

	dumps_as("", "error 0-0: file with no instructions");
	dumps_as("# only this\n\n", "error 2-2: file with no instructions");
	assert_int_equal(dockerfile_parse("D", nul, sizeof(nul) - 1, &file, &err), -EINVAL);
}

TEST_MAIN(cmocka_unit_test(comments_are_ignored_on_lines_of_their_own),
	cmocka_unit_test(continuations_skip_comments_and_empty_lines),
	cmocka_unit_test(an_empty_continuation_line_warns),
	cmocka_unit_test(directives_stand_at_the_very_top),
	cmocka_unit_test(heredoc_bodies_are_not_touched),
	cmocka_unit_test(only_add_copy_and_run_have_heredocs),
	cmocka_unit_test(nothing_to_build_is_an_error))
