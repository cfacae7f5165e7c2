/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lookup and forget. A name is asked for layer by layer, top down: the first object found is it,
 * directories go on collecting the lower directories of that name until something hides them.
 *
 * Names of one upper file share a node. Names of one lower file do not: they part when one of them
 * is copied up, so they must not share cached data before.
 */
#include "lookup.h"

#include <errno.h>
#include <limits.h>
#include <sys/xattr.h>

#include "ids.h"
#include "names.h"
#include "redirect.h"
#include "upper.h"
#include "whiteout.h"

#include "base/own.h"

struct found {
	struct stat st; /* of the uppermost object, as shown */
	struct stat real;
	bool upper, xwhite, covered;
	uint16_t layer;
	uint64_t ino;
	struct parts *parts;
	struct ovl *fs;
	char *redirect; /* what the lowest directory so far says of those below it */
	char *origin;   /* what the upper one says, as a path */
	bool absolute;  /* that is just how it says it */
};

int lookup_check_name(const char *name)
{
	if (!*name || strchr(name, '/') || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return -EINVAL;
	return strlen(name) > NAME_MAX ? -ENAMETOOLONG : 0;
}

static void found_done(struct found *found)
{
	for (unsigned i = 0; found->parts && i < found->parts->n; i++)
		free(found->parts->v[i].path);
	free(move_ptr(&found->parts));
	free(move_ptr(&found->redirect));
	free(move_ptr(&found->origin));
}

/* The number under which a copied-up file was shown before. */
static uint64_t kept_ino(struct layer *layer, struct at at, uint64_t otherwise)
{
	uint64_t ino;

	if (beside_getxattr(layer, at, XATTR_INO, &ino, sizeof(ino)) != sizeof(ino) || !ino)
		return otherwise;
	return ino;
}

void lookup_keep_ino(struct ovl *fs, struct at at, uint64_t ino)
{
	if (!*at.name && fsetxattr(at.dir, XATTR_INO, &ino, sizeof(ino), 0) == 0)
		return;
	(void)upper_mark(fs, at, &(struct beside_fact){ XATTR_INO, &ino, sizeof(ino) });
}

/* Takes the object at `at` as the uppermost. Returns 1 to go on looking for lower directories. */
static int take_first(struct ovl *fs, struct found *found, struct layer *layer, struct at at)
{
	found->real = found->st;
	if (fs->config.single_id)
		ids_show(&(struct where){ layer, at }, &found->st);
	found->ino = ovl_map_ino(fs, found->real.st_dev, found->real.st_ino);
	if (found->upper && !S_ISDIR(found->real.st_mode) &&
		(S_ISREG(found->real.st_mode) || layer->beside))
		found->ino = kept_ino(layer, at, found->ino);
	return S_ISDIR(found->st.st_mode);
}

/* A redirect of the directory that was just found. The upper's is refused unless redirects are followed: whoever
 * wrote it meant other lower directories than those of its name. */
static int note_redirect(struct ovl *fs, struct found *found, struct layer *layer, struct at at)
{
	char *redirect = NULL;

	if (!fs->config.redirect && layer != fs->upper)
		return 0;
	TRY(redirect_read(layer, at, &redirect));
	if (!redirect)
		return 0;
	free(found->redirect);
	found->redirect = redirect;
	return fs->config.redirect ? 0 : -EPERM;
}

static int find_upper(struct ovl *fs, struct node *dir, const char *name, struct found *ret)
{
	struct at at = { node_dir_handle(fs, dir, -1), name };
	int r, mark;

	if (at.dir < 0)
		return at.dir;
	r = whiteout_probe(fs->upper, at, dir->body->xwhite, &ret->st);
	if (r < 0)
		return r == -ENOENT ? 1 : r;
	if (r == 1) {
		ret->covered = true;
		return -ENOENT;
	}
	ret->upper = true;
	r = take_first(fs, ret, fs->upper, at);
	if (r <= 0)
		return r;
	mark = whiteout_dir_mark(fs->upper, at);
	ret->xwhite = mark == 'x';
	if (mark == 'y') /* nothing below tells its number: it may have been moved */
		ret->ino = kept_ino(fs->upper, at, ret->ino);
	else
		TRY(note_redirect(fs, ret, fs->upper, at));
	if (!ret->redirect)
		return mark != 'y';
	ret->absolute = *ret->redirect == '/';
	TRY(redirect_path(ret->absolute ? fs->root : dir, ret->redirect, &ret->origin));
	return 1;
}

/* Takes path over also when it fails. */
static int append_part(struct found *found, uint16_t layer, bool xwhite, char *adopt_path)
{
	unsigned n = found->parts ? found->parts->n : 0;
	struct parts *parts = realloc(
		found->parts, sizeof(struct parts) + (n + 1) * sizeof(struct part));

	if (!parts) {
		free(adopt_path);
		return -ENOMEM;
	}
	found->parts = parts;
	parts->n = n + 1;
	parts->v[n] = (struct part){ .layer = layer, .xwhite = xwhite, .path = adopt_path };
	slot_init(&parts->v[n].slot);
	return 0;
}

/* The uppermost lower directory names a directory, copied up or not. */
static void take_number(struct ovl *fs, struct found *found, const struct stat *st)
{
	if (!found->parts)
		found->ino = ovl_map_ino(fs, st->st_dev, st->st_ino);
}

/* One lower layer. Returns 1 to go on with the next. */
static int find_lower(
	struct ovl *fs, struct node *dir, unsigned i, const char *name, struct found *ret)
{
	const struct part *part = &dir->body->parts->v[i];
	struct layer *layer = fs->lower[part->layer - 1];
	struct at at = { node_dir_handle(fs, dir, (int)i), name };
	bool first = !ret->upper && !ret->parts;
	char *path = NULL;
	struct stat st;
	int r, mark;

	if (at.dir < 0)
		return at.dir;
	r = whiteout_probe(layer, at, part->xwhite, &st);
	if (r < 0)
		return r == -ENOENT ? 1 : r;
	if (r == 1)
		return first ? -ENOENT : 0;
	if (first) {
		ret->st = st;
		ret->layer = part->layer;
		r = take_first(fs, ret, layer, at);
		if (r <= 0)
			return r;
	} else if (!S_ISDIR(st.st_mode)) {
		return 0;
	}
	take_number(fs, ret, &st);
	mark = whiteout_dir_mark(layer, at);
	if (ret->redirect)
		TRY(redirect_part_path(dir, (int)i, name, &path));
	TRY(append_part(ret, part->layer, mark == 'x', path));
	if (mark != 'y')
		TRY(note_redirect(fs, ret, layer, at));
	return mark != 'y';
}

static int take_redirected(void *data, const struct redirect_dir *dir)
{
	struct found *found = data;
	char *path = strdup(dir->path);

	if (!path)
		return -ENOMEM;
	take_number(found->fs, found, &dir->st);
	TRY(append_part(found, dir->layer, dir->xwhite, path));
	return 1;
}

/* The lower layers: by the name in the directory's own parts, until a redirect says otherwise. */
static int find_lowers(struct ovl *fs, struct node *dir, const char *name, struct found *ret)
{
	const struct parts *parts = dir->body->parts;
	struct redirect redirect = { .fn = take_redirected, .data = ret };
	int r = 1;

	ret->fs = fs;
	for (unsigned i = 0; r == 1; i++) {
		autofree char *other = NULL;

		if (ret->redirect && *ret->redirect == '/') {
			redirect.to = ret->redirect;
			return redirect_follow(fs, &redirect);
		}
		if (!parts || i >= parts->n)
			return r;
		if (ret->redirect && !(other = strdup(ret->redirect)))
			return -ENOMEM;
		redirect.above = parts->v[i].layer;
		r = find_lower(fs, dir, i, other ? other : name, ret);
	}
	return r;
}

static int find(struct ovl *fs, struct node *dir, const char *name, struct found *ret)
{
	int r = dir->upper ? find_upper(fs, dir, name, ret) : 1;

	if (r == 1 && !ret->redirect && names_surely_not(fs, dir, name))
		r = 0;
	if (r == 1)
		r = find_lowers(fs, dir, name, ret);
	if (r < 0)
		return r;
	if (ret->upper || ret->parts || ret->layer)
		return 0;
	if (r == 1)
		names_missed(fs, dir);
	return -ENOENT;
}

/* Another name of an upper file that has a node already. */
static struct node *find_alias(
	struct ovl *fs, struct node *dir, const char *name, struct found *found)
{
	struct node *node;

	if (!found->upper || S_ISDIR(found->st.st_mode))
		return NULL;
	node = node_find_inode(fs, &found->real);
	if (!node || node->type != (found->st.st_mode & S_IFMT))
		return NULL;
	if (node->orphan && node_link(fs, node, dir, name) == 0)
		node_unpin(node);
	return node;
}

static int make_node(
	struct ovl *fs, struct node *dir, const char *name, struct found *found, struct node **ret)
{
	struct node *node = find_alias(fs, dir, name, found);

	if (!node) {
		TRY(node_new(fs, found->st.st_mode, name, &node));
		if ((found->upper && node_widen(fs, node) < 0) ||
			node_link(fs, node, dir, name) < 0) {
			node_drop(fs, node);
			return -ENOMEM;
		}
		node->ino = found->ino;
		node->upper = found->upper;
		if (S_ISDIR(node->type))
			node->body->xwhite = found->xwhite;
		node->layer = found->layer;
		if (found->parts) {
			node->body->parts = move_ptr(&found->parts);
			node->body->redirected = found->origin && found->absolute;
			node->body->redirect = move_ptr(&found->origin);
		}
		if (found->upper && !S_ISDIR(node->type))
			node_set_inode(fs, node, &found->real);
	}
	*ret = node;
	return 0;
}

int lookup_absent(const struct ovl *fs, const struct node *dir, const char *name)
{
	if (fs->absent.dir != node_id(dir) || strcmp(fs->absent.name, name) != 0)
		return -1;
	return fs->absent.covered;
}

static void remember_absent(struct ovl *fs, const struct node *dir, const char *name, bool covered)
{
	size_t len = strlen(name);

	fs->absent.dir = len <= NAME_MAX ? node_id(dir) : 0;
	fs->absent.covered = covered;
	if (fs->absent.dir)
		memcpy(fs->absent.name, name, len + 1);
}

int lookup_child(struct ovl *fs, struct node *parent, const char *name, struct node **ret,
	struct stat *ret_st)
{
	struct found found = { 0 };
	struct node *node = node_find(fs, parent, name);
	int r;

	if (node) {
		r = ret_st ? node_stat(fs, node, ret_st) : 0;
		if (r == 0)
			*ret = node;
		return r == -ENOENT ? -ESTALE : r;
	}
	if (lookup_absent(fs, parent, name) >= 0)
		return -ENOENT;
	r = find(fs, parent, name, &found);
	if (r == -ENOENT)
		remember_absent(fs, parent, name, found.covered);
	if (r == 0)
		r = make_node(fs, parent, name, &found, &node);
	if (r == 0) {
		found.st.st_ino = node->ino;
		if (node_is_merged(node))
			found.st.st_nlink = 1;
		if (ret_st)
			*ret_st = found.st;
		*ret = node;
	}
	found_done(&found);
	return r;
}

int lookup_adopt(struct ovl *fs, struct node *parent, const struct made *made, struct node **ret,
	struct stat *ret_st)
{
	struct at at = { node_dir_handle(fs, parent, -1), made->name };
	struct found found = { .upper = true };

	if (at.dir < 0)
		return at.dir;
	if (made->fd >= 0)
		TRY(layer_dir_ops.stat(NULL, (struct at){ made->fd, "" }, &found.st));
	else
		TRY(fs->upper->ops->stat(fs->upper, at, &found.st));
	found.real = found.st;
	if (fs->config.single_id)
		ids_show(&(struct where){ fs->upper, at }, &found.st);
	found.ino = ovl_map_ino(fs, found.real.st_dev, found.real.st_ino);
	TRY(make_node(fs, parent, made->name, &found, ret));
	*ret_st = found.st;
	ret_st->st_ino = (*ret)->ino;
	return 0;
}

void lookup_count(struct node *node, const struct stat *st, struct ovl_entry *ret)
{
	node_count(node);
	ret->id = node_id(node);
	ret->st = *st;
}

int ovl_lookup(struct ovl *fs, uint64_t parent, const char *name, struct ovl_entry *ret)
{
	struct node *dir, *node;
	struct stat st;
	int r;

	TRY(lookup_check_name(name));
	ovl_lock(fs);
	r = node_get_dir(fs, parent, &dir);
	if (r == 0)
		r = lookup_child(fs, dir, name, &node, &st);
	if (r == 0)
		lookup_count(node, &st, ret);
	ovl_unlock(fs);
	return r;
}

void ovl_forget(struct ovl *fs, uint64_t id, uint64_t lookups)
{
	struct node *node;

	ovl_lock(fs);
	if (node_get(fs, id, &node) == 0 && node != fs->root) {
		node_uncount(node, lookups);
		node_drop(fs, node);
	}
	ovl_unlock(fs);
}

/* The root is in every layer down to the first opaque one. */
int lookup_root(struct ovl *fs, struct node **ret)
{
	struct node *node;
	struct stat st;
	int mark = 0;

	TRY(node_new(fs, S_IFDIR, NULL, &node));
	node->body->parts = calloc(1, sizeof(struct parts) + fs->n_lower * sizeof(struct part));
	if (!node->body->parts) {
		node_drop(fs, node);
		return -ENOMEM;
	}
	if (fs->upper) {
		mark = whiteout_dir_mark(fs->upper, (struct at){ fs->upper->root, "" });
		node->upper = true;
		node->body->xwhite = mark == 'x';
	}
	for (unsigned i = 0; mark != 'y' && i < fs->n_lower; i++) {
		struct part *part = &node->body->parts->v[node->body->parts->n++];

		mark = whiteout_dir_mark(fs->lower[i], (struct at){ fs->lower[i]->root, "" });
		*part = (struct part){ .layer = (uint16_t)(i + 1), .xwhite = mark == 'x' };
		slot_init(&part->slot);
	}
	struct layer *top = fs->upper ? fs->upper : fs->lower[0];
	int r = top->ops->stat(top, (struct at){ top->root, "" }, &st);
	if (r < 0) {
		node_drop(fs, node);
		return r;
	}
	node->ino = st.st_ino;
	*ret = node;
	return 0;
}
