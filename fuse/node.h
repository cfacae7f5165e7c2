/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The node table: one node per object that somebody knows, reached by an id that is (generation,
 * index), never by a pointer, so an id from the past is -ESTALE and not a crash.
 *
 * A node lives while the kernel counts lookups of it or another node or operation refers to it.
 * Its link (parent, name) is one of the names it has; a directory or a file of a lower layer has
 * just one. A node without a name any more is an orphan and reached through its pin.
 *
 * Everything here is called with fs->lock held.
 */
#ifndef SBX_FUSE_NODE_H
#define SBX_FUSE_NODE_H

#include <assert.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "layer.h"
#include "overlay.h"
#include "slot.h"

/* A lower directory that has a part in a merged one. */
struct part {
	uint16_t layer; /* index in fs->lower, plus 1 */
	bool xwhite;    /* may hold whiteouts that are regular files with an xattr */
	char *path;     /* from the layer's root; NULL: it has the same name in the parent's part */
	struct slot slot;
};

struct parts {
	unsigned n;
	struct part v[];
};

/* What directories, files of the upper and files that were opened have besides. */
struct body {
	struct slot data;        /* directories: the upper part; files: data in the upper, O_RDWR */
	struct slot lower;       /* files: data, read-only */
	struct parts *parts;     /* directories; NULL = none */
	struct listing *listing; /* directories; cached by readdir.c */
	struct names *names;     /* directories; cached by names.c */
	char *redirect;          /* directories; where the layers below have it (redirect.h) */
	uint8_t misses;          /* directories; counted by names.c */
	bool xwhite : 1;         /* directories: the upper part may hold xattr whiteouts */
	bool no_sgid : 1;        /* directories: known to be without set-group-id */
	bool redirected : 1;     /* directories: the upper's one says redirect as it is here */
	bool hashed : 1;         /* in the inode hash */
	int pin;                 /* orphans: O_PATH descriptor, or -1 */
	dev_t dev; /* of the upper object: key of the inode hash, for names of the same file */
	uint64_t dev_ino;
	struct node *next_inode;
};

/* Kept small: there is one for each file that was ever looked up and not yet forgotten. A cell of
 * table.arena; other nodes are named by their cells' numbers. */
struct node {
	uint32_t generation;
	uint32_t lookups; /* stays at the most it can hold */
	uint64_t ino;     /* as shown; stays through copy-up */
	uint32_t up;      /* the parent; 0: the root or an orphan */
	uint32_t next_name;
	uint32_t hash;
	uint32_t refs; /* children, and operations that dropped the lock */
	struct body
		*body; /* never NULL; ovl.none until node_widen(), and that is not to be changed */
	mode_t type : 16;   /* S_IFMT bits; 0: a free cell */
	unsigned layer : 9; /* not directories: 0 upper, else index in fs->lower plus 1 */
	bool orphan : 1;
	bool upper : 1;   /* has an object in the upper */
	bool bare : 1;    /* made here, and nobody has given it an xattr */
	bool full : 1;    /* files: see ovl_note_full() */
	bool copying : 1; /* its data is being copied up without the lock */
	bool far : 1; /* text holds a pointer: the name it has by now is too long for the cell */
	char text[];  /* the name; empty: none */
};

/* Names of up to 11 bytes in 56: the memory for a million files depends on it. */
static_assert(offsetof(struct node, text) == 44, "no byte more than it takes");
static_assert(OVL_MAX_LOWER < 512, "layer has room for it");

struct node_table {
	struct arena arena;
	uint32_t generation; /* of the next node */
	uint32_t *names;     /* hash tables */
	struct node **inodes;
	size_t n_names, n_inodes; /* their buckets */
	size_t n_nodes, n_hashed;
	size_t most; /* nodes since memory was given back */
	uint64_t seed;
};

/* The name that was last found to be nothing: mostly the next request makes it. Ends with the next change
 * of that directory. */
struct absent {
	uint64_t dir; /* 0 = none */
	bool covered; /* the upper has a whiteout there */
	char name[NAME_MAX + 1];
};

struct ovl {
	pthread_mutex_t lock;
	pthread_cond_t changed; /* a copy-up ended */
	struct ovl_config config;
	struct layer *upper; /* NULL = read-only */
	struct layer **lower;
	unsigned n_lower;
	struct layer plain; /* layer_dir_ops over pins */
	int work;           /* the directory for temporary names; -1 */
	uint64_t next_tmp;
	struct absent absent;
	mode_t umask;      /* of the process; see ovl_umask() */
	bool has_whiteout; /* work/whiteout exists to be linked */
	bool xwhite;       /* and is a file with an xattr: no devices can be made */
	struct node_table table;
	struct slots slots;
	struct body none;
	struct node *root;
	dev_t *devs; /* devices of the layers, in order of first sight */
	unsigned n_devs;
};

/* Tells whoever shares out the work that this thread will be busy for a while. */
void ovl_slow(struct ovl *fs);

/* Operations begin and end with these; unlock closes handles beyond the limit. */
void ovl_lock(struct ovl *fs);
void ovl_unlock(struct ovl *fs);

/* The process's umask, set when it is another one. Who makes something says what he wants first. */
void ovl_umask(struct ovl *fs, mode_t mask);

int node_table_init(struct ovl *fs);
void node_table_done(struct ovl *fs); /* frees every node */

int node_get(struct ovl *fs, uint64_t id, struct node **ret); /* -ESTALE */
int node_get_dir(
	struct ovl *fs, uint64_t id, struct node **ret); /* also -ENOTDIR, -ENOENT if removed */
int node_new(struct ovl *fs, mode_t type, const char *name, struct node **ret); /* NULL: none */
int node_widen(struct ovl *fs, struct node *node); /* a body of its own; directories have one */
void node_drop(struct ovl *fs, struct node *node); /* frees when nothing refers to it */
uint64_t node_id(const struct node *node);
struct node *node_parent(const struct node *node); /* NULL: the root or an orphan */
const char *node_name(const struct node *node);    /* good until it gets another one; "": none */
/* Lookups; those of who has more than can be counted are never taken back. */
void node_count(struct node *node);
void node_uncount(struct node *node, uint64_t lookups);
void node_ref(struct node *node);
void node_unref(struct ovl *fs, struct node *node);

struct node *node_find(struct ovl *fs, const struct node *parent, const char *name);
struct node *node_find_inode(struct ovl *fs, const struct stat *st);
int node_link(struct ovl *fs, struct node *node, struct node *parent, const char *name);
void node_relink(struct ovl *fs, struct node *node, struct node *parent, char *adopt_name);
void node_unlink(
	struct ovl *fs, struct node *node); /* forgets the link; the caller has pinned it */
/* Has the node, as far as is known, a name beside this one? Then it need not become an orphan. */
bool node_has_other_name(const struct node *node, const struct node *dir, const char *name);
void node_set_inode(struct ovl *fs, struct node *node, const struct stat *st);

/* FNV-1a over the name, mixed with the table's seed; readdir's cookies use it too. */
uint64_t node_hash_name(const struct ovl *fs, const char *name);

/* Handles. Part -1 is the upper. The handle is good until ovl_unlock(). */
int node_dir_handle(struct ovl *fs, struct node *dir, int part);
bool node_is_merged(const struct node *dir);                    /* of more than one layer */
void node_drop_parts(struct ovl *fs, struct node *dir);         /* it is the upper's alone now */
int node_part_of_layer(const struct node *dir, uint16_t layer); /* index, or -1 */

/* Where the object is: the uppermost part of a directory. */
struct where {
	struct layer *layer;
	struct at at;
};
int node_where(struct ovl *fs, struct node *node, struct where *ret);
/* The same by the open descriptor of its data where there is one: no path to walk. */
int node_held(struct ovl *fs, struct node *node, struct where *ret);

/* stat as shown: number, link count, kept owners. */
int node_stat(struct ovl *fs, struct node *node, struct stat *ret);

/* Keeps the object reachable, then takes its link away. Call before the name goes, undo on failure. */
int node_pin(struct ovl *fs, struct node *node);
void node_unpin(struct node *node);

struct layer *ovl_layer(struct ovl *fs, uint16_t layer); /* 0 = upper */
uint64_t ovl_map_ino(struct ovl *fs, dev_t dev, uint64_t ino);

#endif
