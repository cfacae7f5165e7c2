/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Image references as people type them, in Docker's grammar (distribution/reference):
 *
 *	reference  = name [ ":" tag ] [ "@" digest ]
 *	name       = [ domain "/" ] component { "/" component }
 *	domain     = host [ ":" digits ]      host = dns labels, IPv4, or "[" IPv6 "]"
 *	component  = alnum { ( "." | "_" | "__" | "-"+ ) alnum }      lower case
 *	tag        = word character, then up to 127 of word characters, "." and "-"
 *
 * What stands before the first slash is a domain only if it has a dot, a colon or an upper case
 * letter, or is "localhost"; else the domain is docker.io, where one-word names live in "library/".
 *
 * Whatever leaves this file can be put into a URL path or a file's content without quoting: the
 * grammar has no "..", no "%", no control byte. It is never used as a file name.
 */
#include "image/image.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/own.h"
#include "base/xalloc.h"

#define PATH_LENGTH_MAX 255
#define TAG_LENGTH_MAX  128
#define DEFAULT_DOMAIN  "docker.io"
#define DEFAULT_PREFIX  "library/"

/* A piece of the text being parsed. */
struct span {
	const char *at;
	size_t len;
};

/* <ctype.h> follows the locale; a reference does not. */
static bool is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_alnum(char c)
{
	return is_lower(c) || is_upper(c) || is_digit(c);
}

static bool is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f');
}

static bool all_of(struct span s, bool (*is)(char))
{
	for (size_t i = 0; i < s.len; i++)
		if (!is(s.at[i]))
			return false;
	return true;
}

static bool has_upper(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (is_upper(s.at[i]))
			return true;
	return false;
}

static bool span_is(struct span s, const char *word)
{
	return s.len == strlen(word) && memcmp(s.at, word, s.len) == 0;
}

/* Cuts the text before the first of `stops` off *rest and returns it; *rest keeps the stop. */
static struct span cut(struct span *rest, const char *stops)
{
	struct span head = { rest->at, 0 };

	while (head.len < rest->len && !strchr(stops, rest->at[head.len]))
		head.len++;
	rest->at += head.len;
	rest->len -= head.len;
	return head;
}

static void skip(struct span *s, size_t n)
{
	s->at += n;
	s->len -= n;
}

/* ---- grammar ---- */

static bool label_ok(struct span s)
{
	if (s.len == 0 || s.at[0] == '-' || s.at[s.len - 1] == '-')
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (!is_alnum(s.at[i]) && s.at[i] != '-')
			return false;
	return true;
}

static bool is_ipv6_char(char c)
{
	return is_hex(c) || (c >= 'A' && c <= 'F') || c == ':';
}

static bool host_ok(struct span s)
{
	if (s.len > 2 && s.at[0] == '[' && s.at[s.len - 1] == ']')
		return all_of((struct span){ s.at + 1, s.len - 2 }, is_ipv6_char);
	for (;;) {
		if (!label_ok(cut(&s, ".")))
			return false;
		if (s.len == 0)
			return true;
		skip(&s, 1);
	}
}

static bool domain_ok(struct span s)
{
	size_t colon = s.len;

	for (size_t i = s.len; i > 0 && s.at[i - 1] != ']'; i--)
		if (s.at[i - 1] == ':')
			colon = i - 1;
	if (colon < s.len) {
		struct span port = { s.at + colon + 1, s.len - colon - 1 };

		if (port.len == 0 || !all_of(port, is_digit))
			return false;
		s.len = colon;
	}
	return host_ok(s);
}

/* Length of a separator at s: ".", "_", "__", or any number of "-"; 0 if there is none. */
static size_t separator(struct span s)
{
	size_t n = 0;

	if (s.len > 0 && s.at[0] == '.')
		return 1;
	if (s.len > 0 && s.at[0] == '_')
		return s.len > 1 && s.at[1] == '_' ? 2 : 1;
	while (n < s.len && s.at[n] == '-')
		n++;
	return n;
}

static bool component_ok(struct span s)
{
	for (;;) {
		size_t n = 0;

		while (n < s.len && (is_lower(s.at[n]) || is_digit(s.at[n])))
			n++;
		if (n == 0)
			return false;
		skip(&s, n);
		if (s.len == 0)
			return true;
		n = separator(s);
		if (n == 0)
			return false;
		skip(&s, n);
	}
}

static bool path_ok(struct span s)
{
	for (;;) {
		if (!component_ok(cut(&s, "/")))
			return false;
		if (s.len == 0)
			return true;
		skip(&s, 1);
	}
}

static bool tag_ok(struct span s)
{
	if (s.len == 0 || s.len > TAG_LENGTH_MAX || s.at[0] == '.' || s.at[0] == '-')
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (!is_alnum(s.at[i]) && !strchr("_.-", s.at[i]))
			return false;
	return true;
}

/* Only the algorithms whose blobs the store keeps. */
static bool ref_digest_ok(struct span s)
{
	struct span algorithm = cut(&s, ":");
	size_t digits;

	if (span_is(algorithm, "sha256"))
		digits = 64;
	else if (span_is(algorithm, "sha512"))
		digits = 128;
	else
		return false;
	if (s.len != digits + 1)
		return false;
	skip(&s, 1);
	return all_of(s, is_hex);
}

/* ---- normal form ---- */

/* Docker's rule for what the first component is. Moves *rest behind the domain. */
static struct span take_domain(struct span *rest)
{
	struct span after = *rest;
	struct span first = cut(&after, "/");
	bool names_host = has_upper(first) || span_is(first, "localhost");

	for (size_t i = 0; i < first.len; i++)
		names_host |= first.at[i] == '.' || first.at[i] == ':';
	if (after.len == 0 || !names_host)
		return (struct span){ DEFAULT_DOMAIN, strlen(DEFAULT_DOMAIN) };
	skip(&after, 1);
	*rest = after;
	if (span_is(first, "index.docker.io"))
		return (struct span){ DEFAULT_DOMAIN, strlen(DEFAULT_DOMAIN) };
	return first;
}

static int bad_format(struct err *err, const char *text)
{
	return err_set(err, -EINVAL, "invalid reference format: '%s'", text);
}

/* Splits ":tag" and "@digest" off what follows the path. A missing part has at == NULL. */
static bool take_suffix(struct span rest, struct span *ret_tag, struct span *ret_digest)
{
	*ret_tag = *ret_digest = (struct span){ NULL, 0 };
	if (rest.len > 0 && rest.at[0] == ':') {
		skip(&rest, 1);
		*ret_tag = cut(&rest, "@");
		if (!tag_ok(*ret_tag))
			return false;
	}
	if (rest.len > 0) {
		skip(&rest, 1); /* "@": cut() stops nowhere else */
		*ret_digest = rest;
		return ref_digest_ok(rest);
	}
	return true;
}

static char *span_dup(struct span s)
{
	return s.at ? xstrndup(s.at, s.len) : NULL;
}

int ref_parse(const char *text, struct ref *ret, struct err *err)
{
	struct span rest = { text, strlen(text) }, domain, path, tag, digest;
	const char *prefix = "";

	if (rest.len == 0)
		return err_set(err, -EINVAL, "invalid reference format: the name is empty");
	if (rest.len == 64 && all_of(rest, is_hex))
		return err_set(err, -EINVAL,
			"invalid repository name (%s), cannot specify 64-byte hexadecimal strings",
			text);
	domain = take_domain(&rest);
	path = cut(&rest, ":@");
	if (span_is(domain, DEFAULT_DOMAIN) && !memchr(path.at, '/', path.len))
		prefix = DEFAULT_PREFIX;
	if (has_upper(path))
		return err_set(err, -EINVAL,
			"invalid reference format: repository name (%s%.*s) must be lowercase",
			prefix, (int)path.len, path.at);
	if (!domain_ok(domain) || !path_ok(path) || !take_suffix(rest, &tag, &digest))
		return bad_format(err, text);
	if (strlen(prefix) + path.len > PATH_LENGTH_MAX)
		return err_set(err, -EINVAL, "repository name must not be more than %d characters",
			PATH_LENGTH_MAX);

	*ret = (struct ref){
		.domain = span_dup(domain),
		.path = xasprintf("%s%.*s", prefix, (int)path.len, path.at),
		.tag = tag.at || digest.at ? span_dup(tag) : xstrdup("latest"),
		.digest = span_dup(digest),
		.default_tag = !tag.at && !digest.at,
	};
	return 0;
}

void ref_done(struct ref *ref)
{
	free(ref->domain);
	free(ref->path);
	free(ref->tag);
	free(ref->digest);
	*ref = (struct ref){ 0 };
}

/* ---- printing ---- */

static char *join(const struct ref *ref, char *adopt_name)
{
	struct buf out = BUF_INIT;

	buf_adds(&out, adopt_name);
	free(adopt_name);
	if (ref->tag)
		buf_addf(&out, ":%s", ref->tag);
	if (ref->digest)
		buf_addf(&out, "@%s", ref->digest);
	return buf_steal(&out);
}

char *ref_full(const struct ref *ref)
{
	return join(ref, xasprintf("%s/%s", ref->domain, ref->path));
}

char *ref_name(const struct ref *ref)
{
	const char *path = ref->path;
	size_t prefix = strlen(DEFAULT_PREFIX);

	if (strcmp(ref->domain, DEFAULT_DOMAIN) != 0)
		return xasprintf("%s/%s", ref->domain, path);
	if (strncmp(path, DEFAULT_PREFIX, prefix) == 0 && !strchr(path + prefix, '/'))
		path += prefix;
	return xstrdup(path);
}

char *ref_familiar(const struct ref *ref)
{
	return join(ref, ref_name(ref));
}
