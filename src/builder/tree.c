/* SPDX-License-Identifier: Apache-2.0 */
/*
 * COPY in a process that is root of the user namespace. A snapshot it copies to is mounted with a new upper
 * directory, one it copies from with an upper directory that is thrown away. The digest of a tree comes
 * back through a file of the work directory, for memory does not.
 */
#include "builder/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/xalloc.h"
#include "process/inside.h"

#define DIGEST_FILE "digest"

static int plan_root(struct build *b, const struct snapshot *snap, const char *dir,
	struct rootfs *ret, struct err *err)
{
	*ret = (struct rootfs){ .driver = b->driver, .is_volatile = true };
	ret->container = xstrdup(dir);
	ret->ops = xcalloc(1, sizeof(*ret->ops));
	ret->n_ops = 1;
	ret->ops[0].kind = OP_ROOT;
	ret->ops[0].source = xstrdup(rootfs_driver_name(b->driver));
	ret->ops[0].target = xstrdup("/");
	TRY(fs_mkdirs(dir, 0700, err));
	TRY(snapshot_dirs(b, snap, &ret->layers, err));
	return rootfs_prepare(ret, err);
}

static int apply(void *data, const int *roots, struct err *err)
{
	const struct tree_copy *copy = data;
	size_t next = 0;
	int to = copy->to ? roots[next++] : copy->target;
	int from = copy->from ? roots[next] : copy->source;
	char digest[SHA256_HEX];

	if (!copy->digest) {
		TRY(copy_apply(to, from, copy->plan, err));
		return copy->more ? copy_apply(to, copy->more_source, copy->more, err) : 0;
	}
	TRY(copy_digest(from, copy->plan, -1, digest, err));
	return fs_write_at(
		copy->build->work_fd, DIGEST_FILE, digest, strlen(digest), FS_NOSYNC, err);
}

static int apply_alone(void *data, struct err *err)
{
	return apply(data, NULL, err);
}

static int read_digest(const struct tree_copy *copy, struct err *err)
{
	autofree char *text = NULL;

	TRY(fs_read_at(copy->build->work_fd, DIGEST_FILE, SHA256_HEX, &text, NULL, err));
	(void)snprintf(copy->digest, SHA256_HEX, "%s", text);
	return 0;
}

static int mount_and_apply(struct tree_copy *copy, struct rootfs *roots, struct err *err)
{
	struct build *b = copy->build;
	autofree char *to = xasprintf("%s/%s", b->work, copy->dir);
	/* beside it: the first mount covers what is in its directory */
	autofree char *from = xasprintf("%s/%s-from", b->work, copy->dir);
	const struct rootfs *list[INSIDE_ROOTS];
	size_t n = 0;

	if (copy->to) {
		TRY(plan_root(b, copy->to, to, &roots[n], err));
		list[n] = &roots[n];
		n++;
	}
	if (copy->from) {
		TRY(plan_root(b, copy->from, from, &roots[n], err));
		list[n] = &roots[n];
		n++;
	}
	TRY(build_userns(b, err));
	return n ? inside_mounted(list, n, b->userns, apply, copy, err)
		 : userns_run_in(b->userns, 0, apply_alone, copy, err);
}

int tree_copy(struct tree_copy *copy, struct err *err)
{
	autofd int still = cache_hold_still(&copy->build->cache, err);
	autofree char *step = xasprintf("%s/%s", copy->build->work, copy->dir);
	autofree char *from = xasprintf("%s-from", copy->dir);
	struct rootfs roots[INSIDE_ROOTS] = { ROOTFS_INIT, ROOTFS_INIT };
	autofd int dir = -EBADF;
	int r = still;

	if (r >= 0)
		r = mount_and_apply(copy, roots, err);
	for (size_t i = 0; i < INSIDE_ROOTS; i++)
		rootfs_done(&roots[i]);
	if (r >= 0 && copy->digest)
		r = read_digest(copy, err);
	if (r < 0)
		return r;
	dir = open(step, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return err_sys(err, "open the step's directory");
	TRY(fs_remove_tree(copy->build->work_fd, from, err));
	(void)unlinkat(dir, "fuse.log", 0); /* only the fuse driver has one */
	return fs_remove_tree(dir, "work", err);
}
