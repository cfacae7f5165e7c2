/* SPDX-License-Identifier: Apache-2.0 */
/* The commands about builds: rows of the table that commands.c searches. */
#include "options/command.h"
#include "options/internal.h"

#include <stddef.h>

#define BUILD_USAGE   "[OPTIONS] PATH|URL|-"
#define BUILD_SUMMARY "Build an image from a Dockerfile"
#define BUILD_SPEC                                                  \
	{                                                           \
		"build", build_table, 0, OPT_UNLIMITED, false, NULL \
	}
#define PRUNE_SUMMARY "Remove the build cache"
#define PRUNE_SPEC                                                      \
	{                                                               \
		"builder prune", builder_prune_table, 0, 0, false, NULL \
	}

const struct command build_commands[] = {
	{ CMD_BUILD, "build", "image", "build", BUILD_USAGE, BUILD_SUMMARY, BUILD_SPEC },
	{ CMD_BUILD, NULL, "builder", "build", BUILD_USAGE, BUILD_SUMMARY, BUILD_SPEC },
	{ CMD_BUILD, NULL, "buildx", "build b", BUILD_USAGE, BUILD_SUMMARY, BUILD_SPEC },
	{ CMD_BUILDER_PRUNE, NULL, "builder", "prune", "[OPTIONS]", PRUNE_SUMMARY, PRUNE_SPEC },
	{ CMD_BUILDER_PRUNE, NULL, "buildx", "prune", "[OPTIONS]", PRUNE_SUMMARY, PRUNE_SPEC },
	{ .id = CMD_COUNT },
};
