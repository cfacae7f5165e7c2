/* SPDX-License-Identifier: Apache-2.0 */
/* The commands about sbx itself: rows of the table that commands.c searches. */
#include "options/command.h"
#include "options/internal.h"

#include <stddef.h>

const struct command system_commands[] = {
	{ CMD_INFO, "info", "system", "info", "[OPTIONS]",
		"Show what this machine can do for containers",
		{ "info", format_table, 0, 0, false, NULL } },
	{ CMD_DOCTOR, "doctor", "system", "doctor", "[OPTIONS]",
		"Try what containers need here, say how to mend the rest",
		{ "doctor", doctor_table, 0, 0, false, NULL } },
	{ CMD_EXPLAIN, "explain", NULL, NULL, "[ID...]", "Say what a message means and what to do",
		{ "explain", no_table, 0, OPT_UNLIMITED, false, NULL } },
	{ CMD_VERSION, "version", NULL, NULL, "[OPTIONS]", "Show the version of sbx",
		{ "version", format_table, 0, 0, false, NULL } },
	{ CMD_INSPECT, "inspect", NULL, NULL, "[OPTIONS] NAME|ID [NAME|ID...]",
		"Show all details of containers, images, volumes as JSON",
		{ "inspect", inspect_table, 1, OPT_UNLIMITED, false, NULL } },
	{ CMD_EVENTS, "events", "system", "events", "[OPTIONS]",
		"Show what happens to containers, images and volumes",
		{ "events", events_table, 0, 0, false, NULL } },
	{ CMD_SYSTEM_DF, NULL, "system", "df", "[OPTIONS]", "Show what takes how much room",
		{ "system df", system_df_table, 0, 0, false, NULL } },
	{ CMD_SYSTEM_RESET, NULL, "system", "reset", "[OPTIONS]",
		"Remove all containers, images, volumes and networks",
		{ "system reset", reset_table, 0, 0, false, NULL } },
	{ CMD_SYSTEM_PRUNE, NULL, "system", "prune", "[OPTIONS]",
		"Remove everything that nobody uses",
		{ "system prune", system_prune_table, 0, 0, false, NULL } },
	{ CMD_DEBUG, "debug", NULL, NULL, "dockerfile|words|ref|ignore FILE [PATH...]",
		"Show what a parser makes of a file",
		{ "debug", debug_table, 2, OPT_UNLIMITED, false, NULL } },
	{ CMD_UNSHARE, "unshare", NULL, NULL, "[COMMAND] [ARG...]",
		"Run a command as root of your containers' user namespace",
		{ "unshare", no_table, 0, OPT_UNLIMITED, true, NULL } },
	{ CMD_AUTOSTART, "autostart", NULL, NULL, "[OPTIONS]",
		"Start containers with --restart when the machine starts",
		{ "autostart", autostart_table, 0, 0, false, NULL } },
	{ CMD_COMPLETION, "completion", NULL, NULL, "bash|zsh|fish",
		"Print the completion script for a shell",
		{ "completion", tag_table, 1, 1, false, NULL } },
	{ .id = CMD_COUNT },
};
