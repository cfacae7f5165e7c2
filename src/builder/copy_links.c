/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One table per instruction, bounded: beyond the bound hard links become separate files, which is right, only
 * larger. An entry goes when its name in the image does, so that what is found is still what was written.
 */
#include "builder/copy_links.h"

#include <search.h>
#include <stdlib.h>

#include "base/xalloc.h"

#define LINKS_MAX ((size_t)1 << 18)

struct link {
	struct stat source, dest;
	char *path;
};

static int compare(const struct stat *a, const struct stat *b)
{
	if (a->st_dev != b->st_dev)
		return a->st_dev < b->st_dev ? -1 : 1;
	return a->st_ino < b->st_ino ? -1 : a->st_ino > b->st_ino;
}

static int by_source(const void *a, const void *b)
{
	return compare(&((const struct link *)a)->source, &((const struct link *)b)->source);
}

static int by_dest(const void *a, const void *b)
{
	return compare(&((const struct link *)a)->dest, &((const struct link *)b)->dest);
}

static void link_free(void *entry)
{
	struct link *link = entry;

	free(link->path);
	free(link);
}

static void keep(void *entry)
{
	(void)entry; /* the other tree has it */
}

void copy_links_done(struct copy_links *links)
{
	tdestroy(links->by_dest, keep);
	tdestroy(links->by_source, link_free);
	*links = (struct copy_links){ 0 };
}

bool copy_links_wants(const struct stat *source)
{
	return S_ISREG(source->st_mode) && source->st_nlink > 1;
}

bool copy_links_same(const struct stat *a, const struct stat *b)
{
	return compare(a, b) == 0 && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static void drop(struct copy_links *links, struct link *link)
{
	(void)tdelete(link, &links->by_source, by_source);
	(void)tdelete(link, &links->by_dest, by_dest);
	link_free(link);
	links->n--;
}

static struct link *find(void *const *tree, const struct stat *st, bool dest)
{
	struct link key = { .source = *st, .dest = *st };
	struct link **found = tfind(&key, tree, dest ? by_dest : by_source);

	return found ? *found : NULL;
}

void copy_links_note(struct copy_links *links, const struct stat *source, const struct stat *dest,
	const char *path)
{
	struct link *link = find(&links->by_source, source, false);

	if (link)
		drop(links, link);
	link = find(&links->by_dest, dest, true);
	if (link)
		drop(links, link);
	if (links->n == LINKS_MAX)
		return;
	link = xcalloc(1, sizeof(*link));
	*link = (struct link){ .source = *source, .dest = *dest, .path = xstrdup(path) };
	if (!tsearch(link, &links->by_source, by_source)) {
		link_free(link);
		return;
	}
	if (!tsearch(link, &links->by_dest, by_dest)) {
		(void)tdelete(link, &links->by_source, by_source);
		link_free(link);
		return;
	}
	links->n++;
}

const char *copy_links_find(
	const struct copy_links *links, const struct stat *source, struct stat *ret_dest)
{
	struct link *link = find(&links->by_source, source, false);

	if (!link || !copy_links_same(&link->source, source))
		return NULL;
	*ret_dest = link->dest;
	return link->path;
}

void copy_links_forget(struct copy_links *links, const struct stat *dest)
{
	struct link *link;

	if (S_ISDIR(dest->st_mode)) {
		copy_links_done(links);
		return;
	}
	link = find(&links->by_dest, dest, true);
	if (link)
		drop(links, link);
}
