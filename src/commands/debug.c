/* SPDX-License-Identifier: Apache-2.0 */
/* debug: what a parser makes of a file. */
#include "commands/commands.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "base/own.h"
#include "builder/builder.h"
#include "options/verbs.h"

#define FILE_LIMIT ((size_t)64 << 20)

static int read_input(const char *name, struct buf *out, struct err *err)
{
	autofree char *text = NULL;
	size_t len;
	char part[4096];

	if (strcmp(name, "-") != 0) {
		TRY(fs_read_at(AT_FDCWD, name, FILE_LIMIT, &text, &len, err));
		buf_add(out, text, len);
		return 0;
	}
	while ((len = fread(part, 1, sizeof(part), stdin)) > 0 && out->len < FILE_LIMIT)
		buf_add(out, part, len);
	return ferror(stdin) ? err_sys(err, "read standard input") : 0;
}

int cmd_debug(struct globals *globals, int argc, char **argv, struct err *err)
{
	__attribute__((cleanup(debug_opts_done))) struct debug_opts opts = { 0 };
	autobuf struct buf text = BUF_INIT, out = BUF_INIT;
	struct debug_input in = { 0 };
	int r;

	(void)globals; /* parsers need neither store nor settings */
	TRY(debug_opts_parse(argc, argv, &opts, err));
	TRY(read_input(opts.file, &text, err));
	in = (struct debug_input){
		.what = opts.what,
		.name = opts.file,
		.text = text.data ? text.data : "",
		.len = text.len,
		.operands = &opts.paths,
	};
	r = builder_debug(&in, &out, err);
	/* flushed and checked by main */
	(void)fwrite(out.data ? out.data : "", 1, out.len, r < 0 ? stderr : stdout);
	return r;
}
