/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Extended attributes. The names that this format keeps its own facts under do not exist for the
 * inside: neither seen nor set, so nothing inside can forge a whiteout or an owner.
 */
#include "overlay.h"

#include <errno.h>
#include <sys/xattr.h>

#include "copyup.h"
#include "upper.h"

#include "base/own.h"

static bool is_ours(const char *name)
{
	static const char *const prefixes[] = { "user.overlay.", "user.sbx.", "trusted.overlay." };

	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return false;
}

static int remove_at(struct at at, const char *name)
{
	char path[LAYER_PATH_MAX];
	int r;

	(void)layer_proc_path(path, at);
	r = *at.name ? lremovexattr(path, name) : removexattr(path, name);
	return r < 0 ? -errno : 0;
}

/* Copies up, unless removing what is not there. */
static int change(struct ovl *fs, struct node *node, const struct ovl_xattr *x)
{
	struct where where;

	TRY(node_where(fs, node, &where));
	if (!x->value) {
		ssize_t n = where.layer->ops->getxattr(where.layer, where.at, x->name, NULL, 0);

		if (n < 0)
			return (int)n;
	}
	TRY(copyup_node(fs, node, COPYUP_ALL));
	TRY(node_where(fs, node, &where));
	return x->value ? upper_setxattr(where.at, x) : remove_at(where.at, x->name);
}

int ovl_setxattr(struct ovl *fs, uint64_t id, const struct ovl_xattr *xattr)
{
	struct node *node;
	int r;

	if (is_ours(xattr->name))
		return -EOPNOTSUPP;
	ovl_lock(fs);
	r = node_get(fs, id, &node);
	if (r == 0) {
		node_ref(node);
		r = change(fs, node, xattr);
		node_unref(fs, node);
	}
	ovl_unlock(fs);
	return r;
}

int ovl_removexattr(struct ovl *fs, uint64_t id, const char *name)
{
	return ovl_setxattr(fs, id, &(struct ovl_xattr){ .name = name });
}

ssize_t ovl_getxattr(struct ovl *fs, uint64_t id, const char *name, void *buf, size_t size)
{
	struct where where;
	struct node *node;
	ssize_t r;

	if (is_ours(name))
		return -EOPNOTSUPP;
	ovl_lock(fs);
	r = node_get(fs, id, &node);
	if (r == 0)
		r = node_where(fs, node, &where);
	if (r == 0)
		r = where.layer->ops->getxattr(where.layer, where.at, name, buf, size);
	ovl_unlock(fs);
	return r;
}

/* Packs the names that are not ours to the front; returns their length. */
static size_t filter(char *names, size_t len)
{
	size_t kept = 0;

	for (size_t i = 0; i < len;) {
		size_t n = strnlen(names + i, len - i) + 1;

		if (i + n > len)
			break;
		if (!is_ours(names + i)) {
			memmove(names + kept, names + i, n);
			kept += n;
		}
		i += n;
	}
	return kept;
}

static ssize_t list(struct ovl *fs, struct node *node, char *buf, size_t size)
{
	autofree char *names = NULL;
	struct where where;
	ssize_t n;

	TRY(node_where(fs, node, &where));
	n = where.layer->ops->listxattr(where.layer, where.at, NULL, 0);
	if (n <= 0)
		return n;
	names = malloc((size_t)n);
	if (!names)
		return -ENOMEM;
	n = where.layer->ops->listxattr(where.layer, where.at, names, (size_t)n);
	if (n < 0)
		return n;
	n = (ssize_t)filter(names, (size_t)n);
	if (size == 0)
		return n;
	if ((size_t)n > size)
		return -ERANGE;
	memcpy(buf, names, (size_t)n);
	return n;
}

ssize_t ovl_listxattr(struct ovl *fs, uint64_t id, char *buf, size_t size)
{
	struct node *node;
	ssize_t r;

	ovl_lock(fs);
	r = node_get(fs, id, &node);
	if (r == 0)
		r = list(fs, node, buf, size);
	ovl_unlock(fs);
	return r;
}
