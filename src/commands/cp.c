/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cp: between a container and the host, or an archive on stdin or stdout. One process works inside the
 * container (process/inside.h), one on the host; a tar stream in a pipe is all they share. Neither ever
 * resolves a path of the other side.
 */
#include "commands/cp.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/log.h"
#include "base/own.h"
#include "base/spawn.h"
#include "base/xalloc.h"
#include "commands/commands.h"
#include "commands/common.h"
#include "commands/output.h"
#include "options/verbs.h"
#include "process/inside.h"

struct copy {
	const struct globals *globals;
	const struct cp_opts *opts;
	struct container c;
	char *path;  /* in the container */
	bool in;     /* into the container */
	bool stream; /* the other side is stdin or stdout */
	struct idmap map;
	struct rootfs rootfs; /* of a container that does not run */
	int lock, pidfd;
	int inside, host; /* ends of the pipe */
	int64_t *bytes;   /* shared with the process inside */
};

static void copy_done(struct copy *copy)
{
	container_done(&copy->c);
	rootfs_done(&copy->rootfs);
	free(copy->path);
	fd_drop(&copy->lock);
	fd_drop(&copy->pidfd);
	fd_drop(&copy->inside);
	fd_drop(&copy->host);
	if (copy->bytes)
		(void)munmap(
			copy->bytes, sizeof(*copy->bytes)); /* cannot fail for our own mapping */
}

/* "c1:/path"; absolute and dotted paths are the host's whatever they contain. */
static const char *container_path(const char *operand)
{
	const char *colon = strchr(operand, ':');

	return colon && colon != operand && *operand != '/' && *operand != '.' ? colon + 1 : NULL;
}

static int parse(struct copy *copy, struct err *err)
{
	const struct cp_opts *o = copy->opts;
	const char *from = container_path(o->source), *to = container_path(o->target);
	const char *operand = from ? o->source : o->target, *path = from ? from : to;
	autofree char *name = NULL;

	if (from && to)
		return err_set(err, -EINVAL, "copying between containers is not supported");
	if (!path)
		return err_set(err, -EINVAL, "must specify at least one container source");
	copy->in = to != NULL;
	copy->stream = strcmp(from ? o->target : o->source, "-") == 0;
	if (!*path)
		return err_set(err, -EINVAL, "no path after the container's name: '%s'", operand);
	copy->path = xasprintf("%s%s", *path == '/' ? "" : "/", path);
	name = xstrndup(operand, (size_t)(path - operand) - 1);
	return state_open(copy->globals, name, &copy->c, err);
}

/* ---- the container ---- */

static void add_op(struct rootfs *rootfs, enum op_kind kind, const char *source, const char *target)
{
	rootfs->ops = xreallocarray(rootfs->ops, rootfs->n_ops + 1, sizeof(*rootfs->ops));
	rootfs->ops[rootfs->n_ops++] = (struct mount_op){
		.kind = kind, .source = xstrdup(source), .target = xstrdup(target)
	};
}

/* Its root, and its volumes and binds as far as there is something to bind. */
static int plan_root(struct copy *copy, struct err *err)
{
	struct rootfs *rootfs = &copy->rootfs;

	TRY(rootfs_driver(copy->globals, &copy->map, &rootfs->driver, NULL, 0, err));
	json_strv(json_get(copy->c.config, "layers"), &rootfs->layers);
	rootfs->container = xstrdup(copy->c.path);
	add_op(rootfs, OP_ROOT, rootfs_driver_name(rootfs->driver), "/");
	json_each (it, json_get(copy->c.config, "mounts")) {
		const char *source = json_str(json_get(it.value, "source"), "");
		const char *target = json_str(json_get(it.value, "destination"), "");

		if (*source == '/' && *target && access(source, F_OK) == 0) {
			add_op(rootfs, OP_BIND, source, target);
			rootfs->ops[rootfs->n_ops - 1].read_only = !json_bool(
				json_get(it.value, "rw"), true);
		}
	}
	return rootfs_prepare(rootfs, err);
}

/* The lock keeps a stopped container from being started over the mount. */
static int open_container(struct copy *copy, struct err *err)
{
	if (!container_up(&copy->c)) {
		copy->lock = state_lock(&copy->c, err);
		TRY(copy->lock);
		TRY(state_refresh(copy->globals, &copy->c, err));
	}
	TRY(idmap_detect(&copy->map, err));
	if (!container_up(&copy->c))
		return plan_root(copy, err);
	fd_drop(&copy->lock);
	copy->pidfd = state_pidfd(copy->c.pid, copy->c.pid_start, err);
	return copy->pidfd == -ENOSYS ? 0 : copy->pidfd;
}

static int work_inside(void *data, struct err *err)
{
	struct copy *copy = data;
	const struct cp_opts *o = copy->opts;
	const struct cp_source source = {
		.path = copy->path, .follow = o->follow_link, .keep_ids = o->archive || copy->stream
	};
	const struct cp_target target = { .path = copy->path,
		.label = o->target,
		.content = cp_means_content(o->source),
		.stream = copy->stream,
		.own = o->archive || copy->stream };
	int r;

	fd_drop(&copy->host);
	if (copy->in)
		return cp_unpack(&target, copy->inside, copy->bytes, err);
	r = cp_pack(&source, copy->inside, err);
	if (r == -ENOENT)
		return err_set(err, r, "Could not find the file %s in container %s", copy->path,
			copy->c.name);
	return r;
}

static int run_inside(struct copy *copy, struct err *err)
{
	if (container_up(&copy->c))
		return inside_running(copy->c.pid, copy->pidfd, work_inside, copy, err);
	return inside_stopped(&copy->rootfs, &copy->map, work_inside, copy, err);
}

/* ---- the host ---- */

static int work_outside(struct copy *copy, struct err *err)
{
	const struct cp_opts *o = copy->opts;
	const struct cp_source source = { .path = o->source,
		.follow = o->follow_link,
		.keep_ids = o->archive,
		.map = &copy->map };
	const struct cp_target target = { .path = o->target,
		.label = o->target,
		.content = cp_means_content(o->source),
		.strip = true };

	if (copy->stream)
		return 0; /* the process inside has stdin or stdout itself */
	return copy->in ? cp_pack(&source, copy->host, err)
			: cp_unpack(&target, copy->host, copy->bytes, err);
}

static int make_pipe(struct copy *copy, struct err *err)
{
	int ends[2];

	copy->bytes = mmap(NULL, sizeof(*copy->bytes), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (copy->bytes == MAP_FAILED) {
		copy->bytes = NULL;
		return err_sys(err, "shared memory");
	}
	if (copy->stream) {
		copy->inside = fcntl(copy->in ? 0 : 1, F_DUPFD_CLOEXEC, 3);
		return copy->inside < 0 ? err_sys(err, "dup") : 0;
	}
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(err, "pipe");
	copy->inside = ends[copy->in ? 0 : 1];
	copy->host = ends[copy->in ? 1 : 0];
	return 0;
}

struct verdict {
	int value;
	struct err err;
};

/* That the other side went away is not the reason, only its consequence. */
static int judge(const struct verdict *inside, const struct verdict *host, struct err *err)
{
	bool echo = inside->value == -EPIPE || inside->value == -EPROTO;

	if (inside->value < 0 && (!echo || host->value >= 0))
		*err = inside->err;
	else if (host->value < 0)
		*err = host->err;
	return inside->value < 0 || host->value < 0 ? err->code : 0;
}

static int run_both(struct copy *copy, struct err *err)
{
	struct verdict inside = { 0 }, host = { 0 };
	struct err ignored;
	int tell[2];

	TRY(make_pipe(copy, err));
	if (pipe2(tell, O_CLOEXEC) < 0)
		return err_sys(err, "pipe");
	pid_t pid = fork();
	if (pid == 0) {
		fd_drop(&copy->host); /* or its end would never be seen */
		inside.value = run_inside(copy, &inside.err);
		_exit(write(tell[1], &inside, sizeof(inside)) == sizeof(inside) ? 0 : 1);
	}
	int failed = errno;
	(void)close(tell[1]);
	autofd int listen = tell[0];
	fd_drop(&copy->inside);
	errno = failed;
	if (pid < 0)
		return err_sys(err, "fork");
	host.value = work_outside(copy, &host.err);
	fd_drop(&copy->host);
	if (read(listen, &inside, sizeof(inside)) != sizeof(inside))
		inside.value = err_set(&inside.err, -ECHILD, "the process inside was killed");
	(void)spawn_wait(pid, &ignored); /* the verdict is what counts */
	return judge(&inside, &host, err);
}

/* Docker's, and only for people. */
static void say(const struct copy *copy)
{
	char size[UNITS_MAX];

	if (copy->opts->quiet || copy->stream || !isatty(STDERR_FILENO))
		return;
	units_size(*copy->bytes, 3, size);
	log_plain("Successfully copied %s to %s", size, copy->opts->target);
}

int cmd_cp(struct globals *globals, int argc, char **argv, struct err *err)
{
	__attribute__((cleanup(cp_opts_done))) struct cp_opts opts = { 0 };
	__attribute__((cleanup(copy_done))) struct copy copy = { .globals = globals,
		.opts = &opts,
		.c = CONTAINER_INIT,
		.lock = -EBADF,
		.pidfd = -EBADF,
		.inside = -EBADF,
		.host = -EBADF };

	TRY(cp_opts_parse(argc, argv, &opts, err));
	TRY(parse(&copy, err));
	TRY(open_container(&copy, err));
	TRY(run_both(&copy, err));
	event_container(globals, &copy.c, copy.in ? "extract-to-dir" : "archive-path", NULL, NULL);
	say(&copy);
	return 0;
}
