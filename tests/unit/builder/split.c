/* SPDX-License-Identifier: Apache-2.0 */
#include "builder/split.h"

#include <string.h>

#include "base/own.h"
#include "harness.h"

/* keyword|flag,flag|arg,arg */
static void splits_as(const char *line, const char *want)
{
	struct node node = { 0 };
	struct err err = ERR_INIT;
	autobuf struct buf out = BUF_INIT;

	if (split_line(line, '\\', &node, &err) < 0) {
		buf_adds(&out, err.text);
	} else {
		buf_addf(&out, "%s|", node.keyword);
		strv_each (flag, &node.flags)
			buf_addf(&out, "%s,", *flag);
		buf_addc(&out, '|');
		strv_each (arg, &node.args)
			buf_addf(&out, "%s,", *arg);
	}
	node_done(&node);
	assert_string_equal(out.data, want);
}

static void pairs_come_in_two_forms(void **state)
{
	splits_as("ENV MYPATH /home/gtl", "ENV||MYPATH,/home/gtl,,");
	splits_as("ENV  GOROOT  /usr/local/go x ", "ENV||GOROOT,/usr/local/go x,,");
	splits_as("ENV A=1 B=\"two words\" C=\\ x", "ENV||A,1,=,B,\"two words\",=,C,\\ x,=,");
	splits_as("LABEL only", "LABEL must have two arguments");
	splits_as("ENV A=1 B",
		"Syntax error - can't find = in \"B\". Must be of the form: name=value");
}

static void exec_form_is_valid_json_or_it_is_a_shell_line(void **state)
{
	splits_as("CMD [\"a\", \"b c\"]", "CMD||a,b c,");
	splits_as("CMD ['a']", "CMD||['a'],");
	splits_as("CMD [\"a\",", "CMD||[\"a\",,");
	splits_as("CMD []", "CMD||");
	splits_as("CMD [\"a\", 1]",
		"when using JSON array syntax, arrays must be comprised of strings only");
	splits_as("COPY [\"a b\", \"/c\"]", "COPY||a b,/c,");
	splits_as("CMD [\"\\u0000\"]", "CMD||" DOCKERFILE_NUL ",");
}

static void flags_come_first(void **state)
{
	splits_as("COPY --from=x --chown=\"a b\" src dst", "COPY|--from=x,--chown=a b,|src,dst,");
	splits_as("COPY -- --odd dst", "COPY||--odd,dst,");
	splits_as("RUN --mount=type=tmpfs,target=/x echo --not",
		"RUN|--mount=type=tmpfs,target=/x,|echo --not,");
	splits_as("CMD --only", "CMD|--only,|");
}

static void health_has_a_type_before_its_command(void **state)
{
	splits_as("HEALTHCHECK --interval=5s CMD [\"a\"]", "HEALTHCHECK|--interval=5s,|CMD,a,");
	splits_as("HEALTHCHECK NONE", "HEALTHCHECK||NONE,");
}

static void deep_onbuild_ends(void **state)
{
	splits_as(
		"ONBUILD ONBUILD ONBUILD ONBUILD ONBUILD ONBUILD ONBUILD ONBUILD ONBUILD ONBUILD RUN x",
		"Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
}

TEST_MAIN(cmocka_unit_test(pairs_come_in_two_forms),
	cmocka_unit_test(exec_form_is_valid_json_or_it_is_a_shell_line),
	cmocka_unit_test(flags_come_first), cmocka_unit_test(health_has_a_type_before_its_command),
	cmocka_unit_test(deep_onbuild_ends))
