/* SPDX-License-Identifier: Apache-2.0 */
#include "redirect.h"

#include <errno.h>
#include <limits.h>

#include "beside.h"
#include "copyup.h"
#include "upper.h"
#include "whiteout.h"

#include "base/log.h"
#include "base/own.h"

#define LONGEST_WRITTEN \
	256 /* as the kernel's redirect_max; what others wrote may be as long as a path */

/* A path that is put together at its end, or at its beginning. */
struct path {
	char text[PATH_MAX];
	size_t len;
};

static int path_append(struct path *path, const char *name, size_t len)
{
	if (path->len + len + 2 > sizeof(path->text))
		return -ENAMETOOLONG;
	if (path->len && len)
		path->text[path->len++] = '/';
	memcpy(path->text + path->len, name, len);
	path->len += len;
	path->text[path->len] = '\0';
	return 0;
}

static bool is_name(const char *name, size_t len)
{
	return len > 0 && len <= NAME_MAX && memchr(name, '/', len) == NULL &&
	       !(len == 1 && name[0] == '.') && !(len == 2 && memcmp(name, "..", 2) == 0);
}

bool redirect_is_valid(const char *text)
{
	if (*text != '/')
		return is_name(text, strlen(text));
	while (*text == '/') {
		size_t len = strcspn(++text, "/");

		if (!is_name(text, len))
			return false;
		text += len;
	}
	return true;
}

int redirect_read(struct layer *layer, struct at at, char **ret)
{
	char text[PATH_MAX];
	ssize_t n = beside_getxattr(layer, at, XATTR_REDIRECT, text, sizeof(text) - 1);

	*ret = NULL;
	if (n == -ERANGE)
		return -EINVAL;
	if (n < 0)
		return n == -ENODATA || n == -EOPNOTSUPP || n == -EPERM ? 0 : (int)n;
	text[n] = '\0';
	if (strlen(text) != (size_t)n || !redirect_is_valid(text))
		return -EINVAL;
	*ret = strdup(text);
	return *ret ? 0 : -ENOMEM;
}

int redirect_open(struct layer *layer, const char *path)
{
	int handle = layer->root;

	while (*path) {
		char name[NAME_MAX + 1];
		size_t len = strcspn(path, "/");
		int next;

		if (len > NAME_MAX)
			return -ENAMETOOLONG;
		(void)snprintf(name, sizeof(name), "%.*s", (int)len, path);
		next = layer->ops->open_dir(layer, (struct at){ handle, name });
		if (handle != layer->root)
			layer->ops->close_dir(layer, handle);
		if (next < 0)
			return next;
		handle = next;
		path += len + (path[len] == '/');
	}
	return handle == layer->root ? layer->ops->open_dir(layer, (struct at){ handle, "" })
				     : handle;
}

/* One layer's walk along a path. `next` is the path in the layers below it. */
struct walk {
	struct layer *layer;
	int handle; /* of the directory that is being looked in */
	bool xwhite, stop;
	struct stat st;
	struct path next;
};

/* Goes on from the directory at `at`. */
static int note_directory(struct walk *w, struct at at)
{
	autofree char *redirect = NULL;
	int mark = whiteout_dir_mark(w->layer, at);

	w->xwhite = mark == 'x';
	if (mark == 'y')
		w->stop =
			true; /* what is below is another directory, unless one in it says otherwise */
	else
		TRY(redirect_read(w->layer, at, &redirect));
	if (!redirect)
		return path_append(&w->next, at.name, strlen(at.name));
	if (*redirect != '/')
		return path_append(&w->next, redirect, strlen(redirect));
	w->stop = false;
	w->next.len = 0;
	return path_append(&w->next, redirect + 1, strlen(redirect + 1));
}

/* 1: a directory of that name, noted. 0: nothing. -ENOTDIR: something that hides what is below. */
static int walk_name(struct walk *w, const char *name)
{
	struct at at = { w->handle, name };
	int r = whiteout_probe(w->layer, at, w->xwhite, &w->st);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	if (r == 1 || !S_ISDIR(w->st.st_mode))
		return -ENOTDIR;
	TRY(note_directory(w, at));
	return 1;
}

static void leave(struct walk *w)
{
	if (w->handle >= 0 && w->handle != w->layer->root)
		w->layer->ops->close_dir(w->layer, w->handle);
	w->handle = -1;
}

static int enter(struct walk *w, const char *name)
{
	int handle = w->layer->ops->open_dir(w->layer, (struct at){ w->handle, name });

	leave(w);
	w->handle = handle;
	return handle < 0 ? handle : 0;
}

/* 1: the directory is there. 0: it is not. */
static int walk_path(struct walk *w, const char *path)
{
	for (;;) {
		char name[NAME_MAX + 1];
		size_t len = strcspn(path, "/");
		int r;

		if (len > NAME_MAX)
			return -ENAMETOOLONG;
		(void)snprintf(name, sizeof(name), "%.*s", (int)len, path);
		r = walk_name(w, name);
		if (r == 0) /* the layers below may have the rest */
			return path_append(&w->next, path, strlen(path));
		if (r < 0 || !path[len])
			return r;
		TRY(enter(w, name));
		path += len + 1;
	}
}

/* Below one layer: 1 to go on with the next. */
static int follow_into(
	struct ovl *fs, const struct part *part, const struct redirect *redirect, struct path *path)
{
	struct walk w = { .layer = fs->lower[part->layer - 1], .xwhite = part->xwhite };
	int r;

	w.handle = w.layer->root;
	r = walk_path(&w, path->text);
	leave(&w);
	if (r == -ENOTDIR)
		return 0;
	if (r == 1)
		r = redirect->fn(redirect->data,
			&(struct redirect_dir){ part->layer, path->text, w.st, w.xwhite });
	else if (r == 0)
		r = 1;
	*path = w.next;
	return r == 1 ? !w.stop : r;
}

int redirect_follow(struct ovl *fs, const struct redirect *redirect)
{
	const struct parts *roots = fs->root->body->parts;
	struct path path = { .len = 0 };
	int r = 1;

	TRY(path_append(&path, redirect->to + 1, strlen(redirect->to + 1)));
	for (unsigned i = 0; r == 1 && roots && i < roots->n; i++)
		if (roots->v[i].layer > redirect->above)
			r = follow_into(fs, &roots->v[i], redirect, &path);
	return r;
}

/* Puts a name in front; `path` is filled from its end. */
static int prepend(struct path *path, const char *name)
{
	size_t len = strlen(name);

	if (len + 1 > path->len)
		return -ENAMETOOLONG;
	path->len -= len;
	memcpy(path->text + path->len, name, len);
	if (*name != '/')
		path->text[--path->len] = '/';
	return 0;
}

/* From the root down to dir's name: in one layer, or (layer 0) where the layers together have it. */
static int full_path(const struct node *dir, uint16_t layer, struct path *path)
{
	for (; node_parent(dir); dir = node_parent(dir)) {
		const char *origin = dir->body->redirect;

		if (layer != 0) {
			int part = node_part_of_layer(dir, layer);

			if (part < 0)
				return -EIO;
			origin = dir->body->parts->v[part].path;
		}
		if (origin)
			return prepend(path, origin);
		TRY(prepend(path, node_name(dir)));
	}
	return dir->orphan ? -ENOENT : 0;
}

static int path_of(const struct node *dir, uint16_t layer, const char *name, char **ret)
{
	struct path path = { .len = PATH_MAX - 1 };

	path.text[PATH_MAX - 1] = '\0';
	if (*name)
		TRY(prepend(&path, name));
	TRY(full_path(dir, layer, &path));
	*ret = strdup(path.text + path.len + (layer != 0));
	return *ret ? 0 : -ENOMEM;
}

int redirect_path(const struct node *dir, const char *name, char **ret)
{
	return path_of(dir, 0, name, ret);
}

int redirect_part_path(const struct node *dir, int part, const char *name, char **ret)
{
	return path_of(dir, dir->body->parts->v[part].layer, name, ret);
}

/* The parts are found by their own paths from now on, not by the name. */
static int fix_parts(struct node *dir)
{
	for (unsigned i = 0; i < dir->body->parts->n; i++) {
		struct part *part = &dir->body->parts->v[i];

		if (!part->path)
			TRY(redirect_part_path(dir, (int)i, "", &part->path));
	}
	return 0;
}

int redirect_make(struct ovl *fs, struct node *dir)
{
	autofree char *path = NULL;
	int handle;

	TRY(redirect_path(dir, "", &path));
	if (strlen(path) > LONGEST_WRITTEN)
		return -ENAMETOOLONG;
	TRY(copyup_node(fs, dir, 0));
	handle = node_dir_handle(fs, dir, -1);
	if (handle < 0)
		return handle;
	TRY(fix_parts(dir));
	TRY(upper_mark(fs, (struct at){ handle, "" },
		&(struct beside_fact){ XATTR_REDIRECT, path, strlen(path), .now = true }));
	free(dir->body->redirect);
	dir->body->redirect = move_ptr(&path);
	dir->body->redirected = true;
	return 0;
}
