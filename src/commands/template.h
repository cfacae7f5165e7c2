/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Go's text/template, the part that Docker's --format users write, over JSON values: fields, variables,
 * index, slice, range, if/else/with/end, break/continue, define/block/template, comparison, and/or/not, len,
 * print*, html, js, urlquery, pipes, trim markers, and Docker's json split join title lower upper pad truncate.
 * Errors read as Docker's, with line and column.
 */
#ifndef SBX_COMMANDS_TEMPLATE_H
#define SBX_COMMANDS_TEMPLATE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"

struct template;

int template_parse(const char *text, struct template **ret, struct err *err);
void template_free(struct template *t); /* NULL ok */
void template_free_(struct template **t);
#define autotemplate __attribute__((cleanup(template_free_)))

struct template_env {
	const struct json *data;    /* "." */
	const struct json *methods; /* further fields of ".", not shown by {{json .}}; NULL ok */
	const char *type;           /* for "can't evaluate field X in type T"; NULL: a plain map */
	const char *name;           /* of the template, for messages; NULL: none */
	bool header;                /* data are column headings: functions hand them through */
};

/* Appends to out; on failure out holds what came before the error. */
int template_execute(
	const struct template *t, const struct template_env *env, struct buf *out, struct err *err);

/* Does the template name this field (".Size") anywhere? For what is dear to compute. */
bool template_uses(const struct template *t, const char *field);
/* May it use any field: "{{json .}}", "{{$}}", other templates? */
bool template_uses_all(const struct template *t);

#endif
