/* SPDX-License-Identifier: Apache-2.0 */
#include "options/opt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "harness.h"

struct target {
	bool remove, detach, tty;
	char *name;
	struct strv env, publish;
	int64_t last;
};

static int refuse_x(void *target, const char *value, struct err *err)
{
	if (strcmp(value, "x") == 0)
		return err_set(err, -EINVAL, "no x please");
	strv_add(&((struct target *)target)->publish, value);
	return 0;
}

static const struct opt table[] = {
	OPT_FLAG('d', "detach", struct target, detach, "h"),
	OPT_LIST('e', "env", struct target, env, "V", "h"),
	OPT_INT('n', "last", struct target, last, "N", "h"),
	OPT_STRING(0, "name", struct target, name, "NAME", "h"),
	OPT_CALL('p', "publish", refuse_x, "PORT", "h"),
	OPT_ALIAS(0, "port", "publish"),
	OPT_FLAG(0, "rm", struct target, remove, "h"),
	OPT_FLAG('t', "tty", struct target, tty, "h"),
	OPT_FLAG(0, "volumes-from", struct target, tty, "h"),
	OPT_END,
};

struct outcome {
	struct target t;
	struct strv operands;
	struct err err;
	int r;
};

static struct outcome parse_with(const struct opt_spec *spec, char **argv)
{
	struct outcome o = { .t = { .last = -1 } };

	o.r = opt_parse(spec, argv, &o.t, &o.operands, &o.err);
	return o;
}

static void done(struct outcome *o)
{
	free(o->t.name);
	strv_done(&o->t.env);
	strv_done(&o->t.publish);
	strv_done(&o->operands);
}

#define autooutcome __attribute__((cleanup(done)))
#define PARSE(...)                                                                     \
	parse_with(&(struct opt_spec){ "test", table, 0, OPT_UNLIMITED, false, NULL }, \
		(char **)(const char *[]){ "test", __VA_ARGS__, NULL })
#define PARSE_STOP(...)                                                              \
	parse_with(&(struct opt_spec){ "run", table, 1, OPT_UNLIMITED, true, NULL }, \
		(char **)(const char *[]){ "run", __VA_ARGS__, NULL })
#define PARSE_COUNT(min, max, ...)                                           \
	parse_with(&(struct opt_spec){ "rm", table, min, max, false, NULL }, \
		(char **)(const char *[]){ "rm", __VA_ARGS__, NULL })

static void assert_text(const struct outcome *o, const char *text, int exit)
{
	assert_int_equal(o->r, -EINVAL);
	assert_string_equal(o->err.text, text);
	assert_int_equal(o->err.exit, exit);
}

static void long_options_take_their_value_with_or_without_equals(void **state)
{
	autooutcome struct outcome a = PARSE("--name", "x"), b = PARSE("--name=x");
	autooutcome struct outcome c = PARSE("--name="), d = PARSE("--name=a=b");

	assert_string_equal(a.t.name, "x");
	assert_string_equal(b.t.name, "x");
	assert_string_equal(c.t.name, "");
	assert_string_equal(d.t.name, "a=b");
}

static void the_last_string_wins_and_lists_keep_all(void **state)
{
	autooutcome struct outcome a = PARSE("--name", "x", "--name=y", "-e", "A", "-e", "B");

	assert_string_equal(a.t.name, "y");
	assert_int_equal(a.t.env.n, 2);
}

static void short_options_take_their_value_in_all_of_pflags_ways(void **state)
{
	autooutcome struct outcome a = PARSE(
		"-e=A=1", "-eB=2", "-e", "C=3", "-dp", "80:80", "-dtp81");

	assert_int_equal(a.r, 0);
	assert_string_equal(a.t.env.v[0], "A=1");
	assert_string_equal(a.t.env.v[1], "B=2");
	assert_string_equal(a.t.env.v[2], "C=3");
	assert_string_equal(a.t.publish.v[0], "80:80");
	assert_string_equal(a.t.publish.v[1], "81");
	assert_true(a.t.detach);
	assert_true(a.t.tty);
}

static void flags_take_a_value_only_after_equals(void **state)
{
	autooutcome struct outcome a = PARSE("--rm=true", "-d=1"), b = PARSE("--rm", "--rm=false");
	autooutcome struct outcome c = PARSE("--rm", "false"), d = PARSE("--rm=x");

	assert_true(a.t.remove);
	assert_true(a.t.detach);
	assert_false(b.t.remove);
	assert_true(c.t.remove);
	assert_string_equal(c.operands.v[0], "false");
	assert_text(&d,
		"invalid argument \"x\" for \"--rm\" flag: strconv.ParseBool: parsing \"x\": invalid "
		"syntax",
		125);
}

static void options_may_follow_operands_until_two_dashes(void **state)
{
	autooutcome struct outcome a = PARSE("c1", "-d", "c2", "--", "-t", "--");

	assert_true(a.t.detach);
	assert_false(a.t.tty);
	assert_int_equal(a.operands.n, 4);
	assert_string_equal(a.operands.v[2], "-t");
	assert_string_equal(a.operands.v[3], "--");
}

static void options_end_at_the_first_operand_of_run(void **state)
{
	autooutcome struct outcome a = PARSE_STOP("-d", "image", "echo", "--name", "b", "--");
	autooutcome struct outcome b = PARSE_STOP("--", "image", "-d");

	assert_true(a.t.detach);
	assert_null(a.t.name);
	assert_int_equal(a.operands.n, 5);
	assert_false(b.t.detach);
	assert_int_equal(b.operands.n, 2);
}

static void a_lone_dash_is_an_operand(void **state)
{
	autooutcome struct outcome a = PARSE("-", "-d");

	assert_string_equal(a.operands.v[0], "-");
	assert_true(a.t.detach);
}

static void abbreviations_are_refused_with_a_suggestion(void **state)
{
	autooutcome struct outcome a = PARSE("--nam", "x"), b = PARSE("--volumnes-from=c");
	autooutcome struct outcome c = PARSE("--xyzzy");

	assert_text(&a, "unknown flag: --nam (did you mean --name?). See 'sbx test --help'.", 125);
	assert_text(&b,
		"unknown flag: --volumnes-from (did you mean --volumes-from?). See 'sbx test "
		"--help'.",
		125);
	assert_text(&c, "unknown flag: --xyzzy. See 'sbx test --help'.", 125);
}

static void unknown_letters_name_the_word_they_stand_in(void **state)
{
	autooutcome struct outcome a = PARSE("-dxyz");

	assert_text(&a, "unknown shorthand flag: 'x' in -xyz. See 'sbx test --help'.", 125);
}

static void a_missing_value_is_an_error(void **state)
{
	autooutcome struct outcome a = PARSE("--name"), b = PARSE("-de");

	assert_text(&a, "flag needs an argument: --name. See 'sbx test --help'.", 125);
	assert_text(&b, "flag needs an argument: 'e' in -e. See 'sbx test --help'.", 125);
}

static void bad_syntax_is_an_error(void **state)
{
	autooutcome struct outcome a = PARSE("---name"), b = PARSE("--=x");

	assert_text(&a, "bad flag syntax: ---name. See 'sbx test --help'.", 125);
	assert_text(&b, "bad flag syntax: --=x. See 'sbx test --help'.", 125);
}

static void numbers_are_plain_decimals(void **state)
{
	autooutcome struct outcome a = PARSE("-n", "-5"), b = PARSE("-n", "1x"),
				   c = PARSE("-n", " 1");
	autooutcome struct outcome d = PARSE("-n99999999999999999999"), e = PARSE("-n", "");

	assert_int_equal(a.t.last, -5);
	assert_text(&b,
		"invalid argument \"1x\" for \"-n, --last\" flag: strconv.ParseInt: parsing \"1x\": "
		"invalid syntax",
		125);
	assert_int_equal(c.r, -EINVAL);
	assert_int_equal(d.r, -EINVAL);
	assert_int_equal(e.r, -EINVAL);
}

static void a_function_can_refuse_a_value(void **state)
{
	autooutcome struct outcome a = PARSE("-p", "x"), b = PARSE("--port", "y");

	assert_text(&a, "invalid argument \"x\" for \"-p, --publish\" flag: no x please", 125);
	assert_string_equal(b.t.publish.v[0], "y");
}

static void wrong_operand_counts_are_exit_status_one(void **state)
{
	autooutcome struct outcome a = PARSE_COUNT(1, OPT_UNLIMITED, NULL);
	autooutcome struct outcome b = PARSE_COUNT(2, 2, "a"), c = PARSE_COUNT(0, 0, "a");
	autooutcome struct outcome d = PARSE_COUNT(0, 1, "a", "b"), e = PARSE_COUNT(2, -1, "a");

	assert_text(&a, "\"sbx rm\" requires at least 1 argument. See 'sbx rm --help'.", 1);
	assert_text(&b, "\"sbx rm\" requires 2 arguments. See 'sbx rm --help'.", 1);
	assert_text(&c, "\"sbx rm\" accepts no arguments. See 'sbx rm --help'.", 1);
	assert_text(&d, "\"sbx rm\" requires at most 1 argument. See 'sbx rm --help'.", 1);
	assert_text(&e, "\"sbx rm\" requires at least 2 arguments. See 'sbx rm --help'.", 1);
}

static void help_is_answered_before_what_follows_is_judged(void **state)
{
	autooutcome struct outcome a = PARSE("--help", "--bogus"), b = PARSE("--bogus", "--help");
	autooutcome struct outcome c = PARSE("-dh"), d = PARSE_STOP("image", "--help");

	assert_int_equal(a.r, OPT_HELP);
	assert_int_equal(b.r, -EINVAL);
	assert_int_equal(c.r, OPT_HELP);
	assert_int_equal(d.r, 0);
}

static void a_dry_look_stores_and_judges_nothing(void **state)
{
	struct strv operands = STRV_INIT;
	struct err err = ERR_INIT;
	const char *argv[] = { "rm", "-p", "x", "--rm=maybe", NULL };
	const struct opt_spec spec = { "rm", table, 3, 3, false, NULL };

	assert_int_equal(opt_parse(&spec, (char **)argv, NULL, &operands, &err), 0);
	strv_done(&operands);
}

static void distance_counts_edits_and_swaps(void **state)
{
	assert_int_equal(opt_distance("", ""), 0);
	assert_int_equal(opt_distance("abc", ""), 3);
	assert_int_equal(opt_distance("", "abc"), 3);
	assert_int_equal(opt_distance("abcd", "abdc"), 1);
	assert_int_equal(opt_distance("kitten", "sitting"), 3);
	assert_int_equal(opt_distance("volumnes-from", "volumes-from"), 1);
}

TEST_MAIN(cmocka_unit_test(long_options_take_their_value_with_or_without_equals),
	cmocka_unit_test(the_last_string_wins_and_lists_keep_all),
	cmocka_unit_test(short_options_take_their_value_in_all_of_pflags_ways),
	cmocka_unit_test(flags_take_a_value_only_after_equals),
	cmocka_unit_test(options_may_follow_operands_until_two_dashes),
	cmocka_unit_test(options_end_at_the_first_operand_of_run),
	cmocka_unit_test(a_lone_dash_is_an_operand),
	cmocka_unit_test(abbreviations_are_refused_with_a_suggestion),
	cmocka_unit_test(unknown_letters_name_the_word_they_stand_in),
	cmocka_unit_test(a_missing_value_is_an_error), cmocka_unit_test(bad_syntax_is_an_error),
	cmocka_unit_test(numbers_are_plain_decimals),
	cmocka_unit_test(a_function_can_refuse_a_value),
	cmocka_unit_test(wrong_operand_counts_are_exit_status_one),
	cmocka_unit_test(help_is_answered_before_what_follows_is_judged),
	cmocka_unit_test(a_dry_look_stores_and_judges_nothing),
	cmocka_unit_test(distance_counts_edits_and_swaps))
