/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The generic option parser. It knows tables, not options.
 *
 * Invariant: words are taken left to right and the first bad one decides the message, so what the
 * user sees does not depend on the order of rows. Values are borrowed from argv and copied into the
 * target. It does not look at the meaning of values: OPT_CALL rows do.
 */
#include "options/opt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "options/absent.h"

struct parse {
	const struct opt_spec *spec;
	char **argv;
	size_t at; /* the word being read */
	void *target;
	struct strv *operands;
	struct err *err;
};

static const struct opt *resolve(const struct opt *table, const struct opt *row)
{
	if (row->kind != OPT_KIND_ALIAS)
		return row;
	for (const struct opt *o = table; o->kind != OPT_KIND_END; o++)
		if (o->kind != OPT_KIND_ALIAS && strcmp(o->name, row->value) == 0)
			return o;
	return NULL;
}

static const struct opt *find_long(const struct opt *table, const char *name, size_t len)
{
	for (const struct opt *o = table; o->kind != OPT_KIND_END; o++)
		if (o->name && strlen(o->name) == len && memcmp(o->name, name, len) == 0)
			return resolve(table, o);
	return NULL;
}

static const struct opt *find_letter(const struct opt *table, char letter)
{
	for (const struct opt *o = table; o->kind != OPT_KIND_END; o++)
		if (o->letter == letter)
			return resolve(table, o);
	return NULL;
}

unsigned opt_distance(const char *a, const char *b)
{
	size_t n = strlen(b);
	/* three rolling rows: before the last, last, current */
	autofree unsigned *rows = xcalloc(3 * (n + 1), sizeof(*rows));
	unsigned *two = rows, *one = rows + n + 1, *now = rows + 2 * (n + 1);

	for (size_t j = 0; j <= n; j++)
		one[j] = (unsigned)j;
	for (size_t i = 1; a[i - 1]; i++) {
		now[0] = (unsigned)i;
		for (size_t j = 1; j <= n; j++) {
			unsigned best = one[j - 1] + (a[i - 1] != b[j - 1]);

			if (one[j] + 1 < best)
				best = one[j] + 1;
			if (now[j - 1] + 1 < best)
				best = now[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
				two[j - 2] + 1 < best)
				best = two[j - 2] + 1;
			now[j] = best;
		}
		unsigned *reuse = two;

		two = one;
		one = now;
		now = reuse;
	}
	return one[n];
}

/* The nearest long name within a third of the word's length, or NULL. */
static const char *suggest(const struct opt *table, const char *word)
{
	unsigned best = (unsigned)(strlen(word) / 3) + 1;
	const char *name = NULL;

	if (strlen(word) > 64)
		return NULL;
	for (const struct opt *o = table; o->kind != OPT_KIND_END; o++) {
		unsigned d = o->name ? opt_distance(word, o->name) : best;

		if (d < best) {
			best = d;
			name = o->kind == OPT_KIND_ALIAS ? o->value : o->name;
		}
	}
	return name;
}

/* "See 'sbx run --help'." ends every message about bad usage. */
static int bad_usage(struct parse *p, const char *what)
{
	const char *path = p->spec->path;

	(void)err_set(p->err, -EINVAL, "%s See 'sbx%s%s --help'.", what, *path ? " " : "", path);
	return err_exit(p->err, 125);
}

static int unknown_long(struct parse *p, const char *name, size_t len)
{
	autofree char *word = xstrndup(name, len);
	const char *why = absent_flag(p->spec->path, name, len);
	const char *near = why ? NULL : suggest(p->spec->table, word);
	autofree char *text = NULL;

	if (why)
		text = xasprintf(
			"--%s is a flag of Docker's that sbx does not have: %s.", word, why);
	else if (near)
		text = xasprintf("unknown flag: --%s (did you mean --%s?).", word, near);
	else
		text = xasprintf("unknown flag: --%s.", word);
	return bad_usage(p, text);
}

/* Go's strconv.ParseBool, which pflag uses. */
static int parse_bool(const char *value, bool *ret)
{
	static const char *const yes[] = { "1", "t", "T", "true", "TRUE", "True" };
	static const char *const no[] = { "0", "f", "F", "false", "FALSE", "False" };

	for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
		if (strcmp(value, yes[i]) == 0 || strcmp(value, no[i]) == 0) {
			*ret = strcmp(value, yes[i]) == 0;
			return 0;
		}
	}
	return -EINVAL;
}

static int store_flag(void *at, const char *value, struct err *err)
{
	if (parse_bool(value, at) < 0)
		return err_set(
			err, -EINVAL, "strconv.ParseBool: parsing \"%s\": invalid syntax", value);
	return 0;
}

int opt_parse_int(const char *value, int64_t *ret, struct err *err)
{
	char *end;
	long long n;

	errno = 0;
	n = strtoll(value, &end, 10);
	if (end == value || *end || (*value != '-' && (*value < '0' || *value > '9')))
		return err_set(
			err, -EINVAL, "strconv.ParseInt: parsing \"%s\": invalid syntax", value);
	if (errno == ERANGE)
		return err_set(err, -EINVAL, "strconv.ParseInt: parsing \"%s\": value out of range",
			value);
	*ret = n;
	return 0;
}

static int store(const struct opt *opt, void *target, const char *value, struct err *err)
{
	void *at = (char *)target + opt->offset;

	switch (opt->kind) {
	case OPT_KIND_FLAG:
		return store_flag(at, value, err);
	case OPT_KIND_INT:
		return opt_parse_int(value, at, err);
	case OPT_KIND_STRING:
		free(*(char **)at);
		*(char **)at = xstrdup(value);
		return 0;
	case OPT_KIND_LIST:
		strv_add(at, value);
		return 0;
	case OPT_KIND_CALL:
		return opt->call(target, value, err);
	case OPT_KIND_ALIAS:
	case OPT_KIND_END:
		break;
	}
	return err_set(err, -EINVAL, "option table has a row without a kind");
}

static int set(struct parse *p, const struct opt *opt, const char *value)
{
	char letter[8] = "";

	if (!p->target)
		return 0;
	if (store(opt, p->target, value, p->err) == 0) {
		if (p->spec->note)
			p->spec->note(p->target, opt, value);
		return 0;
	}
	if (opt->letter)
		(void)snprintf(letter, sizeof(letter), "-%c, ", opt->letter);
	(void)err_wrap(
		p->err, "invalid argument \"%s\" for \"%s--%s\" flag", value, letter, opt->name);
	return p->err->exit ? p->err->code : err_exit(p->err, 125);
}

static int read_long(struct parse *p, const char *word)
{
	const char *name = word + 2, *eq = strchr(name, '=');
	size_t len = eq ? (size_t)(eq - name) : strlen(name);
	const struct opt *opt = find_long(p->spec->table, name, len);

	if (len == 0 || *name == '-') {
		autofree char *text = xasprintf("bad flag syntax: %s.", word);

		return bad_usage(p, text);
	}
	if (!opt && len == 4 && memcmp(name, "help", 4) == 0)
		return OPT_HELP;
	if (!opt)
		return unknown_long(p, name, len);
	if (eq)
		return set(p, opt, eq + 1);
	if (opt->kind == OPT_KIND_FLAG)
		return set(p, opt, "true");
	if (!p->argv[p->at + 1]) {
		autofree char *text = xasprintf("flag needs an argument: --%s.", opt->name);

		return bad_usage(p, text);
	}
	return set(p, opt, p->argv[++p->at]);
}

/* c points at the letter; like pflag the message quotes the word from there on. */
static int unknown_letter(struct parse *p, const char *c)
{
	autofree char *text = xasprintf("unknown shorthand flag: '%c' in -%s.", *c, c);

	return bad_usage(p, text);
}

/* The value of a letter that takes one: the rest of the word or the next word. */
static int read_letter_value(struct parse *p, const struct opt *opt, const char *rest)
{
	if (rest[0] == '=' && rest[1])
		return set(p, opt, rest + 1);
	if (rest[0])
		return set(p, opt, rest);
	if (!p->argv[p->at + 1]) {
		autofree char *text = xasprintf(
			"flag needs an argument: '%c' in -%s.", rest[-1], rest - 1);

		return bad_usage(p, text);
	}
	return set(p, opt, p->argv[++p->at]);
}

static int read_letters(struct parse *p, const char *word)
{
	for (const char *c = word + 1; *c; c++) {
		const struct opt *opt = find_letter(p->spec->table, *c);

		if (!opt && *c == 'h')
			return OPT_HELP;
		if (!opt)
			return unknown_letter(p, c);
		if (opt->kind != OPT_KIND_FLAG)
			return read_letter_value(p, opt, c + 1);
		if (c[1] == '=' && c[2])
			return set(p, opt, c + 2);
		TRY(set(p, opt, "true"));
	}
	return 0;
}

static int check_count(const struct parse *p, size_t n)
{
	const struct opt_spec *s = p->spec;
	size_t min = (size_t)s->min;
	autofree char *want = NULL;

	if (n >= min && (s->max == OPT_UNLIMITED || n <= (size_t)s->max))
		return 0;
	if (s->max == 0)
		want = xstrdup("accepts no arguments");
	else if (s->max == s->min)
		want = xasprintf("requires %d argument%s", s->min, s->min == 1 ? "" : "s");
	else if (n < min)
		want = xasprintf("requires at least %d argument%s", s->min, s->min == 1 ? "" : "s");
	else
		want = xasprintf("requires at most %d argument%s", s->max, s->max == 1 ? "" : "s");
	(void)err_set(
		p->err, -EINVAL, "\"sbx %s\" %s. See 'sbx %s --help'.", s->path, want, s->path);
	return err_exit(p->err, 1);
}

static void take_rest(struct parse *p)
{
	while (p->argv[p->at])
		strv_add(p->operands, p->argv[p->at++]);
}

int opt_parse(const struct opt_spec *spec, char **argv, void *target, struct strv *ret_operands,
	struct err *err)
{
	struct parse p = { spec, argv, 1, target, ret_operands, err };
	size_t before = ret_operands->n;

	for (; argv[p.at]; p.at++) {
		const char *word = argv[p.at];
		int r;

		if (strcmp(word, "--") == 0) {
			p.at++;
			break;
		}
		if (word[0] != '-' || !word[1]) {
			if (spec->stop_at_operand)
				break;
			strv_add(ret_operands, word);
			continue;
		}
		r = word[1] == '-' ? read_long(&p, word) : read_letters(&p, word);
		if (r != 0)
			return r;
	}
	take_rest(&p);
	return target ? check_count(&p, ret_operands->n - before) : 0;
}
