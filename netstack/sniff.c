/* SPDX-License-Identifier: Apache-2.0 */
#include "netstack/sniff.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#define RECORD_HEAD      5
#define RECORD_FIRST     20
#define RECORD_HANDSHAKE 22
#define RECORD_LAST      24
#define RECORD_MAX       16384
#define CLIENT_HELLO     1
#define EXTENSION_SNI    0
#define SNI_HOST         0

/* ---- a cursor that cannot leave its bytes ---- */

struct cursor {
	const uint8_t *at;
	size_t left;
	bool broken; /* once something did not fit, nothing fits */
};

static const uint8_t *take(struct cursor *cursor, size_t n)
{
	const uint8_t *at = cursor->at;

	if (cursor->broken || n > cursor->left) {
		cursor->broken = true;
		return NULL;
	}
	cursor->at += n;
	cursor->left -= n;
	return at;
}

static size_t take_number(struct cursor *cursor, size_t bytes)
{
	const uint8_t *at = take(cursor, bytes);
	size_t value = 0;

	for (size_t i = 0; at && i < bytes; i++)
		value = value << 8 | at[i];
	return value;
}

/* A part whose length comes first, in `bytes` bytes. */
static struct cursor take_part(struct cursor *cursor, size_t bytes)
{
	size_t len = take_number(cursor, bytes);
	const uint8_t *at = take(cursor, len);

	return (struct cursor){ .at = at, .left = at ? len : 0, .broken = !at };
}

/* ---- names ---- */

static enum sniff set_name(const uint8_t *text, size_t len, char name[SNIFF_NAME])
{
	if (len && text[len - 1] == '.')
		len--;
	if (!len || len >= SNIFF_NAME)
		return SNIFF_BAD;
	for (size_t i = 0; i < len; i++) {
		if (!isalnum(text[i]) && !strchr("-._:[]", text[i]))
			return SNIFF_BAD;
		if (!text[i])
			return SNIFF_BAD;
		name[i] = (char)tolower(text[i]);
	}
	name[len] = '\0';
	return SNIFF_NAMED;
}

/* ---- TLS ---- */

static enum sniff read_server_name(struct cursor extension, char name[SNIFF_NAME])
{
	struct cursor list = take_part(&extension, 2), text;
	size_t type = take_number(&list, 1);

	text = take_part(&list, 2);
	if (list.broken || text.broken || list.left || extension.left || type != SNI_HOST)
		return SNIFF_BAD;
	return set_name(text.at, text.left, name);
}

static enum sniff read_hello(struct cursor hello, char name[SNIFF_NAME])
{
	enum sniff found = SNIFF_NONE;
	struct cursor extensions;

	(void)take(&hello, 2 + 32); /* version, random */
	(void)take_part(&hello, 1); /* session */
	(void)take_part(&hello, 2); /* ciphers */
	(void)take_part(&hello, 1); /* compression */
	if (hello.broken)
		return SNIFF_BAD;
	if (!hello.left)
		return SNIFF_NONE; /* before extensions were invented */
	extensions = take_part(&hello, 2);
	if (extensions.broken || hello.left)
		return SNIFF_BAD;
	while (extensions.left) {
		size_t type = take_number(&extensions, 2);
		struct cursor body = take_part(&extensions, 2);

		if (extensions.broken || (type == EXTENSION_SNI && found != SNIFF_NONE))
			return SNIFF_BAD;
		if (type == EXTENSION_SNI)
			found = read_server_name(body, name);
	}
	return found;
}

/* The message may be cut into records as its sender likes: put together again here. */
static enum sniff sniff_tls(const uint8_t *data, size_t len, char name[SNIFF_NAME])
{
	uint8_t message[SNIFF_MAX];
	size_t have = 0, want = 4;

	while (have < want) {
		size_t part;

		if (len < RECORD_HEAD)
			return SNIFF_MORE;
		part = (size_t)(data[3] << 8 | data[4]);
		if (data[0] != RECORD_HANDSHAKE || data[1] != 3 || !part || part > RECORD_MAX)
			return SNIFF_BAD;
		if (part > len - RECORD_HEAD)
			part = len - RECORD_HEAD; /* the rest is on its way */
		if (have + part > sizeof(message))
			return SNIFF_BAD;
		memcpy(message + have, data + RECORD_HEAD, part);
		have += part;
		if (have >= 4)
			want = 4 +
			       ((size_t)message[1] << 16 | (size_t)message[2] << 8 | message[3]);
		if (want > sizeof(message) || (have && message[0] != CLIENT_HELLO))
			return SNIFF_BAD;
		data += RECORD_HEAD + part;
		len -= RECORD_HEAD + part;
	}
	return read_hello((struct cursor){ .at = message + 4, .left = want - 4 }, name);
}

/* ---- HTTP ---- */

static bool is_method(const uint8_t *data, size_t len, bool *ret_more)
{
	static const char *const methods[] = { "GET ", "POST ", "HEAD ", "PUT ", "DELETE ",
		"OPTIONS ", "PATCH ", "CONNECT ", "TRACE ", "PRI * " };

	*ret_more = false;
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		size_t n = strlen(methods[i]);

		if (memcmp(data, methods[i], n < len ? n : len) == 0) {
			*ret_more = len < n;
			return true;
		}
	}
	return false;
}

/* "example.com:8080 " → the name's length; the address in "[::1]:80" keeps its brackets. */
static size_t host_length(const uint8_t *text, size_t len)
{
	const uint8_t *end;

	if (len && text[0] == '[') {
		end = memchr(text, ']', len);
		return end ? (size_t)(end - text) + 1 : 0;
	}
	end = memchr(text, ':', len);
	return end ? (size_t)(end - text) : len;
}

static enum sniff read_host(const uint8_t *text, size_t len, char name[SNIFF_NAME])
{
	while (len && (*text == ' ' || *text == '\t'))
		text++, len--;
	while (len && (text[len - 1] == ' ' || text[len - 1] == '\t' || text[len - 1] == '\r'))
		len--;
	return set_name(text, host_length(text, len), name);
}

/* "Host: x", 0 for another header; less for one that only some servers take for it: "Host : x". */
static int host_header(const uint8_t *line, size_t len)
{
	size_t at = 4;

	if (len < 5 || strncasecmp((const char *)line, "host", 4) != 0)
		return 0;
	while (at < len && (line[at] == ' ' || line[at] == '\t'))
		at++;
	return at == len || line[at] != ':' ? 0 : at == 4 ? 1 : -1;
}

/* "http://" in a target that names its server; 0 in one that does not. */
static size_t scheme_length(const uint8_t *target, size_t len)
{
	size_t n = 0;

	while (n < len && isalpha(target[n]))
		n++;
	return n && len - n >= 3 && memcmp(target + n, "://", 3) == 0 ? n + 3 : 0;
}

/* GET http://name/…: what a proxy would go by. Must say what Host says. */
static bool request_agrees(const uint8_t *line, size_t len, const char *name)
{
	const uint8_t *url = memchr(line, ' ', len);
	char other[SNIFF_NAME];
	size_t left, n = 0, scheme;

	if (!url)
		return false;
	url++;
	left = len - (size_t)(url - line);
	scheme = scheme_length(url, left);
	if (!scheme)
		return true;
	url += scheme;
	left -= scheme;
	while (n < left && url[n] != '/' && url[n] != ' ' && url[n] != '?' && url[n] != '\r')
		n++;
	return read_host(url, n, other) == SNIFF_NAMED && strcmp(other, name) == 0;
}

static enum sniff read_headers(const uint8_t *data, size_t len, char name[SNIFF_NAME])
{
	enum sniff found = SNIFF_NONE;
	const uint8_t *line = data, *end = data + len, *first = memchr(data, '\n', len);

	for (line = first + 1; line < end;) {
		const uint8_t *next = memchr(line, '\n', (size_t)(end - line));
		size_t n = (size_t)(next - line); /* the caller has seen the last one */
		int host = host_header(line, n);

		if (n == 0 || (n == 1 && *line == '\r'))
			break;
		if (*line == ' ' || *line == '\t')
			return SNIFF_BAD; /* folded: servers disagree */
		if (host < 0 || (host && found != SNIFF_NONE))
			return SNIFF_BAD;
		if (host)
			found = read_host(line + 5, n - 5, name);
		line = next + 1;
	}
	if (found == SNIFF_NAMED && !request_agrees(data, (size_t)(first - data), name))
		return SNIFF_BAD;
	return found;
}

static bool has_end(const uint8_t *data, size_t len)
{
	return memmem(data, len, "\n\r\n", 3) || memmem(data, len, "\n\n", 2);
}

static enum sniff sniff_http(const uint8_t *data, size_t len, char name[SNIFF_NAME])
{
	bool more;

	while (len && (*data == '\r' || *data == '\n')) /* as servers do */
		data++, len--;
	if (!len)
		return SNIFF_MORE;
	if (!is_method(data, len, &more))
		return SNIFF_NONE;
	return more || !has_end(data, len) ? SNIFF_MORE : read_headers(data, len, name);
}

/* Alerts and the like, which some servers pass over before the hello. */
static bool is_other_record(const uint8_t *data, size_t len)
{
	return data[0] >= RECORD_FIRST && data[0] <= RECORD_LAST && data[0] != RECORD_HANDSHAKE &&
	       (len < 2 || data[1] == 3);
}

enum sniff sniff_name(const uint8_t *data, size_t len, char name[SNIFF_NAME])
{
	enum sniff found;

	name[0] = '\0';
	if (!data || !len)
		return SNIFF_MORE;
	if (data[0] == RECORD_HANDSHAKE)
		found = sniff_tls(data, len, name);
	else if (is_other_record(data, len))
		found = len < 2 ? SNIFF_MORE : SNIFF_BAD;
	else
		found = sniff_http(data, len, name);
	if (found == SNIFF_MORE && len >= SNIFF_MAX)
		found = SNIFF_BAD;
	if (found != SNIFF_NAMED)
		name[0] = '\0';
	return found;
}
