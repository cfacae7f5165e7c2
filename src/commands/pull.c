/* SPDX-License-Identifier: Apache-2.0 */
/* pull: sbx-image does it. */
#include "commands/commands.h"

#include <unistd.h>

#include "base/own.h"
#include "image/image.h"
#include "options/verbs.h"
#include "state/state.h"

int cmd_pull(struct globals *globals, int argc, char **argv, struct err *err)
{
	__attribute__((cleanup(pull_opts_done))) struct pull_opts opts = { 0 };
	autostrv struct strv args = STRV_INIT;
	int status;

	TRY(pull_opts_parse(argc, argv, &opts, err));
	strv_add(&args, "pull");
	if (opts.all_tags)
		strv_add(&args, "--all-tags");
	if (opts.quiet)
		strv_add(&args, "--quiet");
	if (opts.platform)
		strv_addf(&args, "--platform=%s", opts.platform);
	server_opts_args(&opts.server, &args);
	strv_add(&args, "--");
	strv_add(&args, opts.image);
	status = image_helper(globals, args.v, STDOUT_FILENO, err);
	if (status == 0)
		event_tell_named(globals, "image", "pull", opts.image, opts.image);
	return status;
}
