/* SPDX-License-Identifier: Apache-2.0 */
/* rename: another name for a container, running or not. Prints nothing, as Docker's. */
#include "commands/commands.h"

#include "base/own.h"
#include "base/xalloc.h"
#include "commands/common.h"
#include "options/verbs.h"

int cmd_rename(struct globals *globals, int argc, char **argv, struct err *err)
{
	__attribute__((cleanup(rename_opts_done))) struct rename_opts opts = { 0 };
	autofree char *old = NULL;
	autocontainer struct container c = CONTAINER_INIT;

	TRY(rename_opts_parse(argc, argv, &opts, err));
	TRY(state_open(globals, opts.container, &c, err));
	old = xasprintf("/%s", c.name);
	TRY(state_rename(globals, &c, opts.name, err));
	event_container(globals, &c, "rename", "oldName", old);
	return 0;
}
