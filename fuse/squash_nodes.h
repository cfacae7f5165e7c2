/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of a squashed directory that the kernel knows, without holding a descriptor for each: a node is a
 * name below a parent, and is opened by its path below the root when it is needed. What loses its name
 * while the kernel still uses it keeps a descriptor from that moment on.
 *
 * Others work in the directory as well, so a node may stand for nothing at any time (-ENOENT). Any thread
 * may call anything.
 */
#ifndef SBX_FUSE_SQUASH_NODES_H
#define SBX_FUSE_SQUASH_NODES_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define NODES_ROOT 1

struct node_entry;
struct nodes {
	pthread_mutex_t lock;
	struct node_entry **table;
	size_t n, size;
	struct node_entry *root;
};

int nodes_init(struct nodes *nodes, int adopt_root, struct err *err);
void nodes_done(struct nodes *nodes);

/* O_PATH descriptor of what the node stands for now, the caller's; -errno. */
int nodes_open(struct nodes *nodes, uint64_t id);

/* The node of a name; counts one lookup. 0: out of memory. */
uint64_t nodes_get(struct nodes *nodes, uint64_t parent, const char *name);
void nodes_forget(struct nodes *nodes, uint64_t id, uint64_t lookups);

/* Before a name is taken away: keeps what it stands for reachable. After it: the name is nobody's. */
void nodes_hold(struct nodes *nodes, uint64_t parent, const char *name);
void nodes_unname(struct nodes *nodes, uint64_t parent, const char *name);

/* After a rename; with `swap` both names went on existing. */
struct nodes_move {
	uint64_t parent;
	const char *name;
	uint64_t new_parent;
	const char *new_name;
	int swap;
};
void nodes_rename(struct nodes *nodes, const struct nodes_move *move);

#endif
