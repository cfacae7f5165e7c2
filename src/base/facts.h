/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file beside a layer, NAME.beside for the directory NAME: what its xattrs cannot say (docs/formats.md, "UPPER.beside").
 * Here are its text and the table of what it says. fuse/beside.c writes it; whoever reads a layer without mounting
 * it reads it with facts_read() and asks facts_get() in place of getxattr.
 *
 * A line that is not whole, or whose sum is wrong, says nothing; neither does a file that was written for another directory.
 */
#ifndef SBX_BASE_FACTS_H
#define SBX_BASE_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/types.h>

#define FACT_VALUE  96
#define FACT_KEY    32
#define FACT_LINE   512
#define FACT_SUFFIX ".beside"

/* An object: its number and time of birth, 0 where the file system tells none. */
struct fact_key {
	uint64_t ino; /* 0 = no object, or one that keeps other names */
	int64_t born;
	uint32_t born_nsec;
};

struct fact {
	struct fact *next;
	struct fact_key of;
	char key[FACT_KEY];
	unsigned char size;
	unsigned char value[];
};

struct facts {
	struct fact **v;
	size_t n_buckets, n, lines;
	dev_t dev;
	struct fact_key root; /* of the layer */
	bool torn;            /* the last line has no end */
	bool foreign;         /* the file is not one of ours */
};

/* Of the directory behind layer_dir, nothing said yet. */
int facts_init(struct facts *facts, int layer_dir);
void facts_done(struct facts *facts); /* fine on a zeroed one */

int facts_load(struct facts *facts, FILE *file); /* -ENOMEM */
/* Of the directory at/path, with what the file beside it says if there is one. */
int facts_read(struct facts *facts, int at, const char *path);

/* As getxattr on dir/name, or on dir itself with "": from the xattr or else from beside; -errno. */
struct fact_asked {
	const char *key;
	void *buf;
	size_t size;
	ssize_t result; /* of the xattr alone */
};
ssize_t facts_get(const struct facts *facts, int dir, const char *name, struct fact_asked *asked);
/* The same for who has asked for the xattr already. */
ssize_t facts_instead(
	const struct facts *facts, int dir, const char *name, const struct fact_asked *asked);

/* -EOPNOTSUPP: not on the layer's file system. */
int facts_key(const struct facts *facts, int dir, const char *name, struct fact_key *ret,
	struct statx *st);
/* Is beside the place for facts of such an object? no_xattrs: its file system has none. */
bool facts_take(const struct statx *st, bool no_xattrs);

struct fact_value {
	const char *key;
	const void *value;
	size_t size;
};
/* The pointer that leads to it, to NULL when there is none. key NULL: any. */
struct fact **facts_find(const struct facts *facts, const struct fact_key *of, const char *key);
int facts_remember(struct facts *facts, const struct fact_key *of, const struct fact_value *what);
void facts_forget(struct facts *facts, const struct fact_key *of);

/* The lines, with their ends; they return the length. what NULL: the object is gone. */
int facts_head(const struct facts *facts, char line[FACT_LINE]);
int facts_line(char line[FACT_LINE], const struct fact_key *of, const struct fact_value *what);

#endif
