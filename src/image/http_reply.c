/* SPDX-License-Identifier: Apache-2.0 */
/* The head of an HTTP reply as a list of lines. Bytes come from the network: a line without a colon or
 * with a NUL is dropped, everything else is kept as it is and judged by who reads it. */
#include "image/http.h"

#include <stdlib.h>
#include <string.h>

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
