/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inspect: containers and images as JSON, or through a template. Without --type a container wins over
 * an image of the same name. What was found is printed even when another name is unknown (rc 1).
 */
#include "commands/commands.h"

#include <errno.h>
#include <unistd.h>

#include "base/log.h"
#include "base/own.h"
#include "commands/common.h"
#include "commands/output.h"
#include "image/image.h"
#include "options/verbs.h"

struct inspecting {
	const struct globals *globals;
	const struct inspect_opts *opts;
	const char *type; /* "container", "image" or NULL */
	struct template *template;
	struct buf out;
	size_t n;
};

static void inspecting_done(struct inspecting *i)
{
	template_free(i->template);
	buf_done(&i->out);
}

static int find_container(
	const struct inspecting *i, const char *name, struct json **ret, struct err *err)
{
	autocontainer struct container c = CONTAINER_INIT;

	TRY(state_open(i->globals, name, &c, err));
	return container_inspect(i->globals, &c, i->opts->size, ret, err);
}

static int find(const struct inspecting *i, const char *name, struct json **ret, struct err *err)
{
	struct err other = ERR_INIT;
	int r = -ENOENT;

	if (!i->type || strcmp(i->type, "container") == 0)
		r = find_container(i, name, ret, err);
	if (r != -ENOENT || (i->type && strcmp(i->type, "container") == 0))
		return r;
	r = image_inspect(i->globals, name, ret, &other);
	if (r == -ENOENT && !i->type)
		return err_set(err, -ENOENT, "No such object: %s", name);
	if (r < 0)
		*err = other;
	else
		*err = (struct err)ERR_INIT;
	return r;
}

static int show(void *data, const char *name, struct err *err)
{
	struct inspecting *i = data;
	autojson struct json *doc = NULL;
	struct template_env env = { 0 };

	TRY(find(i, name, &doc, err));
	i->n++;
	if (i->template) {
		env.data = doc;
		if (template_execute(i->template, &env, &i->out, err) < 0)
			return err_wrap(err, "template parsing error");
		buf_addc(&i->out, '\n');
		return 0;
	}
	buf_adds(&i->out, i->n > 1 ? ",\n" : "[\n");
	json_write(doc, 4, &i->out);
	return 0;
}

/* json_write() begins at the margin; inside the array everything is one step further. */
static void indent(const struct buf *in, struct buf *out)
{
	for (const char *line = in->data; line && *line;) {
		size_t n = strcspn(line, "\n");

		if (*line != '[' || n > 1)
			buf_adds(out, "    ");
		buf_add(out, line, n);
		buf_addc(out, '\n');
		line += n + (line[n] == '\n');
	}
}

static int finish(struct inspecting *i, struct err *err)
{
	autobuf struct buf text = BUF_INIT;

	if (i->template)
		return out_write(&i->out, err);
	if (i->n == 0)
		buf_adds(&text, "[");
	indent(&i->out, &text);
	buf_adds(&text, "]\n");
	return out_write(&text, err);
}

static int inspect(struct globals *globals, char **argv, const char *type, struct err *err)
{
	__attribute__((cleanup(inspect_opts_done))) struct inspect_opts opts = { 0 };
	__attribute__((cleanup(inspecting_done))) struct inspecting i = { .globals = globals,
		.opts = &opts };
	const char *format;
	int argc = 0, status;

	while (argv[argc])
		argc++;
	TRY(inspect_opts_parse(argc, argv, &opts, err));
	i.type = type ? type : opts.type;
	format = opts.format && strcmp(opts.format, "json") == 0 ? "{{json .}}" : opts.format;
	if (format && *format && template_parse(format, &i.template, err) < 0)
		return err_exit(err, err_wrap(err, "template parsing error") < 0 ? 1 : 0);
	status = for_each_operand(&opts.names, show, &i);
	TRY(finish(&i, err));
	return status;
}

int cmd_inspect(struct globals *globals, int argc, char **argv, struct err *err)
{
	(void)argc;
	return inspect(globals, argv, NULL, err);
}

int cmd_container_inspect(struct globals *globals, int argc, char **argv, struct err *err)
{
	(void)argc;
	return inspect(globals, argv, "container", err);
}

int cmd_image_inspect(struct globals *globals, int argc, char **argv, struct err *err)
{
	(void)argc;
	return inspect(globals, argv, "image", err);
}
