/* SPDX-License-Identifier: Apache-2.0 */
/* The zsh script: _arguments for each command, with the help texts. */
#include "options/completion.h"

#include <string.h>

#include "base/own.h"

/* Text inside '…[text]…': quotes, brackets and colons mean something there. */
static void zsh_text(const char *s, struct buf *out)
{
	for (; *s; s++) {
		if (*s == '\'')
			buf_adds(out, "'\\'");
		else if (strchr("[]:\\", *s))
			buf_addc(out, '\\');
		buf_addc(out, *s);
	}
}

static void zsh_action(const char *value, struct buf *out)
{
	const char *kind = completion_value(value);

	buf_addc(out, ':');
	zsh_text(value, out);
	buf_addc(out, ':');
	if (strcmp(kind, "FILE") == 0) {
		buf_adds(out, "_files");
	} else if (strcmp(kind, "DIR") == 0) {
		buf_adds(out, "_files -/");
	} else if (strcmp(kind, "words") == 0) {
		buf_addc(out, '(');
		completion_add_words(value, out);
		buf_addc(out, ')');
	} else {
		buf_addc(out, ' ');
	}
}

static void zsh_option(const struct opt *o, char letter, struct buf *out)
{
	buf_adds(out, "\t\t'*");
	if (letter)
		buf_addf(out, "-%c%s", letter, o->value ? "+" : "");
	else
		buf_addf(out, "--%s%s", o->name, o->value ? "=" : "");
	buf_addc(out, '[');
	zsh_text(o->help, out);
	buf_addc(out, ']');
	if (o->value)
		zsh_action(o->value, out);
	buf_adds(out, "' \\\n");
}

static void zsh_options(const struct opt *table, struct buf *out)
{
	for (const struct opt *o = table; o->kind != OPT_KIND_END; o++) {
		if (!completion_shown(o))
			continue;
		if (o->letter)
			zsh_option(o, o->letter, out);
		zsh_option(o, 0, out);
	}
}

static void zsh_case(const struct command *c, struct buf *out)
{
	autobuf struct buf names = BUF_INIT;
	const char *kind = completion_operand(c);

	completion_each_name(c, completion_add_pattern, &names);
	buf_addf(out, "\t%s)\n\t\t_arguments -s %s: \\\n", names.data,
		c->spec.stop_at_operand ? "-A '-*' " : "");
	zsh_options(c->spec.table, out);
	if (strcmp(kind, "bash|zsh|fish") == 0)
		buf_adds(out, "\t\t'1:shell:(bash zsh fish)'\n\t\t;;\n");
	else if (c->spec.stop_at_operand)
		buf_addf(out, "\t\t'1:%s: _sbx_names %s' '*:: :_files'\n\t\t;;\n", kind, kind);
	else if (*kind)
		buf_addf(out, "\t\t'*:%s: _sbx_names \"%s\"'\n\t\t;;\n",
			strchr(kind, '|') ? "NAME" : kind, kind);
	else
		buf_adds(out, "\t\t\n\t\t;;\n");
}

static const char zsh_head[] =
	"#compdef sbx\n"
	"# zsh completion for sbx; made by `sbx completion zsh`\n"
	"\n"
	"_sbx_names()\n"
	"{\n"
	"\tlocal -a names\n"
	"\n"
	"\tcase $1 in\n"
	"\tVOLUME) names+=(${(f)\"$(sbx volume ls -q 2>/dev/null)\"}) ;;\n"
	"\tCONTAINER | 'NAME|ID') names+=(${(f)\"$(sbx ps -a --format '{{.Names}}' 2>/dev/null)\"}) ;;\n"
	"\tesac\n"
	"\tcase $1 in\n"
	"\tIMAGE | REPOSITORY | 'NAME|ID')\n"
	"\t\tnames+=(${(f)\"$(sbx images --format '{{.Repository}}:{{.Tag}}' 2>/dev/null)\"})\n"
	"\t\t;;\n"
	"\tesac\n"
	"\tcompadd -a names\n"
	"}\n"
	"\n"
	"_sbx_command()\n"
	"{\n"
	"\tcase $1 in\n";

static const char zsh_tail[] = "\t\t'1:command:_sbx_first' '*:: :->rest'\n"
			       "\t[[ $state == rest ]] || return\n"
			       "\tcommand=$words[1]\n"
			       "\tif _sbx_is_group $command; then\n"
			       "\t\tif ((CURRENT == 2)); then\n"
			       "\t\t\t_sbx_group $command\n"
			       "\t\t\treturn\n"
			       "\t\tfi\n"
			       "\t\tshift words\n"
			       "\t\t((CURRENT--))\n"
			       "\t\tcommand+=\" $words[1]\"\n"
			       "\tfi\n"
			       "\t_sbx_command $command\n"
			       "}\n"
			       "\n"
			       "if [[ $funcstack[1] == _sbx ]]; then\n"
			       "\t_sbx \"$@\"\n"
			       "else\n"
			       "\tcompdef _sbx sbx\n"
			       "fi\n";

static void zsh_first(struct buf *out)
{
	const struct command *c;
	const char *group;

	buf_adds(out, "\tesac\n}\n\n_sbx_first()\n{\n\tlocal -a commands=(\n");
	for (size_t i = 0; (group = command_group_at(i)); i++) {
		buf_addf(out, "\t\t'%s:", group);
		zsh_text(command_group_summary(group), out);
		buf_adds(out, "'\n");
	}
	for (size_t i = 0; (c = command_at(i)); i++) {
		if (!c->name)
			continue;
		buf_addf(out, "\t\t'%s:", c->name);
		zsh_text(c->summary, out);
		buf_adds(out, "'\n");
	}
	buf_adds(out, "\t)\n\t_describe command commands\n}\n");
}

static void zsh_groups(struct buf *out)
{
	const char *group;

	buf_adds(out, "\n_sbx_is_group()\n{\n\t[[ ' ");
	completion_add_groups(out);
	buf_adds(out, " ' == *\" $1 \"* ]]\n}\n\n_sbx_group()\n{\n\tcase $1 in\n");
	for (size_t i = 0; (group = command_group_at(i)); i++) {
		buf_addf(out, "\t%s) compadd ", group);
		completion_add_group_words(group, out);
		buf_adds(out, ";;\n");
	}
	buf_adds(out, "\tesac\n}\n");
}

/* _arguments has to be called by _sbx itself: the words it cuts off come back when the function
 * that called it returns. */
void completion_zsh(struct buf *out)
{
	const struct command *c;

	buf_adds(out, zsh_head);
	for (size_t i = 0; (c = command_at(i)); i++)
		zsh_case(c, out);
	zsh_first(out);
	zsh_groups(out);
	buf_adds(out, "\n_sbx()\n{\n\tlocal curcontext=$curcontext state line command\n\n"
		      "\t_arguments -s -C -A '-*' : \\\n");
	zsh_options(command_global_options(), out);
	buf_adds(out, zsh_tail);
}
