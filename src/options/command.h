/* SPDX-License-Identifier: Apache-2.0 */
/* The one table of commands (commands.c): --help, completion and the man pages derive from it. */
#ifndef SBX_OPTIONS_COMMAND_H
#define SBX_OPTIONS_COMMAND_H

#include "base/buf.h"
#include "base/err.h"
#include "options/opt.h"

/* main.c has one function per id. */
enum command_id {
	CMD_RUN,
	CMD_CREATE,
	CMD_ATTACH,
	CMD_RESTART,
	CMD_START,
	CMD_STOP,
	CMD_KILL,
	CMD_RM,
	CMD_PS,
	CMD_LOGS,
	CMD_EXEC,
	CMD_WAIT,
	CMD_INSPECT,
	CMD_CONTAINER_INSPECT,
	CMD_IMAGE_INSPECT,
	CMD_PULL,
	CMD_IMAGES,
	CMD_RMI,
	CMD_TAG,
	CMD_CONTAINER_PRUNE,
	CMD_IMAGE_PRUNE,
	CMD_SYSTEM_PRUNE,
	CMD_SYSTEM_DF,
	CMD_DEBUG,
	CMD_CP,
	CMD_DIFF,
	CMD_PORT,
	CMD_RENAME,
	CMD_TOP,
	CMD_PAUSE,
	CMD_UNPAUSE,
	CMD_EVENTS,
	CMD_NETWORK_CONNECT,
	CMD_STATS,
	CMD_UPDATE,
	CMD_SYSTEM_RESET,
	CMD_NETWORK_CREATE,
	CMD_NETWORK_DISCONNECT,
	CMD_NETWORK_INSPECT,
	CMD_NETWORK_LOG,
	CMD_NETWORK_LS,
	CMD_NETWORK_PRUNE,
	CMD_NETWORK_RM,
	CMD_UNSHARE,
	CMD_MOUNT,
	CMD_UMOUNT,
	CMD_AUTOSTART,
	CMD_VOLUME_CREATE,
	CMD_VOLUME_EXPORT,
	CMD_VOLUME_IMPORT,
	CMD_VOLUME_INSPECT,
	CMD_VOLUME_LS,
	CMD_VOLUME_PRUNE,
	CMD_VOLUME_RM,
	CMD_SAVE,
	CMD_LOAD,
	CMD_EXPORT,
	CMD_IMPORT,
	CMD_COMMIT,
	CMD_HISTORY,
	CMD_PUSH,
	CMD_REPORT,
	CMD_POLICY_CHECK,
	CMD_POLICY_DIFF,
	CMD_POLICY_LS,
	CMD_POLICY_SHOW,
	CMD_LOGIN,
	CMD_LOGOUT,
	CMD_SEARCH,
	CMD_UNTAG,
	CMD_IMAGE_EXISTS,
	CMD_CONTAINER_EXISTS,
	CMD_HEALTHCHECK_RUN,
	CMD_IMAGE_DIFF,
	CMD_MANIFEST_INSPECT,
	CMD_SYSTEM_CHECK,
	CMD_INFO,
	CMD_DOCTOR,
	CMD_EXPLAIN,
	CMD_VERSION,
	CMD_BUILD,
	CMD_BUILDER_PRUNE,
	CMD_COMPLETION, /* answered by options_find_command() itself */
	CMD_COUNT,
};

struct command {
	enum command_id id;
	const char *name;  /* `sbx NAME`; NULL when it exists inside its group only */
	const char *group; /* "container", "network", …; NULL: none */
	const char
		*group_names; /* names inside the group, "ls list ps"; the first is the real one */
	const char *usage;    /* "[OPTIONS] IMAGE [COMMAND] [ARG...]" */
	const char *summary;
	struct opt_spec spec;
};

/* What the words after the global options mean. */
struct choice {
	const struct command *command;
	int words;  /* of argv that name it: 1 for `ps`, 2 for `container ls` */
	char *text; /* not NULL: print this on stdout and exit 0. Owned */
};
void choice_done(struct choice *choice);
#define autochoice __attribute__((cleanup(choice_done)))

/* argv[0] is the first word after the global options, argv[argc] is NULL; argc 0 gives the
 * program's help. Also answers --help of any command and bare groups. -ENOENT: unknown command,
 * exit status 1. */
int options_find_command(int argc, char **argv, struct choice *ret, struct err *err);

const struct command *command_at(size_t index); /* NULL after the last */
const struct command *command_by_id(enum command_id id);
const struct opt *command_global_options(void);
const char *command_group_at(size_t index); /* NULL after the last */
const char *command_group_summary(const char *group);

/* help.c: Docker's layout. */
void help_command(const struct command *command, struct buf *out);
void help_group(const char *group, struct buf *out);
void help_program(struct buf *out);

/* completion.c: the script for "bash", "zsh" or "fish". -EINVAL otherwise. */
int completion_script(const char *shell, struct buf *out, struct err *err);

/* man.c: the OPTIONS section of one command, in man(7). */
void man_options(const struct opt *table, struct buf *out);

#endif
