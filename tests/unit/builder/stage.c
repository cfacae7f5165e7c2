/* SPDX-License-Identifier: Apache-2.0 */
#include "builder/stage.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/own.h"
#include "harness.h"

static int plan(const char *text, const struct stage_options *options, struct dockerfile *file,
	struct stages *ret, struct err *err)
{
	int r = dockerfile_parse("D", text, strlen(text), file, err);

	return r < 0 ? r : stages_plan(file, options, ret, err);
}

/* "index:kind:name " of the stages that are needed. */
static void needs(const char *text, const char *target, const char *want)
{
	static const char kinds[] = { 'i', '0', 's', 'c' };
	autodockerfile struct dockerfile file = { 0 };
	autostages struct stages stages = { 0 };
	struct stage_options options = { .target = target };
	struct err err = ERR_INIT;
	autobuf struct buf got = BUF_INIT;

	if (plan(text, &options, &file, &stages, &err) < 0)
		buf_addf(&got, "%u: %s", file.fault.first, err.text);
	for (size_t i = 0; !err.code && i < stages.n; i++)
		if (stages.all[i].needed)
			buf_addf(&got, "%zu:%c:%s ", i, kinds[stages.all[i].base.kind],
				stages.all[i].base.name);
	assert_string_equal(got.data, want);
}

static void unused_stages_are_left_out(void **state)
{
	static const char text[] = "FROM a AS one\nFROM b AS two\nFROM one AS three\nRUN x\n"
				   "FROM scratch\nCOPY --from=Three x y\n";

	needs(text, NULL, "0:i:a 2:s:one 3:0:scratch ");
	needs(text, "two", "1:i:b ");
	needs(text, "1", "1:i:b ");
	needs(text, "thrree",
		"0: target stage \"thrree\" could not be found (did you mean three?)");
}

static void sources_may_be_indexes_images_and_mounts(void **state)
{
	needs("FROM a\nFROM b\nCOPY --from=0 x y\n", NULL, "0:i:a 1:i:b ");
	needs("FROM a\nFROM b AS m\nFROM c\nRUN --mount=from=m,target=/m true\nCOPY --from=busybox x y\n",
		NULL, "1:i:b 2:i:c ");
	needs("FROM a\nCOPY --from=1 x y\n", NULL,
		"2: invalid stage index 1: there is no such stage above");
	needs("FROM a AS me\nCOPY --from=me x y\n", NULL,
		"2: circular dependency detected on stage: me");
}

static void a_name_means_the_stage_above_it(void **state)
{
	needs("FROM alpine AS alpine\nFROM alpine\n", NULL, "0:i:alpine 1:s:alpine ");
	needs("FROM later\nFROM x AS later\n", "0", "0:i:later ");
}

static void from_sees_global_arguments_only(void **state)
{
	autostrv struct strv args = STRV_INIT, platform = STRV_INIT, contexts = STRV_INIT;
	struct stage_options options = {
		.build_args = &args, .platform_args = &platform, .contexts = &contexts
	};
	autodockerfile struct dockerfile file = { 0 };
	autostages struct stages stages = { 0 };
	struct err err = ERR_INIT;

	strv_add(&args, "TAG=9");
	strv_add(&platform, "TARGETARCH=amd64");
	strv_add(&contexts, "src");
	assert_int_equal(
		plan("ARG TAG=${NO:?never read} IMG=base-$TARGETARCH\nFROM --platform=linux/$TARGETARCH "
		     "$IMG:${TAG}\nENV X=1\nFROM src\n",
			&options, &file, &stages, &err),
		0);
	assert_string_equal(stages.all[0].base.name, "base-amd64:9");
	assert_string_equal(stages.all[0].platform, "linux/amd64");
	assert_int_equal(stages.all[1].base.kind, BASE_CONTEXT);
	needs("ARG A\nFROM $A\n", NULL,
		"2: base name ($A) should not be blank: an ARG used by FROM must stand above the "
		"first FROM and have a value");
}

static void what_stands_before_from_is_an_error(void **state)
{
	needs("RUN x\nFROM a\n", NULL, "1: no build stage in current context");
	needs("ARG X=1\n", NULL, "1: dockerfile contains no stages to build");
	needs("FROM a\nRUM x\n", NULL, "2: unknown instruction: RUM (did you mean RUN?)");
}

static void triggers_come_first(void **state)
{
	autodockerfile struct dockerfile file = { 0 };
	autostages struct stages stages = { 0 };
	autostrv struct strv triggers = STRV_INIT, bad = STRV_INIT;
	struct stage_options options = { 0 };
	struct err err = ERR_INIT;

	assert_int_equal(plan("FROM a\nCMD z\n", &options, &file, &stages, &err), 0);
	strv_add(&triggers, "RUN <<E\nx\nE");
	strv_add(&triggers, "COPY . /app");
	strv_add(&bad, "ONBUILD RUN x");
	assert_int_equal(stage_add_triggers(&stages.all[0], &bad, '\\', &err), -EINVAL);
	assert_int_equal(stage_add_triggers(&stages.all[0], &triggers, '\\', &err), 0);
	assert_int_equal(stages.all[0].n_steps, 3);
	assert_int_equal(stages.all[0].steps[0].kind, INS_RUN);
	assert_int_equal(stages.all[0].steps[0].n_heredocs, 1);
	assert_int_equal(stages.all[0].steps[1].kind, INS_COPY);
	assert_int_equal(stages.all[0].steps[2].kind, INS_CMD);
}

TEST_MAIN(cmocka_unit_test(unused_stages_are_left_out),
	cmocka_unit_test(sources_may_be_indexes_images_and_mounts),
	cmocka_unit_test(a_name_means_the_stage_above_it),
	cmocka_unit_test(from_sees_global_arguments_only),
	cmocka_unit_test(what_stands_before_from_is_an_error),
	cmocka_unit_test(triggers_come_first))
