/* SPDX-License-Identifier: Apache-2.0 */
/* Commands that sbx-image carries out from its own reading of the command line. */
#include "commands/commands.h"

#include <string.h>
#include <unistd.h>

#include "image/image.h"
#include "state/state.h"

int cmd_image_program(struct globals *globals, int argc, char **argv, struct err *err)
{
	int status = image_helper(globals, argv, STDOUT_FILENO, err);

	/* Its last operand is what the user calls the image, or of import the file; what load has made is
	 * in the archive only. */
	if (status == 0 && argc > 0 && strcmp(argv[0], "load") == 0)
		event_tell_named(globals, "image", "load", "", "");
	else if (status == 0 && argc > 1 &&
		 (strcmp(argv[0], "push") == 0 || strcmp(argv[0], "save") == 0 ||
			 strcmp(argv[0], "import") == 0))
		event_tell_named(globals, "image", argv[0], argv[argc - 1], argv[argc - 1]);
	return status;
}
