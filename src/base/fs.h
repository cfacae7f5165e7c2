/* SPDX-License-Identifier: Apache-2.0 */
/*
 * File access relative to directory descriptors.
 *
 * fs_*_in() resolve a path that foreign data chose, with `root` as "/": symlinks, "..", absolute
 * paths all stay inside (openat2 RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS; an O_PATH walk with the
 * same answers where openat2 is missing). Every returned descriptor is CLOEXEC and the caller's.
 */
#ifndef SBX_BASE_FS_H
#define SBX_BASE_FS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

/* Returns the descriptor or -errno. flags as open(2). */
int fs_open_in(int root, const char *path, int flags, mode_t mode, struct err *err);

/* Opens (O_PATH|O_DIRECTORY) the directory `path` inside root and makes what is missing, owned by
 * the caller. A dangling symlink on the way is -ENOENT, a non-directory -ENOTDIR. */
int fs_mkdirs_in(int root, const char *path, mode_t mode, struct err *err);

/* Opens (O_PATH) a mount target inside root: a directory if want_dir, else a regular file; makes
 * missing parents (0755) and the missing target itself. */
int fs_target_in(int root, const char *path, bool want_dir, struct err *err);

/* What path means inside root, without a symlink left in it; what is not there is taken as written.
 * For making what dangling symlinks point to: a name that others may change meanwhile proves nothing. */
int fs_resolve_in(int root, const char *path, char ret[PATH_MAX], struct err *err);

/* Host paths, chosen by the user: like mkdir -p; existing directories keep their mode. */
int fs_mkdirs(const char *path, mode_t mode, struct err *err);

/* Opens a directory of ours; makes it 0700 when missing; -EPERM when someone else owns it or
 * others may write to it. */
int fs_open_private_dir(const char *path, struct err *err);

/* Reads a whole regular file of at most max bytes. -EFBIG beyond. *ret is malloc'ed,
 * NUL-terminated, the caller's. Never blocks on a FIFO. Also for /proc files. */
int fs_read_at(int dir, const char *name, size_t max, char **ret, size_t *ret_len, struct err *err);
/* The same of what is open, pipes and terminals included: to its end. name is for messages. */
int fs_read_fd(int fd, const char *name, size_t max, char **ret, size_t *ret_len, struct err *err);

/* Writes all bytes to fd; -ENOSPC, -EDQUOT and -EFBIG come with their E-… id. */
int fs_write_all(int fd, const void *data, size_t len, struct err *err);

enum fs_sync { FS_NOSYNC, FS_SYNC };

/* Replaces dir/name (0600) by data: temporary name, optional fsync of file and directory, rename. */
int fs_write_at(int dir, const char *name, const void *data, size_t len, enum fs_sync sync,
	struct err *err);

/* Removes dir/name recursively through descriptors, never follows a symlink, never crosses a
 * mount (-EXDEV). Missing is success. Makes unreadable directories of ours readable first. */
int fs_remove_tree(int dir, const char *name, struct err *err);

/* Opens (creating, 0600) dir/name and takes an flock; waits. Close the descriptor to release. */
int fs_lock_at(int dir, const char *name, bool exclusive, struct err *err);

/* Fails with E-DISK-FULL, E-QUOTA or E-INODES wording for errno values of that kind, else like
 * err_sys(). `path` names what was written. */
int fs_err(struct err *err, int dir_or_fd, const char *what);

/* errno of a flock() that did not lock, with an id where the file system has no locks. */
int fs_lock_err(struct err *err, const char *what);

#endif
