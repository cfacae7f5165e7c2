/* SPDX-License-Identifier: Apache-2.0 */
/* fmt.Sprintf for templates: %v %s %d %f %q %x %X %t %%, with "-", "0", "+" and widths. Pure. */
#include "commands/template_value.h"

#include <ctype.h>
#include <stdlib.h>

#include "base/own.h"

#define WIDTH_MAX 1000

struct verb {
	bool left, zero, plus;
	int width, precision; /* -1 = none */
	char letter;
};

static int read_number(const char **p)
{
	int n = 0;

	while (isdigit((unsigned char)**p) && n <= WIDTH_MAX)
		n = n * 10 + (*(*p)++ - '0');
	return n > WIDTH_MAX ? WIDTH_MAX : n;
}

/* *p is behind the "%". */
static struct verb read_verb(const char **p)
{
	struct verb verb = { .precision = -1 };

	for (; **p && strchr("-0+ #", **p); (*p)++) {
		verb.left |= **p == '-';
		verb.zero |= **p == '0';
		verb.plus |= **p == '+';
	}
	verb.width = read_number(p);
	if (**p == '.') {
		(*p)++;
		verb.precision = read_number(p);
	}
	verb.letter = **p;
	if (**p)
		(*p)++;
	return verb;
}

static void add_hex(const char *text, char letter, struct buf *out)
{
	for (; *text; text++)
		buf_addf(out, letter == 'x' ? "%02x" : "%02X", (unsigned char)*text);
}

static void add_int(int64_t n, const struct verb *verb, struct buf *out)
{
	if (verb->letter == 'x')
		buf_addf(out, "%llx", (unsigned long long)n);
	else if (verb->letter == 'X')
		buf_addf(out, "%llX", (unsigned long long)n);
	else
		buf_addf(out, verb->plus ? "%+lld" : "%lld", (long long)n);
}

static void add_bad(const struct verb *verb, const struct value *arg, struct buf *out)
{
	buf_addf(out, "%%!%c(%s=", verb->letter, value_type(arg));
	value_print(arg, out);
	buf_addc(out, ')');
}

static double number_of(const struct value *arg)
{
	autobuf struct buf text = BUF_INIT;

	json_write(arg->v, 0, &text);
	return text.data ? strtod(text.data, NULL) : 0;
}

static void add_value(const struct verb *verb, const struct value *arg, struct buf *out)
{
	enum json_type kind = json_kind(arg->v);
	const char *text = json_str(arg->v, "");

	if (verb->letter == 'v' && kind == JSON_NONE && !arg->zero)
		buf_adds(out, "<nil>");
	else if (verb->letter == 'T')
		buf_adds(out, value_type(arg));
	else if (verb->letter == 'c' && kind == JSON_INT && json_int(arg->v, 0) < 0x80)
		buf_addc(out, (char)json_int(arg->v, 0));
	else if (verb->letter == 'v' ||
		 (verb->letter == 's' &&
			 (kind == JSON_STR || kind == JSON_LIST || kind == JSON_MAP || arg->zero)))
		value_print(arg, out);
	else if (verb->letter == 'd' && kind == JSON_INT)
		add_int(json_int(arg->v, 0), verb, out);
	else if (strchr("xX", verb->letter) && kind == JSON_INT)
		add_int(json_int(arg->v, 0), verb, out);
	else if (strchr("xX", verb->letter) && kind == JSON_STR)
		add_hex(text, verb->letter, out);
	else if (verb->letter == 'q' && kind == JSON_STR)
		value_quote(text, out);
	else if (verb->letter == 'f' && kind == JSON_NUMBER)
		buf_addf(out, "%.*f", verb->precision < 0 ? 6 : verb->precision, number_of(arg));
	else if (verb->letter == 't' && kind == JSON_BOOLEAN)
		value_print(arg, out);
	else
		add_bad(verb, arg, out);
}

static size_t runes(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

static void add_padded(const struct verb *verb, const struct value *arg, struct buf *out)
{
	autobuf struct buf text = BUF_INIT;
	bool zero = verb->zero && !verb->left &&
		    (json_kind(arg->v) == JSON_INT || json_kind(arg->v) == JSON_NUMBER);
	const char *s;
	size_t len;

	add_value(verb, arg, &text);
	if (verb->precision >= 0 && json_kind(arg->v) == JSON_STR && strchr("sv", verb->letter) &&
		(size_t)verb->precision < text.len) {
		text.len = (size_t)verb->precision;
		text.data[text.len] = '\0';
	}
	s = text.data ? text.data : "";
	len = runes(s);
	if (zero && (*s == '-' || *s == '+'))
		buf_addc(out, *s++);
	for (size_t i = len; !verb->left && i < (size_t)verb->width; i++)
		buf_addc(out, zero ? '0' : ' ');
	buf_adds(out, s);
	for (size_t i = len; verb->left && i < (size_t)verb->width; i++)
		buf_addc(out, ' ');
}

static void add_extra(const struct value *args, size_t from, size_t n, struct buf *out)
{
	buf_adds(out, "%!(EXTRA ");
	for (size_t i = from; i < n; i++) {
		buf_addf(out, "%s%s=", i > from ? ", " : "", value_type(&args[i]));
		value_print(&args[i], out);
	}
	buf_addc(out, ')');
}

void value_format(const char *format, const struct value *args, size_t n, struct buf *out)
{
	size_t used = 0;

	for (const char *p = format; *p;) {
		struct verb verb;

		if (*p != '%') {
			buf_addc(out, *p++);
			continue;
		}
		p++;
		verb = read_verb(&p);
		if (verb.letter == '%')
			buf_addc(out, '%');
		else if (!verb.letter)
			buf_adds(out, "%!(NOVERB)");
		else if (used >= n)
			buf_addf(out, "%%!%c(MISSING)", verb.letter);
		else
			add_padded(&verb, &args[used++], out);
	}
	if (used < n)
		add_extra(args, used, n, out);
}
