/* SPDX-License-Identifier: Apache-2.0 */
/* The commands about images: rows of the table that commands.c searches. */
#include "options/command.h"
#include "options/internal.h"

#include <stddef.h>

const struct command image_commands[] = {
	{ CMD_PULL, "pull", "image", "pull", "[OPTIONS] NAME[:TAG|@DIGEST]",
		"Download an image from a registry", { "pull", pull_table, 1, 1, false, NULL } },
	{ CMD_IMAGES, "images", "image", "ls list", "[OPTIONS] [REPOSITORY[:TAG]]", "List images",
		{ "images", images_table, 0, 1, false, NULL } },
	{ CMD_IMAGE_INSPECT, NULL, "image", "inspect", "[OPTIONS] IMAGE [IMAGE...]",
		"Show all details of images as JSON",
		{ "image inspect", inspect_table, 1, OPT_UNLIMITED, false, NULL } },
	{ CMD_RMI, "rmi", "image", "rm remove", "[OPTIONS] IMAGE [IMAGE...]", "Remove images",
		{ "rmi", rmi_table, 1, OPT_UNLIMITED, false, NULL } },
	{ CMD_TAG, "tag", "image", "tag", "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",
		"Give an image another name", { "tag", tag_table, 2, 2, false, NULL } },
	{ CMD_SAVE, "save", "image", "save", "[OPTIONS] IMAGE [IMAGE...]",
		"Write images to a tar archive",
		{ "save", save_table, 1, OPT_UNLIMITED, false, NULL } },
	{ CMD_LOAD, "load", "image", "load", "[OPTIONS]", "Read images from a tar archive",
		{ "load", load_table, 0, 0, false, NULL } },
	{ CMD_IMPORT, "import", "image", "import", "[OPTIONS] FILE|URL|- [REPOSITORY[:TAG]]",
		"Make an image from a tar archive of a file system",
		{ "import", import_table, 1, 2, false, NULL } },
	{ CMD_HISTORY, "history", "image", "history", "[OPTIONS] IMAGE",
		"Show the steps an image was made in",
		{ "history", history_table, 1, 1, false, NULL } },
	{ CMD_PUSH, "push", "image", "push", "[OPTIONS] NAME[:TAG]",
		"Upload an image to a registry", { "push", push_table, 1, 1, false, NULL } },
	{ CMD_IMAGE_PRUNE, NULL, "image", "prune", "[OPTIONS]", "Remove images that nobody uses",
		{ "image prune", image_prune_table, 0, 0, false, NULL } },
	{ .id = CMD_COUNT },
};
