/* SPDX-License-Identifier: Apache-2.0 */
/* The OPTIONS section of a man page from an option table, in man(7). A test compares it with the
 * committed pages; docs/man/update rewrites them. */
#include "options/command.h"

#include "base/buf.h"

/* '-' is a hyphen in roff; a leading dot or quote would be a request. */
static void add_text(const char *s, struct buf *out)
{
	if (*s == '.' || *s == '\'')
		buf_adds(out, "\\&");
	for (; *s; s++) {
		if (*s == '-' || *s == '\\')
			buf_addc(out, '\\');
		if (*s == '\\')
			buf_addc(out, 'e');
		else
			buf_addc(out, *s);
	}
}

void man_options(const struct opt *table, struct buf *out)
{
	for (const struct opt *o = table; o->kind != OPT_KIND_END; o++) {
		if (o->kind == OPT_KIND_ALIAS)
			continue;
		buf_adds(out, ".TP\n");
		if (o->letter)
			buf_addf(out, "\\fB\\-%c\\fR, ", o->letter);
		buf_adds(out, "\\fB\\-\\-");
		add_text(o->name, out);
		buf_adds(out, "\\fR");
		if (o->value) {
			buf_adds(out, " \\fI");
			add_text(o->value, out);
			buf_adds(out, "\\fR");
		}
		buf_addc(out, '\n');
		add_text(o->help, out);
		buf_adds(out, ".\n");
	}
}
