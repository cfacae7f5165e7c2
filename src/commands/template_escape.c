/* SPDX-License-Identifier: Apache-2.0 */
/* html, js and urlquery of templates: what their arguments print, escaped as Go does. Pure. */
#include "commands/template_value.h"

#include <ctype.h>
#include <string.h>

static void add_html(unsigned char c, struct buf *out)
{
	switch (c) {
	case '"':
		buf_adds(out, "&#34;");
		break;
	case '\'':
		buf_adds(out, "&#39;");
		break;
	case '&':
		buf_adds(out, "&amp;");
		break;
	case '<':
		buf_adds(out, "&lt;");
		break;
	case '>':
		buf_adds(out, "&gt;");
		break;
	default:
		buf_addc(out, (char)c);
	}
}

static void add_js(unsigned char c, struct buf *out)
{
	if (strchr("\\'\"", c))
		buf_addf(out, "\\%c", c);
	else if (c < ' ' || strchr("<>&=", c))
		buf_addf(out, "\\u%04X", c);
	else
		buf_addc(out, (char)c);
}

static void add_query(unsigned char c, struct buf *out)
{
	if (c < 0x80 && (isalnum(c) || strchr("-_.~", c)))
		buf_addc(out, (char)c);
	else if (c == ' ')
		buf_addc(out, '+');
	else
		buf_addf(out, "%%%02X", c);
}

int template_escape(struct call *call, struct value *ret, struct err *err)
{
	void (*add)(unsigned char c, struct buf *out) = call->name[0] == 'h'   ? add_html
							: call->name[0] == 'j' ? add_js
									       : add_query;
	autobuf struct buf text = BUF_INIT, out = BUF_INIT;

	(void)err;
	template_print(call, false, &text);
	for (size_t i = 0; i < text.len; i++)
		add((unsigned char)text.data[i], &out);
	*ret = value_adopt(json_new_string(out.data ? out.data : ""));
	return 0;
}
