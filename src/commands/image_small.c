/* SPDX-License-Identifier: Apache-2.0 */
/* The small verbs about images: untag, image exists. */
#include "commands/commands.h"

#include <errno.h>

#include "base/own.h"
#include "commands/common.h"
#include "image/image.h"
#include "options/verbs.h"

int cmd_untag(struct globals *globals, int argc, char **argv, struct err *err)
{
	__attribute__((cleanup(names_opts_done))) struct names_opts opts = { .names = STRV_INIT };

	(void)argc;
	TRY(untag_opts_parse(argv, &opts, err));
	return image_untag(globals, opts.names.v[0], opts.names.v + 1, err);
}

int cmd_image_exists(struct globals *globals, int argc, char **argv, struct err *err)
{
	__attribute__((cleanup(names_opts_done))) struct names_opts opts = { .names = STRV_INIT };
	autojson struct json *doc = NULL;
	int r;

	(void)argc;
	TRY(exists_opts_parse(argv, &opts, err));
	r = image_inspect(globals, opts.names.v[0], &doc, err);
	return r == -ENOENT ? 1 : r;
}
