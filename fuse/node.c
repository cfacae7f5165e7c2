/* SPDX-License-Identifier: Apache-2.0 */
/* See node.h: ids, the two hashes, lookup counts. Paths to the objects are in where.c. */
#include "node.h"

#include <errno.h>
#include <malloc.h>
#include <sys/random.h>

#include "base/log.h"
#include "base/own.h"

#define NO_FREE     UINT32_MAX
#define MIN_BUCKETS 1024
#define GIVE_BACK   4096 /* nodes that were, for their memory to be worth it */

void ovl_lock(struct ovl *fs)
{
	(void)pthread_mutex_lock(&fs->lock); /* a plain mutex cannot fail */
}

void ovl_unlock(struct ovl *fs)
{
	slots_trim(&fs->slots);
	(void)pthread_mutex_unlock(&fs->lock);
}

void ovl_slow(struct ovl *fs)
{
	if (fs->config.slow)
		fs->config.slow(fs->config.slow_data);
}

void ovl_umask(struct ovl *fs, mode_t mask)
{
	if (fs->umask == mask)
		return;
	(void)umask(mask);
	fs->umask = mask;
}

static void body_init(struct body *body)
{
	*body = (struct body){ .parts = NULL };
	slot_init(&body->data);
	slot_init(&body->lower);
}

int node_table_init(struct ovl *fs)
{
	struct node_table *table = &fs->table;

	body_init(&fs->none);
	*table = (struct node_table){ .first_free = NO_FREE, .used = 1 }; /* index 0 is no id */
	table->names = calloc(MIN_BUCKETS, sizeof(struct node *));
	table->inodes = calloc(MIN_BUCKETS, sizeof(struct node *));
	if (!table->names || !table->inodes)
		return -ENOMEM;
	table->n_buckets = MIN_BUCKETS;
	if (getrandom(&table->seed, sizeof(table->seed), GRND_NONBLOCK) < 0)
		table->seed = (uintptr_t)table; /* early boot: address randomisation has to do */
	return 0;
}

void node_drop_parts(struct ovl *fs, struct node *dir)
{
	for (unsigned i = 0; dir->body->parts && i < dir->body->parts->n; i++) {
		slot_empty(&fs->slots, &dir->body->parts->v[i].slot);
		free(dir->body->parts->v[i].path);
	}
	free(move_ptr(&dir->body->parts));
	free(move_ptr(&dir->body->redirect));
	free(move_ptr(&dir->body->names));
}

static void free_name(struct node *node)
{
	char *name = move_ptr(&node->name);

	if (name != node->text)
		free(name);
}

static void node_free(struct ovl *fs, struct node *node)
{
	slot_empty(&fs->slots, &node->body->data);
	slot_empty(&fs->slots, &node->body->lower);
	node_drop_parts(fs, node);
	if (node->pin >= 0)
		(void)close(node->pin); /* O_PATH */
	free(node->body->listing);
	if (node->body != &fs->none)
		free(node->body);
	free_name(node);
	free(node);
}

void node_table_done(struct ovl *fs)
{
	struct node_table *table = &fs->table;

	for (uint32_t i = 1; i < table->used; i++)
		if (table->v[i].node)
			node_free(fs, table->v[i].node);
	free(table->v);
	free(table->names);
	free(table->inodes);
	*table = (struct node_table){ 0 };
}

int node_get(struct ovl *fs, uint64_t id, struct node **ret)
{
	uint32_t index = (uint32_t)id;

	if (index == 0 || index >= fs->table.used)
		return -ESTALE;
	const struct node_slot *slot = &fs->table.v[index];
	if (!slot->node || slot->generation != id >> 32)
		return -ESTALE;
	*ret = slot->node;
	return 0;
}

int node_get_dir(struct ovl *fs, uint64_t id, struct node **ret)
{
	struct node *node;

	TRY(node_get(fs, id, &node));
	if (!S_ISDIR(node->type))
		return -ENOTDIR;
	if (node->orphan)
		return -ENOENT;
	*ret = node;
	return 0;
}

static int take_index(struct node_table *table, uint32_t *ret)
{
	if (table->first_free != NO_FREE) {
		*ret = table->first_free;
		table->first_free = table->v[*ret].next_free;
		return 0;
	}
	if (table->used >= table->size) {
		uint32_t size = table->size ? table->size * 2 : 256;
		struct node_slot *v;

		if (size >= NO_FREE / 2)
			return -ENOMEM;
		v = realloc(table->v, size * sizeof(*v));
		if (!v)
			return -ENOMEM;
		memset(v + table->size, 0, (size - table->size) * sizeof(*v));
		table->v = v;
		table->size = size;
	}
	*ret = table->used++;
	return 0;
}

/* Another number of buckets; staying with those that are is no failure. */
static void resize_hashes(struct node_table *table, size_t n)
{
	struct node **names = calloc(n, sizeof(*names));
	struct node **inodes = calloc(n, sizeof(*inodes));

	if (!names || !inodes) {
		free(names);
		free(inodes);
		return;
	}
	for (size_t i = 0; i < table->n_buckets; i++) {
		for (struct node *next, *node = table->names[i]; node; node = next) {
			next = node->next_name;
			node->next_name = names[node->hash & (n - 1)];
			names[node->hash & (n - 1)] = node;
		}
		for (struct node *next, *node = table->inodes[i]; node; node = next) {
			next = node->body->next_inode;
			node->body->next_inode = inodes[node->body->dev_ino & (n - 1)];
			inodes[node->body->dev_ino & (n - 1)] = node;
		}
	}
	free(table->names);
	free(table->inodes);
	table->names = names;
	table->inodes = inodes;
	table->n_buckets = n;
}

int node_widen(struct ovl *fs, struct node *node)
{
	struct body *body;

	if (node->body != &fs->none)
		return 0;
	body = malloc(sizeof(*body));
	if (!body)
		return -ENOMEM;
	body_init(body);
	node->body = body;
	return 0;
}

static struct node *allocate(struct ovl *fs, mode_t type, const char *name)
{
	size_t room = name ? strlen(name) + 1 : 0;
	struct node *node = calloc(1, sizeof(*node) + room);

	if (!node)
		return NULL;
	node->room = room <= UINT8_MAX ? (uint8_t)room : 0;
	node->type = type & S_IFMT;
	node->pin = -1;
	node->body = &fs->none;
	if (S_ISDIR(type) && node_widen(fs, node) < 0) {
		free(node);
		return NULL;
	}
	return node;
}

int node_new(struct ovl *fs, mode_t type, const char *name, struct node **ret)
{
	struct node_table *table = &fs->table;
	struct node *node = allocate(fs, type, name);
	uint32_t index;

	if (!node)
		return -ENOMEM;
	if (take_index(table, &index) < 0) {
		node_free(fs, node);
		return -ENOMEM;
	}
	node->id = ((uint64_t)table->v[index].generation << 32) | index;
	table->v[index].node = node;
	if (++table->n_nodes > table->n_buckets)
		resize_hashes(table, table->n_buckets * 2);
	if (table->n_nodes > table->most)
		table->most = table->n_nodes;
	*ret = node;
	return 0;
}

static void unhash_inode(struct ovl *fs, struct node *node)
{
	struct node **p = &fs->table.inodes[node->body->dev_ino & (fs->table.n_buckets - 1)];

	if (!node->hashed)
		return;
	while (*p && *p != node)
		p = &(*p)->body->next_inode;
	if (*p)
		*p = node->body->next_inode;
	else
		log_msg(LOG_ERROR, "node %llx is not in its inode chain",
			(unsigned long long)node->id);
	node->hashed = false;
}

/* The allocator keeps what was freed unless it is told. */
static void give_back(struct node_table *table)
{
	size_t n = table->n_buckets;

	if (table->most < GIVE_BACK || table->n_nodes > table->most / 4)
		return;
	table->most = table->n_nodes;
	while (n / 2 >= table->n_nodes && n > MIN_BUCKETS)
		n /= 2;
	if (n < table->n_buckets)
		resize_hashes(table, n);
	(void)malloc_trim(0);
}

/* One node, without its parent: the parent may have become free by that. */
static struct node *drop_one(struct ovl *fs, struct node *node)
{
	struct node_table *table = &fs->table;
	struct node *parent = node->parent;
	uint32_t index = (uint32_t)node->id;

	if (node->lookups || node->refs || node == fs->root)
		return NULL;
	unhash_inode(fs, node);
	if (parent) {
		node_ref(parent);
		node_unlink(fs, node);
		parent->refs--;
	}
	table->v[index].node = NULL;
	table->v[index].generation++;
	table->v[index].next_free = table->first_free;
	table->first_free = index;
	table->n_nodes--;
	node_free(fs, node);
	give_back(table);
	return parent;
}

void node_drop(struct ovl *fs, struct node *node)
{
	while (node)
		node = drop_one(fs, node);
}

void node_ref(struct node *node)
{
	node->refs++;
}

void node_unref(struct ovl *fs, struct node *node)
{
	if (node->refs == 0) {
		log_msg(LOG_ERROR, "node %llx has lost a reference", (unsigned long long)node->id);
		return;
	}
	node->refs--;
	node_drop(fs, node);
}

uint64_t node_hash_name(const struct ovl *fs, const char *name)
{
	uint64_t h = 14695981039346656037ULL ^ fs->table.seed;

	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 1099511628211ULL;
	h ^= h >> 29; /* the low bits choose the bucket: let the high ones have a say */
	h *= 0xbf58476d1ce4e5b9ULL;
	return h ^ (h >> 32);
}

static uint32_t hash_link(const struct ovl *fs, const struct node *parent, const char *name)
{
	return (uint32_t)(node_hash_name(fs, name) + parent->id * 0x9e3779b97f4a7c15ULL);
}

struct node *node_find(struct ovl *fs, const struct node *parent, const char *name)
{
	uint32_t hash = hash_link(fs, parent, name);
	struct node *node = fs->table.names[hash & (fs->table.n_buckets - 1)];

	while (node &&
		(node->hash != hash || node->parent != parent || strcmp(node->name, name) != 0))
		node = node->next_name;
	return node;
}

struct node *node_find_inode(struct ovl *fs, const struct stat *st)
{
	struct node *node = fs->table.inodes[st->st_ino & (fs->table.n_buckets - 1)];

	while (node && (node->body->dev_ino != st->st_ino || node->body->dev != st->st_dev))
		node = node->body->next_inode;
	return node;
}

void node_set_inode(struct ovl *fs, struct node *node, const struct stat *st)
{
	struct node **bucket = &fs->table.inodes[st->st_ino & (fs->table.n_buckets - 1)];

	unhash_inode(fs, node);
	node->body->dev = st->st_dev;
	node->body->dev_ino = st->st_ino;
	node->body->next_inode = *bucket;
	node->hashed = true;
	*bucket = node;
}

int node_link(struct ovl *fs, struct node *node, struct node *parent, const char *name)
{
	size_t size = strlen(name) + 1;
	char *copy = node->text;

	if (node->name || size > node->room)
		copy = strdup(name);
	else
		memcpy(copy, name, size);
	if (!copy)
		return -ENOMEM;
	node_relink(fs, node, parent, copy);
	return 0;
}

void node_relink(struct ovl *fs, struct node *node, struct node *parent, char *adopt_name)
{
	struct node *old = node->parent;

	node_ref(parent);
	if (old) {
		node_ref(old);
		node_unlink(fs, node);
		node_unref(fs, old);
	}
	node->parent = parent;
	node->name = adopt_name;
	node->orphan = false;
	node->hash = hash_link(fs, parent, adopt_name);
	node->next_name = fs->table.names[node->hash & (fs->table.n_buckets - 1)];
	fs->table.names[node->hash & (fs->table.n_buckets - 1)] = node;
}

bool node_has_other_name(const struct node *node, const struct node *dir, const char *name)
{
	return node->parent && (node->parent != dir || strcmp(node->name, name) != 0);
}

/* The parent loses a reference but is not freed here: callers still hold it. */
void node_unlink(struct ovl *fs, struct node *node)
{
	struct node **p = &fs->table.names[node->hash & (fs->table.n_buckets - 1)];

	if (!node->parent)
		return;
	while (*p && *p != node)
		p = &(*p)->next_name;
	if (*p)
		*p = node->next_name;
	else
		log_msg(LOG_ERROR, "node %llx is not in its name chain",
			(unsigned long long)node->id);
	node->parent->refs--;
	node->parent = NULL;
	free_name(node);
	node->orphan = true;
}
