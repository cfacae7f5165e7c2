/* SPDX-License-Identifier: Apache-2.0 */
#include "options/options.h"

#include <errno.h>
#include <string.h>

#include "harness.h"
#include "unit/options/parse_verb.h"

static void create_takes_labels_options_and_one_name_at_most(void **state)
{
	struct volume_create_opts o = { 0 };
	struct err err = ERR_INIT;

	assert_int_equal(PARSE(volume_create, &o, &err, "--label", "a=1", "--label=b", "-o",
				 "type=none", "-d", "local", "data"),
		0);
	assert_string_equal(o.name, "data");
	assert_string_equal(o.driver, "local");
	assert_string_equal(json_str(json_get(o.labels, "a"), NULL), "1");
	assert_string_equal(json_str(json_get(o.labels, "b"), NULL), "");
	assert_string_equal(json_str(json_get(o.options, "type"), NULL), "none");
	volume_create_opts_done(&o);
	assert_int_equal(PARSE(volume_create, &o, &err, NULL), 0);
	assert_null(o.name);
	volume_create_opts_done(&o);
	assert_int_equal(PARSE(volume_create, &o, &err, "a", "b"), -EINVAL);
	assert_string_equal(err.text, "\"sbx volume create\" requires at most 1 argument. See 'sbx "
				      "volume create --help'.");
	assert_int_equal(PARSE(volume_create, &o, &err, "--label", "=x"), -EINVAL);
}

static void lists_removals_and_prunings_are_parsed(void **state)
{
	struct volume_ls_opts l = { 0 };
	struct volume_rm_opts r = { 0 };
	struct prune_opts p = { 0 };
	struct inspect_opts i = { 0 };
	struct err err = ERR_INIT;

	assert_int_equal(
		PARSE(volume_ls, &l, &err, "-q", "-f", "name=a", "--format", "{{.Name}}"), 0);
	assert_true(l.quiet && l.filters.n == 1);
	volume_ls_opts_done(&l);
	assert_int_equal(PARSE(volume_ls, &l, &err, "-f", "name"), -EINVAL);
	assert_int_equal(PARSE(volume_rm, &r, &err, "-f", "a", "b"), 0);
	assert_true(r.force && r.names.n == 2);
	volume_rm_opts_done(&r);
	assert_int_equal(PARSE(volume_rm, &r, &err, NULL), -EINVAL);
	assert_int_equal(PARSE(volume_prune, &p, &err, "-af", "--filter", "label=x"), 0);
	assert_true(p.all && p.force && p.filters.n == 1);
	prune_opts_done(&p);
	assert_int_equal(PARSE(volume_inspect, &i, &err, "-f", "{{.Name}}", "a"), 0);
	assert_string_equal(i.type, "volume");
	inspect_opts_done(&i);
}

TEST_MAIN(cmocka_unit_test(create_takes_labels_options_and_one_name_at_most),
	cmocka_unit_test(lists_removals_and_prunings_are_parsed))
