/* SPDX-License-Identifier: Apache-2.0 */
#include "builder/flags.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "builder/diagnose.h"
#include "builder/instruction.h"

static const struct flag *find(const struct flag *table, const char *name, size_t len)
{
	for (; table->name; table++)
		if (strlen(table->name) == len && memcmp(table->name, name, len) == 0)
			return table;
	return NULL;
}

static int unknown(const char *text, size_t len, const struct flag *table, struct err *err)
{
	const char *names[FLAGS_MAX + 1] = { NULL };
	autofree char *name = xstrndup(text, len);
	const char *near;

	for (size_t i = 0; table[i].name && i < FLAGS_MAX; i++)
		names[i] = table[i].name;
	near = diagnose_nearest(name, names);
	return err_set(err, -EINVAL, "unknown flag: --%s%s%s%s", name,
		near ? " (did you mean " : "", near ? near : "", near ? "?)" : "");
}

static int read_bool(const char *flag, const char *value, bool *ret, struct err *err)
{
	if (value && !*value)
		return err_set(err, -EINVAL, "missing a value on flag: %.*s",
			(int)(value - 1 - flag), flag);
	*ret = !value || strcasecmp(value, "true") == 0;
	if (*ret || strcasecmp(value, "false") == 0)
		return 0;
	return err_set(err, -EINVAL, "expecting boolean value for flag %.*s, not: %s",
		(int)(value - 1 - flag), flag, value);
}

static int store(
	const struct flag *row, const char *flag, const char *value, void *target, struct err *err)
{
	void *slot = (char *)target + row->offset;
	bool yes;

	switch (row->kind) {
	case FLAG_BOOL:
		return read_bool(flag, value, slot, err);
	case FLAG_CHOICE:
		TRY(read_bool(flag, value, &yes, err));
		*(enum choice3 *)slot = yes ? CHOICE_YES : CHOICE_NO;
		return 0;
	case FLAG_STRING:
	case FLAG_LIST:
		break;
	}
	if (!value)
		return err_set(err, -EINVAL, "missing a value on flag: %s", flag);
	if (row->kind == FLAG_STRING)
		*(char **)slot = xstrdup(value);
	else
		strv_add(slot, value);
	return 0;
}

int flags_parse(const struct strv *flags, const struct flag *table, void *target, struct err *err)
{
	bool used[FLAGS_MAX] = { false };

	strv_each (flag, flags) {
		const char *name = *flag + 2, *value = strchr(name, '=');
		size_t len = value ? (size_t)(value - name) : strlen(name);
		const struct flag *row = find(table, name, len);

		if (!row)
			return unknown(name, len, table, err);
		if (used[row - table] && row->kind != FLAG_LIST)
			return err_set(err, -EINVAL, "duplicate flag specified: --%s", row->name);
		used[row - table] = true;
		TRY(store(row, *flag, value ? value + 1 : NULL, target, err));
	}
	return 0;
}
