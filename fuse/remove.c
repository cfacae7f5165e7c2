/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unlink and rmdir. What a lower layer would show is hidden by a whiteout that takes the place of
 * the upper object in one step, so at no moment the old lower object can be seen again.
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

static int remove_file(struct ovl *fs, struct node *node, struct at at, bool cover)
{
	bool in_upper = node->layer == 0;

	if (!in_upper)
		return cover ? whiteout_make(fs, at) : -EIO;
	if (cover)
		return whiteout_replace(fs, at);
	return unlinkat(at.dir, at.name, 0) < 0 ? -errno : 0;
}

/* Out of the way first, so that a directory with leftover whiteouts goes in one step too. */
static int remove_dir(struct ovl *fs, struct node *node, struct at at, bool cover)
{
	char tmp[TMP_NAME];

	if (!node->upper)
		return cover ? whiteout_make(fs, at) : -EIO;
	if (!cover) {
		if (unlinkat(at.dir, at.name, AT_REMOVEDIR) == 0)
			return 0;
		if (errno != ENOTEMPTY && errno != EEXIST)
			return -errno;
		work_name(fs, tmp);
		if (renameat(at.dir, at.name, fs->work, tmp) < 0)
			return -errno;
	} else {
		TRY(whiteout_make_tmp(fs, tmp));
		if (renameat2(fs->work, tmp, at.dir, at.name, RENAME_EXCHANGE) < 0) {
			int r = -errno;

			work_remove(fs, tmp);
			return r;
		}
	}
	work_remove(fs, tmp);
	return 0;
}

static int remove_node(struct ovl *fs, struct node *dir, const char *name, struct node *node)
{
	struct at at;
	bool other = node_has_other_name(node, dir, name);
	struct fact_key gone;
	int cover, r;

	TRY(copyup_dir(fs, dir));
	cover = whiteout_needed_for(fs, dir, name, node);
	if (cover < 0)
		return cover;
	at = (struct at){ node_dir_handle(fs, dir, -1), name };
	if (at.dir < 0)
		return at.dir;
	if (!other && (node->lookups || node->refs > 1))
		TRY(node_pin(fs, node));
	beside_key(fs->upper->beside, at, &gone);
	r = S_ISDIR(node->type) ? remove_dir(fs, node, at, cover)
				: remove_file(fs, node, at, cover);
	if (r < 0) {
		if (!node->orphan)
			node_unpin(node);
		return r;
	}
	beside_drop(fs->upper->beside, &gone);
	listing_changed(fs, dir);
	if (!other)
		node_unlink(fs, node);
	return 0;
}

static int check_kind(struct ovl *fs, struct node *node, bool want_dir)
{
	if (!want_dir)
		return S_ISDIR(node->type) ? -EISDIR : 0;
	if (!S_ISDIR(node->type))
		return -ENOTDIR;
	return listing_check_empty(fs, node);
}

static int remove_name(struct ovl *fs, uint64_t parent, const char *name, bool want_dir)
{
	struct node *dir, *node;
	int r;

	TRY(lookup_check_name(name));
	ovl_lock(fs);
	r = node_get_dir(fs, parent, &dir);
	if (r == 0)
		r = fs->upper ? lookup_child(fs, dir, name, &node, NULL) : -EROFS;
	if (r == 0) {
		node_ref(dir);
		node_ref(node);
		r = check_kind(fs, node, want_dir);
		if (r == 0)
			r = remove_node(fs, dir, name, node);
		node_unref(fs, node);
		node_unref(fs, dir);
	}
	ovl_unlock(fs);
	return r;
}

int ovl_unlink(struct ovl *fs, uint64_t parent, const char *name)
{
	return remove_name(fs, parent, name, false);
}

int ovl_rmdir(struct ovl *fs, uint64_t parent, const char *name)
{
	return remove_name(fs, parent, name, true);
}
