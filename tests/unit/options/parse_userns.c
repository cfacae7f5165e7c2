/* SPDX-License-Identifier: Apache-2.0 */
#include "options/internal.h"

#include <errno.h>

#include "base/own.h"
#include "harness.h"

static void keep_id_takes_numbers(void **state)
{
	static const char *const good[] = { "", "host", "keep-id", "keep-id:uid=1000",
		"keep-id:uid=1000,gid=5", "keep-id:gid=0" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct err err = ERR_INIT;

		if (parse_userns(good[i], &err) != 0)
			fail_msg("%s: %s", good[i], err.text);
	}
}

static void all_else_is_named(void **state)
{
	static const char *const bad[][2] = { { "keep-id:uid=", "want keep-id" },
		{ "keep-id:uid=1x", "want keep-id" }, { "keep-id:uid=1,", "want keep-id" },
		{ "keep-id:size=5", "want keep-id" }, { "keep-id:uid=99999999999", "want keep-id" },
		{ "keep-idx", "host or keep-id" }, { "auto", "is not there" },
		{ "nomap", "is not there" }, { "container:c", "is not there" } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct err err = ERR_INIT;

		assert_int_equal(parse_userns(bad[i][0], &err), -EINVAL);
		if (!strstr(err.text, bad[i][1]))
			fail_msg("%s: %s", bad[i][0], err.text);
	}
}

TEST_MAIN(cmocka_unit_test(keep_id_takes_numbers), cmocka_unit_test(all_else_is_named))
