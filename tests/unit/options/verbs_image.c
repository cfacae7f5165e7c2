/* SPDX-License-Identifier: Apache-2.0 */
#include "options/options.h"

#include <errno.h>
#include <string.h>

#include "harness.h"
#include "unit/options/parse_verb.h"

static void images_takes_one_name_at_most(void **state)
{
	struct images_opts a = { 0 }, b = { 0 };
	struct err err = ERR_INIT;

	assert_int_equal(PARSE(images, &a, &err, "-aq", "--digests", "--no-trunc", "-f",
				 "dangling=true", "redis"),
		0);
	assert_true(a.all && a.quiet && a.digests && a.no_trunc);
	assert_string_equal(a.name, "redis");
	images_opts_done(&a);
	assert_int_equal(PARSE(images, &b, &err, NULL), 0);
	assert_null(b.name);
	images_opts_done(&b);
	assert_int_equal(PARSE(images, &b, &err, "a", "b"), -EINVAL);
	assert_string_equal(
		err.text, "\"sbx images\" requires at most 1 argument. See 'sbx images --help'.");
}

static void pull_takes_exactly_one_image(void **state)
{
	struct pull_opts o = { 0 };
	struct err err = ERR_INIT;

	assert_int_equal(PARSE(pull, &o, &err, "-q", "--platform=linux/arm64", "redis:7"), 0);
	assert_true(o.quiet);
	assert_string_equal(o.platform, "linux/arm64");
	assert_string_equal(o.image, "redis:7");
	pull_opts_done(&o);
	assert_int_equal(PARSE(pull, &o, &err, NULL), -EINVAL);
	assert_int_equal(err.exit, 1);
	assert_int_equal(PARSE(pull, &o, &err, "--platform", "amd64", "redis"), -EINVAL);
}

static void rmi_takes_several_and_tag_exactly_two(void **state)
{
	struct rmi_opts r = { 0 };
	struct tag_opts t = { 0 };
	struct err err = ERR_INIT;

	assert_int_equal(PARSE(rmi, &r, &err, "a", "-f", "b"), 0);
	assert_true(r.force);
	assert_int_equal(r.images.n, 2);
	rmi_opts_done(&r);
	assert_int_equal(PARSE(tag, &t, &err, "a", "b:1"), 0);
	assert_string_equal(t.source, "a");
	assert_string_equal(t.target, "b:1");
	tag_opts_done(&t);
	assert_int_equal(PARSE(tag, &t, &err, "a"), -EINVAL);
	assert_string_equal(err.text, "\"sbx tag\" requires 2 arguments. See 'sbx tag --help'.");
}

static void commit_pauses_unless_one_of_two_flags_says_not(void **state)
{
	static const struct {
		const char *flag;
		bool pause;
	} cases[] = { { "--author=a", true }, { "--pause=false", false }, { "-p", true },
		{ "--no-pause", false }, { "--no-pause=false", true } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct commit_opts o = { 0 };
		struct err err = ERR_INIT;

		assert_int_equal(PARSE(commit, &o, &err, cases[i].flag, "c"), 0);
		assert_int_equal(o.pause, cases[i].pause);
		commit_opts_done(&o);
	}
}

TEST_MAIN(cmocka_unit_test(images_takes_one_name_at_most),
	cmocka_unit_test(pull_takes_exactly_one_image),
	cmocka_unit_test(rmi_takes_several_and_tag_exactly_two),
	cmocka_unit_test(commit_pauses_unless_one_of_two_flags_says_not))
