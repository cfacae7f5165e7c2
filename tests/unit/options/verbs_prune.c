/* SPDX-License-Identifier: Apache-2.0 */
#include "options/options.h"

#include <errno.h>
#include <string.h>

#include "harness.h"
#include "unit/options/parse_verb.h"

static void each_prune_has_its_own_flags(void **state)
{
	struct prune_opts o = { 0 };
	struct format_opts f = { 0 };
	struct err err = ERR_INIT;

	assert_int_equal(PARSE(container_prune, &o, &err, "-f", "--filter", "until=1h"), 0);
	assert_true(o.force && o.filters.n == 1);
	prune_opts_done(&o);
	assert_int_equal(PARSE(container_prune, &o, &err, "-a"), -EINVAL);
	assert_int_equal(PARSE(image_prune, &o, &err, "-af"), 0);
	assert_true(o.all && o.force);
	prune_opts_done(&o);
	assert_int_equal(PARSE(system_prune, &o, &err, "-af", "--volumes"), 0);
	assert_true(o.volumes);
	prune_opts_done(&o);
	assert_int_equal(PARSE(system_prune, &o, &err, "extra"), -EINVAL);
	assert_int_equal(PARSE(system_df, &f, &err, "--format", "json"), 0);
	assert_string_equal(f.format, "json");
	format_opts_done(&f);
}

TEST_MAIN(cmocka_unit_test(each_prune_has_its_own_flags))
