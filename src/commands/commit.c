/* SPDX-License-Identifier: Apache-2.0 */
/* commit: finds the container and holds it still; sbx-image makes the image. */
#include "commands/commands.h"

#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/own.h"
#include "commands/common.h"
#include "commands/freeze.h"
#include "image/image.h"

/* A surprise of Docker's that costs people their data. */
static void tell_volumes(const struct container *c)
{
	autobuf struct buf places = BUF_INIT;

	json_each (it, json_get(c->config, "mounts"))
		if (strcmp(json_str(json_get(it.value, "type"), ""), "tmpfs") != 0 &&
			strcmp(json_str(json_get(it.value, "type"), ""), "image") != 0)
			buf_addf(&places, "%s%s", places.len ? ", " : "",
				json_str(json_get(it.value, "destination"), ""));
	if (places.len > 0)
		log_msg(LOG_WARN,
			"note: what is in volumes is not part of the image: %s. To keep it, use the "
			"volume again with -v",
			places.data);
}

int cmd_commit(struct globals *globals, int argc, char **argv, struct err *err)
{
	__attribute__((cleanup(commit_opts_done))) struct commit_opts opts = { 0 };
	__attribute__((cleanup(freeze_end))) int frozen = -EBADF;
	autocontainer struct container c = CONTAINER_INIT;
	autostrv struct strv args = STRV_INIT;
	int status;

	TRY(commit_opts_parse(argc, argv, &opts, err));
	TRY(state_open(globals, opts.container, &c, err));
	strv_add(&args, "commit");
	strv_add(&args, c.path);
	for (int i = 1; i < argc; i++)
		strv_add(&args, argv[i]);
	if (opts.pause && c.status == STATUS_RUNNING) {
		frozen = freeze_start(&c, err);
		TRY(frozen);
	}
	TRY(freeze_flush(&c, err));
	status = image_helper(globals, args.v, STDOUT_FILENO, err);
	freeze_end(&frozen);
	if (status == 0) {
		event_container(globals, &c, "commit", "comment", opts.message);
		tell_volumes(&c);
	}
	return status;
}
