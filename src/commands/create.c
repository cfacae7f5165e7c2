/* SPDX-License-Identifier: Apache-2.0 */
/* `sbx create`, which is the first half of `sbx run`: from the command line to a container on record. */
#include "commands/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/own.h"
#include "base/xalloc.h"
#include "commands/launch.h"
#include "commands/output.h"

static int check_cidfile(const struct run_opts *opts, struct err *err)
{
	if (opts->cidfile && access(opts->cidfile, F_OK) == 0)
		return err_exit(err,
			(err_set(err, -EEXIST,
				 "container ID file found, make sure the other container isn't "
				 "running or delete %s",
				 opts->cidfile),
				125));
	return 0;
}

static int pull(const struct launch *launch, struct err *err)
{
	const struct run_opts *opts = &launch->opts;
	autostrv struct strv args = STRV_INIT;
	int status;

	strv_add(&args, "pull");
	if (opts->quiet)
		strv_add(&args, "--quiet");
	if (opts->platform)
		strv_addf(&args, "--platform=%s", opts->platform);
	strv_add(&args, "--");
	strv_add(&args, opts->image);
	status = image_helper(launch->globals, args.v, STDERR_FILENO, err);
	if (status > 0) /* the helper has said why */
		return err_told(err, -EREMOTEIO, 125);
	return status;
}

/* What is here under that name, if it is for the platform that was asked for. */
static int resolve(struct launch *launch, struct err *err)
{
	const struct run_opts *opts = &launch->opts;
	int r;

	TRY(image_resolve(launch->globals, opts->image, &launch->image, err));
	if (!opts->platform)
		return 0;
	r = image_check_platform(&launch->image, opts->platform, err);
	if (r < 0)
		image_done(&launch->image);
	return r;
}

static int find_image(struct launch *launch, struct err *err)
{
	const struct run_opts *opts = &launch->opts;
	autoref struct ref ref = { 0 };
	autofree char *familiar = NULL;
	int r;

	if (opts->pull == PULL_ALWAYS) {
		TRY(pull(launch, err));
		return resolve(launch, err);
	}
	r = resolve(launch, err);
	if (r != -ENOENT || opts->pull == PULL_NEVER)
		return r;
	TRY(ref_parse(opts->image, &ref, err));
	familiar = ref_familiar(&ref);
	if (!opts->quiet)
		log_plain("Unable to find image '%s' locally", familiar);
	TRY(pull(launch, err));
	return resolve(launch, err);
}

static int write_cidfile(const struct launch *launch, struct err *err)
{
	const char *path = launch->opts.cidfile;
	autofd int fd = -EBADF;

	if (!path)
		return 0;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_sys(err, "create the container ID file '%s'", path);
	return fs_write_all(fd, launch->id, strlen(launch->id), err);
}

static int make_record(struct launch *launch, struct err *err)
{
	const char *name = launch->opts.name;

	if (launch->opts.replace && name)
		TRY(container_force_remove(launch->globals, name, err));
	return state_create(launch->globals, name, launch_config(launch), &launch->container, err);
}

int launch_create(struct launch *launch, struct err *err)
{
	globals_override(launch->globals, &launch->opts);
	TRY(check_cidfile(&launch->opts, err));
	TRY(find_image(launch, err));
	state_new_id(launch->id);
	TRY(launch_plan(launch, err));
	if (launch->opts.dry_run) {
		autobuf struct buf text = BUF_INIT;

		launch_print(launch, &text);
		TRY(fs_write_all(STDOUT_FILENO, text.data, text.len, err));
		return 1;
	}
	TRY(make_record(launch, err));
	return write_cidfile(launch, err);
}

int cmd_create(struct globals *globals, int argc, char **argv, struct err *err)
{
	autolaunch struct launch launch = LAUNCH_INIT;
	int r;

	launch.globals = globals;
	TRY(create_opts_parse(argc, argv, &launch.opts, err));
	r = launch_create(&launch, err);
	return r == 0 ? out_line(launch.id, err) : r < 0 ? r : 0;
}
