/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the solver share. A build goes through its stages in order; a step that is in the cache
 * costs a look-up, one that is not is carried out by the stage's worker, a forked process. Workers tell what
 * happens by reports; only the process that was started talks to the user.
 */
#ifndef SBX_BUILDER_BUILD_H
#define SBX_BUILDER_BUILD_H

#include "base/sha256.h"
#include "base/userns.h"
#include "builder/context.h"
#include "builder/stage.h"
#include "image/image.h"
#include "rootfs/rootfs.h"

#define LAYER_ID 33 /* 32 digits and NUL */

/* ---- snapshot.c: a file system and its image configuration, at one point of a stage ---- */

struct snapshot {
	char base[DIGEST_MAX];  /* manifest of the image at the bottom; "" = scratch */
	struct strv base_dirs;  /* that image's layers: absolute directories, base first */
	struct strv layers;     /* ids of the build's layers on it */
	char ident[SHA256_HEX]; /* what the cache calls this file system */
	char chain
		[SHA256_HEX]; /* what caches of other machines call it: a hash of how it came about */
	struct strv keys;     /* of each of `layers`: its portable keys, with spaces between */
	struct json *doc;     /* the image's configuration without rootfs */
	char created[40];     /* of the newest layer; "" = none yet */
	struct strv args;     /* "NAME=value" of ARGs seen so far */
	struct strv arg_names; /* of all ARGs, those without a value too */
	bool cmd_set;          /* CMD was seen in this stage: ENTRYPOINT leaves it */
};
void snapshot_done(struct snapshot *s);
#define autosnapshot __attribute__((cleanup(snapshot_done)))
void snapshot_copy(const struct snapshot *from, struct snapshot *ret);
struct json *snapshot_config(
	const struct snapshot *s); /* "config" of doc, borrowed; made if missing */
void snapshot_scratch(struct snapshot *ret, const char *platform);
/* From an image of the store, whose ONBUILD triggers are moved to *ret_triggers. */
int snapshot_image(const struct image *image, struct snapshot *ret, struct strv *ret_triggers,
	struct err *err);
/* To and from a file in dir. */
int snapshot_save(const struct snapshot *s, int dir, const char *name, struct err *err);
int snapshot_load(int dir, const char *name, struct snapshot *ret, struct err *err);
/* The next layer. portable: its keys for other machines; the first one names what it leads to. */
void snapshot_push(
	struct snapshot *s, const char *layer, const char *created, const char *portable);
/* The same for a layer whose key says nothing of what is below it: COPY --link. */
void snapshot_push_linked(
	struct snapshot *s, const char *layer, const char *created, const char *portable);
/* One line of the image's history. created is the snapshot's, or now. */
void snapshot_history(struct snapshot *s, const char *created_by, bool empty_layer);

/* ---- cache.c: <root>/build ---- */

struct cache {
	char *root;    /* <root>, absolute */
	int build;     /* <root>/build */
	int records;   /* build/cache */
	int layers;    /* build/layers */
	int use;       /* shared lock as long as this build lives */
	bool unwanted; /* --no-cache: nothing is found */
};
#define CACHE_INIT                                                                   \
	{                                                                            \
		.build = -EBADF, .records = -EBADF, .layers = -EBADF, .use = -EBADF, \
	}
void cache_done(struct cache *c);
int cache_open(const struct globals *globals, struct cache *ret, struct err *err);

struct cached {
	char layer[LAYER_ID];
	char created[40];
};
/* 1: here it is, and is marked as used; 0: not here, or not to be trusted. */
int cache_find(const struct cache *c, const char *key, struct cached *ret);
/* The directory <work>/<name> with `upper` in it becomes a layer, known under key (NULL: under none). */
int cache_add(const struct cache *c, int work, const char *name, const char *key, const char *step,
	struct cached *ret, struct err *err);
/* The same layer under a second key. */
int cache_alias(const struct cache *c, const char *key, const struct cached *what, const char *step,
	struct err *err);
/* As long as the returned descriptor is open, directories of layers stay where cache_dir() says. */
int cache_hold_still(const struct cache *c, struct err *err);
/* A layer of an image of the store becomes one of the cache's, known under key. */
int cache_adopt(const struct cache *c, const struct image_layer *from, const char *key,
	const char *step, struct cached *ret, struct err *err);
/* The directory of copy_digest()'s memory. */
int cache_memory(const struct cache *c, struct err *err);
/* Absolute directory of a layer. Caller frees. */
int cache_dir(const struct cache *c, const char *layer, char **ret, struct err *err);

/* A key: fields are added with their lengths, so that no two lists of fields are the same text. */
struct key {
	struct buf text;
	struct buf portable; /* the same with names that other machines know */
};
void key_add(struct key *k, const char *field); /* NULL is a field of its own */
void key_add_int(struct key *k, int64_t n);
void key_add_list(struct key *k, const struct strv *list);
void key_add_snapshot(struct key *k, const struct snapshot *snap);
void key_end(struct key *k, char ret[SHA256_HEX]); /* frees */
/* The portable key too: what another machine calls the same step. */
void key_end_both(struct key *k, char ret[SHA256_HEX], char ret_portable[SHA256_HEX]);

/* ---- the build ---- */

struct progress;

struct stage_run {
	struct snapshot snap;
	size_t next; /* step to do */
	bool begun, complete;
	int ended; /* read end: hangs up when the stage's worker is gone; -EBADF = it has none */
};

/* How owners reach the image. */
enum owners {
	OWNERS_REAL,      /* as they are on disk */
	OWNERS_FORGOTTEN, /* a single id, and no supervisor: what a RUN makes is root's */
	OWNERS_KEPT,      /* a single id: beside the files, base/kept.h */
};

struct build {
	struct globals *globals;
	const struct build_opts *opts;
	struct idmap idmap;
	int userns;                     /* of COPY and of packing; -EBADF until somebody needs it */
	struct image_composer composer; /* waits for the result */
	enum owners owners;
	enum driver driver;
	struct dockerfile file;
	struct context context;
	struct stages stages;
	struct stage_options stage_options;
	struct strv platform_args, context_names, args_given;
	struct cache cache;
	int hold;   /* of the image store */
	char *work; /* <root>/tmp/<random>, absolute: gone with the process that made it */
	int work_fd;
	struct stage_run *runs;    /* one per stage */
	struct imported *imported; /* of --cache-from */
	size_t n_imported;
	int64_t epoch; /* SOURCE_DATE_EPOCH, -1 = none */
	struct progress *progress;
	int reports;        /* in a worker: where reports go; else -EBADF */
	struct lines fault; /* of the instruction that failed */
};

/* ---- report.c: what happens, told to the user or, in a worker, to the process that talks to him ---- */

enum report_kind {
	REPORT_START,  /* text: the step's name */
	REPORT_CACHED, /* text: the step's name */
	REPORT_OUTPUT, /* text: bytes; number: stream */
	REPORT_DONE,
	REPORT_ERROR,  /* text: what is wrong */
	REPORT_NOTE,   /* text: a line about the step, not the program's own */
	REPORT_FAILED, /* the worker's end: number: first line, text: struct err */
	REPORT_SHELL,  /* the worker has the terminal from now on */
};

struct report {
	enum report_kind kind;
	uint32_t vertex; /* stage * 65536 + step; see vertex_of() */
	int64_t number;
	int64_t when; /* ns since the epoch */
};
#define REPORT_TEXT     32768

#define VERTEX_LOAD     0xffff0000u /* "[internal] load build definition" and so on */
#define VERTEX_METADATA 0xffff0100u
#define VERTEX_EXPORT   0xffff0200u

void report(struct build *b, enum report_kind kind, uint32_t vertex, const char *text);
void report_bytes(struct build *b, const struct report *head, const void *bytes, size_t len);
uint32_t vertex_of(size_t stage, size_t step);

/* ---- stages and steps ---- */

struct step { /* one instruction being carried out */
	struct build *build;
	size_t stage, index; /* index 0 is the first after FROM */
	struct snapshot *snap;
	const struct instruction *written;
	struct instruction in; /* expanded */
	bool linked;           /* its layer depends on nothing below: COPY --link */
	bool look_only;        /* a step that is not in the cache is not carried out */
	char *name;            /* "[2/3] RUN true" */
};
#define STEP_MISSED 1 /* of the functions below, with look_only: not in the cache */

int stage_begin(struct build *b, size_t stage, struct err *err);
/* Goes on where it stands. 0: it is complete; STEP_MISSED. */
int stage_advance(struct build *b, size_t stage, bool look_only, struct err *err);
/* The finished stage that another one names; waits for its worker. STEP_MISSED with look_only. */
int stage_result(struct build *b, size_t stage, bool look_only, const struct snapshot **ret,
	struct err *err);
/* platform: FROM's own, or NULL: the one that is built for. */
int base_image(struct build *b, const char *name, const char *platform, struct image *ret,
	struct err *err);
/* What --from names: a stage, an image or a context, as a snapshot (base_kind != BASE_CONTEXT). */
int stage_from(struct step *s, const char *name, struct base *ret_base, struct snapshot *ret_snap,
	struct err *err);

int step_metadata(struct step *s, struct err *err);                     /* step_config.c */
int step_run(struct step *s, struct err *err);                          /* step_run.c */
int step_copy(struct step *s, struct err *err);                         /* step_copy.c */
int step_workdir(struct step *s, struct err *err);                      /* step_copy.c */
char *step_workdir_path(const struct snapshot *snap, const char *path); /* cleaned; caller frees */
/* A layer that was found or made: history and snapshot. portable: see snapshot_push(). */
void step_layer(
	struct step *s, const struct cached *layer, const char *portable, const char *created_by);
/* cache_find(), and then what --cache-from has brought. 1: here it is; 0: not here. */
int step_find(
	struct step *s, const char *key, const char *portable, struct cached *ret, struct err *err);
/* <work>/<n>-<m>/ for this step. name has 40 bytes. */
int step_dir(struct step *s, char name[40], struct err *err);
/* Layers of a snapshot as directories. Hold them still meanwhile. */
int snapshot_dirs(struct build *b, const struct snapshot *snap, struct strv *ret, struct err *err);
/* "NAME=value" of ENV over ARG, for expansion. */
void step_scope(const struct snapshot *snap, struct strv *ret);
const char *time_text(int64_t epoch, char ret[40]); /* RFC 3339 of epoch, or of now when -1 */

/* ---- caches of other machines: cache_images.c ---- */

#define CACHE_KEYS "sbx.build.cache.v1" /* in an image's configuration: keys of its last layers */

struct imported {
	char key[SHA256_HEX];
	struct image_layer layer;
	char created[40];
};
/* Reads what --cache-from names; what cannot be had is only told. */
int cache_import(struct build *b, struct err *err);
/* The configuration gets the keys of the result's layers, if --cache-to wants that. */
void cache_export_keys(const struct build *b, const struct snapshot *result);
/* What --cache-to wants beside the image. */
int cache_export(struct build *b, struct err *err);

/* ---- the rest ---- */

int export_compose(struct build *b, const struct snapshot *result, struct image_written *ret,
	struct err *err); /* an image of the store, without a name */

/* One user namespace for all that a build does itself; every RUN has its own. */
int build_userns(struct build *b, struct err *err);
int workers_run(struct build *b, struct err *err); /* worker.c: carries out what is not complete */
int export_all(struct build *b, const struct snapshot *result, struct err *err); /* export.c */
bool export_pushes(const struct build *b); /* an image, to its names */
/* Starts what will write the image, so that it is ready by then. No error: it is started later otherwise. */
void export_prepare(struct build *b);
/* stub.c: takes from upper what the mounts of a RUN have left there. */
void stubs_remove(const struct rootfs *rootfs, const char *upper);

#endif
