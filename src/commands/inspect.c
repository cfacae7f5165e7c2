/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inspect: containers, images, networks and volumes as JSON, or through a template. Without --type one
 * name means the first of these, in this order. What was found is printed even when another name is
 * unknown (rc 1).
 */
#include "commands/commands.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/own.h"
#include "commands/common.h"
#include "commands/output.h"
#include "image/image.h"
#include "options/verbs.h"

#define autoinspectopts __attribute__((cleanup(inspect_opts_done)))

struct inspecting {
	const struct globals *globals;
	const struct inspect_opts *opts;
	const char *type;    /* "container", "image", "volume", "network" or NULL */
	const char *go_type; /* for messages, or NULL */
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

static int find_image(
	const struct inspecting *i, const char *name, struct json **ret, struct err *err)
{
	return image_inspect(i->globals, name, ret, err);
}

static int find_volume(
	const struct inspecting *i, const char *name, struct json **ret, struct err *err)
{
	autovolume struct stored_volume v = { 0 };

	TRY(state_volume_open(i->globals, name, &v, err));
	*ret = volume_inspect(&v);
	return 0;
}

static int find_network(
	const struct inspecting *i, const char *name, struct json **ret, struct err *err)
{
	return network_inspect(i->globals, name, ret, err);
}

static const struct {
	const char *type;
	int (*find)(
		const struct inspecting *i, const char *name, struct json **ret, struct err *err);
} kinds[] = { { "container", find_container }, { "image", find_image }, { "network", find_network },
	{ "volume", find_volume } };

static int find(const struct inspecting *i, const char *name, struct json **ret, struct err *err)
{
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		struct err why = ERR_INIT;
		int r;

		if (i->type && strcmp(i->type, kinds[k].type) != 0)
			continue;
		r = kinds[k].find(i, name, ret, &why);
		if (r < 0 && (r != -ENOENT || i->type))
			*err = why;
		if (r != -ENOENT || i->type)
			return r;
	}
	return err_set(err, -ENOENT, "No such object: %s", name);
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
		env.type = i->go_type;
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

static int inspect(
	struct globals *globals, const struct inspect_opts *opts, const char *type, struct err *err)
{
	__attribute__((cleanup(inspecting_done))) struct inspecting i = { .globals = globals,
		.opts = opts,
		.type = type ? type : opts->type,
		.go_type = type && strcmp(type, "volume") == 0 ? "volume.Volume" : NULL };
	const char *format;
	int status;

	format = opts->format && strcmp(opts->format, "json") == 0 ? "{{json .}}" : opts->format;
	if (format && *format && template_parse(format, &i.template, err) < 0)
		return err_exit(err, err_wrap(err, "template parsing error") < 0 ? 1 : 0);
	status = for_each_operand(&opts->names, show, &i);
	TRY(finish(&i, err));
	return status;
}

int cmd_inspect(struct globals *globals, int argc, char **argv, struct err *err)
{
	autoinspectopts struct inspect_opts opts = { 0 };

	TRY(inspect_opts_parse(argc, argv, &opts, err));
	return inspect(globals, &opts, NULL, err);
}

int cmd_container_inspect(struct globals *globals, int argc, char **argv, struct err *err)
{
	autoinspectopts struct inspect_opts opts = { 0 };

	TRY(inspect_opts_parse(argc, argv, &opts, err));
	return inspect(globals, &opts, "container", err);
}

int cmd_image_inspect(struct globals *globals, int argc, char **argv, struct err *err)
{
	autoinspectopts struct inspect_opts opts = { 0 };

	TRY(inspect_opts_parse(argc, argv, &opts, err));
	return inspect(globals, &opts, "image", err);
}

int cmd_volume_inspect(struct globals *globals, int argc, char **argv, struct err *err)
{
	autoinspectopts struct inspect_opts opts = { 0 };

	TRY(volume_inspect_opts_parse(argc, argv, &opts, err));
	return inspect(globals, &opts, "volume", err);
}

int cmd_network_inspect(struct globals *globals, int argc, char **argv, struct err *err)
{
	autoinspectopts struct inspect_opts opts = { 0 };

	TRY(network_inspect_opts_parse(argc, argv, &opts, err));
	return inspect(globals, &opts, "network", err);
}
