/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of commands and how words find their row. A command that is in this table exists; one
 * that is not here is unknown everywhere: in help, completion and the man pages too.
 */
#include "options/command.h"
#include "options/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "options/absent.h"

static const struct command *const families[] = {
	container_commands,
	image_commands,
	network_commands,
	volume_commands,
	build_commands,
	system_commands,
	policy_commands,
};

const struct command *command_at(size_t index)
{
	for (size_t i = 0; i < ARRAY_SIZE(families); i++)
		for (const struct command *c = families[i]; c->id != CMD_COUNT; c++)
			if (index-- == 0)
				return c;
	return NULL;
}

const struct command *command_by_id(enum command_id id)
{
	const struct command *c;

	for (size_t i = 0; (c = command_at(i)); i++)
		if (c->id == id)
			return c;
	return NULL;
}

const struct opt *command_global_options(void)
{
	return global_table;
}

void choice_done(struct choice *choice)
{
	free(choice->text);
	*choice = (struct choice){ 0 };
}

static bool has_word(const char *words, const char *word)
{
	size_t len = strlen(word);

	for (const char *s = words; s && *s; s += strspn(s, " ")) {
		size_t n = strcspn(s, " ");

		if (n == len && memcmp(s, word, n) == 0)
			return true;
		s += n;
	}
	return false;
}

static bool is_group(const char *word)
{
	const struct command *c;

	for (size_t i = 0; (c = command_at(i)); i++)
		if (c->group && strcmp(c->group, word) == 0)
			return true;
	return false;
}

/* group NULL: top-level names. */
static const struct command *find(const char *group, const char *word)
{
	const struct command *c;

	for (size_t i = 0; (c = command_at(i)); i++) {
		if (!group && c->name && strcmp(c->name, word) == 0)
			return c;
		if (group && c->group && strcmp(c->group, group) == 0 &&
			has_word(c->group_names, word))
			return c;
	}
	return NULL;
}

static const char *nearest(const char *word)
{
	const char *near = NULL;
	const struct command *c;
	unsigned best = 3;

	for (size_t i = 0; strlen(word) <= 32 && (c = command_at(i)); i++) {
		const char *name = c->name;
		unsigned d = name ? opt_distance(word, name) : best;

		if (d < best) {
			best = d;
			near = name;
		}
	}
	return near;
}

/* The reason why a command of Docker's is not there, or what was meant perhaps. */
static char *unknown_hint(const char *group, const char *word)
{
	const char *why = absent_command(group, word);
	const char *near = group ? NULL : nearest(word);

	if (!why && !group)
		why = absent_command(word, NULL);
	if (why)
		return xasprintf(": %s", why);
	return near ? xasprintf(" (did you mean '%s'?)", near) : xstrdup("");
}

static int unknown(const char *group, const char *word, struct err *err)
{
	autofree char *hint = unknown_hint(group, word);

	(void)err_set(err, -ENOENT, "'%s%s%s' is not an sbx command%s. See 'sbx%s%s --help'.",
		group ? group : "", group ? " " : "", word, hint, group ? " " : "",
		group ? group : "");
	return err_exit(err, 1);
}

static void print_help(struct choice *ret, const struct command *command, const char *group)
{
	autobuf struct buf out = BUF_INIT;

	if (command)
		help_command(command, &out);
	else if (group)
		help_group(group, &out);
	else
		help_program(&out);
	ret->text = buf_steal(&out);
}

/* Looks for --help where the parser would find it, and answers `completion`. */
static int look_into(char **argv, struct choice *ret, struct err *err)
{
	const struct opt_spec *spec = &ret->command->spec;
	autostrv struct strv operands = STRV_INIT;
	autobuf struct buf out = BUF_INIT;
	struct err ignored = ERR_INIT; /* the command's own parser will report it */
	struct {
		int none;
	} nothing;

	if (opt_parse(spec, argv, NULL, &operands, &ignored) == OPT_HELP) {
		print_help(ret, ret->command, NULL);
		return 0;
	}
	if (ret->command->id != CMD_COMPLETION)
		return 0;
	strv_done(&operands);
	TRY(opt_parse(spec, argv, &nothing, &operands, err));
	TRY(completion_script(operands.v[0], &out, err));
	ret->text = buf_steal(&out);
	return 0;
}

static int find_in_group(int argc, char **argv, struct choice *ret, struct err *err)
{
	const char *group = argv[0];

	if (argc == 1 && strcmp(group, "image") == 0) { /* lists, unlike Docker's */
		*ret = (struct choice){ command_by_id(CMD_IMAGES), 1, NULL };
		return 0;
	}
	if (argc == 1 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		print_help(ret, NULL, group);
		return 0;
	}
	ret->command = find(group, argv[1]);
	ret->words = 2;
	return ret->command ? look_into(argv + 1, ret, err) : unknown(group, argv[1], err);
}

/* sbx help [COMMAND | GROUP [COMMAND]] */
static int find_help(int argc, char **argv, struct choice *ret, struct err *err)
{
	const char *group = argc > 1 && is_group(argv[1]) ? argv[1] : NULL;
	const char *word = group ? argc > 2 ? argv[2] : NULL : argc > 1 ? argv[1] : NULL;
	const struct command *command = word ? find(group, word) : NULL;

	if (word && !command)
		return unknown(group, word, err);
	print_help(ret, command, group);
	return 0;
}

int options_find_command(int argc, char **argv, struct choice *ret, struct err *err)
{
	struct choice choice = { NULL, 1, NULL };
	int r = 0;

	if (argc == 0) {
		print_help(&choice, NULL, NULL);
	} else if (strcmp(argv[0], "help") == 0) {
		r = find_help(argc, argv, &choice, err);
	} else if (is_group(argv[0])) {
		r = find_in_group(argc, argv, &choice, err);
	} else {
		choice.command = find(NULL, argv[0]);
		r = choice.command ? look_into(argv, &choice, err) : unknown(NULL, argv[0], err);
	}
	if (r == 0)
		*ret = choice;
	return r;
}

int opt_parse_command(
	enum command_id id, char **argv, void *target, struct strv *ret_operands, struct err *err)
{
	int r = opt_parse(&command_by_id(id)->spec, argv, target, ret_operands, err);

	return r == OPT_HELP ? err_set(err, -EINVAL, "--help was not answered") : r;
}
