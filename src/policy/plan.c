/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --cap-add, --cap-drop, --privileged and --security-opt → struct policy.
 *
 * Options are Docker's and Podman's: key=value, or key:value as long ago. SELinux and AppArmor options
 * are accepted and without effect: loading such labels takes root. What is unknown is an error,
 * because a misspelt protection must not be silently absent.
 */
#include "policy/policy.h"

#include <errno.h>
#include <linux/capability.h>
#include <string.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "policy/caps.h"
#include "policy/paths.h"
#include "policy/filter.h"

struct draft { /* what --security-opt said so far */
	bool no_new_privs;
	bool unconfined;
	const char *landlock; /* "on" or "off", borrowed; NULL = where it hinders nothing */
	const char *profile;  /* borrowed; NULL = built in */
	struct profile_edits edits;
	struct policy *policy;
};

static void draft_done(struct draft *draft)
{
	profile_edits_done(&draft->edits);
}

void policy_done(struct policy *policy)
{
	free(policy->filter);
	free(policy->watched);
	strv_done(&policy->masked);
	strv_done(&policy->read_only);
	*policy = (struct policy){ 0 };
}

int policy_cap_number(const char *name)
{
	return caps_number(name);
}

static int bad_option(const char *text, const char *why, struct err *err)
{
	(void)err_set(
		err, -EINVAL, "invalid --security-opt: \"%s\"%s%s", text, *why ? ": " : "", why);
	(void)err_exit(err, 125);
	return -EINVAL;
}

static int set_no_new_privs(struct draft *draft, const char *value)
{
	if (!value || strcmp(value, "true") == 0)
		draft->no_new_privs = true;
	else if (strcmp(value, "false") == 0)
		draft->no_new_privs = false;
	else
		return -EINVAL;
	return 0;
}

static bool is_builtin(const char *value)
{
	return strcmp(value, "builtin") == 0 || strcmp(value, "default") == 0;
}

static int set_seccomp(struct draft *draft, const char *value)
{
	bool builtin = value && is_builtin(value);

	if (!value || !*value)
		return -EINVAL;
	draft->unconfined = strcmp(value, "unconfined") == 0;
	draft->profile = draft->unconfined || builtin ? NULL : value;
	return 0;
}

static int set_systempaths(struct draft *draft, const char *value)
{
	if (!value || strcmp(value, "unconfined") != 0)
		return -EINVAL;
	paths_unmask(&draft->policy->masked, &draft->policy->read_only, "ALL");
	return 0;
}

/* A colon or equals-separated list of absolute paths; patterns and ALL only for unmask. */
static bool is_path_list(const char *value, bool with_all)
{
	if (!value || !*value)
		return false;
	if (with_all && strcasecmp(value, "ALL") == 0)
		return true;
	for (const char *path = value; path; path = strchr(path, ':')) {
		path += *path == ':';
		if (*path != '/')
			return false;
	}
	return true;
}

static int set_mask(struct draft *draft, const char *value)
{
	if (!is_path_list(value, false))
		return -EINVAL;
	paths_add(&draft->policy->masked, value);
	return 0;
}

static int set_read_only(struct draft *draft, const char *value)
{
	if (!is_path_list(value, false))
		return -EINVAL;
	paths_add(&draft->policy->read_only, value);
	return 0;
}

static int add_names(struct strv *names, const char *value)
{
	autofree char *copy = xstrdup(value ? value : "");
	char *rest = copy;

	for (char *name = strsep(&rest, ","); name; name = strsep(&rest, ",")) {
		if (!*name)
			return -EINVAL;
		strv_add(names, name);
	}
	return 0;
}

static int set_deny(struct draft *draft, const char *value)
{
	return add_names(&draft->edits.deny, value);
}

static int set_allow(struct draft *draft, const char *value)
{
	return add_names(&draft->edits.allow, value);
}

static int set_unmask(struct draft *draft, const char *value)
{
	if (!is_path_list(value, true))
		return -EINVAL;
	paths_unmask(&draft->policy->masked, &draft->policy->read_only, value);
	return 0;
}

static int set_nothing(struct draft *draft, const char *value)
{
	return value && *value ? 0 : -EINVAL;
}

static int set_only(struct draft *draft, const char *value)
{
	return add_names(&draft->edits.only, value);
}

static int set_landlock(struct draft *draft, const char *value)
{
	if (!value || (strcmp(value, "on") != 0 && strcmp(value, "off") != 0))
		return -EINVAL;
	draft->landlock = value;
	return 0;
}

static const struct {
	const char *key;
	int (*set)(struct draft *draft, const char *value); /* value NULL: the key alone */
	const char *wants;
} security_opts[] = {
	{ "no-new-privileges", set_no_new_privs, "want true or false" },
	{ "seccomp", set_seccomp, "want unconfined, builtin or a file" },
	{ "seccomp-deny", set_deny, "want names of system calls, separated by ','" },
	{ "seccomp-allow", set_allow, "want names of system calls, separated by ','" },
	{ "seccomp-only", set_only, "want names of system calls, separated by ','" },
	{ "landlock", set_landlock, "want on or off" },
	{ "systempaths", set_systempaths, "want unconfined" },
	{ "mask", set_mask, "want absolute paths, separated by ':'" },
	{ "read-only", set_read_only, "want absolute paths, separated by ':'" },
	{ "unmask", set_unmask, "want ALL or absolute paths, separated by ':'" },
	{ "label", set_nothing, "want a value" },
	{ "apparmor", set_nothing, "want a value" },
};

static int apply_option(struct draft *draft, const char *text, struct err *err)
{
	size_t len = strcspn(text, "=:");
	const char *value = text[len] ? text + len + 1 : NULL;

	for (size_t i = 0; i < ARRAY_SIZE(security_opts); i++) {
		if (strlen(security_opts[i].key) != len ||
			strncmp(security_opts[i].key, text, len) != 0)
			continue;
		if (security_opts[i].set(draft, value) < 0)
			return bad_option(text, security_opts[i].wants, err);
		return 0;
	}
	return bad_option(text, "", err);
}

bool policy_reads_file(const struct run_opts *opts)
{
	bool reads = false;

	strv_each (text, &opts->security_opt) {
		const char *value = *text + strlen("seccomp") + 1;

		if (strncmp(*text, "seccomp=", 8) == 0 || strncmp(*text, "seccomp:", 8) == 0)
			reads = strcmp(value, "unconfined") != 0 && !is_builtin(value);
	}
	return reads;
}

/* Docker: --privileged means all capabilities, no filter, nothing hidden; options may tighten it. */
static int plan_caps(const struct run_opts *opts, struct draft *draft, struct err *err)
{
	struct policy *policy = draft->policy;

	TRY(caps_choose(&opts->cap_add, &opts->cap_drop, &policy->caps, err));
	if (!opts->privileged) {
		paths_default(&policy->masked, &policy->read_only);
		return 0;
	}
	policy->caps = CAPS_ALL;
	draft->unconfined = true;
	return 0;
}

/* Behind Landlock nothing can be mounted. So by default only where the filter refuses that anyway. */
static void plan_landlock(const struct run_opts *opts, struct draft *draft)
{
	const struct strv *allow = &draft->edits.allow;
	struct policy *policy = draft->policy;
	bool may_mount = draft->unconfined || draft->profile ||
			 policy->caps & CAPS_BIT(CAP_SYS_ADMIN) || strv_has(allow, "mount") ||
			 strv_has(allow, "move_mount") || strv_has(allow, "unshare") ||
			 strv_has(allow, "clone") || strv_has(allow, "clone3");

	policy->landlock = draft->landlock ? strcmp(draft->landlock, "on") == 0 : !may_mount;
	policy->landlock_read_only = policy->landlock && opts->read_only;
	policy->landlock_sockets = policy->landlock && opts->network &&
				   strcmp(opts->network, "host") == 0;
}

int policy_plan(const struct globals *globals, const struct run_opts *opts, struct policy *ret,
	struct err *err)
{
	autopolicy struct policy policy = { 0 };
	__attribute__((cleanup(draft_done))) struct draft draft = { .policy = &policy };

	TRY(plan_caps(opts, &draft, err));
	strv_each (text, &opts->security_opt)
		TRY(apply_option(&draft, *text, err));
	policy.no_new_privs = draft.no_new_privs;
	plan_landlock(opts, &draft);
	const struct filter_wish wish = { draft.profile, &draft.edits };
	if (!draft.unconfined && filter_choose(globals, &wish, &policy, err) < 0)
		return err_exit(err, 125);
	*ret = policy;
	policy = (struct policy){ 0 };
	return 0;
}
