/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stricter than RFC 3986 on purpose: a URL that two parsers could read differently is refused, so
 * that what is checked here is what curl connects to. Host names are letters, digits, "-", "_" and
 * "."; an address in any dress that inet_pton() does not know ("0x7f.1", "2130706433") is a name.
 */
#include "image/url.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("-_.", c));
}

static int bad(struct err *err, const char *text, const char *why)
{
	return err_set(err, -EINVAL, "bad URL '%.200s': %s", text, why);
}

/* Copies the host at s into ret->host; returns its length, 0 if there is none. */
static size_t take_host(const char *s, struct url *ret)
{
	size_t n = 0;

	if (*s == '[') {
		n = strspn(s + 1, "0123456789abcdefABCDEF:.");
		if (n == 0 || s[n + 1] != ']')
			return 0;
		n += 2;
	} else {
		while (is_name_char(s[n]))
			n++;
	}
	if (n == 0 || n >= sizeof(ret->host))
		return 0;
	for (size_t i = 0; i < n; i++)
		ret->host[i] = s[i] >= 'A' && s[i] <= 'Z' ? (char)(s[i] - 'A' + 'a') : s[i];
	ret->host[n] = '\0';
	return n;
}

/* Copies ":port" at s; returns its length, 0 if there is none, -1 if it is bad. */
static int take_port(const char *s, struct url *ret)
{
	size_t n;

	(void)snprintf(ret->port, sizeof(ret->port), "%s", ret->https ? "443" : "80");
	if (*s != ':')
		return 0;
	n = strspn(s + 1, "0123456789");
	if (n == 0 || n > 5)
		return -1;
	(void)snprintf(ret->port, sizeof(ret->port), "%.*s", (int)n, s + 1);
	return (int)n + 1;
}

int url_parse(const char *text, struct url *ret, struct err *err)
{
	struct url url = { 0 };
	const char *s = text, *host;
	size_t n;
	int port;

	for (const char *c = text; *c; c++)
		if ((unsigned char)*c <= ' ' || *c == 0x7f || *c == '\\')
			return bad(err, text, "it contains blanks, control bytes or backslashes");
	if (strncasecmp(s, "https://", 8) == 0)
		url.https = true;
	else if (strncasecmp(s, "http://", 7) != 0)
		return bad(err, text, "only http:// and https:// are spoken");
	host = s += url.https ? 8 : 7;
	n = strcspn(s, "/?#");
	if (memchr(s, '@', n))
		return bad(err, text, "user names in URLs are not accepted");
	n = take_host(s, &url);
	if (n == 0)
		return bad(err, text, "no valid host name");
	s += n;
	port = take_port(s, &url);
	if (port < 0)
		return bad(err, text, "no valid port");
	s += port;
	if (*s && !strchr("/?#", *s))
		return bad(err, text, "no valid host name");
	(void)snprintf(url.authority, sizeof(url.authority), "%s%.*s", url.host, port, host + n);
	*ret = url;
	return 0;
}

bool url_same_origin(const struct url *a, const struct url *b)
{
	return a->https == b->https && strcmp(a->host, b->host) == 0 &&
	       strcmp(a->port, b->port) == 0;
}

bool url_is_loopback(const struct url *url)
{
	struct in_addr v4;

	if (strcmp(url->host, "localhost") == 0 || strcmp(url->host, "[::1]") == 0)
		return true;
	return inet_pton(AF_INET, url->host, &v4) == 1 && (ntohl(v4.s_addr) >> 24) == 127;
}

bool url_is_address(const struct url *url)
{
	struct in_addr v4;

	return url->host[0] == '[' || inet_pton(AF_INET, url->host, &v4) == 1;
}

char *url_encode(const char *text)
{
	struct buf out = BUF_INIT;

	for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
		if (is_name_char((char)*c) || *c == '~')
			buf_addc(&out, (char)*c);
		else
			buf_addf(&out, "%%%02X", *c);
	}
	return buf_steal(&out);
}
