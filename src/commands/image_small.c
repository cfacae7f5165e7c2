/* SPDX-License-Identifier: Apache-2.0 */
/* The small verbs about images: untag, image exists, image diff. */
#include "commands/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "commands/common.h"
#include "image/image.h"
#include "options/verbs.h"
#include "rootfs/rootfs.h"

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

/* The last layer against those below it, as `diff` does with a container's. */
int cmd_image_diff(struct globals *globals, int argc, char **argv, struct err *err)
{
	__attribute__((cleanup(names_opts_done))) struct names_opts opts = { .names = STRV_INIT };
	autoimage struct image image = { 0 };
	struct strv below; /* borrows from image.layers */
	struct rootfs_changes changes = { .layers = &below };
	autofd int dir = -EBADF;
	const char *top;

	(void)argc;
	TRY(image_diff_opts_parse(argv, &opts, err));
	TRY(image_resolve(globals, opts.names.v[0], &image, err));
	if (image.layers.n == 0)
		return 0;
	below = image.layers;
	top = below.v[--below.n];
	dir = open(top, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return err_sys(err, "open layer '%s'", top);
	changes.container = dir;
	changes.name = ".";
	return changes_print(&changes, opts.names.v[0], err);
}
