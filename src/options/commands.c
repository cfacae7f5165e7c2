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

static const struct command commands[] = {
	{
		.id = CMD_RUN,
		.name = "run",
		.group = "container",
		.group_names = "run",
		.usage = "[OPTIONS] IMAGE [COMMAND] [ARG...]",
		.summary = "Create and run a new container from an image",
		.spec = { "run", run_table, 1, OPT_UNLIMITED, true, NULL },
	},
	{
		.id = CMD_EXEC,
		.name = "exec",
		.group = "container",
		.group_names = "exec",
		.usage = "[OPTIONS] CONTAINER COMMAND [ARG...]",
		.summary = "Run a command in a running container",
		.spec = { "exec", exec_table, 2, OPT_UNLIMITED, true, NULL },
	},
	{
		.id = CMD_PS,
		.name = "ps",
		.group = "container",
		.group_names = "ls list ps",
		.usage = "[OPTIONS]",
		.summary = "List containers",
		.spec = { "ps", ps_table, 0, 0, false, NULL },
	},
	{
		.id = CMD_PULL,
		.name = "pull",
		.group = "image",
		.group_names = "pull",
		.usage = "[OPTIONS] NAME[:TAG|@DIGEST]",
		.summary = "Download an image from a registry",
		.spec = { "pull", pull_table, 1, 1, false, NULL },
	},
	{
		.id = CMD_IMAGES,
		.name = "images",
		.group = "image",
		.group_names = "ls list",
		.usage = "[OPTIONS] [REPOSITORY[:TAG]]",
		.summary = "List images",
		.spec = { "images", images_table, 0, 1, false, NULL },
	},
	{
		.id = CMD_ATTACH,
		.name = "attach",
		.group = "container",
		.group_names = "attach",
		.usage = "[OPTIONS] CONTAINER",
		.summary = "Join the terminal or the pipes of a running container",
		.spec = { "attach", attach_table, 1, 1, false, NULL },
	},
	{
		.id = CMD_CREATE,
		.name = "create",
		.group = "container",
		.group_names = "create",
		.usage = "[OPTIONS] IMAGE [COMMAND] [ARG...]",
		.summary = "Create a new container without starting it",
		.spec = { "create", run_table + RUN_ONLY, 1, OPT_UNLIMITED, true, NULL },
	},
	{
		.id = CMD_INFO,
		.name = "info",
		.group = "system",
		.group_names = "info",
		.usage = "[OPTIONS]",
		.summary = "Show what this machine can do for containers",
		.spec = { "info", format_table, 0, 0, false, NULL },
	},
	{
		.id = CMD_VERSION,
		.name = "version",
		.usage = "[OPTIONS]",
		.summary = "Show the version of sbx",
		.spec = { "version", format_table, 0, 0, false, NULL },
	},
	{
		.id = CMD_INSPECT,
		.name = "inspect",
		.usage = "[OPTIONS] NAME|ID [NAME|ID...]",
		.summary = "Show all details of containers, images, volumes as JSON",
		.spec = { "inspect", inspect_table, 1, OPT_UNLIMITED, false, NULL },
	},
	{
		.id = CMD_CONTAINER_INSPECT,
		.group = "container",
		.group_names = "inspect",
		.usage = "[OPTIONS] CONTAINER [CONTAINER...]",
		.summary = "Show all details of containers as JSON",
		.spec = { "container inspect", inspect_table, 1, OPT_UNLIMITED, false, NULL },
	},
	{
		.id = CMD_IMAGE_INSPECT,
		.group = "image",
		.group_names = "inspect",
		.usage = "[OPTIONS] IMAGE [IMAGE...]",
		.summary = "Show all details of images as JSON",
		.spec = { "image inspect", inspect_table, 1, OPT_UNLIMITED, false, NULL },
	},
	{
		.id = CMD_KILL,
		.name = "kill",
		.group = "container",
		.group_names = "kill",
		.usage = "[OPTIONS] CONTAINER [CONTAINER...]",
		.summary = "Kill running containers, or send them a signal",
		.spec = { "kill", kill_table, 1, OPT_UNLIMITED, false, NULL },
	},
	{
		.id = CMD_LOGS,
		.name = "logs",
		.group = "container",
		.group_names = "logs",
		.usage = "[OPTIONS] CONTAINER",
		.summary = "Show what a container has printed",
		.spec = { "logs", logs_table, 1, 1, false, NULL },
	},
	{
		.id = CMD_RESTART,
		.name = "restart",
		.group = "container",
		.group_names = "restart",
		.usage = "[OPTIONS] CONTAINER [CONTAINER...]",
		.summary = "Stop containers and start them again",
		.spec = { "restart", restart_table, 1, OPT_UNLIMITED, false, NULL },
	},
	{
		.id = CMD_RM,
		.name = "rm",
		.group = "container",
		.group_names = "rm remove",
		.usage = "[OPTIONS] CONTAINER [CONTAINER...]",
		.summary = "Remove containers",
		.spec = { "rm", rm_table, 1, OPT_UNLIMITED, false, NULL },
	},
	{
		.id = CMD_RMI,
		.name = "rmi",
		.group = "image",
		.group_names = "rm remove",
		.usage = "[OPTIONS] IMAGE [IMAGE...]",
		.summary = "Remove images",
		.spec = { "rmi", rmi_table, 1, OPT_UNLIMITED, false, NULL },
	},
	{
		.id = CMD_START,
		.name = "start",
		.group = "container",
		.group_names = "start",
		.usage = "[OPTIONS] [CONTAINER...]",
		.summary = "Start stopped containers",
		.spec = { "start", start_table, 0, OPT_UNLIMITED, false, NULL },
	},
	{
		.id = CMD_STOP,
		.name = "stop",
		.group = "container",
		.group_names = "stop",
		.usage = "[OPTIONS] CONTAINER [CONTAINER...]",
		.summary = "Stop running containers",
		.spec = { "stop", stop_table, 1, OPT_UNLIMITED, false, NULL },
	},
	{
		.id = CMD_TAG,
		.name = "tag",
		.group = "image",
		.group_names = "tag",
		.usage = "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",
		.summary = "Give an image another name",
		.spec = { "tag", tag_table, 2, 2, false, NULL },
	},
	{
		.id = CMD_SAVE,
		.name = "save",
		.group = "image",
		.group_names = "save",
		.usage = "[OPTIONS] IMAGE [IMAGE...]",
		.summary = "Write images to a tar archive",
		.spec = { "save", save_table, 1, OPT_UNLIMITED, false, NULL },
	},
	{
		.id = CMD_LOAD,
		.name = "load",
		.group = "image",
		.group_names = "load",
		.usage = "[OPTIONS]",
		.summary = "Read images from a tar archive",
		.spec = { "load", load_table, 0, 0, false, NULL },
	},
	{
		.id = CMD_EXPORT,
		.name = "export",
		.group = "container",
		.group_names = "export",
		.usage = "[OPTIONS] CONTAINER",
		.summary = "Write a container's file system to a tar archive",
		.spec = { "export", export_table, 1, 1, false, NULL },
	},
	{
		.id = CMD_IMPORT,
		.name = "import",
		.group = "image",
		.group_names = "import",
		.usage = "[OPTIONS] FILE|URL|- [REPOSITORY[:TAG]]",
		.summary = "Make an image from a tar archive of a file system",
		.spec = { "import", import_table, 1, 2, false, NULL },
	},
	{
		.id = CMD_COMMIT,
		.name = "commit",
		.group = "container",
		.group_names = "commit",
		.usage = "[OPTIONS] CONTAINER [REPOSITORY[:TAG]]",
		.summary = "Make an image from a container's changes",
		.spec = { "commit", commit_table, 1, 2, false, NULL },
	},
	{
		.id = CMD_HISTORY,
		.name = "history",
		.group = "image",
		.group_names = "history",
		.usage = "[OPTIONS] IMAGE",
		.summary = "Show the steps an image was made in",
		.spec = { "history", history_table, 1, 1, false, NULL },
	},
	{
		.id = CMD_PUSH,
		.name = "push",
		.group = "image",
		.group_names = "push",
		.usage = "[OPTIONS] NAME[:TAG]",
		.summary = "Upload an image to a registry",
		.spec = { "push", push_table, 1, 1, false, NULL },
	},
	{
		.id = CMD_WAIT,
		.name = "wait",
		.group = "container",
		.group_names = "wait",
		.usage = "CONTAINER [CONTAINER...]",
		.summary = "Wait until containers end, print their exit codes",
		.spec = { "wait", wait_table, 1, OPT_UNLIMITED, false, NULL },
	},
	{
		.id = CMD_CP,
		.name = "cp",
		.group = "container",
		.group_names = "cp",
		.usage = "[OPTIONS] [CONTAINER:]SRC_PATH|- [CONTAINER:]DEST_PATH|-",
		.summary = "Copy files between a container and the host",
		.spec = { "cp", cp_table, 2, 2, false, NULL },
	},
	{
		.id = CMD_DIFF,
		.name = "diff",
		.group = "container",
		.group_names = "diff",
		.usage = "CONTAINER",
		.summary = "Show what a container changed in its file system",
		.spec = { "diff", no_table, 1, 1, false, NULL },
	},
	{
		.id = CMD_PORT,
		.name = "port",
		.group = "container",
		.group_names = "port",
		.usage = "CONTAINER [PRIVATE_PORT[/PROTO]]",
		.summary = "Show where a container's ports are published",
		.spec = { "port", no_table, 1, 2, false, NULL },
	},
	{
		.id = CMD_RENAME,
		.name = "rename",
		.group = "container",
		.group_names = "rename",
		.usage = "CONTAINER NEW_NAME",
		.summary = "Give a container another name",
		.spec = { "rename", no_table, 2, 2, false, NULL },
	},
	{
		.id = CMD_TOP,
		.name = "top",
		.group = "container",
		.group_names = "top",
		.usage = "CONTAINER [PS_OPTIONS]",
		.summary = "Show the processes of a container",
		.spec = { "top", no_table, 1, OPT_UNLIMITED, true, NULL },
	},
	{
		.id = CMD_NETWORK_CREATE,
		.group = "network",
		.group_names = "create",
		.usage = "[OPTIONS] NETWORK",
		.summary = "Make a network",
		.spec = { "network create", network_create_table, 1, 1, false, NULL },
	},
	{
		.id = CMD_NETWORK_INSPECT,
		.group = "network",
		.group_names = "inspect",
		.usage = "[OPTIONS] NETWORK [NETWORK...]",
		.summary = "Show all details of networks as JSON",
		.spec = { "network inspect", network_inspect_table, 1, OPT_UNLIMITED, false, NULL },
	},
	{
		.id = CMD_NETWORK_LS,
		.group = "network",
		.group_names = "ls list",
		.usage = "[OPTIONS]",
		.summary = "List networks",
		.spec = { "network ls", network_ls_table, 0, 0, false, NULL },
	},
	{
		.id = CMD_NETWORK_PRUNE,
		.group = "network",
		.group_names = "prune",
		.usage = "[OPTIONS]",
		.summary = "Remove networks that no container uses",
		.spec = { "network prune", network_prune_table, 0, 0, false, NULL },
	},
	{
		.id = CMD_NETWORK_RM,
		.group = "network",
		.group_names = "rm remove",
		.usage = "[OPTIONS] NETWORK [NETWORK...]",
		.summary = "Remove networks",
		.spec = { "network rm", network_rm_table, 1, OPT_UNLIMITED, false, NULL },
	},
	{ CMD_CONTAINER_PRUNE, NULL, "container", "prune", "[OPTIONS]",
		"Remove all stopped containers",
		{ "container prune", container_prune_table, 0, 0, false, NULL } },
	{ CMD_IMAGE_PRUNE, NULL, "image", "prune", "[OPTIONS]", "Remove images that nobody uses",
		{ "image prune", image_prune_table, 0, 0, false, NULL } },
	{ CMD_SYSTEM_DF, NULL, "system", "df", "[OPTIONS]", "Show what takes how much room",
		{ "system df", system_df_table, 0, 0, false, NULL } },
	{ CMD_SYSTEM_PRUNE, NULL, "system", "prune", "[OPTIONS]",
		"Remove everything that nobody uses",
		{ "system prune", system_prune_table, 0, 0, false, NULL } },
	{ CMD_VOLUME_CREATE, NULL, "volume", "create", "[OPTIONS] [VOLUME]", "Make a volume",
		{ "volume create", volume_create_table, 0, 1, false, NULL } },
	{ CMD_VOLUME_INSPECT, NULL, "volume", "inspect", "[OPTIONS] VOLUME [VOLUME...]",
		"Show all details of volumes as JSON",
		{ "volume inspect", volume_inspect_table, 1, OPT_UNLIMITED, false, NULL } },
	{ CMD_VOLUME_LS, NULL, "volume", "ls list", "[OPTIONS]", "List volumes",
		{ "volume ls", volume_ls_table, 0, 0, false, NULL } },
	{ CMD_VOLUME_PRUNE, NULL, "volume", "prune", "[OPTIONS]",
		"Remove volumes that no container uses",
		{ "volume prune", volume_prune_table, 0, 0, false, NULL } },
	{ CMD_VOLUME_RM, NULL, "volume", "rm remove", "[OPTIONS] VOLUME [VOLUME...]",
		"Remove volumes", { "volume rm", volume_rm_table, 1, OPT_UNLIMITED, false, NULL } },
	{
		.id = CMD_COMPLETION,
		.name = "completion",
		.usage = "bash|zsh|fish",
		.summary = "Print the completion script for a shell",
		.spec = { "completion", tag_table, 1, 1, false, NULL },
	},
};

const struct command *command_at(size_t index)
{
	return index < ARRAY_SIZE(commands) ? &commands[index] : NULL;
}

const struct command *command_by_id(enum command_id id)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (commands[i].id == id)
			return &commands[i];
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
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (commands[i].group && strcmp(commands[i].group, word) == 0)
			return true;
	return false;
}

/* group NULL: top-level names. */
static const struct command *find(const char *group, const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		const struct command *c = &commands[i];

		if (!group && c->name && strcmp(c->name, word) == 0)
			return c;
		if (group && c->group && strcmp(c->group, group) == 0 &&
			has_word(c->group_names, word))
			return c;
	}
	return NULL;
}

static int unknown(const char *group, const char *word, struct err *err)
{
	const char *near = NULL;
	unsigned best = 3;

	for (size_t i = 0; i < ARRAY_SIZE(commands) && !group && strlen(word) <= 32; i++) {
		const char *name = commands[i].name;
		unsigned d = name ? opt_distance(word, name) : best;

		if (d < best) {
			best = d;
			near = name;
		}
	}
	(void)err_set(err, -ENOENT, "'%s%s%s' is not an sbx command%s%s%s. See 'sbx%s%s --help'.",
		group ? group : "", group ? " " : "", word, near ? " (did you mean '" : "",
		near ? near : "", near ? "'?)" : "", group ? " " : "", group ? group : "");
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
