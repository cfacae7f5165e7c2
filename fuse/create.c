/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mknod, mkdir, symlink, link and nameless files. Made in place where the upper has nothing of that
 * name; over a whiteout the object is completed in the work directory first and takes the whiteout's
 * place in one step. A directory over a whiteout is opaque: what it hid must not come back.
 */
#include "overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "copyup.h"
#include "lookup.h"
#include "readdir.h"
#include "upper.h"
#include "whiteout.h"

#include "base/own.h"

#define ACL_DEFAULT "system.posix_acl_default"
#define ACL_MAX     4096

/* With the lock held, so no other thread makes anything with this mask. A file comes open, at *ret_fd if
 * that is not NULL: mostly it is written next. */
static int make_object(struct ovl *fs, struct at at, const struct ovl_new *new, int *ret_fd)
{
	int flags = O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	mode_t type = new->mode &S_IFMT;
	int r;

	ovl_umask(fs, new->umask);
	if (type == S_IFDIR)
		r = mkdirat(at.dir, at.name, new->mode & 07777);
	else if (type == S_IFLNK)
		r = symlinkat(new->target, at.dir, at.name);
	else if (type == S_IFREG && ret_fd)
		r = *ret_fd = openat(at.dir, at.name, flags, new->mode & 07777);
	else
		r = mknodat(at.dir, at.name, new->mode, new->rdev);
	if (r < 0)
		return -errno;
	beside_fresh(fs->upper->beside, at);
	return 0;
}

static int remove_object(struct at at, mode_t mode)
{
	return unlinkat(at.dir, at.name, S_ISDIR(mode) ? AT_REMOVEDIR : 0);
}

/* As asked for: group and set-group-id inherited from the parent, owner, mode. */
static int dress(struct ovl *fs, struct node *dir, struct at at, const struct ovl_new *new)
{
	struct stat want = {
		.st_mode = new->mode, .st_uid = new->uid, .st_gid = new->gid, .st_rdev = new->rdev
	};
	struct stat parent, made;

	if (!dir->body->no_sgid) {
		TRY(node_stat(fs, dir, &parent));
		dir->body->no_sgid = !(parent.st_mode & S_ISGID);
	}
	if (!dir->body->no_sgid) {
		want.st_gid = parent.st_gid;
		if (S_ISDIR(new->mode))
			want.st_mode |= S_ISGID;
	}
	if (want.st_uid == 0 && want.st_gid == 0 && !(want.st_mode & 07000))
		return 0; /* made so */
	TRY(layer_dir_ops.stat(NULL, at, &made));
	want.st_mode = (want.st_mode & ~(mode_t)0777) | (made.st_mode & 0777);
	return upper_set_owner(fs, at, &want);
}

static int make_in_place(
	struct ovl *fs, struct node *dir, struct at at, const struct ovl_new *new, int *ret_fd)
{
	int r = make_object(fs, at, new, ret_fd);

	if (r < 0)
		return r;
	r = dress(fs, dir, at, new);
	if (r < 0)
		(void)remove_object(
			at, new->mode); /* the failure is reported; nobody has seen it */
	return r;
}

/* A place to make something in: the work directory, or, as the default ACL of the directory is to be
 * inherited, one in there that has it too. *ret_fd is -1 or that. */
static int choose_place(struct ovl *fs, int dir, const char *tmp, int *ret_fd)
{
	struct at own = { fs->work, tmp };
	char acl[ACL_MAX];
	ssize_t n = layer_dir_ops.getxattr(
		NULL, (struct at){ dir, "" }, ACL_DEFAULT, acl, sizeof(acl));
	int r;

	if (n < 0)
		return n == -ENODATA || n == -EOPNOTSUPP ? fs->work : (int)n;
	ovl_umask(fs, 0);
	if (mkdirat(fs->work, tmp, 0700) < 0)
		return -errno;
	r = upper_setxattr(own, &(struct ovl_xattr){ ACL_DEFAULT, acl, (size_t)n, 0, 0, 0 });
	if (r == 0)
		r = *ret_fd = layer_dir_ops.open_dir(NULL, own);
	if (r < 0)
		work_remove(fs, tmp);
	return r;
}

static int make_at(
	struct ovl *fs, struct node *dir, const struct at way[2], const struct ovl_new *new)
{
	const struct at *work = &way[0], *at = &way[1];
	bool is_dir = S_ISDIR(new->mode);

	TRY(make_object(fs, *work, new, NULL));
	TRY(dress(fs, dir, *work, new));
	if (is_dir)
		TRY(whiteout_set_opaque(fs, *work));
	if (renameat2(work->dir, work->name, at->dir, at->name, is_dir ? RENAME_EXCHANGE : 0) < 0)
		return -errno;
	return 0;
}

static int make_over_whiteout(
	struct ovl *fs, struct node *dir, struct at at, const struct ovl_new *new)
{
	autofd int own = -1;
	char tmp[TMP_NAME];
	int place, r;

	work_name(fs, tmp);
	place = choose_place(fs, at.dir, tmp, &own);
	if (place < 0)
		return place;
	r = make_at(fs, dir, (struct at[2]){ { place, tmp }, at }, new);
	if (r < 0 || S_ISDIR(new->mode) || own >= 0)
		work_remove(fs, tmp); /* the failed object, the exchanged whiteout, the place */
	return r;
}

/* 1: the upper has a whiteout there, 0: nothing. -EEXIST. */
static int check_free(struct ovl *fs, struct node *dir, const char *name)
{
	struct node *node;
	int handle, r = lookup_absent(fs, dir, name);

	if (r >= 0)
		return r;
	/* Only whiteouts and merged directories make the upper's own O_EXCL not enough. */
	r = lookup_child(fs, dir, name, &node, NULL);
	if (r == 0)
		node_drop(fs, node);
	if (r != -ENOENT)
		return r == 0 ? -EEXIST : r;
	handle = node_dir_handle(fs, dir, -1);
	if (handle < 0)
		return handle;
	r = upper_type(fs, (struct at){ handle, name });
	return r < 0 ? r : r != 0;
}

static int create(struct ovl *fs, struct node *dir, const struct ovl_new *new, int *ret_fd)
{
	struct at at = { .name = new->name };
	int covered;

	if (S_ISCHR(new->mode) && new->rdev == 0)
		return -EPERM; /* that is a whiteout: not for the inside to make */
	TRY(copyup_dir(fs, dir));
	at.dir = node_dir_handle(fs, dir, -1);
	if (at.dir < 0)
		return at.dir;
	covered = check_free(fs, dir, new->name);
	if (covered < 0)
		return covered;
	return covered ? make_over_whiteout(fs, dir, at, new)
		       : make_in_place(fs, dir, at, new, ret_fd);
}

int ovl_create(struct ovl *fs, const struct ovl_new *new, struct ovl_entry *ret)
{
	struct made made = { new->name, -1 };
	struct node *dir, *node;
	struct stat st;
	int r;

	TRY(lookup_check_name(new->name));
	ovl_lock(fs);
	r = node_get_dir(fs, new->parent, &dir);
	if (r == 0)
		r = create(fs, dir, new, &made.fd);
	if (r == 0) {
		listing_changed(fs, dir);
		r = lookup_adopt(fs, dir, &made, &node, &st);
	} else {
		fs->absent.dir = 0; /* perhaps it is not as we believed */
	}
	if (r == 0) {
		node->bare = true;
		lookup_count(node, &st, ret);
		if (made.fd >= 0 && node->body->data.handle < 0)
			slot_fill(&fs->slots, &node->body->data, NULL, move_fd(&made.fd));
	}
	fd_drop(&made.fd);
	ovl_unlock(fs);
	return r;
}

/* A file without a name, kept by its pin alone until a link gives it one. */
static int make_nameless(
	struct ovl *fs, struct node *dir, const struct ovl_new *new, struct ovl_entry *ret)
{
	autofd int fd = -1;
	struct node *node;
	struct stat st;
	int handle;

	TRY(copyup_dir(fs, dir));
	handle = node_dir_handle(fs, dir, -1);
	if (handle < 0)
		return handle;
	ovl_umask(fs, new->umask);
	/* in the directory itself, whose default ACL it inherits */
	fd = openat(handle, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, new->mode & 07777);
	if (fd < 0)
		return -errno;
	beside_fresh(fs->upper->beside, (struct at){ fd, "" });
	TRY(dress(fs, dir, (struct at){ fd, "" }, new));
	if (fstat(fd, &st) < 0)
		return -errno;
	TRY(node_new(fs, S_IFREG, NULL, &node));
	if (node_widen(fs, node) < 0) {
		node_drop(fs, node);
		return -ENOMEM;
	}
	node->orphan = true;
	node->upper = true;
	node->body->pin = move_fd(&fd);
	node->ino = st.st_ino;
	node_set_inode(fs, node, &st);
	lookup_count(node, &st, ret);
	return 0;
}

int ovl_tmpfile(struct ovl *fs, const struct ovl_new *new, struct ovl_entry *ret)
{
	struct node *dir;
	int r;

	ovl_lock(fs);
	r = node_get_dir(fs, new->parent, &dir);
	if (r == 0)
		r = make_nameless(fs, dir, new, ret);
	ovl_unlock(fs);
	return r;
}

static int link_to(struct at from, int dir, const char *name)
{
	char path[LAYER_PATH_MAX];
	int r;

	if (*from.name)
		r = linkat(from.dir, from.name, dir, name, 0);
	else
		r = linkat(AT_FDCWD, layer_proc_path(path, from), dir, name, AT_SYMLINK_FOLLOW);
	return r < 0 ? -errno : 0;
}

/* A second name; over a whiteout by way of the work directory. A nameless file gets its first one. */
static int add_link(struct ovl *fs, struct node *node, struct node *dir, const char *name)
{
	char tmp[TMP_NAME];
	struct where from;
	int handle, covered;

	TRY(copyup_dir(fs, dir));
	covered = check_free(fs, dir, name);
	if (covered < 0)
		return covered;
	TRY(node_where(fs, node, &from));
	handle = node_dir_handle(fs, dir, -1);
	if (handle < 0)
		return handle;
	if (!covered)
		return link_to(from.at, handle, name);
	work_name(fs, tmp);
	TRY(link_to(from.at, fs->work, tmp));
	if (renameat(fs->work, tmp, handle, name) < 0) {
		int r = -errno;

		work_remove(fs, tmp);
		return r;
	}
	return 0;
}

int ovl_link(struct ovl *fs, uint64_t id, uint64_t parent, const char *name, struct ovl_entry *ret)
{
	struct node *node, *dir;
	struct stat st;
	int r;

	TRY(lookup_check_name(name));
	ovl_lock(fs);
	r = node_get(fs, id, &node);
	if (r == 0)
		r = node_get_dir(fs, parent, &dir);
	if (r < 0) {
		ovl_unlock(fs);
		return r;
	}
	node_ref(node);
	node_ref(dir);
	r = S_ISDIR(node->type) ? -EPERM : copyup_node(fs, node, COPYUP_ALL);
	if (r == 0)
		r = add_link(fs, node, dir, name);
	if (r == 0) {
		listing_changed(fs, dir);
		if (node->orphan && node_link(fs, node, dir, name) == 0)
			node_unpin(node);
		r = node_stat(fs, node, &st);
	}
	if (r == 0)
		lookup_count(node, &st, ret);
	node_unref(fs, dir);
	node_unref(fs, node);
	ovl_unlock(fs);
	return r;
}
