/* SPDX-License-Identifier: Apache-2.0 */
#include "options/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "harness.h"
#include "unit/options/parse_verb.h"

static void ps_knows_its_flags(void **state)
{
	struct ps_opts a = { 0 }, b = { 0 }, c = { 0 };
	struct err err = ERR_INIT;

	assert_int_equal(PARSE(ps, &a, &err, NULL), 0);
	assert_int_equal(a.last, -1);
	assert_int_equal(PARSE(ps, &b, &err, "-aq", "--no-trunc", "-n", "3", "-f", "name=x",
				 "--format", "json"),
		0);
	assert_true(b.all && b.quiet && b.no_trunc);
	assert_int_equal(b.last, 3);
	assert_string_equal(b.filters.v[0], "name=x");
	assert_string_equal(b.format, "json");
	assert_int_equal(PARSE(ps, &c, &err, "x"), -EINVAL);
	assert_int_equal(err.exit, 1);
	assert_int_equal(PARSE(ps, &c, &err, "-f", "name"), -EINVAL);
	assert_int_equal(err.exit, 125);
	ps_opts_done(&a);
	ps_opts_done(&b);
}

static void logs_takes_times_and_line_counts(void **state)
{
	struct logs_opts a = { 0 }, b = { 0 }, c = { 0 };
	struct err err = ERR_INIT;

	assert_int_equal(PARSE(logs, &a, &err, "c1"), 0);
	assert_int_equal(a.tail, -1);
	assert_true(a.since == INT64_MIN && a.until == INT64_MAX);
	assert_int_equal(
		PARSE(logs, &b, &err, "c1", "-ft", "-n", "5", "--since", "1.5", "--until=2"), 0);
	assert_true(b.follow && b.timestamps);
	assert_int_equal(b.tail, 5);
	assert_int_equal(b.since, 1500000000);
	assert_int_equal(b.until, 2000000000);
	assert_int_equal(PARSE(logs, &c, &err, "--tail", "all", "c1"), 0);
	assert_int_equal(c.tail, -1);
	logs_opts_done(&a);
	logs_opts_done(&b);
	logs_opts_done(&c);
	assert_int_equal(PARSE(logs, &c, &err, "--since", "yesterday", "c1"), -EINVAL);
	assert_int_equal(PARSE(logs, &c, &err, "-n", "x", "c1"), -EINVAL);
	assert_int_equal(PARSE(logs, &c, &err, NULL), -EINVAL);
	assert_string_equal(err.text, "\"sbx logs\" requires 1 argument. See 'sbx logs --help'.");
}

static void exec_leaves_the_commands_options_alone(void **state)
{
	struct exec_opts a = { 0 }, b = { 0 };
	struct err err = ERR_INIT;

	assert_int_equal(PARSE(exec, &a, &err, "-ite", "A=1", "-w", "/x", "-u", "0:0", "c1", "ls",
				 "-l", "--", "-e"),
		0);
	assert_true(a.interactive && a.tty && !a.detach);
	assert_string_equal(a.env.v[0], "A=1");
	assert_string_equal(a.workdir, "/x");
	assert_string_equal(a.user, "0:0");
	assert_string_equal(a.container, "c1");
	assert_int_equal(a.command.n, 4);
	exec_opts_done(&a);
	assert_int_equal(PARSE(exec, &b, &err, "c1"), -EINVAL);
	assert_string_equal(
		err.text, "\"sbx exec\" requires at least 2 arguments. See 'sbx exec --help'.");
	assert_int_equal(PARSE(exec, &b, &err, "-w", "x", "c1", "ls"), -EINVAL);
	assert_int_equal(PARSE(exec, &b, &err, "-u", "0", "-e", "=", "c1", "ls"), -EINVAL);
}

/* acceptance rows 35, 47: flags may follow, several operands */
static void rm_takes_flags_after_operands(void **state)
{
	struct rm_opts o = { 0 };
	struct err err = ERR_INIT;

	assert_int_equal(PARSE(rm, &o, &err, "c1", "-f", "c2", "-v"), 0);
	assert_true(o.force && o.volumes);
	assert_int_equal(o.containers.n, 2);
	rm_opts_done(&o);
	assert_int_equal(PARSE(rm, &o, &err, "-f"), -EINVAL);
	assert_int_equal(err.exit, 1);
}

/* acceptance rows 36, 39 */
static void stop_and_kill_judge_signals_and_seconds(void **state)
{
	struct stop_opts a = { 0 }, b = { 0 }, c = { 0 };
	struct kill_opts k = { 0 };
	struct err err = ERR_INIT;

	assert_int_equal(PARSE(stop, &a, &err, "c1"), 0);
	assert_int_equal(a.timeout, -1);
	assert_null(a.signal);
	assert_int_equal(PARSE(stop, &b, &err, "-t", "1", "-s", "INT", "c1"), 0);
	assert_int_equal(b.timeout, 1);
	assert_string_equal(b.signal, "INT");
	assert_int_equal(PARSE(stop, &c, &err, "--time", "-1", "c1"), 0);
	assert_true(c.timeout == INT64_MAX);
	stop_opts_done(&a);
	stop_opts_done(&b);
	stop_opts_done(&c);
	assert_int_equal(PARSE(stop, &a, &err, "-t", "999999999999", "c1"), -ERANGE);
	err = (struct err)ERR_INIT;
	assert_int_equal(PARSE(kill, &k, &err, "-s", "NOPE", "c1"), -EINVAL);
	assert_int_equal(err.exit, 1);
	assert_int_equal(PARSE(kill, &k, &err, "-s", "HUP", "c1"), 0);
	assert_string_equal(k.signal, "HUP");
	kill_opts_done(&k);
}

static void start_attaches_to_one_container_only(void **state)
{
	struct start_opts o = { 0 };
	struct err err = ERR_INIT;

	assert_int_equal(PARSE(start, &o, &err, "-ai", "c1"), 0);
	assert_true(o.attach && o.interactive);
	start_opts_done(&o);
	assert_int_equal(PARSE(start, &o, &err, "c1", "c2"), 0);
	start_opts_done(&o);
	assert_int_equal(PARSE(start, &o, &err, "-a", "c1", "c2"), -EINVAL);
}

static void inspect_knows_two_types(void **state)
{
	struct inspect_opts o = { 0 };
	struct err err = ERR_INIT;

	assert_int_equal(
		PARSE(inspect, &o, &err, "-sf", "{{.Id}}", "--type", "image", "a", "b"), 0);
	assert_string_equal(o.format, "{{.Id}}");
	assert_string_equal(o.type, "image");
	assert_true(o.size);
	assert_int_equal(o.names.n, 2);
	inspect_opts_done(&o);
	assert_int_equal(PARSE(inspect, &o, &err, "--type", "task", "a"), -EINVAL);
}

static void wait_info_and_version_parse(void **state)
{
	struct wait_opts w = { 0 };
	struct format_opts i = { 0 }, v = { 0 };
	struct err err = ERR_INIT;

	assert_int_equal(PARSE(wait, &w, &err, "a", "b"), 0);
	assert_int_equal(w.containers.n, 2);
	assert_int_equal(PARSE(info, &i, &err, "-f", "json"), 0);
	assert_string_equal(i.format, "json");
	assert_int_equal(PARSE(version, &v, &err, NULL), 0);
	assert_null(v.format);
	wait_opts_done(&w);
	format_opts_done(&i);
	format_opts_done(&v);
}

TEST_MAIN(cmocka_unit_test(ps_knows_its_flags), cmocka_unit_test(logs_takes_times_and_line_counts),
	cmocka_unit_test(exec_leaves_the_commands_options_alone),
	cmocka_unit_test(rm_takes_flags_after_operands),
	cmocka_unit_test(stop_and_kill_judge_signals_and_seconds),
	cmocka_unit_test(start_attaches_to_one_container_only),
	cmocka_unit_test(inspect_knows_two_types), cmocka_unit_test(wait_info_and_version_parse))
