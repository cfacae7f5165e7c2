/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/compose.h"

#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "base/own.h"
#include "policy/policy.h"

#define EPERM_NUMBER 1    /* in a profile errors are numbers */
#define CALLS        1024 /* beyond the last number of any kernel */

void profile_edits_done(struct profile_edits *edits)
{
	strv_done(&edits->deny);
	strv_done(&edits->allow);
	strv_done(&edits->only);
}

static bool is_kept(const struct profile_edits *edits, const char *name, bool lets_through)
{
	if (strv_has(&edits->deny, name) || strv_has(&edits->allow, name))
		return false; /* has a rule of its own */
	return !lets_through || !edits->only.n || strv_has(&edits->only, name);
}

static bool is_edited(const struct profile_edits *edits, const char *name)
{
	return strv_has(&edits->deny, name) || strv_has(&edits->allow, name) ||
	       strv_has(&edits->only, name);
}

struct sorted {
	struct strv seen;    /* edited ones that a rule knew */
	struct strv refused; /* what passed and is none of the only ones */
};

/* The names of one rule that stay in it. */
static struct json *names_kept(
	const struct json *rule, const struct profile_edits *edits, struct sorted *sorted)
{
	struct json *kept = json_new_list();
	bool passes = strcmp(json_str(json_get(rule, "action"), ""), "SCMP_ACT_ALLOW") == 0;

	json_each (it, json_get(rule, "names")) {
		const char *name = json_str(it.value, "");

		if (is_edited(edits, name) && !strv_has(&sorted->seen, name))
			strv_add(&sorted->seen, name);
		if (is_kept(edits, name, passes))
			json_push(kept, json_ref(it.value));
		else if (is_kept(edits, name, false) && !strv_has(&sorted->refused, name))
			strv_add(&sorted->refused, name);
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

static void sorted_done(struct sorted *sorted)
{
	strv_done(&sorted->seen);
	strv_done(&sorted->refused);
}

static void push_rules(
	struct json *rules, const struct profile_edits *edits, const struct strv *refused)
{
	autostrv struct strv allowed = STRV_INIT;

	without(&edits->allow, &edits->deny, &allowed);
	if (allowed.n)
		push_rule(rules, &allowed, "SCMP_ACT_ALLOW");
	if (edits->deny.n)
		push_rule(rules, &edits->deny, "SCMP_ACT_ERRNO");
	if (refused->n)
		push_rule(rules, refused, "SCMP_ACT_ERRNO");
}

static bool is_call(const char *name)
{
	for (int nr = 0; nr < CALLS; nr++) {
		const char *known = policy_call_name(nr);

		if (known && strcmp(known, name) == 0)
			return true;
	}
	return false;
}

/* Names that neither the profile nor this machine knows: a misspelt list is no list. */
static int check_names(
	const char *option, const struct strv *names, const struct strv *seen, struct err *err)
{
	strv_each (name, names)
		if (!strv_has(seen, *name) && !is_call(*name))
			return err_set(
				err, -EINVAL, "%s=%s: there is no such system call", option, *name);
	return 0;
}

int profile_compose(const char *text, size_t len, const struct profile_edits *edits,
	struct buf *out, struct err *err)
{
	__attribute__((cleanup(sorted_done))) struct sorted sorted = { 0 };
	autojson struct json *doc = NULL;
	autostrv struct strv unseen = STRV_INIT;
	struct json *rules;

	TRY(json_parse(text, len, &doc, err));
	rules = json_get(doc, "syscalls");
	if (json_kind(doc) != JSON_MAP || json_kind(rules) != JSON_LIST)
		return err_set(err, -EINVAL, "the profile has no list \"syscalls\"");
	json_each (it, rules)
		json_put(it.value, "names", names_kept(it.value, edits, &sorted));
	without(&edits->deny, &sorted.seen, &unseen);
	if (unseen.n)
		return err_set(err, -EINVAL,
			"seccomp-deny=%s: the profile does not know this call: it is refused already, or misspelt",
			unseen.v[0]);
	TRY(check_names("seccomp-allow", &edits->allow, &sorted.seen, err));
	TRY(check_names("seccomp-only", &edits->only, &sorted.seen, err));
	push_rules(rules, edits, &sorted.refused);
	json_write(doc, 0, out);
	return 0;
}
