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

#include "base/kept.h"
#include "base/own.h"

#define ACL_ACCESS "system.posix_acl_access"

static bool is_acl(const char *name)
{
	return strncmp(name, "system.posix_acl_", 17) == 0;
}

static bool is_ours(const char *name)
{
	static const char *const prefixes[] = { "user.overlay.", "user.sbx.", "trusted.overlay." };

	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return false;
}

/* With one single id an owner is what the container's supervisor says it is, and it alone looks (docs/mounts.md);
 * what the image said is there to read. */
static bool is_open(const struct ovl *fs, const char *name, bool write)
{
	if (!fs->config.single_id)
		return false;
	return strcmp(name, OWNER_XATTR) == 0 || (!write && strcmp(name, KEPT_XATTR) == 0);
}

static int remove_at(struct at at, const char *name)
{
	char path[LAYER_PATH_MAX];
	int r;

	(void)layer_proc_path(path, at);
	r = *at.name ? lremovexattr(path, name) : removexattr(path, name);
	return r < 0 ? -errno : 0;
}

/* Whether the caller is in the group by a supplementary one is not told: then it counts as outside. */
static int kill_sgid(struct at at, const struct ovl_xattr *x)
{
	struct stat st;

	TRY(layer_dir_ops.stat(NULL, at, &st));
	if (!(st.st_mode & S_ISGID) || S_ISDIR(st.st_mode) || x->uid == 0 || x->gid == st.st_gid)
		return 0;
	return upper_chmod(at, st.st_mode & ~(mode_t)S_ISGID);
}

/* Copies up, unless removing what is not there. */
static int change(struct ovl *fs, struct node *node, const struct ovl_xattr *x)
{
	struct where where;

	TRY(node_where(fs, node, &where));
	if (!x->value) {
		ssize_t n = where.layer->ops->getxattr(where.layer, where.at, x->name, NULL, 0);

		if (n < 0) /* an ACL may be taken away from what has none, as anywhere */
			return n == -ENODATA && is_acl(x->name) ? 0 : (int)n;
	}
	TRY(copyup_node(fs, node, COPYUP_ALL));
	TRY(node_where(fs, node, &where));
	node->bare = false;
	if (!x->value)
		return remove_at(where.at, x->name);
	TRY(upper_setxattr(where.at, x));
	return strcmp(x->name, ACL_ACCESS) == 0 ? kill_sgid(where.at, x) : 0;
}

int ovl_setxattr(struct ovl *fs, uint64_t id, const struct ovl_xattr *xattr)
{
	struct node *node;
	int r;

	if (is_ours(xattr->name) && !is_open(fs, xattr->name, true))
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

	if (is_ours(name) && !is_open(fs, name, false))
		return -EOPNOTSUPP;
	ovl_lock(fs);
	r = node_get(fs, id, &node);
	/* asked for before the first write to any file */
	if (r == 0 && node->bare && strcmp(name, "security.capability") == 0)
		r = -ENODATA;
	if (r == 0)
		r = node_where(fs, node, &where);
	if (r == 0)
		r = where.layer->ops->getxattr(where.layer, where.at, name, buf, size);
	ovl_unlock(fs);
	/* a layer without ACLs: any other answer would make the kernel refuse access */
	return r == -EOPNOTSUPP && is_acl(name) ? -ENODATA : r;
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
