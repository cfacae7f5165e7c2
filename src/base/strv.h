/* SPDX-License-Identifier: Apache-2.0 */
/* NULL-terminated vector of owned strings: argv, environments, repeatable options. Uses xalloc. */
#ifndef SBX_BASE_STRV_H
#define SBX_BASE_STRV_H

#include <stdbool.h>
#include <stddef.h>

struct strv {
	char **v; /* NULL while empty, else v[n] == NULL */
	size_t n;
};

#define STRV_INIT \
	{         \
		0 \
	}
#define autostrv             __attribute__((cleanup(strv_done)))

#define strv_each(item, vec) for (char **item = (vec)->v; item && *item; item++)

void strv_done(struct strv *sv);
void strv_add(struct strv *sv, const char *s);
void strv_adopt(struct strv *sv, char *s); /* takes ownership of s */
void strv_addf(struct strv *sv, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void strv_extend(struct strv *sv, const struct strv *more);
void strv_set(struct strv *sv, char *const *list); /* replaces all; list may be NULL */
bool strv_has(const struct strv *sv, const char *s);

/* Environment lists "NAME=value": the last assignment of a name wins, order of first use is kept. */
void strv_env_set(struct strv *env, const char *assignment);
const char *strv_env_get(const struct strv *env, const char *name); /* value or NULL */

#endif
