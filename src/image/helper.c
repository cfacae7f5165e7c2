/* SPDX-License-Identifier: Apache-2.0 */
/* Starts sbx-image, which links what the hot path must not: curl, OpenSSL, libarchive. */
#include <errno.h>
#include <stdlib.h>

#include "base/own.h"
#include "base/spawn.h"
#include "image/image.h"

static void add_option(struct strv *argv, const char *option, const char *value)
{
	if (!value)
		return;
	strv_add(argv, option);
	strv_add(argv, value);
}

int image_helper(const struct globals *globals, char *const *args, int stdout_fd, struct err *err)
{
	struct spawn_fd out = { .from = stdout_fd, .to = 1 };
	autostrv struct strv argv = STRV_INIT;
	struct spawn spawn = { .fds = &out, .n_fds = stdout_fd == 1 ? 0 : 1 };
	autofree char *path = NULL;

	TRY(spawn_find_helper("sbx-image", &path, err));
	strv_add(&argv, "sbx-image");
	add_option(&argv, "--root", globals->root);
	add_option(&argv, "--runroot", globals->runroot);
	if (globals->settings) /* a file that is named must exist; the default one need not */
		add_option(&argv, "--config", globals->config);
	if (globals->log_level == LOG_DEBUG)
		strv_add(&argv, "--debug");
	for (size_t i = 0; args[i]; i++)
		strv_add(&argv, args[i]);
	spawn.path = path;
	spawn.argv = argv.v;
	return spawn_run(&spawn, err);
}
