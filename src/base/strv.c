/* SPDX-License-Identifier: Apache-2.0 */
#include "base/strv.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/xalloc.h"

void strv_done(struct strv *sv)
{
	for (size_t i = 0; i < sv->n; i++)
		free(sv->v[i]);
	free(sv->v);
	*sv = (struct strv)STRV_INIT;
}

void strv_adopt(struct strv *sv, char *s)
{
	/* n+2 slots rounded up to a power of two; reallocating to the same size is cheap in libc */
	if (!sv->v || (sv->n & (sv->n + 1)) == 0)
		sv->v = xreallocarray(sv->v, 2 * (sv->n + 1), sizeof(*sv->v));
	sv->v[sv->n++] = s;
	sv->v[sv->n] = NULL;
}

void strv_add(struct strv *sv, const char *s)
{
	strv_adopt(sv, xstrdup(s));
}

void strv_addf(struct strv *sv, const char *fmt, ...)
{
	struct buf text = BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(&text, fmt, ap);
	va_end(ap);
	strv_adopt(sv, buf_steal(&text));
}

void strv_extend(struct strv *sv, const struct strv *more)
{
	strv_each (item, more)
		strv_add(sv, *item);
}

void strv_set(struct strv *sv, char *const *list)
{
	struct strv fresh = STRV_INIT;

	for (; list && *list; list++)
		strv_add(&fresh, *list);
	strv_done(sv);
	*sv = fresh;
}

bool strv_has(const struct strv *sv, const char *s)
{
	strv_each (item, sv)
		if (strcmp(*item, s) == 0)
			return true;
	return false;
}

void strv_env_set(struct strv *env, const char *assignment)
{
	size_t name = strcspn(assignment, "=");

	strv_each (item, env) {
		if (strncmp(*item, assignment, name) == 0 && (*item)[name] == '=') {
			char *fresh = xstrdup(assignment);

			free(*item);
			*item = fresh;
			return;
		}
	}
	strv_add(env, assignment);
}

const char *strv_env_get(const struct strv *env, const char *name)
{
	size_t len = strlen(name);

	strv_each (item, env)
		if (strncmp(*item, name, len) == 0 && (*item)[len] == '=')
			return *item + len + 1;
	return NULL;
}
