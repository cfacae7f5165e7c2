/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unpacking a layer, from the bytes to the directory:
 *
 *	blob → inflate.c → [thread] unpack_ring.c → unpack.c (libarchive) → unpack_write.c → directory
 *
 * The writer works inside a user namespace as its root, below one directory nobody else reaches.
 * What the archive says is data: no name, link target, owner, mode, xattr or size in it is trusted.
 */
#ifndef SBX_IMAGE_UNPACK_H
#define SBX_IMAGE_UNPACK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "base/userns.h"
#include "image/digest.h"
#include "image/inflate.h"
#include "image/store.h"

/* ---- unpack_ring.c: decompression and digest in threads of their own ---- */

struct ring;
/* Borrows everything until ring_free(); digester gets every byte, until ring_finish(). */
int ring_new(struct inflate *inflate, struct digester *digester, const struct layer_job *job,
	struct ring **ret, struct err *err);
/* The next piece, valid until the next call; 0 at the end. Shape of tar_source.next. */
ssize_t ring_next(void *ring, const void **ret, struct err *err);
void ring_finish(struct ring *ring); /* after the end: all of it is hashed */
void ring_free(struct ring *ring);   /* stops the thread; NULL ok */
void ring_free_(struct ring **ring);
#define autoring __attribute__((cleanup(ring_free_)))

/* ---- unpack_path.c: directories inside the layer ---- */

#define WALK_DEPTH 64

/* The directories on the way to the last entry, kept open. A kept descriptor is right as long as no
 * directory or symlink is taken away, so walk_forget() is called whenever one is. */
struct walk {
	int root; /* borrowed */
	int depth;
	int fd[WALK_DEPTH];
	char *name[WALK_DEPTH];
	int deep;        /* parent deeper than the stack; closed by the next call */
	int64_t created; /* directories made on the way */
};
void walk_init(struct walk *walk, int root);
void walk_done(struct walk *walk);
void walk_forget(struct walk *walk);
/* The directory that holds `path` (clean, relative) as an O_PATH descriptor, borrowed until the next
 * call; symlinks on the way are followed with the layer as "/". create: missing ones are made 0755. */
int walk_parent(
	struct walk *walk, const char *path, bool create, const char **ret_base, struct err *err);
/* "./a//b/" → "a/b", "/" → ""; ".." is -EINVAL. *ret is malloc'ed. */
int path_clean(const char *path, char **ret, struct err *err);

/* ---- unpack_write.c ---- */

enum unpack_type {
	UNPACK_FILE,
	UNPACK_DIR,
	UNPACK_SYMLINK,
	UNPACK_HARDLINK,
	UNPACK_FIFO,
	UNPACK_DEVICE
};

struct unpack_xattr {
	const char *name;
	const void *value;
	size_t len;
};

struct unpack_entry { /* all borrowed */
	enum unpack_type type;
	const char *path, *link;
	int64_t uid, gid, size;
	mode_t mode; /* permission and set-id bits */
	struct timespec mtime;
	struct unpack_xattr *xattrs;
	size_t n_xattrs;
};

struct dir_time {
	char *path;
	struct timespec mtime;
};

struct writer {
	int root;                /* borrowed: the layer's directory */
	const struct idmap *map; /* borrowed */
	struct walk walk;
	struct dir_time *dirs; /* modification times, set when nothing is written any more */
	size_t n_dirs, cap_dirs;
	int64_t bytes, inodes;
	int64_t limit;      /* of bytes; 0 = none */
	bool setgid;        /* a directory of the layer passes its group on */
	bool write_early;   /* start writing files to disk before the end */
	bool no_mknod;      /* whiteouts take the xattr form */
	bool literal;       /* no layer: ".wh." names are names, directories that exist stay */
	bool opaque_root;   /* the layer hides all below it */
	bool warned_device; /* each kind of loss is said once */
	bool warned_xattr, warned_owner;
};
void writer_init(struct writer *w, int root, const struct idmap *map);
void writer_done(struct writer *w);
#define autowriter __attribute__((cleanup(writer_done)))
/* Makes the entry. For a file *ret_fd is where its data goes (caller closes it after
 * writer_end_file); else it is -EBADF. */
int writer_entry(struct writer *w, const struct unpack_entry *e, int *ret_fd, struct err *err);
int writer_data(int fd, const struct unpack_entry *e, const void *data, size_t len, int64_t offset,
	struct err *err);
int writer_end_file(struct writer *w, const struct unpack_entry *e, int fd, struct err *err);
int writer_finish(struct writer *w, struct err *err); /* directory times */
/* Removes dir/name of whatever kind; missing is success. */
int writer_clear(struct writer *w, int dir, const char *name, struct err *err);

/* ---- staging.c: a layer before it has its name; in a user namespace only ---- */

struct staging {
	const struct store *store; /* borrowed, like map */
	const struct idmap *map;
	char name[20]; /* tmp/<name> */
	int tmp, root; /* root: where the layer's files go */
};
#define STAGING_INIT                          \
	{                                     \
		.tmp = -EBADF, .root = -EBADF \
	}
struct staged { /* borrowed */
	const char *diff_id, *chain_id;
	int64_t bytes, inodes;
	bool opaque_root;
};
/* Sets the umask to 0. */
int staging_begin(
	struct staging *s, const struct store *store, const struct idmap *map, struct err *err);
int staging_commit(struct staging *s, const struct staged *layer, struct err *err);
void staging_done(struct staging *s); /* removes what was not committed */

/* ---- unpack_meta.c: owners, modes, xattrs, times ---- */

int meta_check_owner(const struct writer *w, const struct unpack_entry *e, struct err *err);
mode_t meta_create_mode(const struct writer *w, const struct unpack_entry *e);
/* On an open file or directory that was made with meta_create_mode(). All but a directory's time. */
int meta_apply_fd(struct writer *w, const struct unpack_entry *e, int fd, struct err *err);
/* What symlinks and fifos can have. */
int meta_apply_at(
	struct writer *w, const struct unpack_entry *e, int dir, const char *name, struct err *err);
int meta_reset_owner(struct writer *w, const struct unpack_entry *e, int fd, struct err *err);
bool meta_needs_fd(const struct writer *w, const struct unpack_entry *e);
int meta_dir_times(struct writer *w, struct err *err);
void meta_note_dir(struct writer *w, const char *path, struct timespec mtime);
void meta_note_done(struct writer *w);

/* ---- whiteout.c ---- */

enum whiteout { WHITEOUT_NONE, WHITEOUT_NAME, WHITEOUT_OPAQUE, WHITEOUT_IGNORE };
/* What an entry's clean path means. *ret_name is the hidden name, borrowed. Pure. */
int whiteout_parse(const char *path, enum unpack_type type, enum whiteout *ret,
	const char **ret_name, struct err *err);
/* Hides dir/name in the layers below; leaves what this layer has there. */
int whiteout_name(struct writer *w, int dir, const char *name, struct err *err);
int whiteout_opaque(struct writer *w, int dir, struct err *err);
/* dir/name is a whiteout made before (either form). */
bool whiteout_is(const struct writer *w, int dir, const char *name);

/* ---- unpack.c: the one file that knows libarchive ---- */

/* The members of an archive, which may be compressed by gzip, bzip2, xz or zstd. */
struct tar_visitor {
	/* Returns 1 when the data of a file are wanted: exactly e->size bytes follow. */
	int (*member)(void *data, const struct unpack_entry *e, struct err *err);
	int (*piece)(void *data, const void *bytes, size_t len, struct err *err);
	int (*end)(void *data, struct err *err); /* after the last piece */
	void *data;
};
int tar_visit(int fd, const struct tar_visitor *visitor, struct err *err);

/* A file decompressed, whatever is inside: `piece` alone is used. Returns how many bytes there were. */
int64_t tar_inflate(int fd, const struct tar_visitor *visitor, struct err *err);

struct tar_source {
	ssize_t (*next)(void *data, const void **ret, struct err *err); /* 0 = end */
	void *data;
};
/* Reads the stream to its very end. */
int unpack_stream(const struct tar_source *source, struct writer *w, struct err *err);

#endif
