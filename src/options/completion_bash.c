/* SPDX-License-Identifier: Apache-2.0 */
/* The bash script. Its data are cases made from the tables, its code is fixed. */
#include "options/completion.h"

#include <string.h>

#include "base/own.h"

static void bash_options(const struct opt *table, bool valued, struct buf *out)
{
	for (const struct opt *o = table; o->kind != OPT_KIND_END; o++) {
		if (!completion_shown(o) || (valued && !o->value))
			continue;
		if (o->letter)
			buf_addf(out, "-%c ", o->letter);
		buf_addf(out, "--%s ", o->name);
	}
}

static void bash_values(const struct opt *table, struct buf *out)
{
	for (const struct opt *o = table; o->kind != OPT_KIND_END; o++) {
		const char *kind = completion_shown(o) && o->value ? completion_value(o->value)
								   : "none";

		if (strcmp(kind, "none") == 0)
			continue;
		buf_addf(out, "\t\t--%s) kind='", o->name);
		if (strcmp(kind, "words") == 0)
			completion_add_words(o->value, out);
		else
			buf_adds(out, kind);
		buf_adds(out, "' ;;\n");
	}
}

static void bash_case(const struct command *c, struct buf *out)
{
	autobuf struct buf names = BUF_INIT;

	completion_each_name(c, completion_add_pattern, &names);
	buf_addf(out, "\t%s)\n\t\toptions='", names.data);
	bash_options(c->spec.table, false, out);
	buf_adds(out, "--help'\n\t\tvalued=' ");
	bash_options(c->spec.table, true, out);
	buf_addf(out, "'\n\t\toperand='%s'\n\t\tcase $2 in\n", completion_operand(c));
	bash_values(c->spec.table, out);
	buf_adds(out, "\t\tesac\n\t\t;;\n");
}

static const char bash_head[] =
	"# bash completion for sbx; made by `sbx completion bash`\n"
	"# shellcheck shell=bash disable=SC2034,SC2207\n"
	"\n"
	"# Sets options, valued, operand, and kind for option $2 of command $1.\n"
	"_sbx_data()\n"
	"{\n"
	"\tkind=\n"
	"\tcase $1 in\n";

static const char bash_tail[] =
	"\tesac\n"
	"}\n"
	"\n"
	"# Words for a kind.\n"
	"_sbx_words()\n"
	"{\n"
	"\tcase $1 in\n"
	"\tVOLUME) sbx volume ls -q ;;\n"
	"\tCONTAINER) sbx ps -a --format '{{.Names}}' ;;\n"
	"\tIMAGE | REPOSITORY) sbx images --format '{{.Repository}}:{{.Tag}}' ;;\n"
	"\t'NAME|ID') sbx ps -a --format '{{.Names}}'; sbx images --format '{{.Repository}}:{{.Tag}}' ;;\n"
	"\t*) printf '%s\\n' \"${1//|/ }\" ;;\n"
	"\tesac 2>/dev/null\n"
	"}\n"
	"\n"
	"_sbx()\n"
	"{\n"
	"\tlocal line=${COMP_LINE:0:COMP_POINT} cur command='' group='' groups options valued operand kind\n"
	"\tlocal last='' skip='' given=0 i\n"
	"\tlocal -a words\n"
	"\n"
	"\tcur=${line##*[[:space:]]}\n"
	"\tIFS=$' \\t' read -ra words <<<\"${line%\"$cur\"}\"\n"
	"\t_sbx_data '' ''\n"
	"\tfor ((i = 1; i < ${#words[@]}; i++)); do\n"
	"\t\tif [[ $skip ]]; then\n"
	"\t\t\tskip=\n"
	"\t\t\tlast=\n"
	"\t\telif [[ ${words[i]} == -* ]]; then\n"
	"\t\t\tlast=${words[i]}\n"
	"\t\t\t[[ $valued == *\" $last \"* ]] && skip=1\n"
	"\t\telif [[ -z $command && -z $group && \" $groups \" == *\" ${words[i]} \"* ]]; then\n"
	"\t\t\tgroup=\"${words[i]} \"\n"
	"\t\telif [[ -z $command ]]; then\n"
	"\t\t\tcommand=$group${words[i]}\n"
	"\t\t\t_sbx_data \"$command\" ''\n"
	"\t\telse\n"
	"\t\t\tgiven=$((given + 1))\n"
	"\t\tfi\n"
	"\tdone\n"
	"\tif [[ $cur == --*=* ]]; then\n"
	"\t\tskip=1\n"
	"\t\tlast=${cur%%=*}\n"
	"\t\tcur=${cur#*=}\n"
	"\tfi\n"
	"\tif [[ $skip ]]; then\n"
	"\t\t_sbx_data \"$command\" \"$last\"\n"
	"\telif [[ $command =~ (run|exec)$ && $given -gt 0 ]]; then\n"
	"\t\tkind=FILE\n"
	"\telif [[ $cur == -* ]]; then\n"
	"\t\tkind=$options\n"
	"\telif [[ -z $command ]]; then\n"
	"\t\t_sbx_data \"${group% }\" ''\n"
	"\t\tkind=$operand\n"
	"\telse\n"
	"\t\tkind=$operand\n"
	"\tfi\n"
	"\tCOMPREPLY=()\n"
	"\tcase $kind in\n"
	"\t'') return ;;\n"
	"\tFILE) COMPREPLY=($(compgen -f -- \"$cur\")) ;;\n"
	"\tDIR) COMPREPLY=($(compgen -d -- \"$cur\")) ;;\n"
	"\t*) COMPREPLY=($(compgen -W \"$(_sbx_words \"$kind\")\" -- \"$cur\")) ;;\n"
	"\tesac\n"
	"\t# readline replaces only what follows the last ':'\n"
	"\tif [[ $cur == *:* && $COMP_WORDBREAKS == *:* ]]; then\n"
	"\t\tCOMPREPLY=(\"${COMPREPLY[@]#\"${cur%:*}:\"}\")\n"
	"\tfi\n"
	"}\n"
	"\n"
	"complete -F _sbx sbx\n";

void completion_bash(struct buf *out)
{
	const char *group;
	const struct command *c;

	buf_adds(out, bash_head);
	buf_adds(out, "\t'')\n\t\tgroups='");
	completion_add_groups(out);
	buf_adds(out, "'\n\t\toptions='");
	bash_options(command_global_options(), false, out);
	buf_adds(out, "'\n\t\tvalued=' ");
	bash_options(command_global_options(), true, out);
	buf_adds(out, "'\n\t\toperand='");
	completion_add_first_words(out);
	buf_adds(out, "'\n\t\tcase $2 in\n");
	bash_values(command_global_options(), out);
	buf_adds(out, "\t\tesac\n\t\t;;\n");
	for (size_t i = 0; (group = command_group_at(i)); i++) {
		buf_addf(out, "\t'%s')\n\t\toptions='--help' valued='' operand='", group);
		completion_add_group_words(group, out);
		buf_adds(out, "'\n\t\t;;\n");
	}
	for (size_t i = 0; (c = command_at(i)); i++)
		bash_case(c, out);
	buf_adds(out, bash_tail);
}
