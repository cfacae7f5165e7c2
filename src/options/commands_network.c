/* SPDX-License-Identifier: Apache-2.0 */
/* The commands about networks: rows of the table that commands.c searches. */
#include "options/command.h"
#include "options/internal.h"

#include <stddef.h>

const struct command network_commands[] = {
	{ CMD_NETWORK_CONNECT, NULL, "network", "connect", "[OPTIONS] NETWORK CONTAINER",
		"Put a container on one more network",
		{ "network connect", network_connect_table, 2, 2, false, NULL } },
	{ CMD_NETWORK_CREATE, NULL, "network", "create", "[OPTIONS] NETWORK", "Make a network",
		{ "network create", network_create_table, 1, 1, false, NULL } },
	{ CMD_NETWORK_DISCONNECT, NULL, "network", "disconnect", "[OPTIONS] NETWORK CONTAINER",
		"Take a container off a network",
		{ "network disconnect", network_disconnect_table, 2, 2, false, NULL } },
	{ CMD_NETWORK_INSPECT, NULL, "network", "inspect", "[OPTIONS] NETWORK [NETWORK...]",
		"Show all details of networks as JSON",
		{ "network inspect", network_inspect_table, 1, OPT_UNLIMITED, false, NULL } },
	{ CMD_NETWORK_LOG, NULL, "network", "log", "[OPTIONS] CONTAINER",
		"Show what a container with --egress reached, or was refused",
		{ "network log", network_log_table, 1, 1, false, NULL } },
	{ CMD_NETWORK_LS, NULL, "network", "ls list", "[OPTIONS]", "List networks",
		{ "network ls", network_ls_table, 0, 0, false, NULL } },
	{ CMD_NETWORK_PRUNE, NULL, "network", "prune", "[OPTIONS]",
		"Remove networks that no container uses",
		{ "network prune", network_prune_table, 0, 0, false, NULL } },
	{ CMD_NETWORK_RM, NULL, "network", "rm remove", "[OPTIONS] NETWORK [NETWORK...]",
		"Remove networks",
		{ "network rm", network_rm_table, 1, OPT_UNLIMITED, false, NULL } },
	{ .id = CMD_COUNT },
};
