/* SPDX-License-Identifier: Apache-2.0 */
/*
 * volume export and import. Both ends work as root of the user namespace with the volume as "/", so that
 * sub-ids come and go as the numbers that containers know, and no link leads out of it.
 */
#include "commands/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "base/userns.h"
#include "commands/common.h"
#include "commands/cp.h"
#include "options/verbs.h"

struct job {
	const char *dir;
	int fd;
	bool in;
};

static int work(void *data, struct err *err)
{
	const struct job *job = data;
	const struct cp_source source = { .path = "/", .keep_ids = true };
	const struct cp_target target = {
		.path = "/", .label = "the volume", .stream = true, .own = true
	};
	int64_t bytes = 0;

	if (chdir(job->dir) < 0 || chroot(".") < 0 || chdir("/") < 0)
		return err_sys(err, "enter '%s'", job->dir);
	return job->in ? cp_unpack(&target, job->fd, &bytes, err) : cp_pack(&source, job->fd, err);
}

static int run(const struct globals *globals, const struct volume_tar_opts *opts, struct job *job,
	struct err *err)
{
	autovolume struct stored_volume v = { 0 };
	struct idmap map;

	TRY(state_volume_open(globals, opts->volume, &v, err));
	TRY(idmap_detect(&map, err));
	job->dir = v.path;
	return userns_run(&map, 0, work, job, err);
}

int cmd_volume_export(struct globals *globals, int argc, char **argv, struct err *err)
{
	__attribute__((cleanup(volume_tar_opts_done))) struct volume_tar_opts opts = { 0 };
	struct job job = { .fd = STDOUT_FILENO };
	autofd int file = -EBADF;
	int r;

	TRY(volume_export_opts_parse(argc, argv, &opts, err));
	if (!opts.file && isatty(STDOUT_FILENO))
		return err_set(err, -ENOTTY,
			"cowardly refusing to save to a terminal. Use the -o flag or redirect");
	if (opts.file) {
		file = open(opts.file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
		if (file < 0)
			return err_sys(err, "create '%s'", opts.file);
		job.fd = file;
	}
	r = run(globals, &opts, &job, err);
	if (r < 0 && opts.file)
		(void)unlink(opts.file); /* half an archive */
	return r;
}

int cmd_volume_import(struct globals *globals, int argc, char **argv, struct err *err)
{
	__attribute__((cleanup(volume_tar_opts_done))) struct volume_tar_opts opts = { 0 };
	struct job job = { .fd = STDIN_FILENO, .in = true };
	autofd int file = -EBADF;

	TRY(volume_import_opts_parse(argc, argv, &opts, err));
	if (opts.file && strcmp(opts.file, "-") != 0) {
		file = open(opts.file, O_RDONLY | O_CLOEXEC);
		if (file < 0)
			return err_sys(err, "open '%s'", opts.file);
		job.fd = file;
	} else if (isatty(STDIN_FILENO)) {
		return err_set(err, -ENOTTY, "the archive is to come from a file or a pipe");
	}
	return run(globals, &opts, &job, err);
}
