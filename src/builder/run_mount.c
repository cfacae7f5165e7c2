/* SPDX-License-Identifier: Apache-2.0 */
/* RUN --mount: one CSV record of key=value fields. The type may come after what depends on it. */
#include "builder/run_mount.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/own.h"
#include "base/xalloc.h"
#include "builder/diagnose.h"
#include "options/options.h"

struct draft {
	struct run_mount mount;
	const char *field; /* as typed */
	bool said_readonly, said_sharing, said_size;
};

typedef int (*take_fn)(struct draft *d, const char *value, struct err *err);

static const char *const type_names[] = {
	[MOUNT_BIND] = "bind",
	[MOUNT_CACHE] = "cache",
	[MOUNT_TMPFS] = "tmpfs",
	[MOUNT_SECRET] = "secret",
	[MOUNT_SSH] = "ssh",
	NULL,
};

static const char *const sharing_names[] = {
	[SHARING_SHARED] = "shared",
	[SHARING_PRIVATE] = "private",
	[SHARING_LOCKED] = "locked",
	NULL,
};

static int pick(const char *const *names, const char *value)
{
	for (int i = 0; names[i]; i++)
		if (strcasecmp(names[i], value) == 0)
			return i;
	return -1;
}

/* "message (did you mean x?)" */
static int unsure(const char *const *names, const char *word, const char *message, struct err *err)
{
	const char *near = diagnose_nearest(word, names);

	return err_set(err, -EINVAL, "%s%s%s%s", message, near ? " (did you mean " : "",
		near ? near : "", near ? "?)" : "");
}

static int take_type(struct draft *d, const char *value, struct err *err)
{
	autofree char *message = xasprintf("unsupported mount type \"%s\"", value);
	int type = pick(type_names, value);

	if (type < 0)
		return unsure(type_names, value, message, err);
	d->mount.type = (enum run_mount_type)type;
	return 0;
}

static int take_sharing(struct draft *d, const char *value, struct err *err)
{
	autofree char *message = xasprintf("unsupported sharing value \"%s\"", value);
	int sharing = pick(sharing_names, value);

	if (sharing < 0)
		return unsure(sharing_names, value, message, err);
	d->mount.sharing = (enum run_sharing)sharing;
	d->said_sharing = true;
	return 0;
}

static int replace(char **slot, const char *value)
{
	free(*slot);
	*slot = xstrdup(value);
	return 0;
}

static int take_from(struct draft *d, const char *value, struct err *err)
{
	(void)err; /* any text is one */
	return replace(&d->mount.from, value);
}

static int take_source(struct draft *d, const char *value, struct err *err)
{
	(void)err; /* any text is one */
	return replace(&d->mount.source, value);
}

static int take_target(struct draft *d, const char *value, struct err *err)
{
	(void)err; /* any text is one */
	return replace(&d->mount.target, value);
}

static int take_id(struct draft *d, const char *value, struct err *err)
{
	(void)err; /* any text is one */
	return replace(&d->mount.id, value);
}

static int take_env(struct draft *d, const char *value, struct err *err)
{
	(void)err; /* any text is one */
	return replace(&d->mount.env, value);
}

static int invalid(const struct draft *d, const char *value, struct err *err)
{
	return err_set(err, -EINVAL, "invalid value for %.*s: %s", (int)strcspn(d->field, "="),
		d->field, value);
}

/* Go's ParseBool. */
static int read_bool(const struct draft *d, const char *value, bool *ret, struct err *err)
{
	static const char *const yes[] = { "1", "t", "T", "true", "TRUE", "True" };
	static const char *const no[] = { "0", "f", "F", "false", "FALSE", "False" };

	for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
		*ret = strcmp(value, yes[i]) == 0;
		if (*ret || strcmp(value, no[i]) == 0)
			return 0;
	}
	return invalid(d, value, err);
}

static int take_readonly(struct draft *d, const char *value, struct err *err)
{
	d->said_readonly = true;
	return read_bool(d, value, &d->mount.readonly, err);
}

static int take_readwrite(struct draft *d, const char *value, struct err *err)
{
	bool rw = false;

	d->said_readonly = true;
	TRY(read_bool(d, value, &rw, err));
	d->mount.readonly = !rw;
	return 0;
}

static int take_required(struct draft *d, const char *value, struct err *err)
{
	return read_bool(d, value, &d->mount.required, err);
}

static int take_size(struct draft *d, const char *value, struct err *err)
{
	struct err why = ERR_INIT;

	d->said_size = true;
	return parse_size(value, &d->mount.size, &why) < 0 ? invalid(d, value, err) : 0;
}

static int read_number(
	const struct draft *d, const char *value, int base, uint32_t *ret, struct err *err)
{
	unsigned long long n;
	char *end;

	errno = 0;
	n = strtoull(value, &end, base);
	if (errno || end == value || *end || n >= RUN_ID_UNSET || strpbrk(value, "+- \t"))
		return err_set(err, -EINVAL, "invalid value %s for %.*s", value,
			(int)strcspn(d->field, "="), d->field);
	*ret = (uint32_t)n;
	return 0;
}

static int take_mode(struct draft *d, const char *value, struct err *err)
{
	return read_number(d, value, 8, &d->mount.mode, err);
}

static int take_uid(struct draft *d, const char *value, struct err *err)
{
	return read_number(d, value, 10, &d->mount.uid, err);
}

static int take_gid(struct draft *d, const char *value, struct err *err)
{
	return read_number(d, value, 10, &d->mount.gid, err);
}

static const struct {
	const char *key;
	take_fn take;
	bool alone; /* may stand without "=value" */
} keys[] = {
	{ "type", take_type },
	{ "from", take_from },
	{ "source", take_source },
	{ "src", take_source },
	{ "target", take_target },
	{ "dst", take_target },
	{ "destination", take_target },
	{ "readonly", take_readonly, true },
	{ "ro", take_readonly, true },
	{ "readwrite", take_readwrite, true },
	{ "rw", take_readwrite, true },
	{ "required", take_required, true },
	{ "size", take_size },
	{ "id", take_id },
	{ "sharing", take_sharing },
	{ "mode", take_mode },
	{ "uid", take_uid },
	{ "gid", take_gid },
	{ "env", take_env },
};

static int unknown_key(const char *key, const char *field, struct err *err)
{
	const char *names[ARRAY_SIZE(keys) + 1] = { NULL };
	autofree char *message = xasprintf("unexpected key '%s' in '%s'", key, field);

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		names[i] = keys[i].key;
	return unsure(names, key, message, err);
}

static int take_field(
	struct draft *d, const char *field, const struct expansion *how, struct err *err)
{
	const char *equals = strchr(field, '=');
	autofree char *key = xstrndup(field, strcspn(field, "=")), *value = NULL;

	d->field = field;
	if (equals)
		TRY(expand_word(how, equals + 1, &value, err));
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (strcasecmp(keys[i].key, key) != 0)
			continue;
		if (!equals && !keys[i].alone)
			break;
		return keys[i].take(d, equals ? value : "true", err);
	}
	if (!equals)
		return err_set(err, -EINVAL, "invalid field '%s' must be a key=value pair", field);
	return unknown_key(key, field, err);
}

/* Before variables are known. */
static int take_early(struct draft *d, const char *field, struct err *err)
{
	const char *dollar;

	if (strncasecmp(field, "from=", 5) != 0)
		return 0;
	dollar = strchr(field, '$');
	if (dollar && dollar[1])
		return err_set(err, -EINVAL,
			"'from' doesn't support variable expansion, define alias stage instead");
	return take_from(d, field + 5, err);
}

/* ---- what fits together ---- */

static int judge_ids(const struct run_mount *m, struct err *err)
{
	const char *key = m->mode != RUN_ID_UNSET ? "mode" : m->uid != RUN_ID_UNSET ? "uid" : "gid";
	bool none = m->mode == RUN_ID_UNSET && m->uid == RUN_ID_UNSET && m->gid == RUN_ID_UNSET;

	if (none || m->type == MOUNT_SECRET || m->type == MOUNT_SSH || m->type == MOUNT_CACHE)
		return 0;
	return err_set(
		err, -EINVAL, "%s not allowed for \"%s\" type mounts", key, type_names[m->type]);
}

static int judge_secret(const struct draft *d, struct err *err)
{
	const struct run_mount *m = &d->mount;

	if (m->type != MOUNT_SECRET)
		return 0;
	if (m->from)
		return err_set(err, -EINVAL, "secret mount should not have a from");
	if (!m->source && !m->target && !m->id)
		return err_set(
			err, -EINVAL, "invalid secret mount. one of source, target required");
	if (m->source && m->id)
		return err_set(err, -EINVAL, "both source and id can't be set");
	return 0;
}

static int judge(struct draft *d, struct err *err)
{
	struct run_mount *m = &d->mount;

	TRY(judge_ids(m, err));
	TRY(judge_secret(d, err));
	if (m->required && m->type != MOUNT_SECRET && m->type != MOUNT_SSH)
		return err_set(err, -EINVAL, "unexpected key 'required' for mount type '%s'",
			type_names[m->type]);
	if (d->said_size && m->type != MOUNT_TMPFS)
		return err_set(err, -EINVAL, "unexpected key 'size' for mount type '%s'",
			type_names[m->type]);
	if (d->said_sharing && m->type != MOUNT_CACHE)
		return err_set(err, -EINVAL, "invalid cache sharing set for %s mount",
			type_names[m->type]);
	if (!d->said_readonly)
		m->readonly = m->type != MOUNT_CACHE && m->type != MOUNT_TMPFS;
	return 0;
}

/* The next field of a CSV record, quotes undone; NULL after the last. */
static char *next_field(const char **p)
{
	struct buf out = BUF_INIT;
	bool quoted = **p == '"';

	if (!**p)
		return NULL;
	*p += quoted;
	for (; **p && (quoted || **p != ','); ++*p) {
		if (quoted && **p == '"' && *++*p != '"')
			quoted = false;
		if (!quoted && (!**p || **p == ','))
			break;
		buf_addc(&out, **p);
	}
	*p += **p == ',';
	return buf_steal(&out);
}

int run_mount_parse(
	const char *text, const struct expansion *how, struct run_mount *ret, struct err *err)
{
	struct draft d = {
		.mount = { .mode = RUN_ID_UNSET, .uid = RUN_ID_UNSET, .gid = RUN_ID_UNSET }
	};
	char *field;
	int r = 0;

	while (r == 0 && (field = next_field(&text))) {
		r = how ? take_field(&d, field, how, err) : take_early(&d, field, err);
		free(field);
	}
	if (r == 0 && how)
		r = judge(&d, err);
	if (r < 0)
		run_mount_done(&d.mount);
	else
		*ret = d.mount;
	return r;
}
