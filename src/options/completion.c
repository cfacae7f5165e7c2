/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Completion scripts from the tables. They know options and their words by themselves and ask sbx for
 * the names of containers and images only when those are wanted.
 *
 * An operand or value is completed by its placeholder: CONTAINER, IMAGE, FILE, DIR or "a|b|c".
 */
#include "options/completion.h"

#include <errno.h>
#include <string.h>

#include "base/own.h"

bool completion_shown(const struct opt *opt)
{
	return opt->kind != OPT_KIND_ALIAS && opt->kind != OPT_KIND_END;
}

/* The kind of a command's operands, from its usage line. */
const char *completion_operand(const struct command *c)
{
	static const char *const kinds[] = { "NAME|ID", "VOLUME", "CONTAINER", "IMAGE",
		"REPOSITORY", "bash|zsh|fish" };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strstr(c->usage, kinds[i]))
			return kinds[i];
	return "";
}

/* What completes a placeholder: a word of the scripts' own. */
const char *completion_value(const char *value)
{
	if (strcmp(value, "FILE") == 0 || strcmp(value, "DIR") == 0)
		return value;
	return strchr(value, '|') && !strchr(value, '[') ? "words" : "none";
}

/* "a|b|c" → "a b c" */
void completion_add_words(const char *alternatives, struct buf *out)
{
	for (const char *s = alternatives; *s; s++)
		buf_addc(out, *s == '|' ? ' ' : *s);
}

/* Calls fn for each way to name a command: "ps", "container ls", "container list". */
void completion_each_name(const struct command *c,
	void (*fn)(const char *name, const struct command *c, struct buf *out), struct buf *out)
{
	if (c->name)
		fn(c->name, c, out);
	for (const char *s = c->group ? c->group_names : ""; *s;) {
		autobuf struct buf name = BUF_INIT;
		size_t n = strcspn(s, " ");

		buf_addf(&name, "%s %.*s", c->group, (int)n, s);
		fn(name.data, c, out);
		s += n + strspn(s + n, " ");
	}
}

void completion_add_groups(struct buf *out)
{
	const char *group;

	for (size_t i = 0; (group = command_group_at(i)); i++)
		buf_addf(out, "%s%s", i ? " " : "", group);
}

/* First words: groups once, then commands. */
void completion_add_first_words(struct buf *out)
{
	const struct command *c;

	completion_add_groups(out);
	buf_adds(out, " help");
	for (size_t i = 0; (c = command_at(i)); i++)
		if (c->name)
			buf_addf(out, " %s", c->name);
}

void completion_add_group_words(const char *group, struct buf *out)
{
	const struct command *c;

	for (size_t i = 0; (c = command_at(i)); i++)
		if (c->group && strcmp(c->group, group) == 0)
			buf_addf(out, "%s ", c->group_names);
}

void completion_add_pattern(const char *name, const struct command *c, struct buf *out)
{
	(void)c;
	buf_addf(out, "%s'%s'", out->len && out->data[out->len - 1] == '\'' ? " | " : "", name);
}

int completion_script(const char *shell, struct buf *out, struct err *err)
{
	static const struct {
		const char *shell;
		void (*write)(struct buf *out);
	} shells[] = { { "bash", completion_bash }, { "zsh", completion_zsh },
		{ "fish", completion_fish } };

	for (size_t i = 0; i < ARRAY_SIZE(shells); i++) {
		if (strcmp(shell, shells[i].shell) == 0) {
			shells[i].write(out);
			return 0;
		}
	}
	(void)err_set(err, -EINVAL, "no completion for \"%s\": bash, zsh or fish", shell);
	return err_exit(err, 1);
}
