/* SPDX-License-Identifier: Apache-2.0 */
#include "squash_nodes.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"

struct node_entry {
	struct node_entry *parent, *next; /* next in the chain of the table */
	char *name;                       /* NULL: has lost its name, fd is what is left */
	int fd;
	uint64_t lookups;
	size_t refs; /* children, and one while lookups > 0 */
};

#define SIZE_MIN 256

/* The kernel gives back what it was given, and nobody else can write to the device. */
static struct node_entry *entry_of(struct nodes *nodes, uint64_t id)
{
	return id == NODES_ROOT ? nodes->root : (struct node_entry *)(uintptr_t)id;
}

static size_t slot_of(const struct nodes *nodes, const struct node_entry *parent, const char *name)
{
	uint64_t hash = (uintptr_t)parent * 0x9e3779b97f4a7c15ull;

	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * 0x100000001b3ull;
	return (hash ^ hash >> 29) & (nodes->size - 1);
}

static struct node_entry **find(
	struct nodes *nodes, const struct node_entry *parent, const char *name)
{
	struct node_entry **at = &nodes->table[slot_of(nodes, parent, name)];

	while (*at && ((*at)->parent != parent || strcmp((*at)->name, name) != 0))
		at = &(*at)->next;
	return at;
}

static void grow(struct nodes *nodes)
{
	struct nodes bigger = { .size = nodes->size * 2 };

	if (nodes->n < nodes->size)
		return;
	bigger.table = calloc(bigger.size, sizeof(struct node_entry *));
	if (!bigger.table)
		return; /* slower, not wrong */
	for (size_t i = 0; i < nodes->size; i++) {
		for (struct node_entry *e = nodes->table[i], *next; e; e = next) {
			size_t slot = slot_of(&bigger, e->parent, e->name);

			next = e->next;
			e->next = bigger.table[slot];
			bigger.table[slot] = e;
		}
	}
	free(nodes->table);
	nodes->table = bigger.table;
	nodes->size = bigger.size;
}

static void insert(struct nodes *nodes, struct node_entry *e)
{
	size_t slot = slot_of(nodes, e->parent, e->name);

	e->next = nodes->table[slot];
	nodes->table[slot] = e;
	nodes->n++;
	grow(nodes);
}

static void take_out(struct nodes *nodes, struct node_entry *e)
{
	struct node_entry **at;

	if (!e->name || !e->parent)
		return;
	at = find(nodes, e->parent, e->name);
	if (*at != e)
		return; /* is in no table: unnamed */
	*at = e->next;
	nodes->n--;
}

static void put(struct nodes *nodes, struct node_entry *e)
{
	while (e && e != nodes->root && --e->refs == 0) {
		struct node_entry *parent = e->parent;

		take_out(nodes, e);
		fd_drop(&e->fd);
		free(e->name);
		free(e);
		e = parent;
	}
}

int nodes_init(struct nodes *nodes, int adopt_root, struct err *err)
{
	*nodes = (struct nodes){ .size = SIZE_MIN,
		.table = calloc(SIZE_MIN, sizeof(struct node_entry *)),
		.root = calloc(1, sizeof(struct node_entry)) };
	(void)pthread_mutex_init(&nodes->lock, NULL); /* cannot fail with these attributes */
	if (nodes->root)
		nodes->root->fd = adopt_root;
	if (nodes->table && nodes->root)
		return 0;
	return err_set(err, -ENOMEM, "out of memory");
}

void nodes_done(struct nodes *nodes)
{
	for (size_t i = 0; nodes->table && i < nodes->size; i++) {
		for (struct node_entry *e = nodes->table[i], *next; e; e = next) {
			next = e->next;
			fd_drop(&e->fd);
			free(e->name);
			free(e);
		}
	}
	if (nodes->root)
		fd_drop(&nodes->root->fd);
	free(nodes->root);
	free(nodes->table);
	*nodes = (struct nodes){ 0 };
}

/* Writes the path from the root, or from the nearest unnamed one above, backwards; *ret_top is that one. */
static int path_of(const struct nodes *nodes, const struct node_entry *e, char path[PATH_MAX],
	char **ret, const struct node_entry **ret_top)
{
	char *at = path + PATH_MAX - 1;

	*at = '\0';
	for (; e != nodes->root && e->name; e = e->parent) {
		size_t len = strlen(e->name);

		if ((size_t)(at - path) < len + 1)
			return -ENAMETOOLONG;
		if (*at)
			*--at = '/';
		at -= len;
		memcpy(at, e->name, len);
	}
	*ret = at;
	*ret_top = e;
	return 0;
}

static int open_entry(struct nodes *nodes, const struct node_entry *e)
{
	const struct node_entry *top;
	char buf[PATH_MAX], *path;
	struct err ignored;
	int fd;

	TRY(path_of(nodes, e, buf, &path, &top));
	if (top->fd < 0)
		return -ENOENT;
	if (!*path) {
		fd = fcntl(top->fd, F_DUPFD_CLOEXEC, 3);
		return fd < 0 ? -errno : fd;
	}
	if (!strchr(path, '/')) { /* one name: nothing to be led astray by */
		fd = openat(top->fd, path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		return fd < 0 ? -errno : fd;
	}
	return fs_open_in(top->fd, path, O_PATH | O_NOFOLLOW, 0, &ignored);
}

int nodes_open(struct nodes *nodes, uint64_t id)
{
	int fd;

	(void)pthread_mutex_lock(&nodes->lock); /* neither can fail for this kind of mutex */
	fd = open_entry(nodes, entry_of(nodes, id));
	(void)pthread_mutex_unlock(&nodes->lock);
	return fd;
}

static struct node_entry *new_entry(
	struct nodes *nodes, struct node_entry *parent, const char *name)
{
	struct node_entry *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->name = strdup(name);
	if (!e->name) {
		free(e);
		return NULL;
	}
	e->fd = -1;
	e->parent = parent;
	parent->refs++;
	insert(nodes, e);
	return e;
}

uint64_t nodes_get(struct nodes *nodes, uint64_t parent, const char *name)
{
	struct node_entry *above = entry_of(nodes, parent), *e;

	(void)pthread_mutex_lock(&nodes->lock);
	e = *find(nodes, above, name);
	if (!e)
		e = new_entry(nodes, above, name);
	if (e && e->lookups++ == 0)
		e->refs++;
	(void)pthread_mutex_unlock(&nodes->lock);
	return (uint64_t)(uintptr_t)e;
}

void nodes_forget(struct nodes *nodes, uint64_t id, uint64_t lookups)
{
	struct node_entry *e = entry_of(nodes, id);

	if (e == nodes->root)
		return;
	(void)pthread_mutex_lock(&nodes->lock);
	e->lookups -= lookups < e->lookups ? lookups : e->lookups;
	if (e->lookups == 0)
		put(nodes, e);
	(void)pthread_mutex_unlock(&nodes->lock);
}

void nodes_hold(struct nodes *nodes, uint64_t parent, const char *name)
{
	struct node_entry *e;
	int fd;

	(void)pthread_mutex_lock(&nodes->lock);
	e = *find(nodes, entry_of(nodes, parent), name);
	if (e && e->fd < 0) {
		fd = open_entry(nodes, e);
		e->fd = fd < 0 ? -1 : fd;
	}
	(void)pthread_mutex_unlock(&nodes->lock);
}

static void unname(struct nodes *nodes, struct node_entry *e)
{
	if (!e)
		return;
	take_out(nodes, e);
	free(e->name);
	e->name = NULL; /* the parent stays counted: put() goes up through it */
}

void nodes_unname(struct nodes *nodes, uint64_t parent, const char *name)
{
	(void)pthread_mutex_lock(&nodes->lock);
	unname(nodes, *find(nodes, entry_of(nodes, parent), name));
	(void)pthread_mutex_unlock(&nodes->lock);
}

static void rename_to(
	struct nodes *nodes, struct node_entry *e, struct node_entry *parent, const char *name)
{
	char *copy = strdup(name);
	struct node_entry *before = e->parent;

	free(e->name);
	e->name =
		copy; /* NULL when memory is out: unnamed, and without a descriptor gone for the kernel */
	e->parent = parent;
	parent->refs++;
	if (copy)
		insert(nodes, e);
	put(nodes, before);
}

void nodes_rename(struct nodes *nodes, const struct nodes_move *move)
{
	struct node_entry *from = entry_of(nodes, move->parent);
	struct node_entry *to = entry_of(nodes, move->new_parent);
	struct node_entry *moved, *there;

	(void)pthread_mutex_lock(&nodes->lock);
	moved = *find(nodes, from, move->name);
	there = *find(nodes, to, move->new_name);
	if (there && !move->swap)
		unname(nodes, there);
	if (there && move->swap)
		take_out(nodes, there);
	if (moved) {
		take_out(nodes, moved);
		fd_drop(&moved->fd);
		rename_to(nodes, moved, to, move->new_name);
	}
	if (there && move->swap)
		rename_to(nodes, there, from, move->name);
	(void)pthread_mutex_unlock(&nodes->lock);
}
