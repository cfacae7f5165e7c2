/* SPDX-License-Identifier: Apache-2.0 */
#include "whiteout.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/sysmacros.h>

#include "lookup.h"
#include "names.h"
#include "upper.h"

#include "base/fs.h"
#include "base/log.h"
#include "base/own.h"

#define SHARED_WHITEOUT "whiteout" /* hard-linked: a link is cheaper than an inode */

bool whiteout_is_device(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0);
}

/* What is there besides: 1 when a file ".wh.NAME" hides the name, else -ENOENT. */
static int probe_dot_wh(struct layer *layer, struct at at)
{
	char name[NAME_MAX + 1];
	struct stat st;
	int n = snprintf(name, sizeof(name), DOT_WH "%s", at.name), r;

	if (n > NAME_MAX)
		return -ENOENT;
	r = layer->ops->stat(layer, (struct at){ at.dir, name }, &st);
	return r == 0 ? 1 : r;
}

int whiteout_probe(struct layer *layer, struct at at, bool xwhite, struct stat *ret)
{
	char value[1];
	int r;

	if (layer->dot_wh && strncmp(at.name, DOT_WH, strlen(DOT_WH)) == 0)
		return -ENOENT;
	r = layer->ops->stat(layer, at, ret);
	if (r == -ENOENT && layer->dot_wh && xwhite)
		return probe_dot_wh(layer, at);
	if (r < 0)
		return r;
	if (whiteout_is_device(ret))
		return 1;
	if (!xwhite || !S_ISREG(ret->st_mode) || ret->st_size != 0)
		return 0;
	r = (int)beside_getxattr(layer, at, XATTR_WHITEOUT, value, sizeof(value));
	return r >= 0 || r == -ERANGE;
}

static int note_dot_wh(void *data, const struct layer_entry *entry)
{
	char *mark = data;

	if (strncmp(entry->name, DOT_WH, strlen(DOT_WH)) != 0)
		return 0;
	*mark = strcmp(entry->name, DOT_WH DOT_WH ".opq") == 0 ? 'y' : 'x';
	return *mark == 'y';
}

/* What the names in the directory say; it is read once, so that looking up others costs no more. */
static char dot_wh_mark(struct layer *layer, struct at at)
{
	int dir = layer->ops->open_dir(layer, at);
	char mark = 0;

	if (dir < 0)
		return 0;
	(void)layer->ops->list(layer, dir, note_dot_wh, &mark); /* unreadable: told when listed */
	layer->ops->close_dir(layer, dir);
	return mark;
}

int whiteout_dir_mark(struct layer *layer, struct at at)
{
	char value[1];
	ssize_t n = beside_getxattr(layer, at, XATTR_OPAQUE, value, sizeof(value));

	if (n == 1 && (value[0] == 'y' || value[0] == 'x'))
		return value[0];
	return layer->dot_wh ? dot_wh_mark(layer, at) : 0;
}

int whiteout_set_opaque(struct ovl *fs, struct at at)
{
	return upper_mark(fs, at, &(struct beside_fact){ XATTR_OPAQUE, "y", 1, .now = true });
}

void work_name(struct ovl *fs, char *ret)
{
	(void)snprintf(ret, TMP_NAME, "#%llx", (unsigned long long)++fs->next_tmp);
}

void work_remove(struct ovl *fs, const char *name)
{
	struct err err = ERR_INIT;

	if (unlinkat(fs->work, name, 0) == 0 || errno == ENOENT)
		return;
	if (fs_remove_tree(fs->work, name, &err) < 0)
		log_msg(LOG_WARN, "left in the work directory until the next start: %s", err.text);
}

static int make_xattr_file(struct ovl *fs, struct at at)
{
	autofd int fd = openat(
		at.dir, at.name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0);
	int r;

	if (fd < 0)
		return -errno;
	beside_fresh(fs->upper->beside, at);
	r = upper_mark(fs, at, &(struct beside_fact){ XATTR_WHITEOUT, "y", 1, .now = true });
	if (r < 0)
		(void)unlinkat(at.dir, at.name, 0); /* the failure is told */
	return r;
}

static int make_one(struct ovl *fs, struct at at)
{
	ovl_umask(fs, 0);
	if (fs->xwhite)
		return make_xattr_file(fs, at);
	return mknodat(at.dir, at.name, S_IFCHR, makedev(0, 0)) < 0 ? -errno : 0;
}

/* The one that is linked from then on; it also finds out which kind can be made. */
static void make_shared(struct ovl *fs)
{
	struct at at = { fs->work, SHARED_WHITEOUT };
	int r = make_one(fs, at);

	if (!fs->xwhite && (r == -EPERM || r == -EACCES || r == -EOPNOTSUPP || r == -EINVAL)) {
		fs->xwhite = true;
		r = make_one(fs, at);
	}
	fs->has_whiteout = r == 0;
}

/* Files with an xattr are whiteouts only in a directory that says so. */
static int mark_dir(struct ovl *fs, struct node *dir)
{
	int handle;

	if (!fs->has_whiteout)
		make_shared(fs);
	if (!fs->xwhite || dir->body->xwhite)
		return 0;
	handle = node_dir_handle(fs, dir, -1);
	if (handle < 0)
		return handle;
	TRY(upper_mark(fs, (struct at){ handle, "" },
		&(struct beside_fact){ XATTR_OPAQUE, "x", 1, .now = true }));
	dir->body->xwhite = true;
	return 0;
}

int whiteout_make(struct ovl *fs, struct at at)
{
	if (!fs->has_whiteout)
		make_shared(fs);
	if (fs->has_whiteout) {
		if (linkat(fs->work, SHARED_WHITEOUT, at.dir, at.name, 0) == 0)
			return 0;
		if (errno == EEXIST || errno == ENOSPC || errno == EDQUOT)
			return -errno;
		/* EMLINK: that inode is full, the next whiteout starts another one */
		(void)unlinkat(fs->work, SHARED_WHITEOUT, 0);
		fs->has_whiteout = false;
	}
	return make_one(fs, at);
}

int whiteout_make_tmp(struct ovl *fs, char *ret_name)
{
	work_name(fs, ret_name);
	return whiteout_make(fs, (struct at){ fs->work, ret_name });
}

int whiteout_replace(struct ovl *fs, struct at at)
{
	char tmp[TMP_NAME];

	TRY(whiteout_make_tmp(fs, tmp));
	if (renameat2(fs->work, tmp, at.dir, at.name, 0) < 0) {
		int r = -errno;

		work_remove(fs, tmp);
		return r;
	}
	return 0;
}

static int shows_lower(struct ovl *fs, struct node *dir, const char *name)
{
	struct stat st;

	if (lookup_absent(fs, dir, name) == 0 || names_surely_not(fs, dir, name))
		return 0;
	for (unsigned i = 0; dir->body->parts && i < dir->body->parts->n; i++) {
		struct part *part = &dir->body->parts->v[i];
		int handle = node_dir_handle(fs, dir, (int)i);
		int r;

		if (handle < 0)
			return handle;
		r = whiteout_probe(
			fs->lower[part->layer - 1], (struct at){ handle, name }, part->xwhite, &st);
		if (r != -ENOENT)
			return r < 0 ? r : r == 0;
	}
	names_missed(fs, dir);
	return 0;
}

int whiteout_needed(struct ovl *fs, struct node *dir, const char *name)
{
	int r = shows_lower(fs, dir, name);

	if (r == 1)
		TRY(mark_dir(fs, dir));
	return r;
}

int whiteout_needed_for(struct ovl *fs, struct node *dir, const char *name, const struct node *node)
{
	if (S_ISDIR(node->type) ? !node->body->parts || node->body->redirect : node->layer == 0)
		return whiteout_needed(fs, dir, name);
	TRY(mark_dir(fs, dir));
	return 1;
}
