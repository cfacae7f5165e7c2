/* SPDX-License-Identifier: Apache-2.0 */
#include "image/http.h"

#include <string.h>

#include "harness.h"

static void add(struct http_reply *reply, const char *line)
{
	http_reply_add_header(reply, line, strlen(line));
}

static void headers_are_found_whatever_their_case(void **state)
{
	autoreply struct http_reply reply = { 0 };

	(void)state;
	add(&reply, "Content-TYPE:  text/plain \r\n");
	add(&reply, "X-Empty:\r\n");
	add(&reply, "Location:https://h/a:b\r\n");
	assert_string_equal(http_reply_header(&reply, "content-type"), "text/plain");
	assert_string_equal(http_reply_header(&reply, "x-empty"), "");
	assert_string_equal(http_reply_header(&reply, "location"), "https://h/a:b");
	assert_null(http_reply_header(&reply, "content"));
	assert_null(http_reply_header(&reply, "content-type:"));
}

static void lines_that_are_no_header_are_dropped(void **state)
{
	autoreply struct http_reply reply = { 0 };

	(void)state;
	add(&reply, "HTTP/1.1 200 OK\r\n");
	add(&reply, "\r\n");
	add(&reply, "");
	http_reply_add_header(&reply, "a: b\0c", 6);
	assert_int_equal(reply.headers.n, 0);
	add(&reply, ":\r\n");
	add(&reply, " \t : \r\n");
	assert_null(http_reply_header(&reply, "a"));
}

TEST_MAIN(cmocka_unit_test(headers_are_found_whatever_their_case),
	cmocka_unit_test(lines_that_are_no_header_are_dropped))
