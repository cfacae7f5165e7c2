/* SPDX-License-Identifier: Apache-2.0 */
#include "whiteout.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/sysmacros.h>

#include "upper.h"

#include "base/fs.h"
#include "base/log.h"
#include "base/own.h"

#define SHARED_WHITEOUT "whiteout" /* hard-linked: a link is cheaper than an inode */

bool whiteout_is_device(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0);
}

int whiteout_probe(struct layer *layer, struct at at, bool xwhite, struct stat *ret)
{
	char value[1];
	int r = layer->ops->stat(layer, at, ret);

	if (r < 0)
		return r;
	if (whiteout_is_device(ret))
		return 1;
	if (!xwhite || !S_ISREG(ret->st_mode) || ret->st_size != 0)
		return 0;
	r = (int)layer->ops->getxattr(layer, at, XATTR_WHITEOUT, value, sizeof(value));
	return r >= 0 || r == -ERANGE;
}

int whiteout_dir_mark(struct layer *layer, struct at at)
{
	char value[1];
	ssize_t n = layer->ops->getxattr(layer, at, XATTR_OPAQUE, value, sizeof(value));

	return n == 1 && (value[0] == 'y' || value[0] == 'x') ? value[0] : 0;
}

int whiteout_set_opaque(struct at at)
{
	return upper_setxattr(at, &(struct ovl_xattr){ XATTR_OPAQUE, "y", 1, 0 });
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

static int make_device(struct at at)
{
	return mknodat(at.dir, at.name, S_IFCHR, makedev(0, 0)) < 0 ? -errno : 0;
}

int whiteout_make(struct ovl *fs, struct at at)
{
	if (!fs->has_whiteout)
		fs->has_whiteout = make_device((struct at){ fs->work, SHARED_WHITEOUT }) == 0;
	if (fs->has_whiteout) {
		if (linkat(fs->work, SHARED_WHITEOUT, at.dir, at.name, 0) == 0)
			return 0;
		if (errno == EEXIST || errno == ENOSPC || errno == EDQUOT)
			return -errno;
		/* EMLINK: that inode is full, the next whiteout starts another one */
		(void)unlinkat(fs->work, SHARED_WHITEOUT, 0);
		fs->has_whiteout = false;
	}
	return make_device(at);
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

int whiteout_needed(struct ovl *fs, struct node *dir, const char *name)
{
	struct stat st;

	for (unsigned i = 0; dir->parts && i < dir->parts->n; i++) {
		struct part *part = &dir->parts->v[i];
		int handle = node_dir_handle(fs, dir, (int)i);
		int r;

		if (handle < 0)
			return handle;
		r = whiteout_probe(
			fs->lower[part->layer - 1], (struct at){ handle, name }, part->xwhite, &st);
		if (r != -ENOENT)
			return r < 0 ? r : r == 0;
	}
	return 0;
}
