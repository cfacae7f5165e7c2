/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include "state/internal.h"

static void check(const char *opts, const char *want)
{
	autofree char *text = xasprintf(
		"{\"labels\":{\"a\":\"1\",\"ab\":\"2\",\"c\":\"3\"},\"env\":[\"E=x=y\",\"EMPTY=\","
		"\"bare\"],\"logOpts\":%s}",
		opts);
	autojson struct json *config = NULL, *attrs = NULL;
	autobuf struct buf got = BUF_INIT;
	struct err err = ERR_INIT;

	assert_int_equal(json_parse(text, strlen(text), &config, &err), 0);
	attrs = log_attrs(config);
	json_write(attrs, 0, &got);
	assert_string_equal(got.data, want);
}

static void only_what_was_asked_for_is_an_attribute(void **state)
{
	(void)state;
	check("{}", "{}");
	check("{\"max-size\":\"1k\"}", "{}");
	check("{\"labels\":\"a\"}", "{\"a\":\"1\"}");
	check("{\"labels\":\"c,no,a\"}", "{\"a\":\"1\",\"c\":\"3\"}");
	check("{\"labels\":\"\"}", "{}");
	check("{\"labels-regex\":\"^a\"}", "{\"a\":\"1\",\"ab\":\"2\"}");
	check("{\"labels-regex\":\"(\"}", "{}");
	check("{\"env\":\"E,bare\"}", "{\"E\":\"x=y\"}");
	check("{\"env-regex\":\"M\"}", "{\"EMPTY\":\"\"}");
	check("{\"tag\":\"t\",\"labels\":\"a\",\"env\":\"E\"}",
		"{\"a\":\"1\",\"E\":\"x=y\",\"tag\":\"t\"}");
	check("{\"tag\":\"\"}", "{}");
}

TEST_MAIN(cmocka_unit_test(only_what_was_asked_for_is_an_attribute))
