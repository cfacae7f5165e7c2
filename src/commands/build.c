/* SPDX-License-Identifier: Apache-2.0 */
/* build, builder prune. The builder does the work. */
#include "commands/commands.h"

#include "base/buf.h"
#include "base/own.h"
#include "builder/builder.h"
#include "commands/common.h"
#include "commands/output.h"
#include "options/verbs.h"

int cmd_build(struct globals *globals, int argc, char **argv, struct err *err)
{
	__attribute__((cleanup(build_opts_done))) struct build_opts opts = { 0 };

	TRY(build_opts_parse(argc, argv, &opts, err));
	return builder_build(globals, &opts, err);
}

int cmd_builder_prune(struct globals *globals, int argc, char **argv, struct err *err)
{
	autostrv struct strv deleted = STRV_INIT;
	struct builder_prune_opts opts;
	int64_t bytes = 0;

	TRY(builder_prune_opts_parse(argc, argv, &opts, err));
	if (!opts.force) {
		int r = prune_confirm(
			"WARNING! This will remove the build cache: what is not part of "
			"an image, and what later builds would reuse.",
			err);

		if (r <= 0)
			return r;
	}
	TRY(builder_prune(globals, &opts, &deleted, &bytes, err));
	return prune_report("Deleted build cache objects:", &deleted, bytes, err);
}
