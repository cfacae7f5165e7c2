/* SPDX-License-Identifier: Apache-2.0 */
/*
 * diff: what a container changed in its file system. Names are escaped: a newline or an escape sequence
 * in one must not look like another line or drive the terminal.
 */
#include "commands/commands.h"

#include "base/own.h"
#include "commands/changed.h"
#include "commands/common.h"
#include "commands/output.h"
#include "options/verbs.h"

static int add_line(void *data, const struct changed_file *file, struct err *err)
{
	struct buf *out = data;

	(void)err;
	buf_addf(out, "%c ", file->kind);
	out_escape(file->path, out);
	buf_addc(out, '\n');
	return 0;
}

int changes_print(const struct rootfs_changes *changes, const char *what, struct err *err)
{
	autobuf struct buf out = BUF_INIT;

	TRY(changed_files(changes, what, add_line, &out, err));
	return out.len ? out_write(&out, err) : 0;
}

int cmd_diff(struct globals *globals, int argc, char **argv, struct err *err)
{
	__attribute__((cleanup(diff_opts_done))) struct diff_opts opts = { 0 };
	autocontainer struct container c = CONTAINER_INIT;
	autobuf struct buf out = BUF_INIT;

	TRY(diff_opts_parse(argc, argv, &opts, err));
	TRY(state_open(globals, opts.container, &c, err));
	TRY(changed_in_container(&c, add_line, &out, err));
	return out.len ? out_write(&out, err) : 0;
}
