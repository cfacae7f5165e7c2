/* SPDX-License-Identifier: Apache-2.0 */
/* system reset: an empty store. Containers first, so that nothing runs on what is taken away. */
#include "commands/commands.h"

#include "base/own.h"
#include "commands/common.h"
#include "commands/output.h"
#include "options/verbs.h"

static int remove_containers(const struct globals *globals, struct err *err)
{
	struct container *list = NULL;
	size_t n = 0;
	int r = 0;

	TRY(state_list(globals, &list, &n, err));
	for (size_t i = 0; i < n && r == 0; i++)
		r = container_force_remove(globals, list[i].id, err);
	state_list_free(list, n);
	return r < 0 ? r : 0;
}

int cmd_system_reset(struct globals *globals, int argc, char **argv, struct err *err)
{
	__attribute__((cleanup(prune_opts_done))) struct prune_opts opts = { 0 };
	autobuf struct buf warning = BUF_INIT;
	int yes = 1;

	TRY(system_reset_opts_parse(argc, argv, &opts, err));
	buf_addf(&warning,
		"WARNING! This will remove from %s:\n  - all containers, running ones too\n"
		"  - all images and the build cache\n  - all volumes and what is in them\n"
		"  - all networks\n",
		globals->root);
	if (!opts.force)
		yes = prune_confirm(warning.data, err);
	if (yes <= 0)
		return yes;
	TRY(remove_containers(globals, err));
	return state_reset(globals, err);
}
