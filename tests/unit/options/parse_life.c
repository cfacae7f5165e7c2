/* SPDX-License-Identifier: Apache-2.0 */
#include "options/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "harness.h"

static void restart_policies_are_dockers(void **state)
{
	static const struct {
		const char *value, *policy;
		int64_t max;
	} good[] = { { "", "no", 0 }, { "no", "no", 0 }, { "on-failure", "on-failure", 0 },
		{ "on-failure:3", "on-failure", 3 }, { "always", "always", 0 },
		{ "unless-stopped", "unless-stopped", 0 } };
	static const char *const bad[] = { "Always", "always:1", "no:1", "on-failure:-1",
		"on-failure:x", "on-failure:", "on-failure:99999999999", "unless", ":1" };

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		autofree char *policy = NULL;
		struct err err = ERR_INIT;
		int64_t max = -1;

		assert_int_equal(parse_restart(good[i].value, &policy, &max, &err), 0);
		assert_string_equal(policy, good[i].policy);
		assert_int_equal(max, good[i].max);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		autofree char *policy = NULL;
		struct err err = ERR_INIT;
		int64_t max = 0;

		if (parse_restart(bad[i], &policy, &max, &err) >= 0)
			fail_msg("%s was taken", bad[i]);
		assert_null(policy);
	}
}

static void log_options_are_sizes_and_counts(void **state)
{
	static const char *const good[] = { "max-size=10m", "max-size=512", "max-file=3",
		"labels=a,b", "env=A", "labels-regex=^a", "env-regex=.", "tag=x",
		"mode=non-blocking", "max-buffer-size=4m", "compress=false" };
	static const char *const bad[] = { "max-size", "max-size=", "max-size=0", "max-size=x",
		"max-file=0", "max-file=-1", "max-file=1001", "max=3", "=3", "max-sizes=3",
		"label=a", "env-regex=(", "tag={{.ID}}", "mode=", "max-buffer-size=0",
		"compress=true" };

	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_int_equal(parse_log_opt(good[i], &(struct err)ERR_INIT), 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (parse_log_opt(bad[i], &(struct err)ERR_INIT) >= 0)
			fail_msg("%s was taken", bad[i]);
}

TEST_MAIN(cmocka_unit_test(restart_policies_are_dockers),
	cmocka_unit_test(log_options_are_sizes_and_counts))
