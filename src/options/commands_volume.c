/* SPDX-License-Identifier: Apache-2.0 */
/* The commands about volumes: rows of the table that commands.c searches. */
#include "options/command.h"
#include "options/internal.h"

#include <stddef.h>

const struct command volume_commands[] = {
	{ CMD_VOLUME_CREATE, NULL, "volume", "create", "[OPTIONS] [VOLUME]", "Make a volume",
		{ "volume create", volume_create_table, 0, 1, false, NULL } },
	{ CMD_VOLUME_EXPORT, NULL, "volume", "export", "[OPTIONS] VOLUME",
		"Write the files of a volume as a tar archive",
		{ "volume export", volume_export_table, 1, 1, false, NULL } },
	{ CMD_VOLUME_IMPORT, NULL, "volume", "import", "VOLUME [FILE]",
		"Unpack a tar archive into a volume",
		{ "volume import", no_table, 1, 2, false, NULL } },
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
	{ .id = CMD_COUNT },
};
