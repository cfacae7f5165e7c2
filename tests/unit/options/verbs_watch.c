/* SPDX-License-Identifier: Apache-2.0 */
#include "options/options.h"

#include <errno.h>
#include <string.h>

#include "harness.h"

#define ARGV(...) ((char **)(const char *[]){ __VA_ARGS__, NULL })

static void events_are_new_ones_for_ever_unless_told(void **state)
{
	struct events_opts o = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(events_opts_parse(1, ARGV("events"), &o, &err), 0);
	assert_true(o.since == INT64_MAX && o.until == INT64_MAX && !o.format);
	events_opts_done(&o);
	assert_int_equal(
		events_opts_parse(
			7, ARGV("events", "--since", "1.5", "--until", "2", "-f", "a=b"), &o, &err),
		0);
	assert_true(o.since == 1500000000 && o.until == 2000000000);
	assert_string_equal(o.filters.v[0], "a=b");
	events_opts_done(&o);
	assert_int_equal(events_opts_parse(3, ARGV("events", "-f", "a"), &o, &err), -EINVAL);
}

static void pause_takes_containers(void **state)
{
	struct pause_opts o = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(pause_opts_parse(3, ARGV("pause", "a", "b"), &o, &err), 0);
	assert_int_equal(o.containers.n, 2);
	pause_opts_done(&o);
	o = (struct pause_opts){ 0 };
	assert_int_equal(unpause_opts_parse(1, ARGV("unpause"), &o, &err), -EINVAL);
	pause_opts_done(&o);
}

TEST_MAIN(cmocka_unit_test(events_are_new_ones_for_ever_unless_told),
	cmocka_unit_test(pause_takes_containers))
