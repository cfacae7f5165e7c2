/* SPDX-License-Identifier: Apache-2.0 */
#include "builder/instruction.h"

#include <errno.h>
#include <string.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "harness.h"

static struct instruction good(const char *text)
{
	autodockerfile struct dockerfile file = { 0 };
	struct instruction in = { 0 };
	struct err err = ERR_INIT;

	assert_int_equal(dockerfile_parse("D", text, strlen(text), &file, &err), 0);
	if (instruction_parse(&file.nodes[0], &in, &err) < 0)
		fail_msg("%s: %s", text, err.text);
	return in;
}

static void refused(const char *text, const char *why)
{
	autodockerfile struct dockerfile file = { 0 };
	struct instruction in;
	struct err err = ERR_INIT;

	assert_int_equal(dockerfile_parse("D", text, strlen(text), &file, &err), 0);
	assert_int_equal(instruction_parse(&file.nodes[0], &in, &err), -EINVAL);
	assert_string_equal(err.text, why);
}

static void a_misspelt_instruction_gets_the_nearest_name(void **state)
{
	refused("FORM alpine", "unknown instruction: FORM (did you mean FROM?)");
	refused("rum echo", "unknown instruction: rum (did you mean RUN?)");
	refused("BANANA x", "unknown instruction: BANANA");
	refused("COPY --form=x a b", "unknown flag: --form (did you mean from?)");
}

static void from_has_a_name_and_a_platform(void **state)
{
	autoinstruction struct instruction in = good("FROM --platform=$P a:1 As BUILD");

	assert_string_equal(in.stage_name, "build");
	assert_string_equal(in.platform, "$P");
	assert_string_equal(in.args.v[0], "a:1");
	refused("FROM a b", "FROM requires either one or three arguments");
	refused("FROM a AS 1x",
		"invalid name for build stage: \"1x\", name can't start with a number "
		"or contain symbols");
}

static void copy_reads_flags_sources_and_inline_files(void **state)
{
	autoinstruction struct instruction in = good(
		"COPY --link --exclude=*.o --exclude=x --chown=1:2 a <<-F b/ /d/\n\tone\nF\n");

	assert_true(in.copy.link);
	assert_int_equal(in.copy.excludes.n, 2);
	assert_int_equal(in.copy.sources.n, 2);
	assert_string_equal(in.copy.sources.v[1], "b/");
	assert_string_equal(in.copy.dest, "/d/");
	assert_int_equal(in.copy.n_inlines, 1);
	assert_string_equal(in.copy.inlines[0].name, "F");
	assert_string_equal(in.copy.inlines[0].data, "one\n");
	refused("COPY a", "COPY requires at least two arguments, but only one was provided. "
			  "Destination could not be determined");
	refused("COPY --link=maybe a b", "expecting boolean value for flag --link, not: maybe");
	refused("COPY --from=a --from=b x y", "duplicate flag specified: --from");
	refused("COPY --checksum=x a b", "unknown flag: --checksum");
}

static void run_reads_its_flags(void **state)
{
	autoinstruction struct instruction in = good(
		"RUN --network=none --mount=type=bind,from=base,target=/x make");

	assert_int_equal(in.run.network, RUN_NETWORK_NONE);
	assert_string_equal(in.run.mounts[0].from, "base");
	assert_false(in.exec_form);
	refused("RUN --network=lan x", "invalid network mode \"lan\"");
	refused("RUN --security=off x", "security \"off\" is not valid");
	refused("RUN --mount=from=$X,target=/x y",
		"'from' doesn't support variable expansion, define alias stage instead");
	refused("RUN", "RUN requires at least one argument");
}

static void health_checks_are_read(void **state)
{
	autoinstruction struct instruction in = good(
		"HEALTHCHECK --interval=1m30s --retries=4 CMD curl -f x || exit 1");

	assert_int_equal(in.health.kind, HEALTH_SHELL);
	assert_int_equal(in.health.interval, 90000000000LL);
	assert_int_equal(in.health.retries, 4);
	assert_int_equal(in.args.n, 1);
	assert_string_equal(in.args.v[0], "curl -f x || exit 1");
	refused("HEALTHCHECK NONE x", "HEALTHCHECK NONE takes no arguments");
	refused("HEALTHCHECK TRY x", "Unknown type \"TRY\" in HEALTHCHECK (try CMD)");
	refused("HEALTHCHECK --interval=1us CMD x",
		"Interval \"interval\" cannot be less than 1ms");
	refused("HEALTHCHECK --retries=-1 CMD x", "--retries cannot be negative (-1)");
}

static void onbuild_keeps_its_text(void **state)
{
	autoinstruction struct instruction in = good("onbuild   RUN <<E\nx\nE\n");

	assert_string_equal(in.args.v[0], "RUN <<E\nx\nE");
	refused("ONBUILD ONBUILD RUN x", "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
	refused("ONBUILD FROM x", "FROM isn't allowed as an ONBUILD trigger");
	refused("ONBUILD", "ONBUILD requires at least one argument");
}

static void the_small_ones_count_their_words(void **state)
{
	autoinstruction struct instruction volume = good("VOLUME /a /b"), arg = good("ARG A=1 B");

	assert_int_equal(volume.args.n, 2);
	assert_int_equal(arg.n_pairs, 2);
	assert_string_equal(arg.pairs[0].value, "1");
	assert_null(arg.pairs[1].value);
	refused("WORKDIR", "WORKDIR requires exactly one argument");
	refused("EXPOSE", "EXPOSE requires at least one argument");
	refused("VOLUME [\"\"]", "VOLUME specified can not be an empty string");
	refused("SHELL /bin/bash -c", "SHELL requires the arguments to be in JSON form, such as "
				      "SHELL [\"/bin/sh\", \"-c\"]");
	refused("ARG =x", "ARG names can not be blank");
	refused("CMD [\"a\\u0000b\"]", "an argument holds a NUL character");
}

TEST_MAIN(cmocka_unit_test(a_misspelt_instruction_gets_the_nearest_name),
	cmocka_unit_test(from_has_a_name_and_a_platform),
	cmocka_unit_test(copy_reads_flags_sources_and_inline_files),
	cmocka_unit_test(run_reads_its_flags), cmocka_unit_test(health_checks_are_read),
	cmocka_unit_test(onbuild_keeps_its_text),
	cmocka_unit_test(the_small_ones_count_their_words))
