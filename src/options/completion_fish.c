/* SPDX-License-Identifier: Apache-2.0 */
/* The fish script: one `complete` line per option, with the help texts. */
#include "options/completion.h"

#include <string.h>

#include "base/own.h"

static void fish_text(const char *s, struct buf *out)
{
	for (; *s; s++) {
		if (*s == '\'' || *s == '\\')
			buf_addc(out, '\\');
		buf_addc(out, *s);
	}
}

static void fish_option(const char *condition, const struct opt *o, struct buf *out)
{
	const char *kind = o->value ? completion_value(o->value) : "";

	buf_addf(out, "complete -c sbx -n '%s' -l %s", condition, o->name);
	if (o->letter)
		buf_addf(out, " -s %c", o->letter);
	if (o->value)
		buf_adds(out, " -r");
	if (strcmp(kind, "words") == 0) {
		buf_adds(out, " -f -a '");
		completion_add_words(o->value, out);
		buf_addc(out, '\'');
	} else if (strcmp(kind, "FILE") == 0) {
		buf_adds(out, " -F");
	} else if (strcmp(kind, "DIR") == 0) {
		buf_adds(out, " -f -a '(__fish_complete_directories)'");
	} else {
		buf_adds(out, " -f");
	}
	buf_adds(out, " -d '");
	fish_text(o->help, out);
	buf_adds(out, "'\n");
}

static void fish_command(const char *name, const struct command *c, struct buf *out)
{
	autobuf struct buf condition = BUF_INIT;
	const char *kind = completion_operand(c);

	buf_addf(&condition, "__sbx_is \"%s\"", name);
	for (const struct opt *o = c->spec.table; o->kind != OPT_KIND_END; o++)
		if (completion_shown(o))
			fish_option(condition.data, o, out);
	if (strcmp(kind, "bash|zsh|fish") == 0)
		buf_addf(out, "complete -c sbx -n '%s' -a 'bash zsh fish'\n", condition.data);
	else if (*kind)
		buf_addf(out, "complete -c sbx -n '%s' -a '(__sbx_names \"%s\")'\n", condition.data,
			kind);
}

static const char fish_head[] =
	"# fish completion for sbx; made by `sbx completion fish`\n"
	"\n"
	"# The command on the line, \"run\" or \"container ls\"; fails before there is one.\n"
	"function __sbx_command\n"
	"\tset -l words (commandline -opc)\n"
	"\tset -l found\n"
	"\tset -l skip\n"
	"\tfor word in $words[2..-1]\n"
	"\t\tif test -n \"$skip\"\n"
	"\t\t\tset skip\n"
	"\t\telse if string match -q -- '-*' $word\n"
	"\t\t\tcontains -- $word $__sbx_valued\n"
	"\t\t\tand test -z \"$found\"\n"
	"\t\t\tand set skip 1\n"
	"\t\telse\n"
	"\t\t\tset -a found $word\n"
	"\t\t\tcontains -- $found[1] $__sbx_groups\n"
	"\t\t\tand test (count $found) -lt 2\n"
	"\t\t\tand continue\n"
	"\t\t\tbreak\n"
	"\t\tend\n"
	"\tend\n"
	"\techo \"$found\"\n"
	"end\n"
	"\n"
	"function __sbx_is\n"
	"\ttest (__sbx_command) = \"$argv\"\n"
	"end\n"
	"\n"
	"function __sbx_names\n"
	"\tstring match -q -r 'CONTAINER|NAME' -- $argv\n"
	"\tand sbx ps -a --format '{{.Names}}' 2>/dev/null\n"
	"\tstring match -q -r 'IMAGE|REPOSITORY|NAME' -- $argv\n"
	"\tand sbx images --format '{{.Repository}}:{{.Tag}}' 2>/dev/null\n"
	"\tstring match -q VOLUME -- $argv\n"
	"\tand sbx volume ls -q 2>/dev/null\n"
	"end\n"
	"\n"
	"complete -c sbx -f\n";

/* What the functions need of the tables. */
static void fish_sets(struct buf *out)
{
	buf_adds(out, "set -g __sbx_groups ");
	completion_add_groups(out);
	buf_adds(out, "\nset -g __sbx_valued");
	for (const struct opt *o = command_global_options(); o->kind != OPT_KIND_END; o++) {
		if (!completion_shown(o) || !o->value)
			continue;
		buf_addf(out, " --%s", o->name);
		if (o->letter)
			buf_addf(out, " -%c", o->letter);
	}
	buf_addc(out, '\n');
}

void completion_fish(struct buf *out)
{
	const char *group;
	const struct command *c;

	buf_adds(out, fish_head);
	fish_sets(out);
	for (const struct opt *o = command_global_options(); o->kind != OPT_KIND_END; o++)
		if (completion_shown(o))
			fish_option("__sbx_is \"\"", o, out);
	buf_adds(out, "complete -c sbx -n '__sbx_is \"\"' -a '");
	completion_add_groups(out);
	buf_adds(out, "'\n");
	for (size_t i = 0; (c = command_at(i)); i++) {
		if (c->name) {
			buf_addf(out, "complete -c sbx -n '__sbx_is \"\"' -a %s -d '", c->name);
			fish_text(c->summary, out);
			buf_adds(out, "'\n");
		}
		completion_each_name(c, fish_command, out);
	}
	for (size_t i = 0; (group = command_group_at(i)); i++) {
		buf_addf(out, "complete -c sbx -n '__sbx_is \"%s\"' -a '", group);
		completion_add_group_words(group, out);
		buf_adds(out, "'\n");
	}
}
