/* SPDX-License-Identifier: Apache-2.0 */
#include "image/pack_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/kept.h"
#include "base/own.h"
#include "base/strv.h"
#include "base/xalloc.h"
#include "image/tarout.h"

#define OPAQUE     "user.overlay.opaque"
#define WHITEOUT   "user.overlay.whiteout"
#define XATTR_MAX  65536
#define FIRST_SIZE 1024 /* of the table of links; a power of two */

bool pack_is_whiteout(const struct facts *facts, int dir, const char *name, const struct stat *st)
{
	char value[8];
	struct fact_asked mark = { WHITEOUT, value, sizeof(value), 0 };

	if (S_ISCHR(st->st_mode))
		return st->st_rdev == makedev(0, 0);
	if (!S_ISREG(st->st_mode) || st->st_size > 0)
		return false;
	return facts_get(facts, dir, name, &mark) >= 0 || mark.result == -ERANGE;
}

bool pack_is_opaque(const struct facts *facts, int dir)
{
	char value = 0;

	return facts_get(facts, dir, "", &(struct fact_asked){ OPAQUE, &value, 1, 0 }) == 1 &&
	       value == 'y';
}

void pack_kept_stat(const struct facts *facts, int dir, const char *name, struct stat *st)
{
	char kept[KEPT_TEXT], owner[KEPT_TEXT];
	ssize_t n = facts_get(
		facts, dir, name, &(struct fact_asked){ KEPT_XATTR, kept, sizeof(kept) - 1, 0 });
	ssize_t m = facts_get(
		facts, dir, name, &(struct fact_asked){ OWNER_XATTR, owner, sizeof(owner) - 1, 0 });

	kept[n < 0 ? 0 : n] = owner[m < 0 ? 0 : m] = '\0';
	kept_apply(n < 0 ? NULL : kept, m < 0 ? NULL : owner, st);
}

/* Marks of an overlay, ours or another's, are no property of the file. */
static bool wanted(const char *name)
{
	static const char *const ours[] = { "user.overlay.", "user.fuseoverlayfs.",
		"user.containers.", "user.sbx." };

	for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
		if (strncmp(name, ours[i], strlen(ours[i])) == 0)
			return false;
	return strncmp(name, "user.", 5) == 0 || strcmp(name, "security.capability") == 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int add_xattr(int fd, const char *name, struct buf *pax, struct err *err)
{
	autofree char *key = xasprintf("SCHILY.xattr.%s", name);
	autofree char *value = xmalloc(XATTR_MAX);
	ssize_t n = fgetxattr(fd, name, value, XATTR_MAX);

	if (n < 0 && errno == ENODATA)
		return 0; /* taken away meanwhile */
	if (n < 0)
		return err_sys(err, "read the extended attribute %.100s", name);
	tar_pax_add(pax, key, value, (size_t)n);
	return 0;
}

int pack_xattrs(int fd, struct buf *pax, struct err *err)
{
	char few[1024];
	autofree char *many = NULL;
	autostrv struct strv names = STRV_INIT;
	const char *list = few;
	ssize_t n = flistxattr(fd, few, sizeof(few));

	if (n < 0 && errno == ERANGE) {
		list = many = xmalloc(XATTR_MAX);
		n = flistxattr(fd, many, XATTR_MAX);
	}
	if (n < 0)
		return errno == EOPNOTSUPP ? 0 : err_sys(err, "list extended attributes");
	for (const char *name = list; name < list + n; name += strlen(name) + 1)
		if (wanted(name))
			strv_add(&names, name);
	if (names.n > 1)
		qsort(names.v, names.n, sizeof(*names.v), by_name);
	strv_each (name, &names)
		TRY(add_xattr(fd, *name, pax, err));
	return 0;
}

/* ---- hard links ---- */

struct slot {
	dev_t dev;
	ino_t ino;
	char *path; /* NULL = empty */
};

struct pack_links {
	struct slot *slots;
	size_t size, used;
};

struct pack_links *pack_links_new(void)
{
	struct pack_links *links = xcalloc(1, sizeof(*links));

	links->size = FIRST_SIZE;
	links->slots = xcalloc(links->size, sizeof(*links->slots));
	return links;
}

void pack_links_free(struct pack_links *links)
{
	for (size_t i = 0; links && i < links->size; i++)
		free(links->slots[i].path);
	if (links)
		free(links->slots);
	free(links);
}

static struct slot *find_slot(struct pack_links *links, dev_t dev, ino_t ino)
{
	size_t at = (size_t)((uint64_t)ino * 0x9e3779b97f4a7c15u >> 20) & (links->size - 1);

	while (links->slots[at].path &&
		(links->slots[at].ino != ino || links->slots[at].dev != dev))
		at = (at + 1) & (links->size - 1);
	return &links->slots[at];
}

static void grow(struct pack_links *links)
{
	struct pack_links more = { .size = links->size * 2, .used = links->used };

	more.slots = xcalloc(more.size, sizeof(*more.slots));
	for (size_t i = 0; i < links->size; i++)
		if (links->slots[i].path)
			*find_slot(
				&more, links->slots[i].dev, links->slots[i].ino) = links->slots[i];
	free(links->slots);
	*links = more;
}

const char *pack_links_find(struct pack_links *links, const struct stat *st, const char *path)
{
	struct slot *slot = find_slot(links, st->st_dev, st->st_ino);

	if (slot->path)
		return slot->path;
	*slot = (struct slot){ st->st_dev, st->st_ino, xstrdup(path) };
	if (++links->used > links->size / 2)
		grow(links);
	return NULL;
}
