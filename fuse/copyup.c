/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copy-up: a complete copy is made under a temporary name in the work directory and renamed into the
 * upper, so the lower object stays visible until the copy is whole, and a crash leaves nothing but
 * a temporary name. Parents come first, with their attributes.
 *
 * While the data of a file is copied the lock is free and the node is marked: who also wants to
 * change it waits, who reads it reads the lower file, who removes it leaves an orphan that then gets
 * its copy without a name.
 *
 * The copy is not synced, but its blocks are handed to the disk before the rename: file systems that
 * order data before metadata (ext4, btrfs, xfs) then never show an empty file after a power cut.
 */
#include "copyup.h"

#include <errno.h>
#include <fcntl.h>

#include "copydata.h"
#include "ids.h"
#include "lookup.h"
#include "upper.h"
#include "whiteout.h"

#include "base/own.h"

struct copy {
	struct node *node;
	struct where from;
	struct stat st; /* of the lower object as it is, not as shown */
	char tmp[TMP_NAME];
	struct stat made; /* of a regular file from the beginning, else when it has its place */
	int fd;           /* of the copy of a regular file, or -1 */
};

static int make_tmp(struct ovl *fs, struct copy *copy)
{
	char target[4096];
	mode_t type = copy->st.st_mode & S_IFMT;
	ssize_t n;
	int fd;

	work_name(fs, copy->tmp);
	ovl_umask(fs, 0);
	if (type == S_IFDIR)
		return mkdirat(fs->work, copy->tmp, 0700) < 0 ? -errno : 0;
	if (type == S_IFLNK) {
		n = copy->from.layer->ops->readlink(
			copy->from.layer, copy->from.at, target, sizeof(target) - 1);
		if (n < 0)
			return (int)n;
		target[n] = '\0';
		return symlinkat(target, fs->work, copy->tmp) < 0 ? -errno : 0;
	}
	if (type != S_IFREG)
		return mknodat(fs->work, copy->tmp, type | 0600, copy->st.st_rdev) < 0 ? -errno : 0;
	/* the directory is nobody else's, so at once with the mode that it gets */
	fd = openat(fs->work, copy->tmp, O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW | O_CLOEXEC,
		copy->st.st_mode & 0777);
	return fd < 0 ? -errno : fd;
}

/* Owner first: chown clears set-id bits. What is as it should be is left alone. */
static int copy_owner(struct ovl *fs, const struct copy *copy)
{
	const struct stat *st = &copy->st, *made = &copy->made;
	bool known = copy->fd >= 0;
	char path[LAYER_PATH_MAX];
	int r = 0;

	if ((!known || made->st_uid != st->st_uid || made->st_gid != st->st_gid) &&
		fchownat(fs->work, copy->tmp, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0 &&
		!(fs->config.single_id && (errno == EINVAL || errno == EPERM)))
		return -errno;
	if (known && (made->st_mode & 07777) != (st->st_mode & 07777))
		r = fchmod(copy->fd, st->st_mode & 07777);
	else if (!known && !S_ISLNK(st->st_mode))
		r = chmod(layer_proc_path(path, (struct at){ fs->work, copy->tmp }),
			st->st_mode & 07777);
	return r < 0 ? -errno : 0;
}

/* What is kept beside the one layer goes beside the other; an xattr has been copied. */
static int copy_kept(struct ovl *fs, const struct copy *copy, struct at to)
{
	struct stat kept = copy->st;

	if (!copy->from.layer->beside && ids_has_own(copy->st.st_mode))
		return 0;
	return ids_kept(&copy->from, &kept) ? ids_keep(fs, to, &kept) : 0;
}

/* Times last: everything else changes them. */
static int copy_attributes(struct ovl *fs, const struct copy *copy)
{
	struct copydata_object from = { copy->from.layer, copy->from.at };
	struct copydata_object to = { &fs->plain, { fs->work, copy->tmp } };
	struct timespec times[] = { copy->st.st_atim, copy->st.st_mtim };
	int r;

	TRY(copy_owner(fs, copy));
	TRY(copydata_xattrs(&from, &to));
	if (copy->fd >= 0)
		lookup_keep_ino(fs, (struct at){ copy->fd, "" }, copy->node->ino);
	else if (!S_ISDIR(copy->st.st_mode))
		lookup_keep_ino(fs, to.at, copy->node->ino);
	if (fs->config.single_id)
		TRY(copy_kept(fs, copy, to.at));
	r = copy->fd >= 0 ? futimens(copy->fd, times)
			  : utimensat(fs->work, copy->tmp, times, AT_SYMLINK_NOFOLLOW);
	return r < 0 ? -errno : 0;
}

/* The copy gets its place. The parent's times are those of before: nothing in it has changed. */
static int place(struct ovl *fs, struct copy *copy)
{
	struct node *node = copy->node;
	struct stat before;
	int dir = node_dir_handle(fs, node_parent(node), -1);

	if (dir < 0)
		return dir;
	if (fstatat(dir, "", &before, AT_EMPTY_PATH) < 0)
		return -errno;
	TRY(upper_rename_new(fs->work, copy->tmp, dir, node_name(node)));
	(void)utimensat(dir, ".", (struct timespec[]){ before.st_atim, before.st_mtim }, 0);
	if (copy->fd >= 0)
		return 0;
	return fs->upper->ops->stat(fs->upper, (struct at){ dir, node_name(node) }, &copy->made);
}

/* The name went while the data was copied: the copy lives on without one. */
static int place_orphan(struct ovl *fs, struct copy *copy)
{
	int fd;

	TRY(node_widen(fs, copy->node));
	fd = openat(fs->work, copy->tmp, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &copy->made) < 0)
		return -errno;
	node_unpin(copy->node);
	copy->node->body->pin = fd;
	work_remove(fs, copy->tmp);
	return 0;
}

static int commit(struct ovl *fs, struct copy *copy)
{
	struct node *node = copy->node;

	TRY(node_where(fs, node, &copy->from));
	TRY(copy_attributes(fs, copy));
	TRY(node->orphan ? place_orphan(fs, copy) : place(fs, copy));
	node->upper = true;
	node->layer = 0;
	if (!S_ISDIR(node->type))
		node_set_inode(fs, node, &copy->made);
	return 0;
}

static void start_writing(struct ovl *fs, int fd)
{
	if (!fs->config.volatile_)
		(void)sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE); /* else it comes later */
}

static int move_data(struct ovl *fs, struct copy *copy, int to, off_t size)
{
	autofd int from = copy->from.layer->ops->open_file(copy->from.layer, copy->from.at);
	int r;

	if (from < 0)
		return from;
	if (size <= COPYDATA_SMALL) {
		r = copydata_file(from, to, size);
		start_writing(fs, to);
		return r;
	}
	copy->node->copying = true;
	ovl_unlock(fs);
	ovl_slow(fs);
	r = copydata_file(from, to, size);
	start_writing(fs, to);
	ovl_lock(fs);
	copy->node->copying = false;
	(void)pthread_cond_broadcast(&fs->changed);
	return r;
}

static int copy_one(struct ovl *fs, struct node *node, int64_t size)
{
	struct copy copy = { .node = node, .fd = -1 };
	autofd int to = -1;
	int r;

	TRY(node_widen(fs, node));
	TRY(node_where(fs, node, &copy.from));
	TRY(copy.from.layer->ops->stat(copy.from.layer, copy.from.at, &copy.st));
	r = make_tmp(fs, &copy);
	if (r < 0)
		return r;
	beside_fresh(fs->upper->beside, (struct at){ fs->work, copy.tmp });
	if (S_ISREG(copy.st.st_mode)) {
		copy.fd = to = r;
		r = fstat(to, &copy.made) < 0 ? -errno : 0;
		if (size > copy.st.st_size)
			size = copy.st.st_size;
		if (r == 0 && size > 0)
			r = move_data(fs, &copy, to, size);
	}
	if (r == 0)
		r = commit(fs, &copy);
	if (r < 0)
		work_remove(fs, copy.tmp);
	else if (to >= 0 && node->body->data.handle < 0)
		slot_fill(&fs->slots, &node->body->data, NULL,
			move_fd(&to)); /* about to be written */
	return r;
}

/* From the uppermost missing directory down; no recursion, paths may be deep. */
static int copy_dirs(struct ovl *fs, struct node *dir)
{
	while (!dir->upper) {
		struct node *node = dir;

		if (!fs->upper)
			return -EROFS;
		if (node->orphan)
			return -ENOENT;
		while (node_parent(node) && !node_parent(node)->upper)
			node = node_parent(node);
		TRY(copy_one(fs, node, 0));
	}
	return 0;
}

int copyup_dir(struct ovl *fs, struct node *dir)
{
	if (!fs->upper)
		return -EROFS;
	if (dir->orphan)
		return -ENOENT;
	return copy_dirs(fs, dir);
}

int copyup_node(struct ovl *fs, struct node *node, int64_t size)
{
	if (!fs->upper)
		return -EROFS;
	if (S_ISDIR(node->type))
		return copy_dirs(fs, node);
	while (node->copying) {
		ovl_slow(fs);
		(void)pthread_cond_wait(&fs->changed, &fs->lock);
	}
	if (node->layer == 0)
		return 0;
	if (!node->orphan)
		TRY(copy_dirs(fs, node_parent(node)));
	return copy_one(fs, node, size);
}
