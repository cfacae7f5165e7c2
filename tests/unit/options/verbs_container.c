/* SPDX-License-Identifier: Apache-2.0 */
#include "options/options.h"

#include <errno.h>
#include <string.h>

#include "harness.h"
#include "unit/options/parse_verb.h"

static void what_follows_the_container_of_top_is_for_ps(void **state)
{
	struct top_opts o = { 0 };
	struct err err = ERR_INIT;

	assert_int_equal(PARSE(top, &o, &err, "c1", "-eo", "pid,args", "--help"), 0);
	assert_string_equal(o.container, "c1");
	assert_int_equal(o.args.n, 3);
	assert_string_equal(o.args.v[0], "-eo");
	top_opts_done(&o);
	assert_int_equal(PARSE(top, &o, &err, "-eo", "c1"), -EINVAL);
}

static void port_and_rename_count_their_operands(void **state)
{
	struct port_opts p = { 0 };
	struct rename_opts r = { 0 };
	struct err err = ERR_INIT;

	assert_int_equal(PARSE(port, &p, &err, "c1", "80/udp"), 0);
	assert_string_equal(p.port, "80/udp");
	port_opts_done(&p);
	assert_int_equal(PARSE(port, &p, &err, "c1"), 0);
	assert_null(p.port);
	port_opts_done(&p);
	assert_int_equal(PARSE(rename, &r, &err, "old", "new"), 0);
	assert_string_equal(r.name, "new");
	rename_opts_done(&r);
	assert_int_equal(PARSE(rename, &r, &err, "old"), -EINVAL);
	assert_string_equal(
		err.text, "\"sbx rename\" requires 2 arguments. See 'sbx rename --help'.");
}

static void cp_takes_two_operands_and_a_dash_is_one(void **state)
{
	struct cp_opts o = { 0 };
	struct err err = ERR_INIT;

	assert_int_equal(PARSE(cp, &o, &err, "-aLq", "-", "c1:/x"), 0);
	assert_true(o.archive && o.follow_link && o.quiet);
	assert_string_equal(o.source, "-");
	assert_string_equal(o.target, "c1:/x");
	cp_opts_done(&o);
	assert_int_equal(PARSE(cp, &o, &err, "c1:/x"), -EINVAL);
}

TEST_MAIN(cmocka_unit_test(cp_takes_two_operands_and_a_dash_is_one),
	cmocka_unit_test(what_follows_the_container_of_top_is_for_ps),
	cmocka_unit_test(port_and_rename_count_their_operands))
