/* SPDX-License-Identifier: Apache-2.0 */
#include "netstack/sniff.h"

#include <string.h>

#include "harness.h"

struct hello {
	uint8_t data[1024];
	size_t len;
};

static void put(struct hello *h, const void *bytes, size_t len)
{
	memcpy(h->data + h->len, bytes, len);
	h->len += len;
}

static void put16(struct hello *h, size_t value)
{
	const uint8_t bytes[] = { (uint8_t)(value >> 8), (uint8_t)value };

	put(h, bytes, 2);
}

/* A ClientHello in one record, with these server names (NULL-terminated), each in its extension. */
static struct hello make_hello(const char *const *names)
{
	static const uint8_t zeros[34];
	struct hello body = { .len = 0 }, all = { .len = 0 };
	size_t extensions = 0;

	for (const char *const *n = names; *n; n++)
		extensions += 9 + strlen(*n);
	put(&body, zeros, 34);
	put(&body, "\0\0\2\x13\x01\1\0", 7); /* session, one cipher, no compression */
	put16(&body, extensions + 4);
	put(&body, "\0\x17\0\0", 4); /* some other extension */
	for (; *names; names++) {
		size_t len = strlen(*names);

		put16(&body, 0);
		put16(&body, len + 5);
		put16(&body, len + 3);
		put(&body, "\0", 1);
		put16(&body, len);
		put(&body, *names, len);
	}
	put(&all, "\x16\3\1", 3);
	put16(&all, body.len + 4);
	put(&all, "\1\0", 2);
	put16(&all, body.len);
	put(&all, body.data, body.len);
	return all;
}

static enum sniff sniff_text(const char *text, char name[SNIFF_NAME])
{
	return sniff_name((const uint8_t *)text, strlen(text), name);
}

static void tls_says_its_server_name(void **state)
{
	const char *const names[] = { "Registry.Example.COM", NULL };
	struct hello h = make_hello(names);
	char name[SNIFF_NAME];

	assert_int_equal(sniff_name(h.data, h.len, name), SNIFF_NAMED);
	assert_string_equal(name, "registry.example.com");
}

static void every_beginning_of_it_wants_more(void **state)
{
	const char *const names[] = { "a.example", NULL };
	struct hello h = make_hello(names);
	char name[SNIFF_NAME];

	for (size_t n = 0; n < h.len; n++)
		assert_int_equal(sniff_name(h.data, n, name), SNIFF_MORE);
}

static void a_hello_in_two_records_is_one(void **state)
{
	const char *const names[] = { "a.example", NULL };
	struct hello h = make_hello(names), cut = { .len = 0 };
	char name[SNIFF_NAME];

	put(&cut, "\x16\3\1", 3);
	put16(&cut, 10);
	put(&cut, h.data + 5, 10);
	put(&cut, "\x16\3\1", 3);
	put16(&cut, h.len - 15);
	put(&cut, h.data + 15, h.len - 15);
	assert_int_equal(sniff_name(cut.data, cut.len, name), SNIFF_NAMED);
	assert_string_equal(name, "a.example");
}

static void a_hello_without_a_name_is_none(void **state)
{
	const char *const names[] = { NULL };
	struct hello h = make_hello(names);
	char name[SNIFF_NAME];

	assert_int_equal(sniff_name(h.data, h.len, name), SNIFF_NONE);
}

static void two_server_names_are_bad(void **state)
{
	const char *const names[] = { "good.example", "evil.example", NULL };
	struct hello h = make_hello(names);
	char name[SNIFF_NAME];

	assert_int_equal(sniff_name(h.data, h.len, name), SNIFF_BAD);
	assert_string_equal(name, "");
}

static void lengths_that_do_not_fit_are_bad(void **state)
{
	const char *const names[] = { "good.example", NULL };
	char name[SNIFF_NAME];

	for (size_t at = 43; at < 62; at++) {
		struct hello h = make_hello(names);
		enum sniff verdict;

		h.data[at] ^= 0x40;
		verdict = sniff_name(h.data, h.len, name);
		assert_true(verdict != SNIFF_NAMED || !strcmp(name, "good.example"));
	}
}

static void http_says_its_host(void **state)
{
	char name[SNIFF_NAME];

	assert_int_equal(
		sniff_text("GET / HTTP/1.1\r\nA: b\r\nhost:  Example.com:8080 \r\n\r\n", name),
		SNIFF_NAMED);
	assert_string_equal(name, "example.com");
	assert_int_equal(sniff_text("GET /\r\nHost: a.example.\n\n", name), SNIFF_NAMED);
	assert_string_equal(name, "a.example");
}

static void http_waits_for_the_end_of_its_headers(void **state)
{
	char name[SNIFF_NAME];

	assert_int_equal(sniff_text("GE", name), SNIFF_MORE);
	assert_int_equal(sniff_text("GET / HTTP/1.1\r\nHost: a.example\r\n", name), SNIFF_MORE);
}

static void http_that_says_two_things_is_bad(void **state)
{
	char name[SNIFF_NAME];

	assert_int_equal(
		sniff_text("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", name), SNIFF_BAD);
	assert_int_equal(sniff_text("GET / HTTP/1.1\r\nX: y\r\n Host: b\r\n\r\n", name), SNIFF_BAD);
	assert_int_equal(sniff_text("GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", name), SNIFF_BAD);
	assert_int_equal(
		sniff_text("GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", name), SNIFF_NAMED);
}

static void other_protocols_have_no_name(void **state)
{
	char name[SNIFF_NAME];

	assert_int_equal(sniff_text("SSH-2.0-OpenSSH_9.2\r\n", name), SNIFF_NONE);
	assert_int_equal(sniff_text("*1\r\n$4\r\nPING\r\n", name), SNIFF_NONE);
	assert_int_equal(sniff_text("GET / HTTP/1.0\r\n\r\n", name), SNIFF_NONE);
}

/* Servers pass over them before a request. */
static void empty_lines_before_http_hide_nothing(void **state)
{
	char name[SNIFF_NAME];

	assert_int_equal(
		sniff_text("\r\n\nGET / HTTP/1.1\r\nHost: a.example\r\n\r\n", name), SNIFF_NAMED);
	assert_string_equal(name, "a.example");
	assert_int_equal(sniff_text("\r\n\r\n", name), SNIFF_MORE);
	assert_int_equal(sniff_text("\r\nGET / HTTP/1.1\r\n", name), SNIFF_MORE);
	assert_int_equal(sniff_text("\r\nHELO me\r\n", name), SNIFF_NONE);
}

/* An alert and the like are passed over by some servers too. */
static void tls_that_does_not_begin_with_a_hello_is_bad(void **state)
{
	char name[SNIFF_NAME];

	assert_int_equal(sniff_name((const uint8_t *)"\x15\3\1\0\2\1\x5a", 7, name), SNIFF_BAD);
	assert_int_equal(sniff_name((const uint8_t *)"\x14\3\3\0\1\1", 6, name), SNIFF_BAD);
	assert_int_equal(sniff_name((const uint8_t *)"\x15", 1, name), SNIFF_MORE);
	assert_int_equal(sniff_name((const uint8_t *)"\x15\0", 2, name), SNIFF_NONE);
}

static void a_host_that_servers_read_differently_is_bad(void **state)
{
	char name[SNIFF_NAME];

	assert_int_equal(sniff_text("GET / HTTP/1.1\r\nHost : a\r\n\r\n", name), SNIFF_BAD);
	assert_int_equal(sniff_text("GET / HTTP/1.1\nHost:\n\n", name), SNIFF_BAD);
	assert_int_equal(sniff_text("GET https://b/ HTTP/1.1\r\nHost: a\r\n\r\n", name), SNIFF_BAD);
	assert_int_equal(
		sniff_text("GET /?u=http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", name), SNIFF_NAMED);
	assert_int_equal(
		sniff_text("GET / HTTP/1.1\r\nHostile: b\r\nHost: a\r\n\r\n", name), SNIFF_NAMED);
}

static void nobody_waits_for_ever(void **state)
{
	static uint8_t endless[SNIFF_MAX] = "GET /";
	char name[SNIFF_NAME];

	memset(endless + 5, 'a', sizeof(endless) - 5);
	assert_int_equal(sniff_name(endless, sizeof(endless) - 1, name), SNIFF_MORE);
	assert_int_equal(sniff_name(endless, sizeof(endless), name), SNIFF_BAD);
}

TEST_MAIN(cmocka_unit_test(tls_says_its_server_name),
	cmocka_unit_test(every_beginning_of_it_wants_more),
	cmocka_unit_test(a_hello_in_two_records_is_one),
	cmocka_unit_test(a_hello_without_a_name_is_none),
	cmocka_unit_test(two_server_names_are_bad),
	cmocka_unit_test(lengths_that_do_not_fit_are_bad), cmocka_unit_test(http_says_its_host),
	cmocka_unit_test(http_waits_for_the_end_of_its_headers),
	cmocka_unit_test(http_that_says_two_things_is_bad),
	cmocka_unit_test(empty_lines_before_http_hide_nothing),
	cmocka_unit_test(tls_that_does_not_begin_with_a_hello_is_bad),
	cmocka_unit_test(a_host_that_servers_read_differently_is_bad),
	cmocka_unit_test(other_protocols_have_no_name), cmocka_unit_test(nobody_waits_for_ever))
