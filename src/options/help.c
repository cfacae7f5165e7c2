/* SPDX-License-Identifier: Apache-2.0 */
/* --help in Docker's layout, from the tables. */
#include "options/command.h"
#include "options/internal.h"

#include <string.h>

#include "base/buf.h"
#include "base/own.h"

#define PROGRAM_SUMMARY "Run containers without root and without a daemon"

static void add_label(const struct opt *opt, struct buf *out)
{
	if (opt->letter)
		buf_addf(out, "  -%c, --%s", opt->letter, opt->name);
	else
		buf_addf(out, "      --%s", opt->name);
	if (opt->value)
		buf_addf(out, " %s", opt->value);
}

static size_t label_width(const struct opt *table)
{
	size_t width = 0;

	for (const struct opt *o = table; o->kind != OPT_KIND_END; o++) {
		autobuf struct buf label = BUF_INIT;

		if (o->kind == OPT_KIND_ALIAS)
			continue;
		add_label(o, &label);
		width = label.len > width ? label.len : width;
	}
	return width;
}

static void add_options(const char *title, const struct opt *table, struct buf *out)
{
	size_t width = label_width(table);

	if (width == 0)
		return;
	buf_addf(out, "\n%s:\n", title);
	for (const struct opt *o = table; o->kind != OPT_KIND_END; o++) {
		autobuf struct buf label = BUF_INIT;

		if (o->kind == OPT_KIND_ALIAS)
			continue;
		add_label(o, &label);
		buf_addf(out, "%-*s   %s\n", (int)width, label.data, o->help);
	}
}

static void add_aliases(const struct command *c, struct buf *out)
{
	const char *s = c->group_names;

	if (!c->name || !c->group)
		return;
	buf_adds(out, "\nAliases:\n  ");
	while (*s) {
		size_t n = strcspn(s, " ");

		buf_addf(out, "sbx %s %.*s, ", c->group, (int)n, s);
		s += n + strspn(s + n, " ");
	}
	buf_addf(out, "sbx %s\n", c->name);
}

void help_command(const struct command *c, struct buf *out)
{
	buf_addf(out, "Usage:  sbx %s %s\n\n%s\n", c->spec.path, c->usage, c->summary);
	add_aliases(c, out);
	add_options("Options", c->spec.table, out);
}

static const struct {
	const char *name, *summary;
} groups[] = {
	{ "builder", "Manage builds" },
	{ "buildx", "Manage builds, as docker buildx" },
	{ "container", "Manage containers" },
	{ "healthcheck", "Run health checks" },
	{ "image", "Manage images" },
	{ "manifest", "Look at manifests in registries" },
	{ "network", "Manage networks" },
	{ "policy", "Read and check policies" },
	{ "system", "Look at the machine" },
	{ "volume", "Manage volumes" },
};

const char *command_group_at(size_t index)
{
	return index < ARRAY_SIZE(groups) ? groups[index].name : NULL;
}

const char *command_group_summary(const char *group)
{
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
		if (strcmp(groups[i].name, group) == 0)
			return groups[i].summary;
	return "";
}

void help_group(const char *group, struct buf *out)
{
	const struct command *c;

	buf_addf(out, "Usage:  sbx %s COMMAND\n\n%s\n\nCommands:\n", group,
		command_group_summary(group));
	for (size_t i = 0; (c = command_at(i)); i++) {
		if (!c->group || strcmp(c->group, group) != 0)
			continue;
		buf_addf(out, "  %-*.*s %s\n", 10, (int)strcspn(c->group_names, " "),
			c->group_names, c->summary);
	}
	buf_addf(out, "\nRun 'sbx %s COMMAND --help' for more information on a command.\n", group);
}

void help_program(struct buf *out)
{
	const struct command *c;

	buf_adds(out,
		"Usage:  sbx [OPTIONS] COMMAND\n\n" PROGRAM_SUMMARY "\n\nManagement Commands:\n");
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
		buf_addf(out, "  %-11s %s\n", groups[i].name, groups[i].summary);
	buf_adds(out, "\nCommands:\n");
	for (size_t i = 0; (c = command_at(i)); i++)
		if (c->name)
			buf_addf(out, "  %-11s %s\n", c->name, c->summary);
	add_options("Global Options", command_global_options(), out);
	buf_adds(out, "\nRun 'sbx COMMAND --help' for more information on a command.\n");
}
