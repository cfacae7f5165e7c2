/* SPDX-License-Identifier: Apache-2.0 */
#include "options/options.h"

#include <errno.h>
#include <string.h>

#include "harness.h"
#include "unit/options/parse_verb.h"

static void create_takes_addresses_labels_options_and_one_name(void **state)
{
	struct network_create_opts o = { 0 };
	struct err err = ERR_INIT;

	assert_int_equal(
		PARSE(network_create, &o, &err, "--subnet", "10.9.0.0/24", "--gateway=10.9.0.1",
			"--ip-range", "10.9.0.128/25", "--internal", "--label", "a=1", "-o",
			"com.docker.network.driver.mtu=1400", "-d", "bridge", "backend"),
		0);
	assert_string_equal(o.name, "backend");
	assert_string_equal(o.subnet, "10.9.0.0/24");
	assert_string_equal(o.gateway, "10.9.0.1");
	assert_string_equal(o.ip_range, "10.9.0.128/25");
	assert_true(o.internal);
	assert_string_equal(json_str(json_get(o.labels, "a"), NULL), "1");
	network_create_opts_done(&o);
	assert_int_equal(PARSE(network_create, &o, &err, NULL), -EINVAL);
	assert_int_equal(PARSE(network_create, &o, &err, "--label", "=x", "n"), -EINVAL);
}

static void lists_removals_and_prunings_are_parsed(void **state)
{
	struct network_ls_opts l = { 0 };
	struct network_rm_opts r = { 0 };
	struct prune_opts p = { 0 };
	struct inspect_opts i = { 0 };
	struct err err = ERR_INIT;

	assert_int_equal(PARSE(network_ls, &l, &err, "-q", "--no-trunc", "-f", "name=a"), 0);
	assert_true(l.quiet && l.no_trunc && l.filters.n == 1);
	network_ls_opts_done(&l);
	assert_int_equal(PARSE(network_ls, &l, &err, "-f", "name"), -EINVAL);
	assert_int_equal(PARSE(network_rm, &r, &err, "-f", "a", "b"), 0);
	assert_true(r.force && r.names.n == 2);
	network_rm_opts_done(&r);
	assert_int_equal(PARSE(network_prune, &p, &err, "-f", "--filter", "label=x"), 0);
	assert_true(p.force && p.filters.n == 1);
	prune_opts_done(&p);
	assert_int_equal(PARSE(network_inspect, &i, &err, "-f", "{{.Id}}", "a"), 0);
	assert_string_equal(i.type, "network");
	inspect_opts_done(&i);
}

TEST_MAIN(cmocka_unit_test(create_takes_addresses_labels_options_and_one_name),
	cmocka_unit_test(lists_removals_and_prunings_are_parsed))
