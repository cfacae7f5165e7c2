/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policies as people read and write them (policies/NAME.json, sbx-policy(5)), and the options of
 * `sbx run` they stand for. A policy does nothing that options cannot do: it is put in front of the
 * caller's own, so that these win, and the record keeps the options, not the name.
 */
#ifndef SBX_OPTIONS_POLICY_FILE_H
#define SBX_OPTIONS_POLICY_FILE_H

#include "base/err.h"
#include "base/json.h"
#include "base/strv.h"

struct builtin_policy {
	const char *name; /* NULL after the last */
	const char *text; /* JSON, NUL-terminated */
};
const struct builtin_policy *policy_builtins(void);

/* Where the caller's own policies lie: $XDG_CONFIG_HOME/sbx/policies. NULL without a home. Caller frees. */
char *policy_folder(void);

/* name: a path if it has a '/', else one of the caller's own or a built-in one (a caller cannot
 * replace a built-in). *ret has what "extends" names merged in. -ENOENT: no such policy; -EINVAL:
 * the text is wrong, and where. Exit status 125. */
int policy_load(const char *name, struct json **ret, struct err *err);
/* The text itself, as it lies there. Caller frees. */
int policy_text(const char *name, char **ret, struct err *err);

/* Pure. Appends long options ("--network=none"). -EINVAL names the key. */
int policy_options(const struct json *policy, struct strv *ret, struct err *err);

#endif
