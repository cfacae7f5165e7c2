/* SPDX-License-Identifier: Apache-2.0 */
/* Commands that sbx-image carries out from its own reading of the command line. */
#include "commands/commands.h"

#include <unistd.h>

#include "image/image.h"

int cmd_image_program(struct globals *globals, int argc, char **argv, struct err *err)
{
	(void)argc;
	return image_helper(globals, argv, STDOUT_FILENO, err);
}
