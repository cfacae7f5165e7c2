/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A policy in the container's record, so that `exec` holds a new process to what the container was
 * started with: {"caps", "noNewPrivileges", "seccomp": base64 or null, "masked", "readOnly",
 * "landlock", "landlockReadOnly", "landlockSockets"}.
 */
#include "policy/policy.h"

#include <string.h>

#include "base/json.h"
#include "base/own.h"
#include "base/xalloc.h"
#include "policy/caps.h"
#include "policy/filter.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static char *encode(const unsigned char *data, size_t len)
{
	char *text = xmalloc((len + 2) / 3 * 4 + 1), *out = text;

	for (size_t i = 0; i < len; i += 3) {
		uint32_t word = (uint32_t)data[i] << 16;
		word |= i + 1 < len ? (uint32_t)data[i + 1] << 8 : 0;
		word |= i + 2 < len ? data[i + 2] : 0;
		*out++ = digits[word >> 18];
		*out++ = digits[word >> 12 & 63];
		*out++ = i + 1 < len ? digits[word >> 6 & 63] : '=';
		*out++ = i + 2 < len ? digits[word & 63] : '=';
	}
	*out = '\0';
	return text;
}

static int digit(char c)
{
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* A filter is a multiple of 8 bytes, so its text ends in padding that must be right too. */
static int decode(const char *text, unsigned char **ret, size_t *ret_len)
{
	size_t len = strlen(text), n = 0;
	autofree unsigned char *data = xmalloc(len + 1);

	if (len % 4 != 0)
		return -EINVAL;
	for (size_t i = 0; i < len; i += 4) {
		size_t pad = i + 4 == len ? (text[i + 3] == '=') + (text[i + 2] == '=') : 0;
		uint32_t word = 0;
		for (size_t k = 0; k < 4; k++) {
			int value = k < 4 - pad ? digit(text[i + k]) : 0;
			if (value < 0)
				return -EINVAL;
			word = word << 6 | (uint32_t)value;
		}
		for (size_t k = 0; k < 3 - pad; k++)
			data[n++] = (unsigned char)(word >> (16 - 8 * k));
	}
	*ret = move_ptr(&data);
	*ret_len = n;
	return 0;
}

struct json *policy_to_json(const struct policy *policy)
{
	struct json *doc = json_new_map();
	size_t bytes = policy->filter_len * sizeof(*policy->filter);
	autofree char *filter = policy->filter ? encode((unsigned char *)policy->filter, bytes)
					       : NULL;

	json_put_int(doc, "caps", (int64_t)policy->caps);
	json_put_bool(doc, "noNewPrivileges", policy->no_new_privs);
	json_put_string(doc, "seccomp", filter);
	json_put(doc, "masked", json_new_strv(&policy->masked));
	json_put(doc, "readOnly", json_new_strv(&policy->read_only));
	json_put_bool(doc, "landlock", policy->landlock);
	json_put_bool(doc, "landlockReadOnly", policy->landlock_read_only);
	json_put_bool(doc, "landlockSockets", policy->landlock_sockets);
	return doc;
}

static int filter_from_json(const struct json *value, struct policy *policy, struct err *err)
{
	autofree unsigned char *data = NULL;
	size_t len = 0;

	if (json_kind(value) == JSON_NIL)
		return 0; /* unconfined: must be said, not merely absent */
	if (json_kind(value) != JSON_STR || decode(json_str(value, ""), &data, &len) < 0)
		return err_set(err, -EINVAL, "the recorded seccomp filter is damaged");
	TRY(filter_check(data, len, &policy->filter_len, err));
	policy->filter = xmemdup(data, len);
	return 0;
}

int policy_from_json(const struct json *doc, struct policy *ret, struct err *err)
{
	autopolicy struct policy policy = { 0 };
	int64_t caps = json_int(json_get(doc, "caps"), -1);

	if (caps < 0 || json_kind(json_get(doc, "noNewPrivileges")) != JSON_BOOLEAN)
		return err_set(err, -EINVAL, "the recorded policy lacks caps or noNewPrivileges");
	policy.caps = (uint64_t)caps & CAPS_ALL;
	policy.no_new_privs = json_bool(json_get(doc, "noNewPrivileges"), true);
	TRY(filter_from_json(json_get(doc, "seccomp"), &policy, err));
	json_strv(json_get(doc, "masked"), &policy.masked);
	json_strv(json_get(doc, "readOnly"), &policy.read_only);
	policy.landlock = json_bool(json_get(doc, "landlock"), false);
	policy.landlock_read_only = json_bool(json_get(doc, "landlockReadOnly"), false);
	policy.landlock_sockets = json_bool(json_get(doc, "landlockSockets"), false);
	*ret = policy;
	policy = (struct policy){ 0 };
	return 0;
}
