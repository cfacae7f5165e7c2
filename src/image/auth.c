/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The header and the realm come from the network. Rules that keep secrets at home:
 *
 * - Credentials go to the registry's own host, or to the realm hosts listed below and in the
 *   configuration; any other realm is asked anonymously.
 * - A realm that would weaken the channel (http for an https registry), carries user information,
 *   or is an address the registry does not have itself (cloud metadata, the caller's loopback) is
 *   not asked at all.
 */
#include "image/auth.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/own.h"
#include "base/xalloc.h"

#define HEADER_MAX 8192
#define TOKEN_MAX  65536

/* Registries whose tokens come from another host of the same owner. */
static const struct {
	const char *registry, *realm;
} known_realms[] = {
	{ "registry-1.docker.io", "auth.docker.io" },
	{ "registry.gitlab.com", "gitlab.com" },
};

void challenge_done(struct challenge *challenge)
{
	free(challenge->realm);
	free(challenge->service);
	*challenge = (struct challenge){ 0 };
}

/* ---- the header ---- */

static bool is_token_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("!#$%&'*+-.^_`|~", c));
}

static char *take_token(const char **s)
{
	size_t n = 0;
	char *token;

	while (is_token_char((*s)[n]))
		n++;
	if (n == 0)
		return NULL;
	token = xstrndup(*s, n);
	*s += n;
	return token;
}

/* A quoted string or what reaches to the next comma or blank. NULL: quotes do not close. */
static char *take_value(const char **s)
{
	autobuf struct buf out = BUF_INIT;
	const char *c = *s;

	buf_adds(&out, "");
	if (*c != '"') {
		size_t n = strcspn(c, ", \t");

		buf_add(&out, c, n);
		*s = c + n;
		return buf_steal(&out);
	}
	for (c++; *c && *c != '"'; c++) {
		if (*c == '\\' && c[1])
			c++;
		buf_addc(&out, *c);
	}
	if (*c != '"')
		return NULL;
	*s = c + 1;
	return buf_steal(&out);
}

static const char *skip_separators(const char *s)
{
	return s + strspn(s, ", \t");
}

static void keep_parameter(struct challenge *c, const char *name, char **value)
{
	char **slot = strcasecmp(name, "realm") == 0     ? &c->realm
		      : strcasecmp(name, "service") == 0 ? &c->service
							 : NULL;

	if (slot && !*slot)
		*slot = move_ptr(value);
}

/* name=value pairs up to the next scheme or the end. Returns false on a syntax error. */
static bool take_parameters(const char **s, struct challenge *c)
{
	for (;;) {
		const char *at = skip_separators(*s);
		autofree char *name = NULL, *value = NULL;

		*s = at;
		if (!*at)
			return true;
		name = take_token(&at);
		if (!name)
			return false;
		if (*at != '=')
			return *at == ' ' || *at == ',' || !*at; /* the next scheme */
		at++;
		value = take_value(&at);
		if (!value)
			return false;
		keep_parameter(c, name, &value);
		*s = at;
	}
}

/* One scheme with its parameters. 1: understood, 0: a scheme we do not speak, -1: bad syntax. */
static int take_challenge(const char **s, struct challenge *ret)
{
	autofree char *scheme = take_token(s);

	if (!scheme || (**s && !strchr(" ,\t", **s)) || !take_parameters(s, ret))
		return -1;
	if (strcasecmp(scheme, "Bearer") == 0 && ret->realm)
		ret->scheme = AUTH_BEARER;
	else if (strcasecmp(scheme, "Basic") == 0)
		ret->scheme = AUTH_BASIC;
	else
		return 0;
	return 1;
}

int challenge_parse(const char *header, struct challenge *ret, struct err *err)
{
	autochallenge struct challenge best = { 0 };
	bool found = false;
	const char *s = skip_separators(header);

	if (strlen(header) > HEADER_MAX)
		return err_set(err, -EINVAL, "the registry's login challenge is too long");
	for (const char *c = header; *c; c++)
		if (((unsigned char)*c < ' ' && *c != '\t') || *c == 0x7f)
			return err_set(
				err, -EINVAL, "control byte in the registry's login challenge");
	while (*s) {
		autochallenge struct challenge next = { 0 };
		int r = take_challenge(&s, &next);

		if (r < 0)
			return err_set(err, -EINVAL,
				"cannot read the registry's login challenge: %.200s", header);
		if (r > 0 &&
			(!found || (best.scheme == AUTH_BASIC && next.scheme == AUTH_BEARER))) {
			challenge_done(&best);
			best = next;
			next = (struct challenge){ 0 };
			found = true;
		}
		s = skip_separators(s);
	}
	if (!found)
		return err_set(err, -ENOTSUP,
			"the registry offers no Basic or Bearer login: %.200s", header);
	*ret = best;
	best = (struct challenge){ 0 };
	return 0;
}

/* ---- the realm ---- */

static bool is_known_realm(const char *registry, const char *realm, const struct strv *realms)
{
	for (size_t i = 0; i < ARRAY_SIZE(known_realms); i++)
		if (strcmp(known_realms[i].registry, registry) == 0 &&
			strcmp(known_realms[i].realm, realm) == 0)
			return true;
	return strv_has(realms, realm);
}

int auth_check_realm(const struct url *registry, const char *realm, const struct strv *realms,
	bool *ret_credentials, struct err *err)
{
	struct url url;
	bool same_host, both_local;

	if (url_parse(realm, &url, err) < 0)
		return err_wrap(err, "token realm of %s", registry->authority);
	same_host = strcmp(url.host, registry->host) == 0;
	both_local = url_is_loopback(&url) && url_is_loopback(registry);
	if (registry->https && !url.https)
		return err_set(err, -EPERM,
			"%s wants its token fetched over plain http from %s: refused",
			registry->authority, url.authority);
	if (!url.https && !same_host && !both_local)
		return err_set(err, -EPERM,
			"%s wants its token fetched over plain http from another host, %s: refused",
			registry->authority, url.authority);
	if ((url_is_address(&url) || url_is_loopback(&url)) && !same_host && !both_local)
		return err_set(err, -EPERM,
			"%s wants its token fetched from the address %s, which is not its own: refused",
			registry->authority, url.authority);
	*ret_credentials = url_same_origin(&url, registry) ||
			   (url.https &&
				   (same_host || is_known_realm(registry->host, url.host, realms)));
	return 0;
}

char *auth_token_url(const struct challenge *challenge, const char *scope, const char *account)
{
	const char *names[] = { "service", "scope", "account" };
	const char *values[] = { challenge->service, scope, account };
	size_t fragment = strcspn(challenge->realm, "#");
	struct buf out = BUF_INIT;
	char glue = memchr(challenge->realm, '?', fragment) ? '&' : '?';

	buf_add(&out, challenge->realm, fragment);
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		autofree char *value = values[i] ? url_encode(values[i]) : NULL;

		if (!value)
			continue;
		buf_addf(&out, "%c%s=%s", glue, names[i], value);
		glue = '&';
	}
	return buf_steal(&out);
}

int auth_parse_token(const char *body, size_t len, char **ret, struct err *err)
{
	autojson struct json *doc = NULL;
	const char *token;
	size_t n;

	if (json_parse(body, len, &doc, err) < 0)
		return err_wrap(err, "token of the registry");
	token = json_str(json_get(doc, "token"), NULL);
	if (!token || !*token)
		token = json_str(json_get(doc, "access_token"), NULL);
	if (!token || !*token)
		return err_set(err, -EINVAL, "the token service answered without a token");
	n = strlen(token);
	if (n > TOKEN_MAX)
		return err_set(
			err, -EINVAL, "the token service sent a token of %zu bytes: refused", n);
	for (size_t i = 0; i < n; i++)
		if (token[i] <= ' ' || token[i] > '~')
			return err_set(err, -EINVAL,
				"the token service sent a token with unprintable bytes: refused");
	*ret = xstrdup(token);
	return 0;
}

/* ---- base64 (RFC 4648, with padding) ---- */

static const char base64_digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *base64_encode(const void *data, size_t len)
{
	const unsigned char *in = data;
	struct buf out = BUF_INIT;

	buf_adds(&out, "");
	for (size_t i = 0; i < len; i += 3) {
		size_t n = len - i < 3 ? len - i : 3;
		uint32_t bits = (uint32_t)in[i] << 16;

		bits |= n > 1 ? (uint32_t)in[i + 1] << 8 : 0;
		bits |= n > 2 ? in[i + 2] : 0;
		buf_addc(&out, base64_digits[bits >> 18]);
		buf_addc(&out, base64_digits[bits >> 12 & 63]);
		buf_addc(&out, n > 1 ? base64_digits[bits >> 6 & 63] : '=');
		buf_addc(&out, n > 2 ? base64_digits[bits & 63] : '=');
	}
	return buf_steal(&out);
}

char *base64_decode(const char *text)
{
	autobuf struct buf out = BUF_INIT;
	size_t len = strlen(text), n;
	uint32_t bits = 0;

	while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
		len--;
	n = len;
	while (n > 0 && text[n - 1] == '=')
		n--;
	if (len - n > 2 || n % 4 == 1)
		return NULL;
	buf_adds(&out, "");
	for (size_t i = 0; i < n; i++) {
		const char *digit = text[i] ? strchr(base64_digits, text[i]) : NULL;

		if (!digit)
			return NULL;
		bits = bits << 6 | (uint32_t)(digit - base64_digits);
		if (i % 4 != 0)
			buf_addc(&out, (char)(bits >> (6 - i % 4 * 2) & 0xff));
	}
	if (memchr(out.data, '\0', out.len))
		return NULL;
	return buf_steal(&out);
}

char *auth_basic(const char *user, const char *secret)
{
	autofree char *pair = xasprintf("%s:%s", user, secret);
	autofree char *code = base64_encode(pair, strlen(pair));

	return xasprintf("Basic %s", code);
}
