/* SPDX-License-Identifier: Apache-2.0 */
/* See node.h: ids, the two hashes, lookup counts. Paths to the objects are in where.c. */
#include "node.h"

#include <errno.h>
#include <malloc.h>
#include <sys/random.h>

#include "base/log.h"
#include "base/own.h"

#define PER_BUCKET  2 /* names; they are compared by hash first */
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
	body->pin = -1;
}

int node_table_init(struct ovl *fs)
{
	struct node_table *table = &fs->table;

	body_init(&fs->none);
	*table = (struct node_table){ .n_names = MIN_BUCKETS, .n_inodes = MIN_BUCKETS };
	table->names = calloc(MIN_BUCKETS, sizeof(uint32_t));
	table->inodes = calloc(MIN_BUCKETS, sizeof(struct node *));
	if (!table->names || !table->inodes)
		return -ENOMEM;
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

static char *far_name(const struct node *node)
{
	char *name;

	memcpy(&name, node->text, sizeof(name));
	return name;
}

const char *node_name(const struct node *node)
{
	return node->far ? far_name(node) : node->text;
}

static size_t room_of(const struct node *node)
{
	return arena_size(node) - offsetof(struct node, text);
}

static void free_name(struct node *node)
{
	if (node->far)
		free(far_name(node));
	node->far = false;
	*node->text = '\0';
}

uint64_t node_id(const struct node *node)
{
	return (uint64_t)node->generation << 32 | arena_index(node);
}

struct node *node_parent(const struct node *node)
{
	return node->up ? arena_at(arena_of(node), node->up) : NULL;
}

void node_count(struct node *node)
{
	if (node->lookups < UINT32_MAX)
		node->lookups++;
}

void node_uncount(struct node *node, uint64_t lookups)
{
	if (node->lookups < UINT32_MAX)
		node->lookups -= lookups < node->lookups ? (uint32_t)lookups : node->lookups;
}

static void node_free(struct ovl *fs, struct node *node)
{
	slot_empty(&fs->slots, &node->body->data);
	slot_empty(&fs->slots, &node->body->lower);
	node_drop_parts(fs, node);
	if (node->body->pin >= 0)
		(void)close(node->body->pin); /* O_PATH */
	free(node->body->listing);
	if (node->body != &fs->none)
		free(node->body);
	free_name(node);
	arena_give(node);
}

void node_table_done(struct ovl *fs)
{
	struct node_table *table = &fs->table;

	struct node *node;

	for (uint32_t i = 0; (node = arena_next(&table->arena, &i));)
		if (node->type && node != fs->root)
			node_free(fs, node);
	if (fs->root)
		node_free(fs, fs->root);
	arena_done(&table->arena);
	free(table->names);
	free(table->inodes);
	*table = (struct node_table){ 0 };
}

int node_get(struct ovl *fs, uint64_t id, struct node **ret)
{
	struct node *node = arena_at(&fs->table.arena, (uint32_t)id);

	if (!node || !node->type || node->generation != id >> 32)
		return -ESTALE;
	*ret = node;
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

static void put_name(struct node_table *table, struct node *node)
{
	uint32_t *first = &table->names[node->hash & (table->n_names - 1)];

	node->next_name = *first;
	*first = arena_index(node);
}

static void put_inode(struct node_table *table, struct node *node)
{
	struct node **first = &table->inodes[node->body->dev_ino & (table->n_inodes - 1)];

	node->body->next_inode = *first;
	*first = node;
}

/* Another number of buckets; staying with those that are is no failure. */
static void resize_names(struct node_table *table, size_t n)
{
	uint32_t *old = table->names, *names = calloc(n, sizeof(*names));
	size_t n_old = table->n_names;

	if (!names)
		return;
	table->names = names;
	table->n_names = n;
	for (size_t i = 0; i < n_old; i++) {
		for (uint32_t next, at = old[i]; at; at = next) {
			struct node *node = arena_at(&table->arena, at);

			next = node->next_name;
			put_name(table, node);
		}
	}
	free(old);
}

static void resize_inodes(struct node_table *table, size_t n)
{
	struct node **old = table->inodes, **inodes = calloc(n, sizeof(*inodes));
	size_t n_old = table->n_inodes;

	if (!inodes)
		return;
	table->inodes = inodes;
	table->n_inodes = n;
	for (size_t i = 0; i < n_old; i++) {
		for (struct node *next, *node = old[i]; node; node = next) {
			next = node->body->next_inode;
			put_inode(table, node);
		}
	}
	free(old);
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

int node_new(struct ovl *fs, mode_t type, const char *name, struct node **ret)
{
	struct node_table *table = &fs->table;
	size_t room = name ? strlen(name) + 1 : 1;
	struct node *node;

	if (room < sizeof(char *))
		room = sizeof(char *);
	node = arena_take(&table->arena, offsetof(struct node, text) + room);
	if (!node)
		return -ENOMEM;
	node->type = type & S_IFMT;
	node->body = &fs->none;
	if (S_ISDIR(type) && node_widen(fs, node) < 0) {
		arena_give(node);
		return -ENOMEM;
	}
	node->generation = table->generation++;
	if (++table->n_nodes > PER_BUCKET * table->n_names)
		resize_names(table, table->n_names * 2);
	if (table->n_nodes > table->most)
		table->most = table->n_nodes;
	*ret = node;
	return 0;
}

static void unhash_inode(struct ovl *fs, struct node *node)
{
	struct node **p = &fs->table.inodes[node->body->dev_ino & (fs->table.n_inodes - 1)];

	if (!node->body->hashed)
		return;
	while (*p && *p != node)
		p = &(*p)->body->next_inode;
	if (*p)
		*p = node->body->next_inode;
	else
		log_msg(LOG_ERROR, "node %llx is not in its inode chain",
			(unsigned long long)node_id(node));
	node->body->hashed = false;
	fs->table.n_hashed--;
}

static size_t fewer(size_t buckets, size_t used)
{
	while (buckets / 2 >= used && buckets > MIN_BUCKETS)
		buckets /= 2;
	return buckets;
}

/* The allocator keeps what was freed unless it is told. */
static void give_back(struct node_table *table)
{
	size_t names = fewer(table->n_names, table->n_nodes);
	size_t inodes = fewer(table->n_inodes, table->n_hashed);

	if (table->most < GIVE_BACK || table->n_nodes > table->most / 4)
		return;
	table->most = table->n_nodes;
	if (names < table->n_names)
		resize_names(table, names);
	if (inodes < table->n_inodes)
		resize_inodes(table, inodes);
	(void)malloc_trim(0);
}

/* One node, without its parent: the parent may have become free by that. */
static struct node *drop_one(struct ovl *fs, struct node *node)
{
	struct node_table *table = &fs->table;
	struct node *parent = node_parent(node);

	if (node->lookups || node->refs || node == fs->root)
		return NULL;
	unhash_inode(fs, node);
	if (parent) {
		node_ref(parent);
		node_unlink(fs, node);
		parent->refs--;
	}
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
		log_msg(LOG_ERROR, "node %llx has lost a reference",
			(unsigned long long)node_id(node));
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
	return (uint32_t)(node_hash_name(fs, name) + node_id(parent) * 0x9e3779b97f4a7c15ULL);
}

struct node *node_find(struct ovl *fs, const struct node *parent, const char *name)
{
	uint32_t hash = hash_link(fs, parent, name), up = arena_index(parent);
	uint32_t at = fs->table.names[hash & (fs->table.n_names - 1)];

	while (at) {
		struct node *node = arena_at(&fs->table.arena, at);

		if (node->hash == hash && node->up == up && strcmp(node_name(node), name) == 0)
			return node;
		at = node->next_name;
	}
	return NULL;
}

struct node *node_find_inode(struct ovl *fs, const struct stat *st)
{
	struct node *node = fs->table.inodes[st->st_ino & (fs->table.n_inodes - 1)];

	while (node && (node->body->dev_ino != st->st_ino || node->body->dev != st->st_dev))
		node = node->body->next_inode;
	return node;
}

void node_set_inode(struct ovl *fs, struct node *node, const struct stat *st)
{
	unhash_inode(fs, node);
	node->body->dev = st->st_dev;
	node->body->dev_ino = st->st_ino;
	node->body->hashed = true;
	put_inode(&fs->table, node);
	if (++fs->table.n_hashed > fs->table.n_inodes)
		resize_inodes(&fs->table, fs->table.n_inodes * 2);
}

/* The name is copied unless the node adopts it, as one that has no room in the cell. */
static void attach(
	struct ovl *fs, struct node *node, struct node *parent, const char *name, char *far)
{
	struct node *old = node_parent(node);

	node_ref(parent);
	if (old) {
		node_ref(old);
		node_unlink(fs, node);
		node_unref(fs, old);
	}
	node->up = arena_index(parent);
	node->orphan = false;
	node->hash = hash_link(fs, parent, far ? far : name);
	node->far = far;
	if (far)
		memcpy(node->text, &far, sizeof(far));
	else
		memcpy(node->text, name, strlen(name) + 1);
	put_name(&fs->table, node);
}

int node_link(struct ovl *fs, struct node *node, struct node *parent, const char *name)
{
	char *far = NULL;

	if (strlen(name) >= room_of(node)) {
		far = strdup(name);
		if (!far)
			return -ENOMEM;
	}
	attach(fs, node, parent, name, far);
	return 0;
}

void node_relink(struct ovl *fs, struct node *node, struct node *parent, char *adopt_name)
{
	bool fits = strlen(adopt_name) < room_of(node);

	attach(fs, node, parent, adopt_name, fits ? NULL : adopt_name);
	if (fits)
		free(adopt_name);
}

bool node_has_other_name(const struct node *node, const struct node *dir, const char *name)
{
	return node->up && (node->up != arena_index(dir) || strcmp(node_name(node), name) != 0);
}

/* The parent loses a reference but is not freed here: callers still hold it. */
void node_unlink(struct ovl *fs, struct node *node)
{
	uint32_t own = arena_index(node);
	uint32_t *p = &fs->table.names[node->hash & (fs->table.n_names - 1)];
	struct node *parent = node_parent(node);

	if (!parent)
		return;
	while (*p && *p != own)
		p = &((struct node *)arena_at(&fs->table.arena, *p))->next_name;
	if (*p)
		*p = node->next_name;
	else
		log_msg(LOG_ERROR, "node %llx is not in its name chain",
			(unsigned long long)node_id(node));
	parent->refs--;
	node->up = 0;
	free_name(node);
	node->orphan = true;
}
