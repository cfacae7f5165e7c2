/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Invariant: the last `matched` bytes typed are sequence[0…matched-1]; of those the first `sent` have
 * been let through.
 */
#include "process/keys.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "process/attach.h"

static int bad_keys(const char *text, struct err *err)
{
	return err_set(err, -EINVAL,
		"invalid detach keys (%s): want characters or ctrl-X, separated by commas, at most %d",
		text, KEYS_MAX);
}

/* One of "a", "ctrl-a", "ctrl-[", of length len; -EINVAL. */
static int parse_key(const char *key, size_t len)
{
	if (len == 1)
		return (unsigned char)*key;
	if (len != 6 || strncasecmp(key, "ctrl-", 5) != 0)
		return -EINVAL;
	char c = key[5];
	if (c >= 'a' && c <= 'z')
		c = (char)(c - 'a' + 'A');
	return c >= '@' && c <= '_' ? c - '@' : -EINVAL;
}

int client_parse_keys(const char *text, unsigned char *ret, int max, struct err *err)
{
	int n = 0;

	for (const char *key = text; *text && key; n++) {
		size_t len = strcspn(key, ",");
		int code = parse_key(key, len);
		if (code < 0 || n >= max)
			return bad_keys(text, err);
		ret[n] = (unsigned char)code;
		key = key[len] ? key + len + 1 : NULL;
	}
	return n;
}

int keys_init(struct keys *keys, const char *text, struct err *err)
{
	*keys = (struct keys){ 0 };
	int n = client_parse_keys(text ? text : KEYS_DEFAULT, keys->sequence, KEYS_MAX, err);

	if (n < 0)
		return n;
	keys->len = (size_t)n;
	return 0;
}

/* The longest proper beginning of the sequence that the matched bytes end with. */
static size_t shorter_match(const struct keys *keys)
{
	size_t n = keys->matched;

	while (n-- > 1)
		if (memcmp(keys->sequence, keys->sequence + keys->matched - n, n) == 0)
			return n;
	return 0;
}

/* Gives up the first bytes of the match, those not yet sent going to out. */
static size_t fall_back(struct keys *keys, unsigned char *out)
{
	size_t rest = shorter_match(keys), gone = keys->matched - rest, n = 0;

	if (gone > keys->sent) {
		n = gone - keys->sent;
		memcpy(out, keys->sequence + keys->sent, n);
	}
	keys->sent = keys->sent > gone ? keys->sent - gone : 0;
	keys->matched = rest;
	return n;
}

bool keys_feed(
	struct keys *keys, const unsigned char *typed, size_t n, unsigned char *out, size_t *ret_n)
{
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		while (keys->matched > 0 && keys->sequence[keys->matched] != typed[i])
			len += fall_back(keys, out + len);
		if (keys->len == 0 || keys->sequence[keys->matched] != typed[i]) {
			out[len++] = typed[i];
			continue;
		}
		if (++keys->matched < keys->len)
			continue;
		keys->matched = keys->sent = 0;
		*ret_n = len;
		return true;
	}
	*ret_n = len;
	return false;
}

bool keys_holding(const struct keys *keys)
{
	return keys->matched > keys->sent;
}

size_t keys_release(struct keys *keys, unsigned char *out)
{
	size_t n = keys->matched - keys->sent;

	memcpy(out, keys->sequence + keys->sent, n);
	keys->sent = keys->matched;
	return n;
}
