/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Carries the plan out in the child: user and mount namespace are new, uid is 0 there, the host's
 * tree is still visible. One function per kind of operation; each gets its target as a descriptor
 * that was resolved inside the new root, never as a path. Sources on the host are opened before the
 * first mount, with the rights of the caller.
 */
#include "rootfs/rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/sys.h"
#include "rootfs/mount.h"
#include "rootfs/overlay.h"
#include "rootfs/copy.h"
#include "rootfs/target.h"

struct applier {
	const struct rootfs *rootfs;
	const struct rootfs_child *child;
	int root;
	int *sources; /* one per op, -EBADF where it has none */
	int null;     /* the host's /dev/null, verified: what files are masked with */
};

typedef int (*op_fn)(
	struct applier *applier, const struct mount_op *op, int source, struct err *err);

static void notice(const struct applier *applier, const char *text)
{
	if (applier->child->notice)
		applier->child->notice(applier->child->data, text);
}

static int apply_root(
	struct applier *applier, const struct mount_op *op, int source, struct err *err)
{
	return overlay_mount(applier->rootfs, applier->child, &applier->root, err);
}

/* The target of a kernel file system must be what it seems (CVE-2019-19921, CVE-2023-27561). */
static int kernel_target(const struct applier *applier, const char *path, struct err *err)
{
	struct stat st;
	int fd = fs_open_in(applier->root, path, O_PATH | O_NOFOLLOW, 0, err);

	if (fd == -ENOENT)
		return fs_mkdirs_in(applier->root, path, 0755, err);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0 || !S_ISDIR(st.st_mode)) {
		(void)close(fd);
		return err_set(err, -ENOTDIR, "mount destination %s is a %s in the image", path,
			S_ISLNK(st.st_mode) ? "symlink" : "file");
	}
	return fd;
}

/* Rejects a mount that is not of the expected type: somebody swapped what is below us. */
static int verify_type(const struct applier *applier, const char *path, long magic, struct err *err)
{
	autofd int fd = fs_open_in(applier->root, path, O_PATH | O_DIRECTORY, 0, err);
	struct statfs st;

	if (fd < 0)
		return fd;
	if (fstatfs(fd, &st) < 0 || (long)st.f_type != magic)
		return err_set(
			err, -EPERM, "%s is not the file system that was mounted there", path);
	return 0;
}

static int bind_host(const char *path, int target, bool read_only, struct err *err)
{
	autofd int source = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct bind_attrs attrs = { .recursive = true,
		.read_only = read_only,
		.nosuid = true,
		.nodev = true,
		.noexec = true };

	if (source < 0)
		return err_sys(err, "open %s", path);
	return mount_bind(source, target, &attrs, err);
}

static int apply_proc(
	struct applier *applier, const struct mount_op *op, int source, struct err *err)
{
	autofd int target = kernel_target(applier, op->target, err);

	if (target < 0)
		return target;
	if (mount_fs(target, "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL, err) < 0) {
		if (err->code != -EPERM)
			return err->code;
		/* an outer container masks parts of /proc: mount_too_revealing() in fs/namespace.c */
		TRY(bind_host("/proc", target, false, err));
		notice(applier,
			"W-NEST-PROC: the outer container masks parts of /proc; sharing its process list");
	}
	return verify_type(applier, op->target, PROC_SUPER_MAGIC, err);
}

static int apply_sysfs(
	struct applier *applier, const struct mount_op *op, int source, struct err *err)
{
	autofd int target = kernel_target(applier, op->target, err);

	if (target < 0)
		return target;
	if (strcmp(op->source, "/sys") != 0 &&
		mount_fs(target, "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, NULL,
			err) == 0)
		return verify_type(applier, op->target, SYSFS_MAGIC, err);
	/* a sysfs of our own needs a network namespace of our own */
	return bind_host("/sys", target, true, err);
}

static int apply_tmpfs_at(int target, const char *data, bool read_only, struct err *err)
{
	unsigned long flags = MS_NOSUID | MS_NODEV | (read_only ? MS_RDONLY : 0);

	return mount_fs(target, "tmpfs", flags, data, err);
}

static int apply_cgroup(
	struct applier *applier, const struct mount_op *op, int source, struct err *err)
{
	struct err why;
	struct statfs host;
	autofd int target = fs_open_in(applier->root, op->target, O_PATH | O_DIRECTORY, 0, &why);
	unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY;

	if (target < 0)
		return 0; /* this kernel has no cgroup directory in sysfs: nothing to cover */
	if (statfs("/sys/fs/cgroup", &host) == 0 && host.f_type == CGROUP2_SUPER_MAGIC &&
		mount_fs(target, "cgroup2", flags, NULL, &why) == 0)
		return 0;
	return apply_tmpfs_at(target, "mode=755,size=0", true, err);
}

/* "ro,size=64m,exec,mode=755": flags apart from what tmpfs itself parses (tmpfs(5), mount(8)). */
static int split_options(
	const char *text, unsigned long *flags, char *data, size_t size, struct err *err)
{
	static const struct {
		const char *name;
		unsigned long set, clear;
	} table[] = { { "ro", MS_RDONLY, 0 }, { "rw", 0, MS_RDONLY }, { "exec", 0, MS_NOEXEC },
		{ "noexec", MS_NOEXEC, 0 }, { "suid", 0, MS_NOSUID }, { "nosuid", MS_NOSUID, 0 },
		{ "dev", 0, 0 }, { "nodev", MS_NODEV, 0 }, { "noatime", MS_NOATIME, 0 } };
	size_t at = 0;

	data[0] = '\0';
	while (*text) {
		size_t len = strcspn(text, ","), i;

		for (i = 0; i < ARRAY_SIZE(table); i++)
			if (strlen(table[i].name) == len && strncmp(table[i].name, text, len) == 0)
				break;
		if (i < ARRAY_SIZE(table)) {
			*flags = (*flags & ~table[i].clear) | table[i].set;
		} else if (len > 0) {
			int n = snprintf(
				data + at, size - at, "%s%.*s", at ? "," : "", (int)len, text);

			if (n < 0 || at + (size_t)n >= size)
				return err_set(err, -E2BIG, "tmpfs options are too long");
			at += (size_t)n;
		}
		text += len + (text[len] == ',');
	}
	return 0;
}

static int apply_tmpfs(
	struct applier *applier, const struct mount_op *op, int source, struct err *err)
{
	autofd int target = target_open(applier->root, op->target, true, err);
	unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC | (op->read_only ? MS_RDONLY : 0);
	char data[1024];

	if (target < 0)
		return target;
	TRY(split_options(op->data, &flags, data, sizeof(data), err));
	if (mount_fs(target, "tmpfs", flags, data, err) < 0)
		return err_wrap(err, "tmpfs on %s (%s)", op->target, op->data);
	return 0;
}

static int apply_devpts(
	struct applier *applier, const struct mount_op *op, int source, struct err *err)
{
	autofd int target = target_open(applier->root, op->target, true, err);

	if (target < 0)
		return target;
	return mount_fs(target, "devpts", MS_NOSUID | MS_NOEXEC, op->data, err);
}

static int apply_mqueue(
	struct applier *applier, const struct mount_op *op, int source, struct err *err)
{
	autofd int target = target_open(applier->root, op->target, true, err);

	if (target < 0)
		return target;
	if (mount_fs(target, "mqueue", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL, err) < 0)
		return err->code == -ENODEV ? 0 : err->code; /* kernel without POSIX queues */
	return 0;
}

static int apply_device(
	struct applier *applier, const struct mount_op *op, int source, struct err *err)
{
	const struct bind_attrs attrs = {
		0
	}; /* a device node: no attribute would change a thing */
	autofd int target = target_open(applier->root, op->target, false, err);

	if (target < 0)
		return target;
	return mount_bind(source, target, &attrs, err);
}

static int apply_symlink(
	struct applier *applier, const struct mount_op *op, int source, struct err *err)
{
	autofree char *dir = strdup(op->target);
	autofd int parent = -EBADF;
	char *slash;

	if (!dir)
		return err_set(err, -ENOMEM, "out of memory");
	slash = strrchr(dir, '/');
	*slash = '\0';
	parent = target_open(applier->root, dir, true, err);
	if (parent < 0)
		return parent;
	if (symlinkat(op->source, parent, slash + 1) < 0 && errno != EEXIST)
		return err_sys(err, "make symlink %s", op->target);
	return 0;
}

/* The kernel never looks up the root of a mount, and sendfile(2) goes by the size it knows: 0 for a file
 * that is bound, unless somebody asks. Waits until it is served. */
static int learn_attributes(
	const struct applier *applier, const struct mount_op *op, struct err *err)
{
	autofd int fd = fs_open_in(applier->root, op->target, O_PATH, 0, err);
	struct statx stx;

	if (fd < 0)
		return fd;
	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_FORCE_SYNC, STATX_SIZE, &stx) < 0)
		return err_sys(err, "use the squashed mount on %s", op->target);
	return 0;
}

/* The target has the source's type: what is served there must have it too. */
static int apply_squash(
	struct applier *applier, const struct mount_op *op, int target, struct err *err)
{
	unsigned long flags = MS_NOSUID | MS_NODEV | (op->read_only ? MS_RDONLY : 0) |
			      (op->no_exec ? MS_NOEXEC : 0);
	autofd int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	char options[96];
	struct stat st;

	if (fd < 0)
		return err_id(err, -errno, "E-FUSE-NODEV",
			"cannot open /dev/fuse: %s. A mount with squash needs it: leave squash out, or "
			"with root: modprobe fuse; chmod 666 /dev/fuse",
			strerror(errno));
	if (fstat(target, &st) < 0)
		return err_sys(err, "stat '%s'", op->target);
	(void)snprintf(options, sizeof(options),
		"fd=%d,rootmode=%o,user_id=%u,group_id=%u,allow_other", fd, st.st_mode & S_IFMT,
		(unsigned)geteuid(), (unsigned)getegid());
	TRY(mount_fs(target, "fuse.sbx-squash", flags, options, err));
	TRY(applier->child->squash(
		applier->child->data, (size_t)(op - applier->rootfs->ops), fd, err));
	return learn_attributes(applier, op, err);
}

static int explain_bind(const struct mount_op *op, struct err *err)
{
	if (err->code == -EINVAL && op->not_recursive)
		(void)err_set(err, -EINVAL,
			"%s has file systems mounted below it, and without root they cannot be left out: "
			"bind it recursively",
			op->source);
	return err_wrap(err, "mount %s on %s", op->source, op->target);
}

static int bind_source(
	struct applier *applier, const struct mount_op *op, int source, struct err *err)
{
	struct bind_attrs attrs = { .recursive = !op->not_recursive,
		.read_only = op->read_only,
		.nosuid = true,
		.nodev = true,
		.noexec = op->no_exec,
		.copied = op->slave };
	autofd int target = -EBADF;
	struct stat st, there;

	if (fstat(source, &st) < 0)
		return err_sys(err, "stat '%s'", op->source);
	target = target_open(applier->root, op->target, S_ISDIR(st.st_mode), err);
	if (target < 0)
		return err_wrap(err, "mount %s on %s", op->source, op->target);
	if (fstat(target, &there) == 0 && S_ISDIR(there.st_mode) != S_ISDIR(st.st_mode))
		return err_set(err, -ENOTDIR,
			"mount %s on %s: %s is a directory and the other is not", op->source,
			op->target, S_ISDIR(st.st_mode) ? op->source : op->target);
	if (op->squash && applier->child->squash)
		return apply_squash(applier, op, target, err);
	if (mount_bind(source, target, &attrs, err) < 0)
		return explain_bind(op, err);
	return 0;
}

/* A container may have written to it, or somebody else have made it: its symlinks stay inside. */
static int open_subpath(const struct mount_op *op, int volume, struct err *err)
{
	int fd = fs_open_in(volume, op->data, O_PATH, 0, err);

	if (fd == -ENOENT && op->kind == OP_BIND)
		return err_set(err, -ENOENT, "\"%s\", to be mounted on %s: not found", op->data,
			op->target);
	return fd < 0 ? err_wrap(err, "volume-subpath '%s'", op->data) : fd;
}

/* The source is an empty directory; the mount covers it for nobody but the container. */
static int open_layers(const struct mount_op *op, struct err *err)
{
	autofd int view = -EBADF;

	TRY(rootfs_view(op->layers, op->source, op->source, err));
	view = open(op->source, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (view < 0)
		return err_sys(err, "open the layers for %s", op->target);
	return open_subpath(op, view, err);
}

static int bind_layers(struct applier *applier, const struct mount_op *op, struct err *err)
{
	autofd int fd = open_layers(op, err);

	TRY(fd);
	return bind_source(applier, op, fd, err);
}

static int apply_bind(
	struct applier *applier, const struct mount_op *op, int source, struct err *err)
{
	return op->layers ? bind_layers(applier, op, err) : bind_source(applier, op, source, err);
}

static int apply_volume(
	struct applier *applier, const struct mount_op *op, int source, struct err *err)
{
	struct err none;
	autofd int image = fs_open_in(applier->root, op->target, O_RDONLY | O_DIRECTORY, 0, &none);
	autofree char *path = NULL;

	/* "/.": _data itself may be a symlink, made by `volume create -o o=bind`. Nobody else can make
	 * one: the folder it is in is 0700 and no container sees it. */
	if (asprintf(&path, "%s/.", op->source) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	if (image >= 0 && !op->data)
		TRY(copy_into_empty(image, path, err));
	return apply_bind(applier, op, source, err);
}

/* Docker's masked paths; see policy.h. M03: the cover is our own verified descriptor. */
static int apply_mask(
	struct applier *applier, const struct mount_op *op, int source, struct err *err)
{
	autofd int target = fs_open_in(applier->root, op->target, O_PATH | O_NOFOLLOW, 0, err);
	const struct bind_attrs attrs = { 0 };
	struct stat st;

	if (target == -ENOENT || target == -ENOTDIR)
		return 0;
	if (target < 0 || fstat(target, &st) < 0)
		return target < 0 ? target : err_sys(err, "stat %s", op->target);
	if (S_ISDIR(st.st_mode))
		return apply_tmpfs_at(target, "mode=555,size=0,nr_inodes=1", true, err);
	return mount_bind(applier->null, target, &attrs, err);
}

static int apply_readonly(
	struct applier *applier, const struct mount_op *op, int source, struct err *err)
{
	autofd int target = fs_open_in(applier->root, op->target, O_PATH | O_NOFOLLOW, 0, err);
	struct bind_attrs attrs = {
		.read_only = true, .nosuid = true, .nodev = true, .noexec = true
	};

	if (target == -ENOENT || target == -ENOTDIR)
		return 0;
	if (target < 0)
		return target;
	attrs.recursive = true;
	return mount_bind(target, target, &attrs, err);
}

static int apply_nothing(
	struct applier *applier, const struct mount_op *op, int source, struct err *err)
{
	return 0; /* OP_ROOT_READONLY waits for rootfs_enter(): the working directory comes first */
}

static const op_fn functions[] = {
	[OP_ROOT] = apply_root,
	[OP_PROC] = apply_proc,
	[OP_SYSFS] = apply_sysfs,
	[OP_CGROUP] = apply_cgroup,
	[OP_TMPFS] = apply_tmpfs,
	[OP_DEVPTS] = apply_devpts,
	[OP_MQUEUE] = apply_mqueue,
	[OP_DEVICE] = apply_device,
	[OP_SYMLINK] = apply_symlink,
	[OP_BIND] = apply_bind,
	[OP_VOLUME] = apply_volume,
	[OP_MASK] = apply_mask,
	[OP_READONLY] = apply_readonly,
	[OP_ROOT_READONLY] = apply_nothing,
};

static bool has_source(const struct mount_op *op)
{
	return op->kind == OP_BIND || op->kind == OP_VOLUME || op->kind == OP_DEVICE;
}

/* Before the mounts are made private, else what the host mounts later would not come along. */
static int copy_mounts(const struct mount_op *op, int source, struct err *err)
{
	int tree = sys_open_tree(source, "",
		OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH |
			(op->not_recursive ? 0 : AT_RECURSIVE));

	if (tree < 0 && errno == ENOSYS)
		return err_set(err, -ENOSYS,
			"propagation rslave of '%s' needs Linux 5.12 (open_tree)", op->source);
	return tree < 0 ? err_sys(err, "copy the mounts at '%s'", op->source) : tree;
}

/* What is mounted is this descriptor's, whatever happens to the name after. */
static int check_pinned(const struct mount_op *op, int fd, struct err *err)
{
	struct stat st;

	if (!op->pinned.is)
		return 0;
	if (fstat(fd, &st) < 0)
		return err_sys(err, "look at '%s'", op->source);
	if (st.st_dev == op->pinned.dev && st.st_ino == op->pinned.ino)
		return 0;
	return err_set(err, -ESTALE,
		"'%s' is not what it was when it was first read: somebody has put another in its place",
		op->source);
}

static int open_source(const struct mount_op *op, struct err *err)
{
	autofd int fd = open(op->source, O_PATH | O_CLOEXEC);

	if (fd < 0)
		return err_sys(err, "open '%s' on the host", op->source);
	TRY(check_pinned(op, fd, err));
	if (op->kind != OP_DEVICE && op->data && !op->layers)
		return open_subpath(op, fd, err);
	return op->slave ? copy_mounts(op, fd, err) : move_fd(&fd);
}

static int open_null(struct err *err)
{
	int fd = open("/dev/null", O_PATH | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return err_sys(err, "open /dev/null");
	if (fstat(fd, &st) < 0 || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3)) {
		(void)close(fd);
		return err_set(err, -EPERM, "/dev/null of this host is not the null device");
	}
	return fd;
}

static void close_sources(const struct rootfs *rootfs, int *sources)
{
	for (size_t i = 0; i < rootfs->n_ops; i++)
		fd_drop(&sources[i]);
	free(sources);
}

int rootfs_open_sources(const struct rootfs *rootfs, int **ret, struct err *err)
{
	int *sources = malloc((rootfs->n_ops + 1) * sizeof(*sources));

	if (!sources)
		return err_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < rootfs->n_ops; i++)
		sources[i] = -EBADF;
	for (size_t i = 0; i < rootfs->n_ops; i++) {
		if (!has_source(&rootfs->ops[i]))
			continue;
		sources[i] = open_source(&rootfs->ops[i], err);
		if (sources[i] < 0) {
			close_sources(rootfs, sources);
			return err->code;
		}
	}
	*ret = sources;
	return 0;
}

static int apply_all(struct applier *applier, struct err *err)
{
	const struct rootfs *rootfs = applier->rootfs;

	applier->null = open_null(err);
	if (applier->null < 0)
		return applier->null;
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return err_sys(err, "make the mounts private");
	for (size_t i = 0; i < rootfs->n_ops; i++) {
		const struct mount_op *op = &rootfs->ops[i];

		TRY(functions[op->kind](applier, op, applier->sources[i], err));
	}
	return 0;
}

int rootfs_apply(const struct rootfs *rootfs, const struct rootfs_child *child, int *ret_root,
	struct err *err)
{
	struct applier applier = { .rootfs = rootfs,
		.child = child,
		.root = -EBADF,
		.sources = child->sources,
		.null = -EBADF };
	mode_t old_umask;
	int r;

	if (!applier.sources)
		TRY(rootfs_open_sources(rootfs, &applier.sources, err));
	old_umask = umask(0);
	r = apply_all(&applier, err);
	close_sources(rootfs, applier.sources);
	fd_drop(&applier.null);
	(void)umask(old_umask);
	if (r < 0) {
		fd_drop(&applier.root);
		return r;
	}
	*ret_root = applier.root;
	return 0;
}

int rootfs_enter(const struct rootfs *rootfs, int root, struct err *err)
{
	for (size_t i = 0; i < rootfs->n_ops; i++)
		if (rootfs->ops[i].kind == OP_ROOT_READONLY)
			TRY(mount_readonly(root, err));
	if (fchdir(root) < 0)
		return err_sys(err, "enter the container's root");
	/* pivot_root(2), "pivot_root(".", ".")": the old root ends up on top of the new one */
	if (sys_pivot_root(".", ".") < 0)
		return err_sys(err, "pivot_root");
	if (umount2(".", MNT_DETACH) < 0)
		return err_sys(err, "detach the host's root");
	if (chdir("/") < 0)
		return err_sys(err, "chdir to the new root");
	return 0;
}
