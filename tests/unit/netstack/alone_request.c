/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "harness.h"
#include "netstack/alone.h"

static int parse(const char *text, struct alone_request *ret)
{
	return alone_request_parse(text, strlen(text), ret);
}

static void a_request_is_read(void **state)
{
	struct alone_request r;

	assert_int_equal(parse("{\"execute\": \"add_hostfwd\", \"arguments\": {\"proto\": \"tcp\", "
			       "\"host_addr\": \"127.0.0.1\", \"host_port\": 8080, \"guest_addr\": "
			       "\"10.0.2.100\", \"guest_port\": 80}}\n",
				 &r),
		0);
	assert_true(r.has_execute);
	assert_string_equal(r.execute, "add_hostfwd");
	assert_string_equal(r.proto, "tcp");
	assert_string_equal(r.host_addr, "127.0.0.1");
	assert_string_equal(r.guest_addr, "10.0.2.100");
	assert_int_equal(r.host_port, 8080);
	assert_int_equal(r.guest_port, 80);
	assert_int_equal(r.id, -1);
}

static void only_the_arguments_are_arguments(void **state)
{
	struct alone_request r;

	assert_int_equal(parse("{\"proto\": \"tcp\", \"x\": {\"id\": 4, \"execute\": \"no\"}, "
			       "\"list\": [1, {\"host_port\": 5}, null, true, -1.5e3], "
			       "\"arguments\": {\"deep\": {\"id\": 6}}}",
				 &r),
		0);
	assert_false(r.has_execute);
	assert_string_equal(r.proto, "");
	assert_int_equal(r.id, -1);
	assert_int_equal(r.host_port, -1);
}

static void what_is_not_json_is_refused(void **state)
{
	static const char *const bad[] = { "", "badjson", "{", "{\"execute\"",
		"{\"execute\": \"x\"", "{\"execute\": \"x\"} y", "[1]", "\"text\"", "{\"a\": }",
		"{\"a\": 1,}", "{a: 1}", "{\"a\": \"\\q\"}", "{\"a\": -}",
		"[[[[[[[[[[[[[[[[[[[[[[[[[[[[" };
	struct alone_request r;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(parse(bad[i], &r), -EINVAL);
	assert_int_equal(alone_request_parse("{\"a\\\0\": 1}", 10, &r), -EINVAL);
}

static void every_beginning_is_incomplete(void **state)
{
	static const char text[] = "{\"execute\": \"remove_hostfwd\", \"arguments\": {\"id\": 12}}";
	struct alone_request r;

	for (size_t n = 0; n < sizeof(text) - 1; n++)
		assert_int_equal(alone_request_parse(text, n, &r), -EINVAL);
	assert_int_equal(parse(text, &r), 0);
	assert_int_equal(r.id, 12);
}

static void long_texts_are_cut_and_numbers_bounded(void **state)
{
	char text[600] = "{\"execute\": \"";
	struct alone_request r;

	memset(text + strlen(text), 'x', 400);
	memcpy(text + strlen(text), "\"}", 3);
	assert_int_equal(parse(text, &r), 0);
	assert_int_equal(strlen(r.execute), sizeof(r.execute) - 1);
	assert_int_equal(parse("{\"arguments\": {\"id\": 99999999999999999999999}}", &r), 0);
	assert_true(r.id > 1000000000);
}

TEST_MAIN(cmocka_unit_test(a_request_is_read), cmocka_unit_test(only_the_arguments_are_arguments),
	cmocka_unit_test(what_is_not_json_is_refused),
	cmocka_unit_test(every_beginning_is_incomplete),
	cmocka_unit_test(long_texts_are_cut_and_numbers_bounded))
