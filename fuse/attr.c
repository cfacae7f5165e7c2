/* SPDX-License-Identifier: Apache-2.0 */
/* Attributes: getattr, setattr, readlink, statfs. */
#include "overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <unistd.h>

#include "copyup.h"
#include "data.h"
#include "ids.h"
#include "upper.h"

#include "base/own.h"

int ovl_getattr(struct ovl *fs, uint64_t id, struct stat *ret)
{
	struct node *node;
	int r;

	ovl_lock(fs);
	r = node_get(fs, id, &node);
	if (r == 0)
		r = node_stat(fs, node, ret);
	ovl_unlock(fs);
	return r;
}

static int set_size(struct ovl *fs, struct node *node, off_t size)
{
	struct slot *slot;

	TRY(data_slot(fs, node, true, &slot));
	return ftruncate(slot->handle, size) < 0 ? -errno : 0;
}

static int set_owner(struct ovl *fs, struct at at, const struct stat *want, unsigned what)
{
	uid_t uid = what & OVL_SET_UID ? want->st_uid : (uid_t)-1;
	gid_t gid = what & OVL_SET_GID ? want->st_gid : (gid_t)-1;

	if (fchownat(at.dir, at.name, uid, gid, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) == 0)
		return 0;
	if (fs->config.single_id && (errno == EINVAL || errno == EPERM))
		return 0; /* kept beside the file by keep_ids() */
	return -errno;
}

static int set_times(struct at at, const struct stat *want, unsigned what)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_nsec = UTIME_OMIT } };
	char path[LAYER_PATH_MAX];

	int r;

	if (what & OVL_SET_ATIME)
		times[0] = want->st_atim;
	if (what & OVL_SET_MTIME)
		times[1] = want->st_mtim;
	if (*at.name)
		r = utimensat(at.dir, at.name, times, AT_SYMLINK_NOFOLLOW);
	else
		r = futimens(at.dir, times);
	if (r < 0 && errno == EBADF) /* O_PATH */
		r = utimensat(AT_FDCWD, layer_proc_path(path, at), times, 0);
	return r < 0 ? -errno : 0;
}

/* With one single id: what the file system did not take is kept, and what was kept follows. */
static int keep_ids(struct ovl *fs, struct where *where, const struct stat *want, unsigned what)
{
	struct stat real, kept;

	TRY(where->layer->ops->stat(where->layer, where->at, &real));
	kept = real;
	if (!ids_kept(where, &kept) && (!(what & OVL_SET_UID) || real.st_uid == want->st_uid) &&
		(!(what & OVL_SET_GID) || real.st_gid == want->st_gid))
		return 0;
	if (what & OVL_SET_UID)
		kept.st_uid = want->st_uid;
	if (what & OVL_SET_GID)
		kept.st_gid = want->st_gid;
	if (what & OVL_SET_MODE)
		kept.st_mode = (kept.st_mode & S_IFMT) | (want->st_mode & 07777);
	return ids_keep(fs, where->at, &kept);
}

/* Owner first: chown clears set-id bits. */
static int set_ids(struct ovl *fs, struct node *node, const struct stat *want, unsigned what)
{
	struct where where;

	TRY(node_held(fs, node, &where));
	if (what & (OVL_SET_UID | OVL_SET_GID))
		TRY(set_owner(fs, where.at, want, what));
	if (what & OVL_SET_MODE)
		TRY(upper_chmod(where.at, want->st_mode));
	return fs->config.single_id ? keep_ids(fs, &where, want, what) : 0;
}

/* The set-id bits that a write or chown by someone without the right takes away. */
static int kill_suid(struct ovl *fs, struct node *node, struct stat *want, unsigned *what)
{
	struct stat st;

	if (!S_ISREG(node->type))
		return 0;
	TRY(node_stat(fs, node, &st));
	if (!(*what & OVL_SET_MODE) && !(st.st_mode & (S_ISUID | S_ISGID)))
		return 0;
	if (!(*what & OVL_SET_MODE))
		want->st_mode = st.st_mode;
	want->st_mode &= ~(mode_t)S_ISUID;
	if (want->st_mode & S_IXGRP)
		want->st_mode &= ~(mode_t)S_ISGID;
	*what |= OVL_SET_MODE;
	return 0;
}

static int apply(struct ovl *fs, struct node *node, const struct stat *want, unsigned what)
{
	struct stat wanted = *want;
	struct where where;

	if (what & OVL_KILL_SUID)
		TRY(kill_suid(fs, node, &wanted, &what));
	if (what & OVL_SET_SIZE)
		TRY(set_size(fs, node, want->st_size));
	if (what & (OVL_SET_UID | OVL_SET_GID | OVL_SET_MODE))
		TRY(set_ids(fs, node, &wanted, what));
	if (!(what & (OVL_SET_ATIME | OVL_SET_MTIME)))
		return 0;
	TRY(node_held(fs, node, &where));
	return set_times(where.at, want, what);
}

/* With gathered writes the kernel writes back the times it keeps, also those that have not changed, and
 * also of what was just removed: no reason for a copy-up. */
static bool is_time_as_before(
	struct ovl *fs, struct node *node, const struct stat *want, unsigned what, struct stat *ret)
{
	if (what != OVL_SET_MTIME || want->st_mtim.tv_nsec == UTIME_NOW ||
		node_stat(fs, node, ret) < 0)
		return false;
	return ret->st_mtim.tv_sec == want->st_mtim.tv_sec &&
	       ret->st_mtim.tv_nsec == want->st_mtim.tv_nsec;
}

static int change(struct ovl *fs, struct node *node, const struct stat *want, unsigned what)
{
	TRY(copyup_node(fs, node, what & OVL_SET_SIZE ? want->st_size : COPYUP_ALL));
	return apply(fs, node, want, what);
}

int ovl_setattr(
	struct ovl *fs, uint64_t id, const struct stat *want, unsigned what, struct stat *ret)
{
	struct node *node;
	int r;

	ovl_lock(fs);
	r = node_get(fs, id, &node);
	if (r == 0 && !is_time_as_before(fs, node, want, what, ret)) {
		node_ref(node);
		if (S_ISDIR(node->type))
			node->body->no_sgid = false;
		if (what)
			r = change(fs, node, want, what);
		if (r == 0)
			r = node_stat(fs, node, ret);
		node_unref(fs, node);
	}
	ovl_unlock(fs);
	return r;
}

ssize_t ovl_readlink(struct ovl *fs, uint64_t id, char *buf, size_t size)
{
	struct where where;
	struct node *node;
	ssize_t r;

	ovl_lock(fs);
	r = node_get(fs, id, &node);
	if (r == 0)
		r = S_ISLNK(node->type) ? node_where(fs, node, &where) : -EINVAL;
	if (r == 0)
		r = where.layer->ops->readlink(where.layer, where.at, buf, size);
	ovl_unlock(fs);
	return r;
}

int ovl_statfs(struct ovl *fs, struct statvfs *ret)
{
	int fd = fs->upper ? fs->upper->root : fs->lower[0]->root;

	if (!fs->upper && fs->lower[0]->ops != &layer_dir_ops) {
		*ret = (struct statvfs){ .f_bsize = 4096, .f_frsize = 4096, .f_namemax = 255 };
		return 0;
	}
	return fstatvfs(fd, ret) < 0 ? -errno : 0;
}
