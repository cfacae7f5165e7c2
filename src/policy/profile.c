/* SPDX-License-Identifier: Apache-2.0 */
/* Docker's seccomp JSON → rules. Anything that is not understood is an error, never an "allow". */
#include "policy/profile.h"

#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "policy/caps.h"

#define RULES_MAX 32768

void profile_done(struct profile *profile)
{
	for (size_t i = 0; i < PROFILE_ABIS; i++)
		free(profile->abi[i].v);
	*profile = (struct profile){ 0 };
}

unsigned profile_severity(uint32_t action)
{
	static const uint32_t order[] = { SECCOMP_RET_ALLOW, SECCOMP_RET_LOG, SECCOMP_RET_TRACE,
		SECCOMP_RET_ERRNO, SECCOMP_RET_TRAP, SECCOMP_RET_KILL_THREAD,
		SECCOMP_RET_KILL_PROCESS };
	unsigned i = 0;

	while (i < ARRAY_SIZE(order) - 1 && order[i] != (action & SECCOMP_RET_ACTION_FULL))
		i++;
	return i;
}

/* errnoRet as a number; `name` is Podman's form, "EPERM". */
static int parse_errno(
	const struct json *number, const struct json *name, uint32_t *ret, struct err *err)
{
	int64_t value = json_int(number, -1);
	const char *text = json_str(name, NULL);

	*ret = EPERM;
	if (number && (value < 0 || value > 4095))
		return err_set(err, -EINVAL, "errnoRet must be a number from 0 to 4095");
	if (number) {
		*ret = (uint32_t)value;
		return 0;
	}
	if (!text || !*text)
		return 0;
	for (int e = 1; e < 134; e++) {
		const char *known = strerrorname_np(e);
		if (known && strcmp(known, text) == 0) {
			*ret = (uint32_t)e;
			return 0;
		}
	}
	return err_set(err, -EINVAL, "unknown errno '%s'", text);
}

static int parse_action(const char *text, uint32_t errnum, uint32_t *ret, struct err *err)
{
	static const struct {
		const char *name;
		uint32_t action;
	} actions[] = {
		{ "SCMP_ACT_ALLOW", SECCOMP_RET_ALLOW },
		{ "SCMP_ACT_ERRNO", SECCOMP_RET_ERRNO },
		{ "SCMP_ACT_KILL", SECCOMP_RET_KILL_THREAD },
		{ "SCMP_ACT_KILL_THREAD", SECCOMP_RET_KILL_THREAD },
		{ "SCMP_ACT_KILL_PROCESS", SECCOMP_RET_KILL_PROCESS },
		{ "SCMP_ACT_TRAP", SECCOMP_RET_TRAP },
		{ "SCMP_ACT_TRACE", SECCOMP_RET_TRACE },
		{ "SCMP_ACT_LOG", SECCOMP_RET_LOG },
	};

	for (size_t i = 0; text && i < ARRAY_SIZE(actions); i++) {
		if (strcmp(text, actions[i].name) != 0)
			continue;
		uint32_t action = actions[i].action;
		bool has_data = action == SECCOMP_RET_ERRNO || action == SECCOMP_RET_TRACE;
		*ret = has_data ? action | errnum : action;
		return 0;
	}
	return err_set(err, -EINVAL, "unsupported action '%s'", text ? text : "(none)");
}

static int parse_cond(const struct json *arg, struct cond *ret, struct err *err)
{
	static const char *const ops[] = { "SCMP_CMP_EQ", "SCMP_CMP_NE", "SCMP_CMP_LT",
		"SCMP_CMP_LE", "SCMP_CMP_GT", "SCMP_CMP_GE", "SCMP_CMP_MASKED_EQ" };
	const char *op = json_str(json_get(arg, "op"), "");
	int64_t index = json_int(json_get(arg, "index"), -1);
	size_t i = 0;

	while (i < ARRAY_SIZE(ops) && strcmp(op, ops[i]) != 0)
		i++;
	if (i == ARRAY_SIZE(ops))
		return err_set(err, -EINVAL, "unknown comparison '%s'", op);
	if (index < 0 || index > 5)
		return err_set(err, -EINVAL, "argument index must be 0 to 5");
	if (json_kind(json_get(arg, "value")) != JSON_INT)
		return err_set(err, -EINVAL, "the value of an argument must be a whole number");
	uint64_t value = (uint64_t)json_int(json_get(arg, "value"), 0);
	*ret = (struct cond){ .arg = (unsigned)index, .op = (enum cond_op)i, .value = value };
	if (ret->op == COND_MASKED_EQ) { /* Docker's order: the mask comes first */
		ret->mask = value;
		ret->value = (uint64_t)json_int(json_get(arg, "valueTwo"), 0);
	}
	return 0;
}

static int parse_conds(const struct json *args, struct rule *rule, bool *ret_any, struct err *err)
{
	unsigned seen = 0;

	*ret_any = false;
	json_each (it, args) {
		if (rule->n_conds == ARRAY_SIZE(rule->conds))
			return err_set(err, -E2BIG, "more than 6 arguments in a rule");
		struct cond *cond = &rule->conds[rule->n_conds++];
		TRY(parse_cond(it.value, cond, err));
		/* Two tests of one argument are alternatives in Docker's profiles. */
		*ret_any |= (seen & (1u << cond->arg)) != 0;
		seen |= 1u << cond->arg;
	}
	return 0;
}

static int add_rule(struct rules *rules, const struct rule *rule, struct err *err)
{
	if (rules->n == RULES_MAX)
		return err_set(err, -E2BIG, "more than %d rules", RULES_MAX);
	if (rules->n == rules->cap) {
		rules->cap = rules->cap ? rules->cap * 2 : 512;
		rules->v = xreallocarray(rules->v, rules->cap, sizeof(*rules->v));
	}
	rules->v[rules->n++] = *rule;
	return 0;
}

struct entry {            /* of "syscalls" */
	struct rule rule; /* its number is still open */
	bool any;         /* one condition is enough */
};

/* One rule for all conditions together, or one for each of them. */
static int add_entry(struct rules *rules, const struct entry *entry, uint32_t nr, struct err *err)
{
	struct rule rule = entry->rule;

	rule.nr = nr;
	if (!entry->any)
		return add_rule(rules, &rule, err);
	rule.n_conds = 1;
	for (unsigned i = 0; i < entry->rule.n_conds; i++) {
		rule.conds[0] = entry->rule.conds[i];
		TRY(add_rule(rules, &rule, err));
	}
	return 0;
}

static int parse_filter_caps(const struct json *list, uint64_t *ret, struct err *err)
{
	*ret = 0;
	json_each (it, list) {
		int cap = caps_number(json_str(it.value, ""));
		if (cap < 0)
			return err_set(
				err, -EINVAL, "unknown capability '%s'", json_str(it.value, ""));
		*ret |= CAPS_BIT(cap);
	}
	return 0;
}

static bool lists(const struct json *list, const char *name)
{
	json_each (it, list)
		if (strcmp(json_str(it.value, ""), name) == 0)
			return true;
	return false;
}

static int parse_kernel(const char *text, unsigned *ret, struct err *err)
{
	unsigned major, minor;
	char rest;

	if (sscanf(text, "%3u.%3u%c", &major, &minor, &rest) != 2)
		return err_set(err, -EINVAL, "minKernel '%s' is not of the form 4.8", text);
	*ret = major << 16 | minor;
	return 0;
}

/* Does the entry hold for this machine and these capabilities? */
static int applies(const struct json *entry, const struct machine *m, bool *ret, struct err *err)
{
	const struct json *in = json_get(entry, "includes"), *ex = json_get(entry, "excludes");
	const char *min = json_str(json_get(in, "minKernel"), NULL);
	const char *not_from = json_str(json_get(ex, "minKernel"), NULL);
	uint64_t need, without;
	unsigned kernel = 0;

	TRY(parse_filter_caps(json_get(in, "caps"), &need, err));
	TRY(parse_filter_caps(json_get(ex, "caps"), &without, err));
	*ret = (m->caps & need) == need && (m->caps & without) == 0;
	if (json_len(json_get(in, "arches")) > 0)
		*ret &= lists(json_get(in, "arches"), m->name);
	*ret &= !lists(json_get(ex, "arches"), m->name);
	if (min) {
		TRY(parse_kernel(min, &kernel, err));
		*ret &= m->kernel >= kernel;
	}
	if (not_from) {
		TRY(parse_kernel(not_from, &kernel, err));
		*ret &= m->kernel < kernel;
	}
	return 0;
}

static int add_name(const char *name, const struct entry *entry, struct profile *profile,
	const struct machine *m, struct err *err)
{
	for (size_t i = 0; i < profile->n_abis; i++) {
		int nr = m->resolve(profile->abi[i].arch, name);
		if (nr >= 0)
			TRY(add_entry(&profile->abi[i], entry, (uint32_t)nr, err));
	}
	return 0;
}

static int parse_entry(
	const struct json *doc, const struct machine *m, struct profile *profile, struct err *err)
{
	const struct json *names = json_get(doc, "names");
	const char *single = json_str(json_get(doc, "name"), NULL);
	const char *action = json_str(json_get(doc, "action"), NULL);
	struct entry entry = { 0 };
	uint32_t errnum;
	bool holds;

	if (json_kind(doc) != JSON_MAP || (!single && json_kind(names) != JSON_LIST))
		return err_set(
			err, -EINVAL, "an entry of \"syscalls\" must be an object with \"names\"");
	TRY(parse_errno(json_get(doc, "errnoRet"), json_get(doc, "errno"), &errnum, err));
	TRY(parse_action(action, errnum, &entry.rule.action, err));
	TRY(parse_conds(json_get(doc, "args"), &entry.rule, &entry.any, err));
	TRY(applies(doc, m, &holds, err));
	if (!holds)
		return 0;
	if (single)
		TRY(add_name(single, &entry, profile, m, err));
	json_each (it, names) {
		if (json_kind(it.value) != JSON_STR)
			return err_set(err, -EINVAL, "\"names\" must hold strings");
		TRY(add_name(json_str(it.value, ""), &entry, profile, m, err));
	}
	return 0;
}

/* The 32-bit ABI is let in by archMap (below our own entry) or by the older "architectures". */
static bool wants_compat(const struct json *doc, const struct machine *m)
{
	if (!m->compat_token)
		return false;
	if (lists(json_get(doc, "architectures"), m->compat_token))
		return true;
	json_each (it, json_get(doc, "archMap"))
		if (strcmp(json_str(json_get(it.value, "architecture"), ""), m->token) == 0)
			return lists(json_get(it.value, "subArchitectures"), m->compat_token);
	return false;
}

int profile_parse(
	const struct json *doc, const struct machine *m, struct profile *ret, struct err *err)
{
	autoprofile struct profile profile = { .n_abis = 1, .abi = { { .arch = m->arch } } };
	uint32_t errnum;
	size_t index = 0;

	if (json_kind(doc) != JSON_MAP)
		return err_set(err, -EINVAL, "a seccomp profile must be a JSON object");
	if (json_get(doc, "listenerPath"))
		return err_set(err, -EINVAL, "listenerPath is not supported");
	TRY(parse_errno(
		json_get(doc, "defaultErrnoRet"), json_get(doc, "defaultErrno"), &errnum, err));
	TRY(parse_action(json_str(json_get(doc, "defaultAction"), NULL), errnum,
		&profile.default_action, err));
	if (wants_compat(doc, m))
		profile.abi[profile.n_abis++].arch = m->compat_arch;
	json_each (it, json_get(doc, "syscalls")) {
		index++;
		if (parse_entry(it.value, m, &profile, err) < 0)
			return err_wrap(err, "entry %zu of \"syscalls\"", index);
	}
	*ret = profile;
	profile = (struct profile){ 0 };
	return 0;
}
