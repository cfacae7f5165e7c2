/* SPDX-License-Identifier: Apache-2.0 */
/* Options of debug. See verbs.h. */
#include "options/internal.h"
#include "options/verbs.h"

#include <stdlib.h>

#include "base/own.h"
#include "base/xalloc.h"

const struct opt debug_table[] = { OPT_END };

int debug_opts_parse(int argc, char **argv, struct debug_opts *ret, struct err *err)
{
	struct debug_opts o = { 0 };
	autostrv struct strv operands = STRV_INIT;

	(void)argc;
	TRY(opt_parse_command(CMD_DEBUG, argv, &o, &operands, err));
	o.what = xstrdup(operands.v[0]);
	o.file = xstrdup(operands.v[1]);
	for (size_t i = 2; i < operands.n; i++)
		strv_add(&o.paths, operands.v[i]);
	*ret = o;
	return 0;
}

void debug_opts_done(struct debug_opts *o)
{
	free(o->what);
	free(o->file);
	strv_done(&o->paths);
	*o = (struct debug_opts){ 0 };
}
