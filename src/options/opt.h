/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options as a table. One row is one option; the same rows drive parsing, --help, completion and
 * the OPTIONS part of the man pages, so they cannot disagree.
 *
 * The parser keeps pflag's rules, because Docker's users rely on them: no abbreviations; --name x
 * and --name=x; -e=A=1, -eA=1 and -e A=1; -dp 80:80; --rm=false; "--" ends options; a flag may
 * follow operands unless the command stops at its first one.
 *
 * The macros refuse at compile time a member whose type does not fit the kind.
 */
#ifndef SBX_OPTIONS_OPT_H
#define SBX_OPTIONS_OPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/strv.h"

enum opt_kind {
	OPT_KIND_END,
	OPT_KIND_FLAG,   /* bool */
	OPT_KIND_STRING, /* char *, owned by the struct, the last one wins */
	OPT_KIND_LIST,   /* struct strv, every one is kept */
	OPT_KIND_INT,    /* int64_t, decimal */
	OPT_KIND_CALL,   /* a function judges and stores the value */
	OPT_KIND_ALIAS,  /* another spelling; `value` is the long name meant; not shown */
};

/* Gets the whole target struct. Errors are wrapped as `invalid argument "x" for "-p, --publish"`. */
typedef int (*opt_call)(void *target, const char *value, struct err *err);

struct opt {
	enum opt_kind kind;
	char letter; /* 0 = none */
	const char *name;
	const char
		*value; /* placeholder in --help; "a|b|c" completes to its words; NULL for flags */
	const char *help;
	size_t offset;
	opt_call call;
};

/* offsetof, and a compile error ("size of array is negative") unless T.m has the type. */
#define OPT_AT(T, m, type)                                                                  \
	(offsetof(T, m) +                                                                   \
		0 * sizeof(char[__builtin_types_compatible_p(__typeof__(((T *)0)->m), type) \
					? 1                                                 \
					: -1]))

#define OPT_FLAG(l, n, T, m, h)                                                 \
	{                                                                       \
		.kind = OPT_KIND_FLAG, .letter = (l), .name = (n), .help = (h), \
		.offset = OPT_AT(T, m, bool)                                    \
	}
#define OPT_STRING(l, n, T, m, v, h)                                                            \
	{                                                                                       \
		.kind = OPT_KIND_STRING, .letter = (l), .name = (n), .value = (v), .help = (h), \
		.offset = OPT_AT(T, m, char *)                                                  \
	}
#define OPT_LIST(l, n, T, m, v, h)                                                            \
	{                                                                                     \
		.kind = OPT_KIND_LIST, .letter = (l), .name = (n), .value = (v), .help = (h), \
		.offset = OPT_AT(T, m, struct strv)                                           \
	}
#define OPT_INT(l, n, T, m, v, h)                                                            \
	{                                                                                    \
		.kind = OPT_KIND_INT, .letter = (l), .name = (n), .value = (v), .help = (h), \
		.offset = OPT_AT(T, m, int64_t)                                              \
	}
#define OPT_CALL(l, n, fn, v, h)                                                              \
	{                                                                                     \
		.kind = OPT_KIND_CALL, .letter = (l), .name = (n), .value = (v), .help = (h), \
		.call = (fn)                                                                  \
	}
#define OPT_ALIAS(l, n, meant)                                                       \
	{                                                                            \
		.kind = OPT_KIND_ALIAS, .letter = (l), .name = (n), .value = (meant) \
	}
#define OPT_END                      \
	{                            \
		.kind = OPT_KIND_END \
	}

#define OPT_UNLIMITED (-1)
#define OPT_HELP      1 /* result of opt_parse(): --help came first */

struct opt_spec {
	const char
		*path; /* what the user typed after "sbx": "run", "image ls"; "" for the program */
	const struct opt *table;
	int min, max; /* operands; max OPT_UNLIMITED */
	bool stop_at_operand;
	/* May be NULL: told of each option that was stored, in order. */
	void (*note)(void *target, const struct opt *opt, const char *value);
};

/*
 * argv[0] is skipped, argv ends with NULL. Options go into *target, what is left is appended to
 * ret_operands. Returns 0, or OPT_HELP. -EINVAL: exit status 125 for a bad option, 1 for a wrong
 * number of operands. With target NULL nothing is stored and no value is judged: a dry look for
 * --help.
 */
int opt_parse(const struct opt_spec *spec, char **argv, void *target, struct strv *ret_operands,
	struct err *err);

/* Decimal with an optional '-', nothing around it; the error is strconv.ParseInt's. */
int opt_parse_int(const char *value, int64_t *ret, struct err *err);

/* Edits (insert, delete, replace, swap) between two words, for "did you mean". */
unsigned opt_distance(const char *a, const char *b);

#endif
