/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is unknown is an error (decision 0005): a misspelt protection must not be silently absent.
 * Texts come from files of the caller, of whom nothing is feared but mistakes; sizes are bounded.
 */
#include "options/policy_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/xalloc.h"
#include "options/options.h"
#include "policies.h"

#define POLICY_MAX    (1024 * 1024)
#define EXTENDS_MAX   8
#define POLICY_FORMAT 1

enum kind {
	KIND_TEXT,    /* a string or a number: one option */
	KIND_EACH,    /* a list: one option for each */
	KIND_JOINED,  /* a list: one option, commas between; none when it is empty */
	KIND_EXACTLY, /* a list: nothing but these */
	KIND_EGRESS,  /* a list: one option, commas between, "none" when it is empty; or a word */
	KIND_BOOL,
	KIND_SECCOMP, /* "default", "none" or a file */
	KIND_IGNORED, /* for readers */
};

static const struct key {
	const char *group, *name; /* group NULL: at the top */
	enum kind kind;
	const char *option, *when_false; /* "%s" is the value; NULL: says nothing */
} keys[] = {
	{ NULL, "sbxPolicy", KIND_IGNORED, NULL, NULL },
	{ NULL, "summary", KIND_IGNORED, NULL, NULL },
	{ NULL, "extends", KIND_IGNORED, NULL, NULL },
	{ NULL, "capabilities", KIND_EXACTLY, "--cap-add=%s", "--cap-drop=ALL" },
	{ NULL, "newPrivileges", KIND_BOOL, NULL, "--security-opt=no-new-privileges" },
	{ NULL, "landlock", KIND_BOOL, "--security-opt=landlock=on",
		"--security-opt=landlock=off" },
	{ NULL, "devices", KIND_EACH, "--device=%s", NULL },
	{ "seccomp", "profile", KIND_SECCOMP, "--security-opt=seccomp=%s", NULL },
	{ "seccomp", "deny", KIND_JOINED, "--security-opt=seccomp-deny=%s", NULL },
	{ "seccomp", "only", KIND_JOINED, "--security-opt=seccomp-only=%s", NULL },
	{ "seccomp", "allow", KIND_JOINED, "--security-opt=seccomp-allow=%s", NULL },
	{ "files", "readOnlyRoot", KIND_BOOL, "--read-only", NULL },
	{ "files", "scratch", KIND_EACH, "--tmpfs=%s", NULL },
	{ "files", "show", KIND_EACH, "--security-opt=unmask=%s", NULL },
	{ "files", "hide", KIND_EACH, "--security-opt=mask=%s", NULL },
	{ "files", "readOnly", KIND_EACH, "--security-opt=read-only=%s", NULL },
	{ "network", "mode", KIND_TEXT, "--network=%s", NULL },
	{ "network", "publish", KIND_EACH, "--publish=%s", NULL },
	{ "network", "egress", KIND_EGRESS, "--egress=%s", NULL },
	{ "limits", "memory", KIND_TEXT, "--memory=%s", NULL },
	{ "limits", "pids", KIND_TEXT, "--pids-limit=%s", NULL },
	{ "limits", "cpus", KIND_TEXT, "--cpus=%s", NULL },
	{ "limits", "sharedMemory", KIND_TEXT, "--shm-size=%s", NULL },
	{ "limits", "openFiles", KIND_TEXT, "--ulimit=nofile=%s", NULL },
	{ "limits", "processes", KIND_TEXT, "--ulimit=nproc=%s", NULL },
	{ "limits", "fileSize", KIND_TEXT, "--ulimit=fsize=%s", NULL },
	{ "limits", "coreSize", KIND_TEXT, "--ulimit=core=%s", NULL },
	{ "limits", "cpuSeconds", KIND_TEXT, "--ulimit=cpu=%s", NULL },
};

const struct builtin_policy *policy_builtins(void)
{
	return builtin_policies;
}

char *policy_folder(void)
{
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");

	if (config && *config == '/')
		return xasprintf("%s/sbx/policies", config);
	return home && *home == '/' ? xasprintf("%s/.config/sbx/policies", home) : NULL;
}

static const char *builtin_text(const char *name)
{
	for (const struct builtin_policy *p = builtin_policies; p->name; p++)
		if (strcmp(p->name, name) == 0)
			return p->text;
	return NULL;
}

static int unknown_policy(const char *name, struct err *err)
{
	autobuf struct buf names = BUF_INIT;

	for (const struct builtin_policy *p = builtin_policies; p->name; p++)
		buf_addf(&names, "%s%s", names.len ? ", " : "", p->name);
	return err_set(err, -ENOENT,
		"no policy named '%s': there are %s, your own in ~/.config/sbx/policies/NAME.json, "
		"and files, written with a '/' (./%s.json)",
		name, names.data, name);
}

int policy_text(const char *name, char **ret, struct err *err)
{
	const char *builtin = builtin_text(name);
	autofree char *folder = policy_folder();
	autofree char *path = NULL;
	size_t len;

	if (builtin) {
		*ret = xstrdup(builtin);
		return 0;
	}
	if (!strchr(name, '/') && (!folder || !valid_name(name, 1)))
		return unknown_policy(name, err);
	path = strchr(name, '/') ? xstrdup(name) : xasprintf("%s/%s.json", folder, name);
	if (fs_read_at(AT_FDCWD, path, POLICY_MAX, ret, &len, err) >= 0)
		return 0;
	if (err->code == -ENOENT && !strchr(name, '/'))
		return unknown_policy(name, err);
	return err_wrap(err, "policy %s", name);
}

/* What the policy itself says goes over what it extends; lists are replaced, not joined. */
static void merge(struct json *base, const struct json *over)
{
	json_each (it, over) {
		struct json *below = json_get(base, it.key);

		if (json_kind(below) == JSON_MAP && json_kind(it.value) == JSON_MAP)
			merge(below, it.value);
		else
			json_put(base, it.key, json_ref(it.value));
	}
}

static int load_one(const char *name, struct json **ret, struct err *err)
{
	autofree char *text = NULL;
	autojson struct json *doc = NULL;

	TRY(policy_text(name, &text, err));
	if (json_parse(text, strlen(text), &doc, err) < 0)
		return err_wrap(err, "policy %s", name);
	if (json_kind(doc) != JSON_MAP || json_int(json_get(doc, "sbxPolicy"), 0) != POLICY_FORMAT)
		return err_set(err, -EINVAL,
			"policy %s: \"sbxPolicy\": %d is missing: it says that this is a policy, and in which format",
			name, POLICY_FORMAT);
	*ret = move_ptr(&doc);
	return 0;
}

static int load_all(const char *name, struct json **ret, struct err *err)
{
	struct json *chain[EXTENDS_MAX];
	size_t n = 0;
	int r = 0;

	for (const char *next = name; next && r == 0;) {
		r = n == EXTENDS_MAX
			    ? err_set(err, -ELOOP, "policy %s extends too many others", name)
			    : load_one(next, &chain[n], err);
		if (r == 0)
			next = json_str(json_get(chain[n++], "extends"), NULL);
	}
	struct json *whole = json_new_map();
	for (size_t i = n; i-- > 0; json_free(chain[i]))
		merge(whole, chain[i]);
	if (r == 0)
		*ret = move_ptr(&whole);
	json_free(whole);
	return r;
}

int policy_load(const char *name, struct json **ret, struct err *err)
{
	autojson struct json *policy = NULL;
	autostrv struct strv options = STRV_INIT;

	if (load_all(name, &policy, err) < 0)
		return err_exit(err, 125);
	if (policy_options(policy, &options, err) < 0) {
		(void)err_wrap(err, "policy %s", name);
		return err_exit(err, 125);
	}
	*ret = move_ptr(&policy);
	return 0;
}

/* ---- keys to options ---- */

static int wrong(const struct key *key, const char *wants, struct err *err)
{
	return err_set(err, -EINVAL, "\"%s%s%s\" must be %s", key->group ? key->group : "",
		key->group ? "." : "", key->name, wants);
}

static void add(struct strv *ret, const char *format, const char *value)
{
	const char *at = strstr(format, "%s");

	if (at)
		strv_addf(ret, "%.*s%s", (int)(at - format), format, value);
	else
		strv_add(ret, format);
}

static int add_text(
	const struct key *key, const struct json *value, struct strv *ret, struct err *err)
{
	autobuf struct buf text = BUF_INIT;

	if (json_kind(value) == JSON_STR)
		buf_adds(&text, json_str(value, ""));
	else if (json_kind(value) == JSON_INT || json_kind(value) == JSON_NUMBER)
		json_write(value, 0, &text);
	else
		return wrong(key, "a text or a number", err);
	add(ret, key->option, text.data);
	return 0;
}

static int add_list(
	const struct key *key, const struct json *value, struct strv *ret, struct err *err)
{
	autobuf struct buf joined = BUF_INIT;

	if (json_kind(value) != JSON_LIST)
		return wrong(key, "a list of texts", err);
	if (key->kind == KIND_EXACTLY)
		strv_add(ret, key->when_false);
	json_each (it, value) {
		const char *text = json_str(it.value, "");

		if (!*text)
			return wrong(key, "a list of texts", err);
		if (key->kind == KIND_JOINED || key->kind == KIND_EGRESS)
			buf_addf(&joined, "%s%s", joined.len ? "," : "", text);
		else
			add(ret, key->option, text);
	}
	if (joined.len || key->kind == KIND_EGRESS)
		add(ret, key->option, joined.len ? joined.data : "none");
	return 0;
}

static int add_bool(
	const struct key *key, const struct json *value, struct strv *ret, struct err *err)
{
	const char *option;

	if (json_kind(value) != JSON_BOOLEAN)
		return wrong(key, "true or false", err);
	option = json_bool(value, false) ? key->option : key->when_false;
	if (option)
		strv_add(ret, option);
	return 0;
}

static int add_seccomp(
	const struct key *key, const struct json *value, struct strv *ret, struct err *err)
{
	const char *text = json_str(value, "");

	if (strcmp(text, "default") != 0 && strcmp(text, "none") != 0 && *text != '/')
		return wrong(key, "\"default\", \"none\" or an absolute path", err);
	add(ret, key->option,
		*text == '/'                ? text
		: strcmp(text, "none") == 0 ? "unconfined"
					    : "builtin");
	return 0;
}

static int add_key(
	const struct key *key, const struct json *value, struct strv *ret, struct err *err)
{
	switch (key->kind) {
	case KIND_TEXT:
		return add_text(key, value, ret, err);
	case KIND_EGRESS:
		if (json_kind(value) == JSON_STR)
			return add_text(key, value, ret, err);
		return add_list(key, value, ret, err);
	case KIND_EACH:
	case KIND_JOINED:
	case KIND_EXACTLY:
		return add_list(key, value, ret, err);
	case KIND_BOOL:
		return add_bool(key, value, ret, err);
	case KIND_SECCOMP:
		return add_seccomp(key, value, ret, err);
	case KIND_IGNORED:
		break;
	}
	return 0;
}

static bool is_group(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (keys[i].group && strcmp(keys[i].group, name) == 0)
			return true;
	return false;
}

static bool same_group(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static int check_known(const char *group, const struct json *map, struct err *err)
{
	json_each (it, map) {
		bool known = !group && is_group(it.key);

		for (size_t i = 0; i < ARRAY_SIZE(keys) && !known; i++)
			known = same_group(keys[i].group, group) &&
				strcmp(keys[i].name, it.key) == 0;
		if (!known)
			return err_set(err, -EINVAL, "unknown key \"%s%s%s\"", group ? group : "",
				group ? "." : "", it.key);
		if (group || !is_group(it.key))
			continue;
		if (json_kind(it.value) != JSON_MAP)
			return err_set(err, -EINVAL, "\"%s\" must be an object", it.key);
		TRY(check_known(it.key, it.value, err));
	}
	return 0;
}

int policy_options(const struct json *policy, struct strv *ret, struct err *err)
{
	autostrv struct strv options = STRV_INIT;

	if (json_kind(policy) != JSON_MAP)
		return err_set(err, -EINVAL, "a policy must be an object");
	TRY(check_known(NULL, policy, err));
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const struct key *key = &keys[i];
		const struct json *map = key->group ? json_get(policy, key->group) : policy;
		const struct json *value = map ? json_get(map, key->name) : NULL;

		if (value)
			TRY(add_key(key, value, &options, err));
	}
	strv_extend(ret, &options);
	return 0;
}
