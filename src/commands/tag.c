/* SPDX-License-Identifier: Apache-2.0 */
/* tag: another name for an image. */
#include "commands/commands.h"

#include "base/own.h"
#include "image/image.h"
#include "options/verbs.h"
#include "state/state.h"

int cmd_tag(struct globals *globals, int argc, char **argv, struct err *err)
{
	__attribute__((cleanup(tag_opts_done))) struct tag_opts opts = { 0 };

	TRY(tag_opts_parse(argc, argv, &opts, err));
	TRY(image_tag(globals, opts.source, opts.target, err));
	event_tell_named(globals, "image", "tag", opts.source, opts.target);
	return 0;
}
