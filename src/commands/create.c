/* SPDX-License-Identifier: Apache-2.0 */
/* `sbx create`, which is the first half of `sbx run`: from the command line to a container on record. */
#include "commands/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/own.h"
#include "base/xalloc.h"
#include "commands/launch.h"
#include "commands/output.h"

static int cidfile_found(const char *path, struct err *err)
{
	return err_exit(err,
		(err_set(err, -EEXIST,
			 "container ID file found, make sure the other container isn't running or "
			 "delete %s",
			 path),
			125));
}

static int pull(const struct launch *launch, struct err *err)
{
	const struct run_opts *opts = &launch->opts;
	autostrv struct strv args = STRV_INIT;
	int status;

	strv_add(&args, "pull-for-run");
	if (opts->quiet)
		strv_add(&args, "--quiet");
	if (opts->platform)
		strv_addf(&args, "--platform=%s", opts->platform);
	strv_add(&args, "--");
	strv_add(&args, opts->image);
	status = image_helper(launch->globals, args.v, STDERR_FILENO, err);
	if (status == 0)
		event_tell_named(launch->globals, "image", "pull", opts->image, opts->image);
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

/* oci:DIR and the like: into the store, then by its id. */
static int take_file(struct launch *launch, struct err *err)
{
	autofd int fd = memfd_create("sbx-image-id", MFD_CLOEXEC);
	const struct run_opts *opts = &launch->opts;
	autofree char *path = xasprintf("/proc/self/fd/%d", fd), *id = NULL;
	char *args[] = { (char *)"pull", (char *)"--quiet", (char *)"--", opts->image, NULL };
	int status;

	if (fd < 0)
		return err_sys(err, "memory for an answer");
	status = image_helper(launch->globals, args, fd, err);
	if (status > 0) /* the helper has said why */
		return err_told(err, -EREMOTEIO, 125);
	TRY(status);
	TRY(fs_read_at(AT_FDCWD, path, DIGEST_MAX + 1, &id, NULL, err));
	id[strcspn(id, "\n")] = '\0';
	return image_resolve(launch->globals, id, &launch->image, err);
}

static int find_image(struct launch *launch, struct err *err)
{
	const struct run_opts *opts = &launch->opts;
	autoref struct ref ref = { 0 };
	autofree char *familiar = NULL;
	int r;

	if (opts->rootfs)
		return image_from_directory(opts->image, &launch->image, err);
	if (image_is_file(opts->image))
		return take_file(launch, err);
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

/* `FROM scratch` and settings make an image all the same; there is nothing in it to run. */
static int need_layers(const struct launch *launch, struct err *err)
{
	if (launch->image.layers.n > 0)
		return 0;
	return err_exit(err,
		(err_set(err, -ENOENT,
			 "image %s has no layers: there is nothing to run. Build on it, or COPY a program "
			 "into it",
			 launch->opts.image),
			127));
}

/* Locked from here until it runs: nobody else starts or removes it meanwhile. */
static int make_record(struct launch *launch, struct err *err)
{
	const char *name = launch->opts.name;

	if (launch->opts.log_driver && strcmp(launch->opts.log_driver, "journald") == 0)
		TRY(journal_check(err));
	if (launch->opts.replace && name)
		TRY(container_force_remove(launch->globals, name, err));
	TRY(state_create(launch->globals, name, launch_config(launch), &launch->container, err));
	event_container(launch->globals, &launch->container, "create", NULL, NULL);
	launch->lock = state_lock(&launch->container, err);
	return launch->lock < 0 ? launch->lock : 0;
}

/* The file first: a path that cannot be written must not cost a container. */
static int make_with_cidfile(struct launch *launch, const char *path, struct err *err)
{
	autofd int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	int r;

	if (fd < 0 && errno == EEXIST)
		return cidfile_found(path, err);
	if (fd < 0)
		return err_sys(err, "create the container ID file '%s'", path);
	r = make_record(launch, err);
	if (r == 0)
		r = fs_write_all(fd, launch->id, strlen(launch->id), err);
	if (r < 0)
		(void)unlink(path); /* empty or half an id */
	return r;
}

int launch_create(struct launch *launch, struct err *err)
{
	globals_override(launch->globals, &launch->opts);
	strv_each (warning, &launch->opts.warnings)
		log_msg(LOG_WARN, "%s", *warning);
	if (launch->opts.cidfile && access(launch->opts.cidfile, F_OK) == 0)
		return cidfile_found(launch->opts.cidfile, err);
	TRY(find_image(launch, err));
	TRY(need_layers(launch, err));
	state_new_id(launch->id);
	TRY(launch_inherit(launch, err));
	TRY(launch_mount_images(launch, err));
	TRY(launch_plan(launch, err));
	if (launch->opts.dry_run) {
		autobuf struct buf text = BUF_INIT;

		launch_print(launch, &text);
		TRY(fs_write_all(STDOUT_FILENO, text.data, text.len, err));
		return 1;
	}
	TRY(launch_make_volumes(launch, err));
	return launch->opts.cidfile ? make_with_cidfile(launch, launch->opts.cidfile, err)
				    : make_record(launch, err);
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
