/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/compose.h"

#include <errno.h>

#include "base/json.h"
#include "base/own.h"

#define EPERM_NUMBER 1 /* in a profile errors are numbers */

/* The names of one rule without those that get a rule of their own; notes which were seen. */
static struct json *names_without(const struct json *names, const struct strv *deny,
	const struct strv *allow, struct strv *seen)
{
	struct json *kept = json_new_list();

	json_each (it, names) {
		const char *name = json_str(it.value, "");

		if (strv_has(deny, name) && !strv_has(seen, name))
			strv_add(seen, name);
		if (!strv_has(deny, name) && !strv_has(allow, name))
			json_push(kept, json_ref(it.value));
	}
	return kept;
}

static void push_rule(struct json *rules, const struct strv *names, const char *action)
{
	struct json *rule = json_new_map();

	json_put(rule, "names", json_new_strv(names));
	json_put_string(rule, "action", action);
	json_put_int(rule, "errnoRet", EPERM_NUMBER);
	json_push(rules, rule);
}

static void without(const struct strv *list, const struct strv *taken, struct strv *ret)
{
	strv_each (name, list)
		if (!strv_has(taken, *name))
			strv_add(ret, *name);
}

int profile_compose(const char *text, size_t len, const struct strv *deny, const struct strv *allow,
	struct buf *out, struct err *err)
{
	autojson struct json *doc = NULL;
	autostrv struct strv seen = STRV_INIT, unseen = STRV_INIT, allowed = STRV_INIT;
	struct json *rules;

	TRY(json_parse(text, len, &doc, err));
	rules = json_get(doc, "syscalls");
	if (json_kind(doc) != JSON_MAP || json_kind(rules) != JSON_LIST)
		return err_set(err, -EINVAL, "the profile has no list \"syscalls\"");
	json_each (it, rules)
		json_put(it.value, "names",
			names_without(json_get(it.value, "names"), deny, allow, &seen));
	without(deny, &seen, &unseen);
	if (unseen.n)
		return err_set(err, -EINVAL,
			"seccomp-deny=%s: the profile does not know this call: it is refused already, or misspelt",
			unseen.v[0]);
	without(allow, deny, &allowed);
	if (allowed.n)
		push_rule(rules, &allowed, "SCMP_ACT_ALLOW");
	if (deny->n)
		push_rule(rules, deny, "SCMP_ACT_ERRNO");
	json_write(doc, 0, out);
	return 0;
}
