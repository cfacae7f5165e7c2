/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plan: which mounts, in which order. Pure; tests compare its printed form. The order is fixed:
 * root, kernel file systems, devices, the user's mounts sorted by depth, generated files, masks.
 */
#include "rootfs/rootfs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "base/sha256.h"
#include "base/xalloc.h"

#define SHM_SIZE (64LL << 20)

static const char *const driver_names[] = { [DRIVER_OVERLAY] = "overlay", [DRIVER_FUSE] = "fuse" };

const char *rootfs_driver_name(enum driver driver)
{
	return driver_names[driver];
}

static void op_done(struct mount_op *op)
{
	free(op->source);
	free(op->target);
	free(op->data);
}

static void volume_done(struct volume *volume)
{
	free(volume->source);
	free(volume->destination);
	free(volume->tmpfs_options);
	free(volume->subpath);
	json_free(volume->labels);
	json_free(volume->options);
}

void rootfs_done(struct rootfs *rootfs)
{
	for (size_t i = 0; i < rootfs->n_ops; i++)
		op_done(&rootfs->ops[i]);
	for (size_t i = 0; i < rootfs->n_mounts; i++)
		volume_done(&rootfs->mounts[i]);
	free(rootfs->ops);
	free(rootfs->mounts);
	free(rootfs->container);
	strv_done(&rootfs->layers);
	*rootfs = (struct rootfs)ROOTFS_INIT;
}

static struct mount_op *add_op(
	struct rootfs *rootfs, enum op_kind kind, const char *source, const char *target)
{
	struct mount_op *op;

	rootfs->ops = xreallocarray(rootfs->ops, rootfs->n_ops + 1, sizeof(*rootfs->ops));
	op = &rootfs->ops[rootfs->n_ops++];
	*op = (struct mount_op){
		.kind = kind,
		.source = source ? xstrdup(source) : NULL,
		.target = xstrdup(target),
	};
	return op;
}

static void add_tmpfs(struct rootfs *rootfs, const char *target, const char *options)
{
	add_op(rootfs, OP_TMPFS, "tmpfs", target)->data = xstrdup(options);
}

/* What every container has: runtime-spec "Default Filesystems" and "Default Devices". */
/* "HOST:PATH" each; names of CDI's are in input->cdi already. */
static void add_nodes(const struct strv *nodes, struct rootfs *rootfs)
{
	strv_each (node, nodes) {
		const char *colon = strchr(*node, ':');
		autofree char *host = NULL;

		if (**node != '/')
			continue;
		host = xstrndup(*node, (size_t)(colon - *node));
		(void)add_op(rootfs, OP_DEVICE, host, colon + 1);
	}
}

static void add_kernel_mounts(struct rootfs *rootfs, const struct rootfs_input *input)
{
	static const char *const devices[] = { "null", "zero", "full", "random", "urandom", "tty" };
	static const char *const links[][2] = {
		{ "/proc/self/fd", "/dev/fd" },
		{ "/proc/self/fd/0", "/dev/stdin" },
		{ "/proc/self/fd/1", "/dev/stdout" },
		{ "/proc/self/fd/2", "/dev/stderr" },
		{ "pts/ptmx", "/dev/ptmx" },
	};
	int64_t shm = input->opts->shm_size >= 0 ? input->opts->shm_size : SHM_SIZE;
	autofree char *shm_options = xasprintf("mode=1777,size=%lld", (long long)shm);
	char from[32], to[32];

	(void)add_op(rootfs, OP_PROC, "proc", "/proc");
	(void)add_op(rootfs, OP_SYSFS, input->host_network ? "/sys" : "sysfs", "/sys");
	(void)add_op(rootfs, OP_CGROUP, "cgroup2", "/sys/fs/cgroup");
	add_tmpfs(rootfs, "/dev", "mode=755,size=65536k");
	for (size_t i = 0; i < ARRAY_SIZE(devices); i++) {
		(void)snprintf(from, sizeof(from), "/dev/%s", devices[i]);
		(void)snprintf(to, sizeof(to), "/dev/%s", devices[i]);
		(void)add_op(rootfs, OP_DEVICE, from, to);
	}
	for (size_t i = 0; i < ARRAY_SIZE(links); i++)
		(void)add_op(rootfs, OP_SYMLINK, links[i][0], links[i][1]);
	add_op(rootfs, OP_DEVPTS, "devpts", "/dev/pts")->data = xstrdup(
		input->no_tty_gid ? "newinstance,ptmxmode=0666,mode=0620"
				  : "newinstance,ptmxmode=0666,mode=0620,gid=5");
	add_nodes(&input->opts->devices, rootfs);
	if (input->cdi)
		add_nodes(&input->cdi->devices, rootfs);
	if (input->opts->host_ipc) {
		(void)add_op(rootfs, OP_BIND, "/dev/shm", "/dev/shm");
		return; /* the host's message queues cannot be mounted here; their calls work */
	}
	(void)add_op(rootfs, OP_MQUEUE, "mqueue", "/dev/mqueue");
	if (!input->opts->no_shm)
		add_tmpfs(rootfs, "/dev/shm", shm_options);
}

/* ---- the user's mounts ---- */

char *rootfs_volume_path(const struct globals *globals, const char *name)
{
	return xasprintf("%s/volumes/%s/_data", globals->root, name);
}

static bool under(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return strncmp(path, dir, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

static int check_destination(const char *path, struct err *err)
{
	if (path[0] != '/' || strcmp(path, "/") == 0)
		return err_exit(
			err, (err_set(err, -EINVAL, "invalid mount destination '%s': %s", path,
				      path[0] == '/' ? "the root directory cannot be a mount"
						     : "it must be an absolute path"),
				     125));
	if (under(path, "/proc") || under(path, "/sys"))
		return err_exit(err,
			(err_set(err, -EPERM,
				 "mount destination '%s' is refused: what is there belongs to the kernel",
				 path),
				125));
	return 0;
}

/* Two mounts at one place: the command line wins over the image's VOLUME, twice is an error. */
static struct volume *find_mount(struct rootfs *rootfs, const char *destination)
{
	for (size_t i = 0; i < rootfs->n_mounts; i++)
		if (strcmp(rootfs->mounts[i].destination, destination) == 0)
			return &rootfs->mounts[i];
	return NULL;
}

static struct volume *add_mount(struct rootfs *rootfs, const struct volume *volume)
{
	struct volume *copy;

	rootfs->mounts = xreallocarray(
		rootfs->mounts, rootfs->n_mounts + 1, sizeof(*rootfs->mounts));
	copy = &rootfs->mounts[rootfs->n_mounts++];
	*copy = *volume;
	copy->source = volume->source ? xstrdup(volume->source) : NULL;
	copy->destination = xstrdup(volume->destination);
	copy->tmpfs_options = volume->tmpfs_options ? xstrdup(volume->tmpfs_options) : NULL;
	copy->subpath = volume->subpath ? xstrdup(volume->subpath) : NULL;
	copy->labels = volume->labels ? json_ref(volume->labels) : NULL;
	copy->options = volume->options ? json_ref(volume->options) : NULL;
	return copy;
}

/* A name that only this container can have, the same when planned again for `sbx start`. */
static char *anonymous_name(const char *id, const char *destination)
{
	autofree char *seed = xasprintf("%s:%s", id, destination);
	char hex[SHA256_HEX];

	sha256_hex(seed, strlen(seed), hex);
	return xstrdup(hex);
}

static int by_depth(const void *a, const void *b)
{
	const struct volume *x = a, *y = b;

	return strcmp(x->destination, y->destination); /* "/a" sorts before "/a/b" */
}

static int collect_mounts(const struct rootfs_input *input, struct rootfs *rootfs, struct err *err)
{
	const struct run_opts *opts = input->opts;

	for (size_t i = 0; i < opts->n_volumes; i++) {
		const struct volume *volume = &opts->volumes[i];

		TRY(check_destination(volume->destination, err));
		if (find_mount(rootfs, volume->destination) && volume->inherited)
			continue; /* --volumes-from gives way to -v */
		if (find_mount(rootfs, volume->destination))
			return err_exit(err, (err_set(err, -EEXIST, "Duplicate mount point: %s",
						      volume->destination),
						     125));
		(void)add_mount(rootfs, volume);
	}
	for (size_t i = 0; input->cdi && i < input->cdi->n_mounts; i++) {
		const struct volume *volume = &input->cdi->mounts[i];

		TRY(check_destination(volume->destination, err));
		if (!find_mount(rootfs, volume->destination))
			(void)add_mount(rootfs, volume);
	}
	strv_each (path, &input->image->volumes) {
		struct volume anonymous = { .type = VOLUME_ANONYMOUS, .destination = *path };

		TRY(check_destination(*path, err));
		if (!find_mount(rootfs, *path))
			(void)add_mount(rootfs, &anonymous);
	}
	for (size_t i = 0; i < rootfs->n_mounts; i++) {
		struct volume *volume = &rootfs->mounts[i];

		if (volume->type == VOLUME_ANONYMOUS && !volume->source)
			volume->source = anonymous_name(input->id, volume->destination);
	}
	if (rootfs->n_mounts)
		qsort(rootfs->mounts, rootfs->n_mounts, sizeof(*rootfs->mounts), by_depth);
	return 0;
}

static void add_user_mounts(const struct rootfs_input *input, struct rootfs *rootfs)
{
	for (size_t i = 0; i < rootfs->n_mounts; i++) {
		const struct volume *volume = &rootfs->mounts[i];
		struct mount_op *op = NULL;

		switch (volume->type) {
		case VOLUME_BIND:
			op = add_op(rootfs, OP_BIND, volume->source, volume->destination);
			op->create_source = volume->create_source;
			op->data = volume->subpath ? xstrdup(volume->subpath) : NULL;
			op->layers = volume->layers;
			op->pinned = volume->pinned;
			break;
		case VOLUME_NAMED:
		case VOLUME_ANONYMOUS:
			op = add_op(rootfs, volume->no_copy ? OP_BIND : OP_VOLUME, NULL,
				volume->destination);
			op->source = rootfs_volume_path(input->globals, volume->source);
			op->create_source = true;
			op->data = volume->subpath ? xstrdup(volume->subpath) : NULL;
			break;
		case VOLUME_TMPFS:
			op = add_op(rootfs, OP_TMPFS, "tmpfs", volume->destination);
			op->data = xstrdup(
				volume->tmpfs_options ? volume->tmpfs_options : "mode=1777");
			break;
		case VOLUME_IMAGE: /* at an empty directory that no container sees */
			op = add_op(rootfs, OP_BIND, NULL, volume->destination);
			op->source = xasprintf("%s/image%zu", input->run_dir, i);
			op->create_source = true;
			op->data = xstrdup(volume->subpath ? volume->subpath : ".");
			op->layers = volume->layers;
			break;
		}
		op->read_only = volume->read_only;
		op->no_exec = volume->no_exec;
		op->not_recursive = volume->not_recursive;
		op->slave = volume->slave;
		op->squash = volume->squash;
		op->owner = input->squash_owner;
	}
}

/* Files of ours that shadow the image's, unless the user mounted there. */
static void add_generated_files(const struct rootfs_input *input, struct rootfs *rootfs)
{
	static const char *const names[] = { "hosts", "hostname", "resolv.conf" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		autofree char *source = xasprintf("%s/%s", input->run_dir, names[i]);
		autofree char *target = xasprintf("/etc/%s", names[i]);

		if (!find_mount(rootfs, target))
			add_op(rootfs, OP_BIND, source, target)->generated = true;
	}
	if (input->opts->tz && !find_mount(rootfs, "/etc/localtime"))
		add_op(rootfs, OP_BIND, input->opts->tz, "/etc/localtime")->read_only = true;
}

int rootfs_plan(const struct rootfs_input *input, struct rootfs *ret, struct err *err)
{
	autorootfs struct rootfs rootfs = ROOTFS_INIT;

	rootfs.driver = input->driver;
	rootfs.container = xstrdup(input->container);
	rootfs.is_volatile = input->opts->remove;
	strv_extend(&rootfs.layers, &input->image->layers);
	TRY(collect_mounts(input, &rootfs, err));

	(void)add_op(&rootfs, OP_ROOT, driver_names[input->driver], "/");
	add_kernel_mounts(&rootfs, input);
	add_user_mounts(input, &rootfs);
	add_generated_files(input, &rootfs);
	strv_each (path, &input->policy->masked)
		(void)add_op(&rootfs, OP_MASK, NULL, *path);
	strv_each (path, &input->policy->read_only)
		(void)add_op(&rootfs, OP_READONLY, NULL, *path);
	if (input->opts->read_only)
		(void)add_op(&rootfs, OP_ROOT_READONLY, NULL, "/");
	*ret = rootfs;
	rootfs = (struct rootfs)ROOTFS_INIT;
	return 0;
}

void rootfs_print(const struct rootfs *rootfs, struct buf *out)
{
	static const char *const names[] = {
		[OP_ROOT] = "root",
		[OP_PROC] = "proc",
		[OP_SYSFS] = "sysfs",
		[OP_CGROUP] = "cgroup",
		[OP_TMPFS] = "tmpfs",
		[OP_DEVPTS] = "devpts",
		[OP_MQUEUE] = "mqueue",
		[OP_DEVICE] = "device",
		[OP_SYMLINK] = "symlink",
		[OP_BIND] = "bind",
		[OP_VOLUME] = "volume",
		[OP_MASK] = "mask",
		[OP_READONLY] = "read-only",
		[OP_ROOT_READONLY] = "root-read-only",
	};

	strv_each (layer, &rootfs->layers)
		buf_addf(out, "layer %s\n", *layer);
	for (size_t i = 0; i < rootfs->n_ops; i++) {
		const struct mount_op *op = &rootfs->ops[i];

		buf_addf(out, "%s %s", names[op->kind], op->target);
		if (op->source)
			buf_addf(out, " from %s", op->source);
		if (op->data)
			buf_addf(out, " (%s)", op->data);
		buf_addf(out, "%s%s%s%s%s\n", op->read_only ? " ro" : "",
			op->no_exec ? " noexec" : "", op->not_recursive ? " non-recursive" : "",
			op->slave ? " rslave" : "", op->squash ? " squash" : "");
	}
}
