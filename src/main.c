/* SPDX-License-Identifier: Apache-2.0 */
/* sbx: which command, which exit status. The only place of this program that prints errors or exits. */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/inherited.h"
#include "base/log.h"
#include "base/own.h"
#include "base/self.h"
#include "commands/commands.h"
#include "options/options.h"

static const struct {
	command_fn fn;
	int failure; /* exit status of sbx's own errors; Docker's */
	bool enters; /* puts processes into containers: never from a binary they could write */
} commands[CMD_COUNT] = {
	[CMD_RUN] = { cmd_run, 125, true },
	[CMD_CREATE] = { cmd_create, 125 },
	[CMD_ATTACH] = { cmd_attach, 1 },
	[CMD_RESTART] = { cmd_restart, 1, true },
	[CMD_START] = { cmd_start, 1, true },
	[CMD_STOP] = { cmd_stop, 1 },
	[CMD_KILL] = { cmd_kill, 1 },
	[CMD_RM] = { cmd_rm, 1 },
	[CMD_PS] = { cmd_ps, 1 },
	[CMD_LOGS] = { cmd_logs, 1 },
	[CMD_EXEC] = { cmd_exec, 125, true },
	[CMD_WAIT] = { cmd_wait, 1 },
	[CMD_INSPECT] = { cmd_inspect, 1 },
	[CMD_CONTAINER_INSPECT] = { cmd_container_inspect, 1 },
	[CMD_IMAGE_INSPECT] = { cmd_image_inspect, 1 },
	[CMD_PULL] = { cmd_pull, 1 },
	[CMD_IMAGES] = { cmd_images, 1 },
	[CMD_RMI] = { cmd_rmi, 1 },
	[CMD_TAG] = { cmd_tag, 1 },
	[CMD_CONTAINER_PRUNE] = { cmd_container_prune, 1 },
	[CMD_IMAGE_PRUNE] = { cmd_image_prune, 1 },
	[CMD_SYSTEM_DF] = { cmd_system_df, 1 },
	[CMD_DEBUG] = { cmd_debug, 1 },
	[CMD_SYSTEM_PRUNE] = { cmd_system_prune, 1 },
	[CMD_CP] = { cmd_cp, 1, true },
	[CMD_DIFF] = { cmd_diff, 1 },
	[CMD_PORT] = { cmd_port, 1 },
	[CMD_RENAME] = { cmd_rename, 1 },
	[CMD_STATS] = { cmd_stats, 1 },
	[CMD_UPDATE] = { cmd_update, 1 },
	[CMD_SYSTEM_RESET] = { cmd_system_reset, 1 },
	[CMD_PAUSE] = { cmd_pause, 1 },
	[CMD_UNPAUSE] = { cmd_unpause, 1 },
	[CMD_EVENTS] = { cmd_events, 1 },
	[CMD_TOP] = { cmd_top, 1 },
	[CMD_NETWORK_CONNECT] = { cmd_network_connect, 1 },
	[CMD_NETWORK_CREATE] = { cmd_network_create, 1 },
	[CMD_NETWORK_DISCONNECT] = { cmd_network_disconnect, 1 },
	[CMD_NETWORK_INSPECT] = { cmd_network_inspect, 1 },
	[CMD_NETWORK_LOG] = { cmd_network_log, 1 },
	[CMD_NETWORK_LS] = { cmd_network_ls, 1 },
	[CMD_NETWORK_PRUNE] = { cmd_network_prune, 1 },
	[CMD_NETWORK_RM] = { cmd_network_rm, 1 },
	[CMD_UNSHARE] = { cmd_unshare, 125 },
	[CMD_MOUNT] = { cmd_mount, 1 },
	[CMD_UMOUNT] = { cmd_umount, 1 },
	[CMD_AUTOSTART] = { cmd_autostart, 1 },
	[CMD_VOLUME_EXPORT] = { cmd_volume_export, 1 },
	[CMD_VOLUME_IMPORT] = { cmd_volume_import, 1 },
	[CMD_VOLUME_CREATE] = { cmd_volume_create, 1 },
	[CMD_VOLUME_INSPECT] = { cmd_volume_inspect, 1 },
	[CMD_VOLUME_LS] = { cmd_volume_ls, 1 },
	[CMD_VOLUME_PRUNE] = { cmd_volume_prune, 1 },
	[CMD_VOLUME_RM] = { cmd_volume_rm, 1 },
	[CMD_SAVE] = { cmd_image_program, 1 },
	[CMD_LOAD] = { cmd_image_program, 1 },
	[CMD_EXPORT] = { cmd_export, 1 },
	[CMD_IMPORT] = { cmd_image_program, 1 },
	[CMD_COMMIT] = { cmd_commit, 1 },
	[CMD_PUSH] = { cmd_image_program, 1 },
	[CMD_LOGIN] = { cmd_image_program, 1 },
	[CMD_LOGOUT] = { cmd_image_program, 1 },
	[CMD_SEARCH] = { cmd_search, 1 },
	[CMD_UNTAG] = { cmd_untag, 125 },
	[CMD_IMAGE_EXISTS] = { cmd_image_exists, 125 },
	[CMD_CONTAINER_EXISTS] = { cmd_container_exists, 125 },
	[CMD_HEALTHCHECK_RUN] = { cmd_healthcheck_run, 125 },
	[CMD_IMAGE_DIFF] = { cmd_image_diff, 1 },
	[CMD_SYSTEM_CHECK] = { cmd_system_check, 1 },
	[CMD_MANIFEST_INSPECT] = { cmd_manifest_inspect, 1 },
	[CMD_HISTORY] = { cmd_history, 1 },
	[CMD_REPORT] = { cmd_report, 1 },
	[CMD_POLICY_CHECK] = { cmd_policy_check, 1 },
	[CMD_POLICY_DIFF] = { cmd_policy_diff, 1 },
	[CMD_POLICY_LS] = { cmd_policy_ls, 1 },
	[CMD_POLICY_SHOW] = { cmd_policy_show, 1 },
	[CMD_BUILD] = { cmd_build, 1, true },
	[CMD_BUILDER_PRUNE] = { cmd_builder_prune, 1 },
	[CMD_INFO] = { cmd_info, 1 },
	[CMD_DOCTOR] = { cmd_doctor, 1 },
	[CMD_EXPLAIN] = { cmd_explain, 1 },
	[CMD_VERSION] = { cmd_version, 1 },
};

/* `ln -s sbx docker`: programs that call docker find out which one by its version. */
#define DOCKER_LIKE "27.5.1"

static bool called_docker(const char *path)
{
	const char *slash = path ? strrchr(path, '/') : NULL;

	return path && strcmp(slash ? slash + 1 : path, "docker") == 0;
}

/* Flushed and checked by main. */
static int print_version(bool as_docker)
{
	autobuf struct buf here = BUF_INIT;

	if (as_docker) {
		(void)printf("Docker version " DOCKER_LIKE ", build sbx-%s\n", SBX_VERSION);
		return 0;
	}
	machine_print(&here);
	(void)printf("sbx version %s\nbuilt with " SBX_FEATURES "\n%s", SBX_VERSION, here.data);
	return 0;
}

static int tidy(char **argv, struct err *err)
{
	TRY(inherited_tidy(argv, err));
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR || signal(SIGXFSZ, SIG_IGN) == SIG_ERR ||
		signal(SIGCHLD, SIG_DFL) == SIG_ERR)
		return err_sys(err, "signal");
	return 0;
}

/* Before options are parsed, which may consume an inherited pipe; a payload's own --init costs 1 ms. */
static bool has_init(char **argv)
{
	while (*argv && strcmp(*argv, "--init") != 0)
		argv++;
	return *argv != NULL;
}

static int run_command(int argc, char **argv, int *ret_failure, struct err *err)
{
	autoglobals struct globals globals = { 0 };
	autochoice struct choice choice = { 0 };
	int verb = argc;

	TRY(tidy(argv, err));
	TRY(globals_parse(argc, argv, &globals, &verb, err));
	log_init("sbx", globals.log_level);
	if (globals.version)
		return print_version(called_docker(argv[0]));
	*ret_failure = 1;
	TRY(options_find_command(argc - verb, argv + verb, &choice, err));
	if (choice.text) {
		(void)fputs(choice.text, stdout); /* flushed and checked by main */
		return 0;
	}
	*ret_failure = commands[choice.command->id].failure;
	if (commands[choice.command->id].enters)
		TRY(self_seal(has_init(argv), err));
	verb += choice.words - 1;
	return commands[choice.command->id].fn(&globals, argc - verb, argv + verb, err);
}

int main(int argc, char **argv)
{
	struct err err = ERR_INIT;
	int failure = 125;
	int status = run_command(argc, argv, &failure, &err);

	if (status < 0) {
		log_err(&err);
		status = err.exit ? err.exit : failure;
	}
	if (fflush(stdout) != 0 || (ferror(stdout) && status == 0)) {
		(void)err_sys(&err, "write to stdout");
		if (errno != EPIPE)
			log_err(&err);
		status = status ? status : 1;
	}
	return status;
}
