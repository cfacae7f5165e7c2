/* SPDX-License-Identifier: Apache-2.0 */
/* The commands about policies: rows of the table that commands.c searches. */
#include "options/command.h"
#include "options/internal.h"

#include <stddef.h>

const struct command policy_commands[] = {
	{ CMD_POLICY_LS, NULL, "policy", "ls list", "[OPTIONS]", "List policies",
		{ "policy ls", no_table, 0, 0, false, NULL } },
	{ CMD_POLICY_SHOW, NULL, "policy", "show cat", "POLICY", "Print a policy",
		{ "policy show", no_table, 1, 1, false, NULL } },
	{ CMD_POLICY_CHECK, NULL, "policy", "check", "POLICY [POLICY...]",
		"Find mistakes in policies",
		{ "policy check", no_table, 1, OPT_UNLIMITED, false, NULL } },
	{ CMD_POLICY_DIFF, NULL, "policy", "diff", "POLICY POLICY",
		"Show what one policy has and another has not",
		{ "policy diff", no_table, 2, 2, false, NULL } },
	{ CMD_REPORT, "report", "container", "report", "[OPTIONS] CONTAINER",
		"Show what a container did that was run with --report",
		{ "report", report_table, 1, 1, false, NULL } },
	{ .id = CMD_COUNT },
};
