/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"

#include <errno.h>
#include <string.h>

#include "base/json.h"

static int parse(const char *text, struct json **ret)
{
	struct err err = ERR_INIT;

	return json_parse(text, strlen(text), ret, &err);
}

static void values_are_read_with_defaults(void **state)
{
	autojson struct json *doc = NULL;

	(void)state;
	assert_int_equal(
		parse("{\"s\":\"x\",\"n\":9007199254740993,\"b\":true,\"l\":[1,\"two\"],\"o\":{\"k\":{\"d\":7}}}",
			&doc),
		0);
	assert_string_equal(json_str(json_get(doc, "s"), "?"), "x");
	assert_true(json_int(json_get(doc, "n"), 0) == 9007199254740993);
	assert_true(json_bool(json_get(doc, "b"), false));
	assert_int_equal(json_int(json_path(doc, "o", "k", "d", NULL), 0), 7);
	assert_int_equal(json_len(json_get(doc, "l")), 2);
	assert_string_equal(json_str(json_at(json_get(doc, "l"), 1), "?"), "two");
	assert_null(json_at(json_get(doc, "l"), 2));
	assert_string_equal(json_str(json_get(doc, "n"), "fallback"), "fallback");
	assert_int_equal(json_int(json_get(doc, "missing"), -1), -1);
	assert_null(json_get(NULL, "x"));
	assert_null(json_path(doc, "s", "deeper", NULL));
	assert_int_equal(json_kind(NULL), JSON_NONE);
}

static void bad_documents_are_refused(void **state)
{
	static const char *const bad[] = { "", "{", "[1,]", "{\"a\":1,\"a\":2}", "{} {}", "nul",
		"[\"\xff\"]", "\"\\ud800\"", "[1e999]", "{\"a\" 1}", "01", "'x'" };
	struct json *doc = NULL;
	char deep[400];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_true(parse(bad[i], &doc) < 0);
		assert_null(doc);
	}
	memset(deep, '[', 100);
	memset(deep + 100, ']', 100);
	deep[200] = '\0';
	assert_true(parse(deep, &doc) < 0);
	memset(deep, '[', 60);
	memset(deep + 60, ']', 60);
	deep[120] = '\0';
	assert_int_equal(parse(deep, &doc), 0);
	json_free(doc);
}

/* A corpus of our own along the lines of JSONTestSuite; docs/testing.md says what that suite gives. */
static void the_limits_of_documents_are_known(void **state)
{
#define TEXT(text, good)                     \
	{                                    \
		text, sizeof(text) - 1, good \
	}
	static const struct {
		const char *text;
		size_t len;
		bool good;
	} table[] = {
		TEXT("12\0", false),
		TEXT("{}\0{}", false),
		TEXT("\0", false),
		TEXT("[1]\0\n", false),
		TEXT("[\"a\0b\"]", false),
		TEXT("[\"a\\u0000b\"]", false),
		TEXT("{\"\\u0000\":1}", false),
		TEXT("[1,,2]", false),
		TEXT("[,]", false),
		TEXT("{\"a\":1,}", false),
		TEXT("{1:1}", false),
		TEXT("[-]", false),
		TEXT("[1.]", false),
		TEXT("[.5]", false),
		TEXT("[+1]", false),
		TEXT("[0x1]", false),
		TEXT("[NaN]", false),
		TEXT("[1e]", false),
		TEXT("[True]", false),
		TEXT("[\"\t\"]", false),
		TEXT("[\"\\x\"]", false),
		TEXT("[\"\\u12\"]", false),
		TEXT("[\"\xed\xa0\x80\"]", false),
		TEXT("[\"\xc0\xaf\"]", false),
		TEXT("[\"\\udc00\"]", false),
		TEXT("\xef\xbb\xbf[]", false),
		TEXT("[1] //", false),
		TEXT("/* */[]", false),
		TEXT("[1]]", false),
		TEXT("[99999999999999999999]", false),
		TEXT("{\"a\":1,\"b\":{\"c\":1,\"c\":1}}", false),
		TEXT(" [ ] ", true),
		TEXT("\"x\"", true),
		TEXT("null", true),
		TEXT("[-0]", true),
		TEXT("[1.5e+3]", true),
		TEXT("[\"\\ud834\\udd1e\"]", true),
		TEXT("[\"\x7f\"]", true),
		TEXT("{\"\":0}", true),
		TEXT("[9223372036854775807]", true),
		TEXT("[\"\\/\"]\n", true),
	};
#undef TEXT

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct json *doc = NULL;
		struct err err = ERR_INIT;
		int r = json_parse(table[i].text, table[i].len, &doc, &err);

		if ((r == 0) != table[i].good)
			fail_msg("%s: %s", table[i].text, r < 0 ? err.text : "was taken");
		json_free(doc);
	}
}

static void documents_keep_their_order(void **state)
{
	autojson struct json *doc = json_new_map();
	autobuf struct buf out = BUF_INIT;
	const char *keys[4];
	size_t n = 0;

	(void)state;
	json_put_string(doc, "z", "1");
	json_put_int(doc, "a", -2);
	json_put(doc, "m", json_new_list());
	json_push(json_get(doc, "m"), json_new_bool(true));
	json_put_string(doc, "z", "3");
	json_del(doc, "missing");
	json_each (it, doc)
		keys[n++] = it.key;
	assert_int_equal(n, 3);
	assert_string_equal(keys[0], "z");
	assert_string_equal(keys[2], "m");
	json_write(doc, 0, &out);
	assert_string_equal(out.data, "{\"z\":\"3\",\"a\":-2,\"m\":[true]}");
}

static void what_is_written_is_read_again(void **state)
{
	autojson struct json *doc = NULL, *again = NULL;
	autobuf struct buf first = BUF_INIT, second = BUF_INIT;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(
		parse("{\"u\":\"\\u5bc6 \\n \\\"\",\"e\":[],\"x\":null,\"f\":0.5}", &doc), 0);
	json_write(doc, 2, &first);
	assert_int_equal(json_parse(first.data, first.len, &again, &err), 0);
	json_write(again, 2, &second);
	assert_string_equal(first.data, second.data);
}

static void strings_that_are_not_utf8_are_mended(void **state)
{
	autojson struct json *s = json_new_string("a\xff"
						  "b"),
			     *null = json_new_string(NULL);

	(void)state;
	assert_string_equal(json_str(s, "?"), "a\xef\xbf\xbd"
					      "b");
	assert_int_equal(json_kind(null), JSON_NIL);
}

static void keys_that_are_not_utf8_are_mended(void **state)
{
	autojson struct json *map = json_new_map();

	(void)state;
	json_put_string(map,
		"\xff"
		"a",
		"one");
	json_put_string(map,
		"\xff"
		"a",
		"two");
	assert_int_equal(json_len(map), 1);
	assert_string_equal(json_str(json_get(map, "\xef\xbf\xbd"
						   "a"),
				    "?"),
		"two");
}

TEST_MAIN(cmocka_unit_test(values_are_read_with_defaults),
	cmocka_unit_test(bad_documents_are_refused),
	cmocka_unit_test(the_limits_of_documents_are_known),
	cmocka_unit_test(documents_keep_their_order),
	cmocka_unit_test(what_is_written_is_read_again),
	cmocka_unit_test(strings_that_are_not_utf8_are_mended),
	cmocka_unit_test(keys_that_are_not_utf8_are_mended))
