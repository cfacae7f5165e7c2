/* SPDX-License-Identifier: Apache-2.0 */
/* The head of an HTTP reply as a list of lines. Bytes come from the network: a line without a colon or
 * with a NUL is dropped, everything else is kept as it is and judged by who reads it. */
#include "image/http.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"

void http_reply_done(struct http_reply *reply)
{
	free(reply->url);
	strv_done(&reply->headers);
	buf_done(&reply->body);
	*reply = (struct http_reply){ 0 };
}

const char *http_reply_header(const struct http_reply *reply, const char *name)
{
	size_t n = strlen(name);

	strv_each (line, &reply->headers)
		if (strncmp(*line, name, n) == 0 && (*line)[n] == ':')
			return *line + n + 2;
	return NULL;
}

void http_reply_add_header(struct http_reply *reply, const char *line, size_t len)
{
	const char *colon = memchr(line, ':', len);
	autobuf struct buf out = BUF_INIT;
	const char *value;

	if (!colon || memchr(line, '\0', len))
		return;
	for (const char *c = line; c < colon; c++)
		buf_addc(&out, *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c);
	value = colon + 1;
	while (len > 0 && strchr("\r\n \t", line[len - 1]))
		len--;
	while (value < line + len && (*value == ' ' || *value == '\t'))
		value++;
	buf_adds(&out, ": ");
	if (value < line + len)
		buf_add(&out, value, (size_t)(line + len - value));
	strv_add(&reply->headers, out.data);
}

/* ---- one request at a time ---- */

struct waiter {
	struct http_reply *ret;
	struct err err;
	int result;
	bool done;
};

static void on_done(void *data, struct http_reply *reply, int result, const struct err *err)
{
	struct waiter *waiter = data;

	waiter->done = true;
	waiter->result = result;
	waiter->err = *err;
	if (result == 0) {
		*waiter->ret = *reply;
		*reply = (struct http_reply){ 0 };
	}
}

int http_get(struct http *http, const struct http_request *request, struct http_reply *ret,
	struct err *err)
{
	struct waiter waiter = { .ret = ret };
	struct http_request synchronous = *request;
	struct http_transfer *t;

	synchronous.begin = NULL;
	synchronous.sink = NULL;
	synchronous.done = on_done;
	synchronous.data = &waiter;
	TRY(http_start(http, &synchronous, &t, err));
	while (!waiter.done) {
		int r = http_poll(http, 1000, NULL, 0, err);

		if (r < 0) {
			http_cancel(t);
			return r;
		}
	}
	if (waiter.result < 0)
		*err = waiter.err;
	return waiter.result;
}

bool http_is_transient(int result)
{
	return result == -ECONNRESET || result == -ETIMEDOUT;
}
