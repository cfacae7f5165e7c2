/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stage 4: image + options + policy become a list of mount operations, and the list is carried out.
 *
 * rootfs_plan() is pure: it touches no file and can be printed (`sbx run --dry-run`) and compared.
 * rootfs_prepare() makes what the plan names on the host; rootfs_apply() runs the list in the child,
 * inside its new user and mount namespaces. Every target is resolved inside the new root, so nothing
 * an image contains can bend a mount out of it.
 */
#ifndef SBX_ROOTFS_ROOTFS_H
#define SBX_ROOTFS_ROOTFS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/strv.h"
#include "base/userns.h"
#include "image/image.h"
#include "options/cdi.h"
#include "options/options.h"
#include "policy/policy.h"

enum driver { DRIVER_OVERLAY, DRIVER_FUSE };

enum op_kind {
	OP_ROOT,   /* source = driver: the layers under the upper directory */
	OP_PROC,   /* fresh proc(5); target must not be a symlink */
	OP_SYSFS,  /* fresh sysfs, read-only; the host's when it has none of its own to show */
	OP_CGROUP, /* cgroup2, read-only; an empty directory where that is refused */
	OP_TMPFS,  /* data = mount options */
	OP_DEVPTS,
	OP_MQUEUE,
	OP_DEVICE,   /* source = host node, bound over an empty file */
	OP_SYMLINK,  /* target -> source */
	OP_BIND,     /* source = host path, recursive, nosuid, nodev */
	OP_VOLUME,   /* like OP_BIND; an empty source first gets the image's content */
	OP_MASK,     /* hide by /dev/null or an empty directory; missing is fine */
	OP_READONLY, /* remount this path read-only; missing is fine */
	OP_ROOT_READONLY,
};

struct mount_op {
	enum op_kind kind;
	char *source;
	char *target;
	char *data;
	bool read_only;
	bool create_source; /* OP_BIND: make a missing host directory */
	bool generated;     /* OP_BIND: a file that the launch writes later */
	/* OP_BIND and OP_VOLUME: as in struct volume; data = subpath */
	bool no_exec, not_recursive, slave, squash;
	struct pinned pinned;
	const struct strv *layers; /* OP_BIND: mounted at the source first; borrowed */
	struct idpair owner;       /* with squash: whose files it shows inside */
};

struct rootfs {
	enum driver driver;
	struct strv layers; /* absolute, base first */
	char *container;  /* <root>/containers/<id>; upper/ and work/ below; also the mount point */
	bool is_volatile; /* --rm: nothing needs to survive, skip the syncs */
	struct mount_op *ops; /* in order; parents before children */
	size_t n_ops;
	struct volume *mounts; /* what inspect shows: type, name, source, destination, mode */
	size_t n_mounts;
};
#define ROOTFS_INIT \
	{           \
		0   \
	}
void rootfs_done(struct rootfs *rootfs);
#define autorootfs __attribute__((cleanup(rootfs_done)))

struct rootfs_input {
	const struct globals *globals;
	const struct run_opts *opts;
	const struct image *image;
	const struct policy *policy;
	const struct cdi *cdi; /* NULL: none */
	const char *container; /* <root>/containers/<id> */
	const char *run_dir;   /* where hosts, hostname and resolv.conf are written at each start */
	const char *id;        /* names anonymous volumes */
	enum driver driver;
	struct idpair squash_owner;
	bool host_network; /* no sysfs of its own then */
	bool no_tty_gid;   /* gid 5 does not exist: devpts without gid= */
};

/* Pure. Fails on destinations that are refused ("/", /proc…), duplicates. */
int rootfs_plan(const struct rootfs_input *input, struct rootfs *ret, struct err *err);

/* One line per operation, for --dry-run. */
void rootfs_print(const struct rootfs *rootfs, struct buf *out);

/* Launcher: makes upper, work, volumes and missing bind sources; checks that binds exist. */
int rootfs_prepare(const struct rootfs *rootfs, struct err *err);

/* Child. fuse() is called for DRIVER_FUSE with the opened and mounted /dev/fuse, which it hands to the
 * server (the first access blocks until it is served); notice() may be told about a fallback taken.
 * On return the calling process has the new root open as *ret_root, not yet pivoted. */
struct rootfs_child {
	int (*fuse)(void *data, int fuse_fd, struct err *err);
	/* The same for a bind with squash (an index of rootfs->ops); NULL: binds it plainly. */
	int (*squash)(void *data, size_t op, int fuse_fd, struct err *err);
	void (*notice)(void *data, const char *text);
	void *data;
	int *sources; /* of rootfs_open_sources(), taken over; NULL: apply opens them itself */
};
/* Opens the binds' sources with the rights of whoever calls, so that it can be done before the caller's
 * identity is given up. *ret is the argument of rootfs_apply(). */
int rootfs_open_sources(const struct rootfs *rootfs, int **ret, struct err *err);
int rootfs_apply(const struct rootfs *rootfs, const struct rootfs_child *child, int *ret_root,
	struct err *err);
/* Last: read-only root if planned, pivot_root, old root detached, cwd "/". */
int rootfs_enter(const struct rootfs *rootfs, int root, struct err *err);

/* Which driver to use: globals->storage_driver, "auto" probes by really mounting an overlay once; the
 * verdict is cached under <root>/cache per kernel release and file system. ret_why (size bytes, may
 * be NULL) says it in words for `sbx info`. */
int rootfs_driver(const struct globals *globals, const struct idmap *idmap, enum driver *ret,
	char *ret_why, size_t size, struct err *err);
const char *rootfs_driver_name(enum driver driver);

/* What a container changed: fn gets 'A' (added), 'C' (changed) or 'D' (deleted) and an absolute path, in
 * no order. To be called as uid 0 of a user namespace with the caller's id map; only reads. */
struct rootfs_changes {
	const struct strv *layers; /* absolute, base first */
	int container;             /* <root>/containers/<id>, a directory */
	const char *name;          /* of the changed directory in it; NULL = "upper" */
	int (*fn)(void *data, char kind, const char *path, struct err *err);
	void *data;
};
int rootfs_changes(const struct rootfs_changes *changes, struct err *err);

/* Mounts the layers, the base one first, read-only at target; empty is a directory without anything in it.
 * Needs a mount namespace in which the caller is root. */
int rootfs_view(const struct strv *layers, const char *empty, const char *target, struct err *err);

/* Path of a named or anonymous volume's data: <root>/volumes/<name>/_data. Caller frees. */
char *rootfs_volume_path(const struct globals *globals, const char *name);

#endif
