/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --format: which template, applied to rows, printed plain or as a table.
 *
 * Foreign text (labels, commands) is escaped before the template sees it whenever the result is a
 * table or goes to a terminal, so that it can neither drive the terminal nor break a row. JSON output
 * needs none.
 */
#include "commands/output.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/xalloc.h"

int out_write(const struct buf *text, struct err *err)
{
	if (!text->len)
		return 0;
	if (fs_write_all(STDOUT_FILENO, text->data, text->len, err) == 0)
		return 0;
	if (err->code == -EPIPE) /* the reader has seen enough: `sbx ps | head -1` */
		return err_told(err, -EPIPE, 128 + SIGPIPE);
	return err_wrap(err, "standard output");
}

int out_line(const char *text, struct err *err)
{
	autobuf struct buf line = BUF_INIT;

	buf_addf(&line, "%s\n", text);
	return out_write(&line, err);
}

void format_done(struct format *format)
{
	template_free(format->template);
	format->template = NULL;
	buf_done(&format->out);
}

/* \t and \n typed as two characters, as shells leave them. */
static char *replace_escapes(const char *text)
{
	struct buf out = BUF_INIT;

	for (; *text; text++) {
		if (text[0] == '\\' && (text[1] == 't' || text[1] == 'n'))
			buf_addc(&out, *++text == 't' ? '\t' : '\n');
		else
			buf_addc(&out, *text);
	}
	return buf_steal(&out);
}

int format_init(struct format *format, const char *user, const char *fallback, const char *type,
	struct err *err)
{
	const char *text = user && *user && strcmp(user, "table") != 0 ? user : fallback;
	autofree char *source = NULL;
	bool table = strncmp(text, "table ", 6) == 0 || strncmp(text, "table\\t", 7) == 0;

	*format =
		(struct format){ .table = table, .type = type, .prefix = "template parsing error" };
	format->escape = table || isatty(STDOUT_FILENO);
	if (table) {
		text += 5;
		text += strspn(text, " ");
	}
	format->marshal = type && strstr(type, "Context") &&
			  (strcmp(text, "json") == 0 || strcmp(text, "{{json .}}") == 0);
	if (strcmp(text, "json") == 0) {
		text = "{{json .}}";
		format->escape = false;
	}
	source = replace_escapes(text);
	if (template_parse(source, &format->template, err) < 0)
		return err_exit(err, err_wrap(err, "template parsing error") < 0 ? 1 : 0);
	return 0;
}

/* Nothing in it would be escaped: printable ASCII all through, as nearly everything is. */
static bool is_plain(const struct json *v)
{
	if (json_kind(v) == JSON_STR) {
		for (const char *p = json_str(v, "\n"); *p; p++)
			if (*p < ' ' || *p > '~')
				return false;
		return true;
	}
	if (json_kind(v) == JSON_MAP || json_kind(v) == JSON_LIST)
		json_each (it, v)
			if (!is_plain(it.value))
				return false;
	return true;
}

static struct json *escaped(const struct json *v)
{
	autobuf struct buf text = BUF_INIT;
	struct json *copy;

	if (json_kind(v) == JSON_STR) {
		out_escape(json_str(v, ""), &text);
		return json_new_string(text.data ? text.data : "");
	}
	if (json_kind(v) != JSON_MAP && json_kind(v) != JSON_LIST)
		return json_ref(v);
	copy = json_kind(v) == JSON_MAP ? json_new_map() : json_new_list();
	json_each (it, v) {
		if (it.key)
			json_put(copy, it.key, escaped(it.value));
		else
			json_push(copy, escaped(it.value));
	}
	return copy;
}

/* Go's json.Marshal, which Docker's rows go through, is wary of HTML. */
static void escape_html(struct buf *text, size_t from)
{
	autobuf struct buf safe = BUF_INIT;

	for (size_t i = from; i < text->len; i++) {
		if (strchr("<>&", text->data[i]))
			buf_addf(&safe, "\\u%04x", (unsigned char)text->data[i]);
		else
			buf_addc(&safe, text->data[i]);
	}
	text->len = from;
	buf_add(text, safe.data ? safe.data : "", safe.len);
}

static int add_row(struct format *format, struct template_env *env, struct err *err)
{
	size_t begin = format->out.len;

	env->name = format->name;
	if (template_execute(format->template, env, &format->out, err) < 0) {
		if (format->prefix)
			(void)err_wrap(err, "%s", format->prefix);
		return err_exit(err, 1);
	}
	if (format->marshal)
		escape_html(&format->out, begin);
	buf_addc(&format->out, '\n');
	return 0;
}

int format_heading(struct format *format, const struct json *titles, struct err *err)
{
	struct template_env env = { .data = titles, .type = format->type, .header = true };

	return format->table ? add_row(format, &env, err) : 0;
}

int format_row(
	struct format *format, const struct json *row, const struct json *methods, struct err *err)
{
	autojson struct json *data = format->escape && !is_plain(row) ? escaped(row)
								      : json_ref(row);
	autojson struct json *more = format->escape && !is_plain(methods) ? escaped(methods)
									  : json_ref(methods);
	struct template_env env = { .data = data, .methods = more, .type = format->type };

	return add_row(format, &env, err);
}

int format_finish(struct format *format, struct err *err)
{
	autobuf struct buf aligned = BUF_INIT;

	if (!format->table || !format->out.len)
		return out_write(&format->out, err);
	table_align(format->out.data, &aligned);
	return out_write(&aligned, err);
}
