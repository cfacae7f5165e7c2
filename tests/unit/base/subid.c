/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "base/userns.h"

static int parse(const char *text, struct idrange *ret, struct err *err)
{
	return idmap_parse_subid(text, "ann", 1000, ret, 4, err);
}

static void lines_of_the_user_by_name_and_number(void **state)
{
	struct idrange r[4];
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(
		parse("bob:1:2\nann:100000:65536\n1000:300000:1000\nannabel:5:5\n", r, &err), 2);
	assert_int_equal(r[0].outside, 100000);
	assert_int_equal(r[0].count, 65536);
	assert_int_equal(r[1].outside, 300000);
	assert_int_equal(parse("", r, &err), 0);
	assert_int_equal(parse("# ann:1:1\n\nann:7:0\n", r, &err), 0);
	assert_int_equal(parse("ann:100000:65536", r, &err), 1); /* no newline at the end */
}

static void the_largest_range_comes_first(void **state)
{
	struct idrange r[4];
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(parse("ann:10:5\nann:100:50\nann:1000:20\n", r, &err), 3);
	assert_int_equal(r[0].count, 50);
	assert_int_equal(r[1].count, 20);
	assert_int_equal(r[2].count, 5);
}

static void overlapping_ranges_are_refused(void **state)
{
	struct idrange r[4];
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(parse("ann:100000:65536\nann:150000:10\n", r, &err), -EINVAL);
	assert_non_null(strstr(err.text, "overlap"));
	assert_non_null(strstr(err.text, "line 2"));
}

static void bad_lines_are_named(void **state)
{
	static const char *const bad[] = { "ann\n", "ann:1\n", "ann:x:1\n", "ann:1:x\n", "ann::1\n",
		"ann:1:\n", "ann:-1:5\n", "ann:1:2:3\n", "ann:4294967295:2\n",
		"ann:99999999999:1\n" };
	struct idrange r[4];
	struct err err = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_true(parse(bad[i], r, &err) < 0);
		assert_non_null(strstr(err.text, "line 1"));
	}
}

static void ids_are_translated_both_ways(void **state)
{
	const struct idrange r[] = { { 0, 1000, 1 }, { 1, 100000, 65536 } };

	(void)state;
	assert_int_equal(idmap_to_host(r, 2, 0), 1000);
	assert_int_equal(idmap_to_host(r, 2, 999), 100998);
	assert_int_equal(idmap_to_host(r, 2, 65536), 165535);
	assert_true(idmap_to_host(r, 2, 65537) == UINT32_MAX);
	assert_int_equal(idmap_to_inside(r, 2, 1000), 0);
	assert_int_equal(idmap_to_inside(r, 2, 100000), 1);
	assert_true(idmap_to_inside(r, 2, 5) == UINT32_MAX);
}

static void a_single_id_can_be_asked_for(void **state)
{
	struct idmap map;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(setenv("SBX_USERNS", "single", 1), 0);
	assert_int_equal(idmap_detect(&map, &err), 0);
	assert_int_equal(unsetenv("SBX_USERNS"), 0);
	assert_int_equal(map.kind, IDMAP_SINGLE);
	assert_int_equal(map.n_uid, 1);
	assert_int_equal(map.uid[0].inside, 0);
	assert_int_equal(map.uid[0].outside, geteuid());
	assert_int_equal(map.uid[0].count, 1);
	assert_string_equal(map.notice, "");
}

static int detect(void *data, struct err *err)
{
	struct idmap map;

	(void)data;
	TRY(idmap_detect(&map, err));
	if (map.kind != IDMAP_SINGLE || map.n_uid != 1 || map.uid[0].count != 1 ||
		map.uid[0].outside != 0)
		return err_set(err, -EINVAL, "kind %d, %u ranges, the first of %u ids",
			(int)map.kind, map.n_uid, map.uid[0].count);
	return strncmp(map.notice, "I-SUBID-NONE: root ", 19) == 0
		       ? 0
		       : err_set(err, -EINVAL, "notice '%s'", map.notice);
}

static void root_of_a_namespace_of_one_id_has_no_more_to_give(void **state)
{
	const struct idmap one = { .kind = IDMAP_SINGLE,
		.uid = { { 0, geteuid(), 1 } },
		.gid = { { 0, getegid(), 1 } },
		.n_uid = 1,
		.n_gid = 1 };
	struct err err = ERR_INIT;
	int r = userns_run(&one, 0, detect, NULL, &err);

	(void)state;
	if (strncmp(err.id, "E-USERNS", 8) == 0 || strncmp(err.id, "E-NEST", 6) == 0) {
		print_message("no user namespaces here: %s\n", err.text);
		skip();
	}
	assert_string_equal(err.text, "");
	assert_int_equal(r, 0);
}

TEST_MAIN(cmocka_unit_test(root_of_a_namespace_of_one_id_has_no_more_to_give),
	cmocka_unit_test(lines_of_the_user_by_name_and_number),
	cmocka_unit_test(the_largest_range_comes_first),
	cmocka_unit_test(overlapping_ranges_are_refused), cmocka_unit_test(bad_lines_are_named),
	cmocka_unit_test(ids_are_translated_both_ways),
	cmocka_unit_test(a_single_id_can_be_asked_for))
