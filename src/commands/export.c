/* SPDX-License-Identifier: Apache-2.0 */
/* export: finds the container and its directories; sbx-image packs them. */
#include "commands/commands.h"

#include <errno.h>
#include <unistd.h>

#include "base/own.h"
#include "commands/common.h"
#include "commands/freeze.h"
#include "image/image.h"

void container_dirs(const struct container *c, struct strv *ret)
{
	json_strv(json_get(c->config, "layers"), ret);
	if (faccessat(c->dir, "upper", F_OK, 0) == 0) /* one that never ran has none */
		strv_addf(ret, "%s/upper", c->path);
}

int cmd_export(struct globals *globals, int argc, char **argv, struct err *err)
{
	__attribute__((cleanup(export_opts_done))) struct export_opts opts = { 0 };
	autocontainer struct container c = CONTAINER_INIT;
	autostrv struct strv args = STRV_INIT;
	int status;

	TRY(export_opts_parse(argc, argv, &opts, err));
	TRY(state_open(globals, opts.container, &c, err));
	TRY(freeze_flush(&c, err));
	strv_add(&args, "export");
	strv_add(&args, opts.output ? opts.output : "");
	container_dirs(&c, &args);
	status = image_helper(globals, args.v, STDOUT_FILENO, err);
	if (status == 0)
		event_container(globals, &c, "export", NULL, NULL);
	return status;
}
