/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree is walked with a list of directories still to do, not by recursion: paths may be deep. While a
 * file is copied without the lock others may add to the tree; what they add is in the upper already,
 * or it is found by the next walk: only a walk that had nothing to copy is followed by the marks.
 */
#include "pure.h"

#include <dirent.h>
#include <errno.h>

#include "copyup.h"
#include "lookup.h"
#include "readdir.h"
#include "whiteout.h"

#include "base/own.h"

#define MAX_WALKS 100

struct walk {
	struct ovl *fs;
	struct node **dirs; /* referred to; a directory comes before those in it */
	size_t n, size;
	bool copied;
};

static int add_dir(struct walk *w, struct node *dir)
{
	if (w->n == w->size) {
		size_t size = w->size ? 2 * w->size : 64;
		struct node **dirs = realloc(w->dirs, size * sizeof(struct node *));

		if (!dirs)
			return -ENOMEM;
		w->dirs = dirs;
		w->size = size;
	}
	node_ref(dir);
	w->dirs[w->n++] = dir;
	return 0;
}

static void walk_done(struct walk *w)
{
	while (w->n > 0)
		node_unref(w->fs, w->dirs[--w->n]);
	free(move_ptr(&w->dirs));
}

static int visit(struct walk *w, struct node *node)
{
	bool below = S_ISDIR(node->type) ? !node->upper : node->layer != 0;
	int r = 0;

	node_ref(node);
	if (below) {
		w->copied = true;
		r = copyup_node(w->fs, node, COPYUP_ALL);
	}
	if (r == 0 && S_ISDIR(node->type) && node->body->parts)
		r = add_dir(w, node);
	node_unref(w->fs, node);
	return r;
}

static int visit_name(struct walk *w, struct node *dir, const char *name)
{
	struct node *node;
	int r;

	if (dir->orphan)
		return -ESTALE;
	r = lookup_child(w->fs, dir, name, &node, NULL);
	if (r == -ENOENT)
		return 0; /* removed meanwhile */
	return r < 0 ? r : visit(w, node);
}

static int visit_dir(struct walk *w, struct node *dir)
{
	autofree char *names = NULL;
	size_t len;

	if (dir->orphan)
		return -ESTALE;
	if (dir->body->xwhite)
		return -EXDEV; /* its mark cannot say both things */
	TRY(listing_names(w->fs, dir, &names, &len));
	for (const char *name = names; name < names + len; name += strlen(name) + 1)
		TRY(visit_name(w, dir, name));
	return 0;
}

struct sweep {
	struct ovl *fs;
	int dir;
};

static int sweep_entry(void *data, const struct layer_entry *entry)
{
	struct sweep *sweep = data;
	struct at at = { sweep->dir, entry->name };
	struct stat st;

	if (entry->type != DT_CHR && entry->type != DT_UNKNOWN)
		return 0;
	if (whiteout_probe(sweep->fs->upper, at, false, &st) != 1)
		return 0;
	return unlinkat(at.dir, at.name, 0) < 0 ? -errno : 0;
}

/* Whiteouts have nothing to hide in an opaque directory, and the kernel's overlay lists them there. */
static int sweep(struct ovl *fs, int dir)
{
	struct sweep sweep = { fs, dir };

	return fs->upper->ops->list(fs->upper, dir, sweep_entry, &sweep);
}

/* Everything is in the upper and the lock has been held since that was seen. */
static int mark_all(struct walk *w)
{
	w->fs->absent.dir = 0; /* what was covered there will not be any more */
	for (size_t i = w->n; i-- > 0;) {
		struct node *dir = w->dirs[i];
		int handle = node_dir_handle(w->fs, dir, -1);

		if (handle < 0)
			return handle;
		TRY(whiteout_set_opaque(w->fs, (struct at){ handle, "" }));
		lookup_keep_ino(w->fs, (struct at){ handle, "" }, dir->ino);
		node_drop_parts(w->fs, dir);
		TRY(sweep(w->fs, handle));
	}
	return 0;
}

static int walk_once(struct walk *w, struct node *top)
{
	TRY(copyup_node(w->fs, top, COPYUP_ALL));
	TRY(add_dir(w, top));
	for (size_t i = 0; i < w->n; i++)
		TRY(visit_dir(w, w->dirs[i]));
	return w->copied ? 0 : mark_all(w);
}

int pure_make(struct ovl *fs, struct node *dir)
{
	for (int i = 0; dir->body->parts && i < MAX_WALKS; i++) {
		struct walk w = { .fs = fs };
		int r = walk_once(&w, dir);

		walk_done(&w);
		if (r < 0)
			return r == -EOPNOTSUPP ? -EXDEV : r;
	}
	return dir->body->parts ? -EXDEV : 0;
}
