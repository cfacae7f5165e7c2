/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Merged directories. The listing is ordered by a keyed hash of the names, and that hash is the
 * cookie: a reader continues behind it whatever happened in between, with no open handle that would
 * have to remember where it was, and also when the listing was thrown away and made again.
 * (Two names of one directory with the same 62 bits would be one only at the seam of two replies;
 * the key is secret.)
 *
 * A reader in the middle goes on in the listing it began with; one that starts sees all changes.
 */
#include "readdir.h"

#include <dirent.h>
#include <errno.h>

#include "lookup.h"
#include "whiteout.h"

#include "base/own.h"

#define UNKNOWN_INO 1 /* readers take 0 for no entry */

enum { COOKIE_DOT = 1, COOKIE_DOTDOT, COOKIE_FIRST };

struct item {
	uint64_t cookie;
	uint64_t ino;
	uint32_t name; /* offset in names */
	uint16_t layer;
	unsigned char type;
	bool hidden; /* a whiteout, or a second find: more than one layer has the name */
};

struct listing {
	bool stale;
	size_t n;
	struct item *items; /* in the same block */
	char *names;
};

struct builder {
	struct ovl *fs;
	struct layer *layer;
	int handle;
	uint16_t index;
	bool xwhite;
	struct item *items;
	size_t n, size;
	char *names;
	size_t names_len, names_size;
};

static int grow(void **block, size_t *size, size_t want, size_t unit)
{
	size_t bigger = *size ? *size : 64;
	void *p;

	if (want <= *size)
		return 0;
	while (bigger < want)
		bigger *= 2;
	p = realloc(*block, bigger * unit);
	if (!p)
		return -ENOMEM;
	*block = p;
	*size = bigger;
	return 0;
}

/* Only what can be a whiteout is asked about. */
static int is_whiteout(struct builder *b, const struct layer_entry *entry)
{
	struct stat st;
	int r;

	if (entry->type != DT_CHR && entry->type != DT_UNKNOWN &&
		!(b->xwhite && entry->type == DT_REG))
		return 0;
	r = whiteout_probe(b->layer, (struct at){ b->handle, entry->name }, b->xwhite, &st);
	return r == -ENOENT ? 1 : r;
}

static int add_item(void *data, const struct layer_entry *entry)
{
	struct builder *b = data;
	bool dot_wh = b->layer->dot_wh && strncmp(entry->name, DOT_WH, strlen(DOT_WH)) == 0;
	const char *name = dot_wh ? entry->name + strlen(DOT_WH) : entry->name;
	size_t len = strlen(name) + 1;
	int hidden = dot_wh ? 1 : is_whiteout(b, entry);

	if (hidden < 0)
		return hidden;
	if (b->names_len + len > UINT32_MAX)
		return -EFBIG;
	TRY(grow((void **)&b->items, &b->size, b->n + 1, sizeof(*b->items)));
	TRY(grow((void **)&b->names, &b->names_size, b->names_len + len, 1));
	memcpy(b->names + b->names_len, name, len);
	b->items[b->n++] = (struct item){
		.cookie = (node_hash_name(b->fs, name) >> 2) | COOKIE_FIRST,
		.ino = ovl_map_ino(b->fs, b->layer->dev, entry->ino),
		.name = (uint32_t)b->names_len,
		.layer = b->index,
		.type = entry->type,
		.hidden = hidden,
	};
	b->names_len += len;
	return 0;
}

static int compare(const void *pa, const void *pb, void *names)
{
	const struct item *a = pa, *b = pb;
	int r;

	if (a->cookie != b->cookie)
		return a->cookie < b->cookie ? -1 : 1;
	r = strcmp((char *)names + a->name, (char *)names + b->name);
	if (r == 0)
		r = (int)a->layer - (int)b->layer;
	return r ? r : a->hidden - b->hidden;
}

/* Of several layers' entries of one name the uppermost decides. Returns how many stay. */
static size_t merge(struct item *items, size_t n, const char *names)
{
	size_t kept = 0;

	for (size_t i = 0; i < n;) {
		struct item first = items[i];
		size_t k = i + 1;

		while (k < n && items[k].cookie == first.cookie &&
			strcmp(names + items[k].name, names + first.name) == 0)
			k++;
		if (k > i + 1)
			first.ino = 0; /* the lower one's number may be the one shown: look it up */
		if (!first.hidden)
			items[kept++] = first;
		i = k;
	}
	return kept;
}

static int read_part(struct builder *b, struct node *dir, int part)
{
	b->index = part < 0 ? 0 : dir->body->parts->v[part].layer;
	b->layer = ovl_layer(b->fs, b->index);
	b->xwhite = part < 0 ? dir->body->xwhite : dir->body->parts->v[part].xwhite;
	b->handle = node_dir_handle(b->fs, dir, part);
	if (b->handle < 0)
		return b->handle;
	return b->layer->ops->list(b->layer, b->handle, add_item, b);
}

static int read_parts(struct builder *b, struct node *dir)
{
	if (dir->upper)
		TRY(read_part(b, dir, -1));
	for (unsigned i = 0; dir->body->parts && i < dir->body->parts->n; i++)
		TRY(read_part(b, dir, (int)i));
	return 0;
}

static int build(struct ovl *fs, struct node *dir)
{
	struct builder b = { .fs = fs };
	struct listing *listing = NULL;
	int r = read_parts(&b, dir);

	if (r == 0) {
		if (b.n)
			qsort_r(b.items, b.n, sizeof(*b.items), compare, b.names);
		b.n = merge(b.items, b.n, b.names);
		listing = malloc(sizeof(*listing) + b.n * sizeof(*b.items) + b.names_len);
		r = listing ? 0 : -ENOMEM;
	}
	if (r == 0) {
		listing->stale = false;
		listing->n = b.n;
		listing->items = (struct item *)(listing + 1);
		listing->names = (char *)(listing->items + b.n);
		if (b.n)
			memcpy(listing->items, b.items, b.n * sizeof(*b.items));
		if (b.names_len)
			memcpy(listing->names, b.names, b.names_len);
		free(dir->body->listing);
		dir->body->listing = listing;
	}
	free(b.items);
	free(b.names);
	return r;
}

void listing_changed(struct ovl *fs, struct node *dir)
{
	if (fs->absent.dir == node_id(dir))
		fs->absent.dir = 0;
	if (dir->body->listing)
		dir->body->listing->stale = true;
}

int listing_check_empty(struct ovl *fs, struct node *dir)
{
	if (!dir->body->listing || dir->body->listing->stale)
		TRY(build(fs, dir));
	return dir->body->listing->n ? -ENOTEMPTY : 0;
}

int listing_names(struct ovl *fs, struct node *dir, char **ret, size_t *ret_len)
{
	const struct listing *listing;
	size_t len = 0;
	char *names;

	if (!dir->body->listing || dir->body->listing->stale)
		TRY(build(fs, dir));
	listing = dir->body->listing;
	for (size_t i = 0; i < listing->n; i++)
		len += strlen(listing->names + listing->items[i].name) + 1;
	names = malloc(len + 1);
	if (!names)
		return -ENOMEM;
	*ret = names;
	*ret_len = len;
	for (size_t i = 0; i < listing->n; i++)
		names = stpcpy(names, listing->names + listing->items[i].name) + 1;
	return 0;
}

/* First item behind the cookie. */
static size_t position(const struct listing *listing, uint64_t cookie)
{
	size_t low = 0, high = listing->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (listing->items[mid].cookie <= cookie)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static int give_dots(struct ovl *fs, struct node *dir, const struct ovl_listing *want)
{
	struct ovl_dirent entry = { .name = ".", .cookie = COOKIE_DOT };
	struct node *up = node_parent(dir) ? node_parent(dir) : dir;

	(void)fs;
	entry.entry.st.st_mode = S_IFDIR;
	entry.entry.st.st_ino = dir->ino;
	if (want->cookie < COOKIE_DOT && want->fn(want->data, &entry))
		return 1;
	entry = (struct ovl_dirent){ .name = "..", .cookie = COOKIE_DOTDOT };
	entry.entry.st.st_mode = S_IFDIR;
	entry.entry.st.st_ino = up->ino;
	return want->cookie < COOKIE_DOTDOT && want->fn(want->data, &entry);
}

/* Returns 1 when the reader has enough, and also when it refused the entry: then nothing was counted. */
static int give_item(
	struct ovl *fs, struct node *dir, const struct item *item, const struct ovl_listing *want)
{
	struct ovl_dirent entry = { .name = dir->body->listing->names + item->name,
		.cookie = item->cookie };
	struct node *node = NULL;
	struct stat st = { .st_ino = item->ino, .st_mode = DTTOIF(item->type) };
	int r = 0;

	if (want->full || item->ino == 0 || item->type == DT_UNKNOWN || fs->config.single_id)
		r = lookup_child(fs, dir, entry.name, &node, &st);
	else
		node = node_find(fs, dir, entry.name);
	if (r == -ENOENT || r == -ESTALE)
		return 0; /* removed meanwhile */
	if (r == -ENOMEM)
		return r;
	if (r < 0) /* the name is listed all the same; whoever looks it up is told why that cannot be */
		st = (struct stat){ .st_ino = item->ino ? item->ino : UNKNOWN_INO,
			.st_mode = DTTOIF(item->type) };
	if (node)
		st.st_ino = node->ino;
	entry.entry.st = st;
	if (want->full && node)
		lookup_count(node, &st, &entry.entry);
	r = want->fn(want->data, &entry);
	if (r && want->full && node)
		node_uncount(node, 1);
	if (node)
		node_drop(fs, node);
	return r;
}

static int give_items(struct ovl *fs, struct node *dir, const struct ovl_listing *want)
{
	if (!dir->body->listing || (want->cookie == 0 && dir->body->listing->stale))
		TRY(build(fs, dir));
	if (give_dots(fs, dir, want))
		return 0;
	struct body *body = dir->body;
	size_t first = position(body->listing, want->cookie);
	for (size_t i = first; i < dir->body->listing->n; i++) {
		struct item item = dir->body->listing->items[i];
		int r = give_item(fs, dir, &item, want);

		if (r)
			return r < 0 ? r : 0;
	}
	/* At the end, and asked whether that is it: the kernel has the names now and keeps them. */
	if (want->cookie != 0 && first == dir->body->listing->n)
		free(move_ptr(&body->listing));
	return 0;
}

int ovl_readdir(struct ovl *fs, uint64_t id, const struct ovl_listing *listing)
{
	struct node *dir;
	int r;

	ovl_lock(fs);
	r = node_get(fs, id, &dir);
	if (r == 0 && !S_ISDIR(dir->type))
		r = -ENOTDIR;
	if (r == 0 && !dir->orphan) { /* a removed directory is empty, without even its dots */
		node_ref(dir);
		r = give_items(fs, dir, listing);
		node_unref(fs, dir);
	}
	ovl_unlock(fs);
	return r;
}
