/* SPDX-License-Identifier: Apache-2.0 */
#include "image/url.h"

#include <string.h>

#include "base/own.h"
#include "harness.h"

static struct url parsed(const char *text)
{
	struct err err = ERR_INIT;
	struct url url = { 0 };

	if (url_parse(text, &url, &err) < 0)
		fail_msg("'%s' was refused: %s", text, err.text);
	return url;
}

static void the_parts_are_found(void **state)
{
	struct url url = parsed("HTTPS://Registry.Example.COM:5000/v2/?a=b@c");

	(void)state;
	assert_true(url.https);
	assert_string_equal(url.host, "registry.example.com");
	assert_string_equal(url.port, "5000");
	assert_string_equal(url.authority, "registry.example.com:5000");
	assert_string_equal(parsed("http://h").port, "80");
	assert_string_equal(parsed("https://h?q").port, "443");
	assert_string_equal(parsed("https://[::1]:8/").host, "[::1]");
	assert_string_equal(parsed("https://h/").authority, "h");
}

static void what_two_parsers_could_read_differently_is_refused(void **state)
{
	static const char *const bad[] = { "", "h", "file:///etc/passwd", "gopher://h/", "ftp://h",
		"https:/h", "https://", "https:///x", "https://user@h/", "https://user:pw@h/",
		"https://h@evil.test/", "https://h\\@evil.test/", "https://h evil/",
		"https://h/\r\nHost: x", "https://h:99999999/", "https://h:/", "https://h:80x/",
		"https://[::1/", "https://[x]/", "https://h%2e/", "//h/", "javascript:x",
		"https://h\x7f/", "http://h:8O/" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct err err = ERR_INIT;
		struct url url;

		if (url_parse(bad[i], &url, &err) != -EINVAL)
			fail_msg("'%s' was accepted", bad[i]);
	}
}

static void origins_compare_scheme_host_and_port(void **state)
{
	struct url base = parsed("https://h.io/a"), same = parsed("https://H.io:443/b");
	struct url port = parsed("https://h.io:444/"), plain = parsed("http://h.io:443/");
	struct url longer = parsed("https://h.io.evil/");

	(void)state;
	assert_true(url_same_origin(&base, &same));
	assert_false(url_same_origin(&base, &port));
	assert_false(url_same_origin(&base, &plain));
	assert_false(url_same_origin(&base, &longer));
}

static void only_literal_loopback_counts_as_loopback(void **state)
{
	static const struct {
		const char *url;
		bool loopback, address;
	} table[] = { { "http://localhost:1/", true, false }, { "http://127.0.0.1/", true, true },
		{ "http://127.9.9.9/", true, true }, { "http://[::1]/", true, true },
		{ "http://localhost.evil/", false, false },
		{ "http://127.0.0.1.nip.io/", false, false }, { "http://128.0.0.1/", false, true },
		{ "http://169.254.169.254/", false, true }, { "http://2130706433/", false, false },
		{ "http://[::2]/", false, true } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct url url = parsed(table[i].url);

		if (url_is_loopback(&url) != table[i].loopback ||
			url_is_address(&url) != table[i].address)
			fail_msg("%s is judged wrongly", table[i].url);
	}
}

static void reserved_characters_are_encoded(void **state)
{
	autofree char *code = url_encode("a b&c=d/e:f\r\n%~_.-\xc3\xa9");

	(void)state;
	assert_string_equal(code, "a%20b%26c%3Dd%2Fe%3Af%0D%0A%25~_.-%C3%A9");
}

TEST_MAIN(cmocka_unit_test(the_parts_are_found),
	cmocka_unit_test(what_two_parsers_could_read_differently_is_refused),
	cmocka_unit_test(origins_compare_scheme_host_and_port),
	cmocka_unit_test(only_literal_loopback_counts_as_loopback),
	cmocka_unit_test(reserved_characters_are_encoded))
