/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a node to the object on disk: handles of directories, opened one component at a time below
 * their parent's and cached, and the place of a file in them.
 */
#include "node.h"

#include <errno.h>

#include "ids.h"
#include "redirect.h"

#include "base/own.h"

struct layer *ovl_layer(struct ovl *fs, uint16_t layer)
{
	return layer == 0 ? fs->upper : fs->lower[layer - 1];
}

/* Numbers of layers on other devices get the device's place in their upper bits. */
uint64_t ovl_map_ino(struct ovl *fs, dev_t dev, uint64_t ino)
{
	unsigned i = 0;

	while (i < fs->n_devs && fs->devs[i] != dev)
		i++;
	if (i == 0 || ino >> 48 != 0)
		return ino;
	return ino | (uint64_t)i << 48;
}

int node_part_of_layer(const struct node *dir, uint16_t layer)
{
	if (layer == 0)
		return -1;
	for (unsigned i = 0; dir->body->parts && i < dir->body->parts->n; i++)
		if (dir->body->parts->v[i].layer == layer)
			return (int)i;
	return -1;
}

static struct slot *dir_slot(struct node *dir, int part)
{
	return part < 0 ? &dir->body->data : &dir->body->parts->v[part].slot;
}

/* The handle of `layer` in dir if it needs no opening, else -1. */
static int ready_handle(struct ovl *fs, struct node *dir, struct layer *layer, struct slot *slot)
{
	if (dir == fs->root)
		return layer->root;
	if (slot->handle >= 0)
		slot_touch(&fs->slots, slot);
	else if (dir->body->pin >= 0 && slot == &dir->body->data)
		return dir->body->pin;
	return slot->handle;
}

int node_dir_handle(struct ovl *fs, struct node *dir, int part)
{
	uint16_t index = part < 0 ? 0 : dir->body->parts->v[part].layer;
	struct layer *layer = ovl_layer(fs, index);

	if (!layer)
		return -EROFS;
	for (;;) {
		struct node *node = dir;
		int own = part;
		int handle = ready_handle(fs, node, layer, dir_slot(node, own));
		int above = -1;

		if (handle >= 0)
			return handle;
		/* Up to the first ancestor whose handle is open; no recursion, paths may be deep. */
		for (;; node = node_parent(node), own = above) {
			struct node *parent = node_parent(node);

			if (own >= 0 && node->body->parts->v[own].path)
				break;
			if (!parent)
				return -ESTALE;
			above = node_part_of_layer(parent, index);
			if (index != 0 && above < 0)
				return -EIO;
			handle = ready_handle(fs, parent, layer, dir_slot(parent, above));
			if (handle >= 0)
				break;
		}
		if (own >= 0 && node->body->parts->v[own].path)
			handle = redirect_open(layer, node->body->parts->v[own].path);
		else
			handle = layer->ops->open_dir(
				layer, (struct at){ handle, node_name(node) });
		if (handle < 0)
			return handle == -ENOENT || handle == -ENOTDIR || handle == -ELOOP ? -ESTALE
											   : handle;
		slot_fill(&fs->slots, dir_slot(node, own), layer, handle);
	}
}

bool node_is_merged(const struct node *dir)
{
	return dir->body->parts && dir->body->parts->n + dir->upper > 1;
}

static int where_dir(struct ovl *fs, struct node *node, struct where *ret)
{
	int part = node->upper ? -1 : 0;
	int handle;

	if (!node->upper && !node->body->parts)
		return -EIO;
	handle = node_dir_handle(fs, node, part);
	if (handle < 0)
		return handle;
	ret->layer = ovl_layer(fs, part < 0 ? 0 : node->body->parts->v[0].layer);
	ret->at = (struct at){ handle, "" };
	return 0;
}

int node_where(struct ovl *fs, struct node *node, struct where *ret)
{
	int part, handle;

	if (node->orphan) {
		if (node->body->pin < 0)
			return -ESTALE;
		*ret = (struct where){ &fs->plain, { node->body->pin, "" } };
		return 0;
	}
	if (S_ISDIR(node->type))
		return where_dir(fs, node, ret);
	part = node_part_of_layer(node_parent(node), node->layer);
	if (node->layer != 0 && part < 0)
		return -EIO;
	handle = node_dir_handle(fs, node_parent(node), part);
	if (handle < 0)
		return handle;
	*ret = (struct where){ ovl_layer(fs, node->layer), { handle, node_name(node) } };
	return 0;
}

int node_held(struct ovl *fs, struct node *node, struct where *ret)
{
	if (!S_ISREG(node->type) || node->layer != 0 || node->body->data.handle < 0)
		return node_where(fs, node, ret);
	*ret = (struct where){ &fs->plain, { node->body->data.handle, "" } };
	return 0;
}

int node_stat(struct ovl *fs, struct node *node, struct stat *ret)
{
	struct where where;
	struct stat st;

	TRY(node_held(fs, node, &where));
	TRY(where.layer->ops->stat(where.layer, where.at, &st));
	if (fs->config.single_id)
		ids_show(&where, &st);
	if ((st.st_mode & S_IFMT) != node->type)
		return -ESTALE; /* somebody else changed the layer */
	st.st_ino = node->ino;
	if (!node->orphan && node_is_merged(node))
		st.st_nlink = 1; /* as the kernel: nobody counts the merged subdirectories */
	if (node->orphan && node->layer != 0 && st.st_nlink > 0)
		st.st_nlink--; /* the lower file still has the name that was whited out */
	if (node->orphan && S_ISDIR(node->type))
		st.st_nlink = 0;
	*ret = st;
	return 0;
}

int node_pin(struct ovl *fs, struct node *node)
{
	struct slot *slot;
	struct where where;
	int fd;

	if (node->body->pin >= 0)
		return 0;
	TRY(node_widen(fs, node));
	slot = node->layer == 0 ? &node->body->data : &node->body->lower;
	if (!S_ISDIR(node->type) && slot->handle >= 0 && !slot->pins) {
		node->body->pin = slot_take(&fs->slots, slot); /* an open file is as good */
		return 0;
	}
	TRY(node_where(fs, node, &where));
	fd = where.layer->ops->pin(where.layer, where.at);
	if (fd < 0)
		return fd;
	node->body->pin = fd;
	return 0;
}

void node_unpin(struct node *node)
{
	if (node->body->pin >= 0)
		fd_drop(&node->body->pin);
}
