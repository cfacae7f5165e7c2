/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The overlay file system, without FUSE: one writable directory over up to 500 read-only layers, in
 * the on-disk format of the kernel's overlayfs mounted with userxattr.
 *
 * Every operation takes the ids that ovl_lookup() and friends returned, does its work, and returns
 * 0 or a count, or -errno; nothing here prints, exits or aborts. An id that is no longer known is
 * -ESTALE, a broken invariant -EIO and a log line, missing memory -ENOMEM.
 *
 * There are no open files: an object is addressed by its id until it is forgotten, also after its
 * last name is gone. That is what allows the session to answer OPEN with ENOSYS.
 *
 * Any thread may call anything. One lock guards the tree; it is not held while file data moves
 * (read, write, fsync, and the data part of a copy-up).
 */
#ifndef SBX_FUSE_OVERLAY_H
#define SBX_FUSE_OVERLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>

#include "base/err.h"

#define OVL_ROOT      1 /* id of the root directory; never forgotten */
#define OVL_MAX_LOWER 500

struct ovl;
struct layer;

struct ovl_config {
	struct layer **lower; /* uppermost first; adopted by ovl_open() when it succeeds */
	unsigned n_lower;
	int upper;      /* directory; -1 = read-only; borrowed */
	int work;       /* directory on the upper's file system; borrowed */
	bool volatile_; /* fsync does nothing: the upper does not survive a crash of the machine */
	/* Called by a thread whose operation is about to take long; calls nothing back. May be NULL. */
	void (*slow)(void *data);
	void *slow_data;
	bool xdev; /* moving a directory of a lower layer is -EXDEV, as the kernel's overlay says */
	bool redirect;       /* redirects are followed; else a directory that has one is -EPERM */
	bool redirect_write; /* and a directory of a lower layer is moved by one */
	bool single_id;      /* modes and owners are kept in user.sbx.stat (ids.h) */
};

struct ovl_entry {
	uint64_t id;
	struct stat st;
};

/* Opens the work directory's `work` (made when missing, emptied) and the root. */
int ovl_open(const struct ovl_config *config, struct ovl **ret, struct err *err);
void ovl_close(struct ovl *fs); /* NULL ok */

/* Makes the kernel's table of descriptors large at once. Growing it while there are threads waits for all
 * processors, tens of milliseconds each time; a fork makes it small again: call between the two. */
void ovl_reserve_handles(struct ovl *fs);

/* lookup.c: each returned entry counts one lookup, taken back by ovl_forget(). */
int ovl_lookup(struct ovl *fs, uint64_t parent, const char *name, struct ovl_entry *ret);
void ovl_forget(struct ovl *fs, uint64_t id, uint64_t lookups);

/* attr.c */
enum {
	OVL_SET_MODE = 1,
	OVL_SET_UID = 2,
	OVL_SET_GID = 4,
	OVL_SET_SIZE = 8,
	OVL_SET_ATIME = 16, /* st_atim may be UTIME_NOW */
	OVL_SET_MTIME = 32,
	OVL_SET_ALL = 63,
	OVL_KILL_SUID = 64, /* clear set-user-id, and set-group-id where executable */
};
int ovl_getattr(struct ovl *fs, uint64_t id, struct stat *ret);
int ovl_setattr(
	struct ovl *fs, uint64_t id, const struct stat *want, unsigned what, struct stat *ret);
ssize_t ovl_readlink(struct ovl *fs, uint64_t id, char *buf, size_t size); /* not terminated */
int ovl_statfs(struct ovl *fs, struct statvfs *ret);

/* create.c: mknod, mkdir, symlink and create are one operation. mode holds the type. */
struct ovl_new {
	uint64_t parent;
	const char *name;
	mode_t mode;
	dev_t rdev;
	const char *target; /* of a symbolic link */
	uid_t uid;
	gid_t gid;
	mode_t umask; /* counts unless the directory has a default ACL */
};
int ovl_create(struct ovl *fs, const struct ovl_new *new, struct ovl_entry *ret);
int ovl_tmpfile(struct ovl *fs, const struct ovl_new *new, struct ovl_entry *ret);
int ovl_link(struct ovl *fs, uint64_t id, uint64_t parent, const char *name, struct ovl_entry *ret);

/* remove.c */
int ovl_unlink(struct ovl *fs, uint64_t parent, const char *name);
int ovl_rmdir(struct ovl *fs, uint64_t parent, const char *name);

/* rename.c: flags are RENAME_NOREPLACE or RENAME_EXCHANGE. A directory that a lower layer
 * has a part in is copied up with all that is in it; -EXDEV where that cannot be done or is not wanted. */
struct ovl_rename {
	uint64_t parent;
	const char *name;
	uint64_t new_parent;
	const char *new_name;
	unsigned flags;
};
int ovl_rename(struct ovl *fs, const struct ovl_rename *move);

/* data.c */
ssize_t ovl_read(struct ovl *fs, uint64_t id, void *buf, size_t size, off_t offset);
ssize_t ovl_write(struct ovl *fs, uint64_t id, const void *buf, size_t size, off_t offset);
/* A gathered write met a full disk: whoever asks next is told, once. */
void ovl_note_full(struct ovl *fs, uint64_t id);
bool ovl_take_full(struct ovl *fs, uint64_t id);
int ovl_open_for_writing(struct ovl *fs, uint64_t id); /* copies up now, not at the first change */
int ovl_fsync(struct ovl *fs, uint64_t id, bool data_only); /* directories too */
int ovl_fallocate(struct ovl *fs, uint64_t id, int mode, off_t offset, off_t length);
off_t ovl_lseek(struct ovl *fs, uint64_t id, off_t offset, int whence);
struct ovl_range {
	uint64_t from;
	off_t from_offset;
	uint64_t to;
	off_t to_offset;
	size_t size;
};
ssize_t ovl_copy_range(struct ovl *fs, const struct ovl_range *range);

/* readdir.c: calls fn for each entry behind `cookie` (0 = from the start) until it returns non-zero.
 * Cookies are stable for the life of the mount: no handle is needed. With `full`, entries other
 * than "." and ".." are looked up (and each given to fn has been counted, unless fn refuses it); one that
 * cannot be has id 0 then. */
struct ovl_dirent {
	const char *name;
	uint64_t cookie; /* continue behind this one */
	struct ovl_entry
		entry; /* id 0 unless full and found; st_ino and the type in st_mode are always set */
};
typedef int (*ovl_dirent_fn)(void *data, const struct ovl_dirent *entry);
struct ovl_listing {
	uint64_t cookie;
	bool full;
	ovl_dirent_fn fn;
	void *data;
};
int ovl_readdir(struct ovl *fs, uint64_t id, const struct ovl_listing *listing);

/* xattr.c: POSIX ACLs are xattrs of the layers, the kernel checks them. user.overlay.* and user.sbx.* are ours: hidden, and -EOPNOTSUPP to touch.
 * size 0 asks for the length. */
struct ovl_xattr {
	const char *name;
	const void *value;
	size_t size;
	int flags;
	uid_t uid; /* the caller: an ACL set by somebody outside the group clears set-group-id */
	gid_t gid;
};
int ovl_setxattr(struct ovl *fs, uint64_t id, const struct ovl_xattr *xattr);
ssize_t ovl_getxattr(struct ovl *fs, uint64_t id, const char *name, void *buf, size_t size);
ssize_t ovl_listxattr(struct ovl *fs, uint64_t id, char *buf, size_t size);
int ovl_removexattr(struct ovl *fs, uint64_t id, const char *name);

/* Figures for tests and the log: nodes in the table, cached descriptors. */
struct ovl_counts {
	size_t nodes;
	size_t handles;
};
void ovl_count(struct ovl *fs, struct ovl_counts *ret);

#endif
