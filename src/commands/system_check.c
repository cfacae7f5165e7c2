/* SPDX-License-Identifier: Apache-2.0 */
/* sbx-image does the work (image/check.c); it is told which layers it must leave where they are. */
#include "commands/commands.h"

#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "commands/common.h"
#include "image/image.h"
#include "options/verbs.h"
#include "state/state.h"

static int add_busy(const struct globals *globals, struct strv *args, struct err *err)
{
	struct container *list = NULL;
	autostrv struct strv dirs = STRV_INIT;
	size_t n = 0;

	TRY(state_list_up(globals, &list, &n, err));
	strv_add(args, "--in-use");
	for (size_t i = 0; i < n; i++)
		container_all_layers(&list[i], &dirs);
	strv_each (dir, &dirs) {
		const char *slash = strrchr(*dir, '/');

		strv_add(args, slash ? slash + 1 : *dir);
	}
	state_list_free(list, n);
	return 0;
}

int cmd_system_check(struct globals *globals, int argc, char **argv, struct err *err)
{
	autostrv struct strv args = STRV_INIT;
	struct check_opts opts = { 0 };

	TRY(check_opts_parse(argv, &opts, err));
	for (int i = 0; i < argc; i++)
		strv_add(&args, argv[i]);
	TRY(add_busy(globals, &args, err));
	return image_helper(globals, args.v, STDOUT_FILENO, err);
}
