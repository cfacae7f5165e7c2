/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the image stage share about the store and nobody else may know. */
#ifndef SBX_IMAGE_STORE_PRIVATE_H
#define SBX_IMAGE_STORE_PRIVATE_H

#include "base/userns.h"
#include "image/store.h"

#define BLOB_PATH_MAX 160
#define MANIFEST_MAX  ((size_t)4 << 20)
#define CONFIG_MAX    ((size_t)8 << 20)
#define LAYER_OPAQUE  "user.sbx.opaque" /* xattr of a layer's record: hides all layers below */

/* Path of a blob relative to store.blobs. -EINVAL unless digest_valid(). */
int blob_path(const char *digest, char ret[BLOB_PATH_MAX], struct err *err);
bool chain_id_valid(const char *hex); /* 64 lower-case digits */

/* ---- inside.c ---- */

struct inside {
	int ns;
	struct idmap map;
};
void inside_free(struct inside *inside); /* NULL ok */
/* As userns_run(), in the namespace that store_inside() has made, if it has. */
int store_run_inside(const struct store *store, userns_fn fn, void *data, struct err *err);
/* fn in a forked child that is like its parent, so that locking itself in is no matter of the parent's. */
int image_run_apart(userns_fn fn, void *data, struct err *err);

/* ---- index.c: index.json ---- */

#define INDEX_REF    "org.opencontainers.image.ref.name"
#define INDEX_ID     "io.sbx.image.id"
#define INDEX_DIGEST "io.sbx.repo.digest"
#define INDEX_BORN   "io.sbx.image.created" /* seconds since the epoch, decimal */
#define INDEX_SIZE   "io.sbx.image.size"    /* bytes of the unpacked layers, decimal */

/* Missing file = empty index. Caller frees with json_free(). */
int index_load(const struct store *store, struct json **ret, struct err *err);
/* The lock that index_save() needs; close to release. */
int index_lock(const struct store *store, struct err *err);
int index_save(const struct store *store, const struct json *index, struct err *err);
struct json *index_list(const struct json *index); /* the manifests, borrowed */
const char *index_note(const struct json *entry, const char *annotation); /* or NULL */
const char *index_digest(const struct json *entry);                       /* valid digest or NULL */
/* Gives a manifest a name: tag "docker.io/library/redis:latest" and repo_digest may be NULL. An entry
 * that had the name loses it. Caller holds the lock and saves. */
struct index_name {
	const char *tag, *repo_digest;
};
int index_put(const struct store *store, struct json *index, const struct index_name *name,
	const struct descriptor *manifest, struct err *err);
/* Takes the name away from an entry; it stays as an untagged image unless another names it. */
void index_untag(struct json *index, size_t at);

/* ---- resolve.c: names to entries ---- */

/* An entry's documents. Owned except entry. */
struct found {
	const struct json *entry; /* borrowed from the index; the first that matches */
	char manifest_digest[DIGEST_MAX];
	char id[DIGEST_MAX];
	struct manifest manifest;
	struct json *config;
};
void found_done(struct found *found);
#define autofound __attribute__((cleanup(found_done)))

/* How a name was meant. */
enum found_by { FOUND_BY_REF, FOUND_BY_DIGEST, FOUND_BY_ID };
struct lookup {
	const struct json *entry;
	enum found_by by;
};

/* Finds by reference, digest reference, id, unique id prefix. -ENOENT "No such image: …". */
int index_find(const struct store *store, const struct json *index, const char *name,
	struct lookup *ret, struct err *err);
/* Image id of an entry: its annotation, else from the manifest. */
int entry_id(
	const struct store *store, const struct json *entry, char ret[DIGEST_MAX], struct err *err);
/* Reads manifest and config of an entry; follows an index to this machine's platform. */
int entry_load(
	const struct store *store, const struct json *entry, struct found *ret, struct err *err);
/* -ENOENT with E-ARCH unless the image is for that platform; NULL: any will do. platform.c */
int found_check_platform(
	const struct found *found, const char *name, const char *platform, struct err *err);
/* Fills a config's os, architecture and variant. platform.c */
int platform_put(struct json *config, const char *platform, struct err *err);
/* Bytes of an unpacked layer, as its record says; -1: it has none. */
int64_t layer_size(const struct store *store, const char *chain_id);
/* Bytes of the unpacked layers that are here. *ret_whole (may be NULL): all are. */
int64_t found_size(const struct store *store, const struct found *found, bool *ret_whole);
/* chain ids of a loaded image, one per layer. */
int found_chains(const struct found *found, struct strv *ret, struct err *err);

/* ---- list.c: names as people see them ---- */

/* "redis" and "latest" of an entry, malloc'ed; NULL where it has none. */
void entry_names(const struct json *entry, char **ret_repository, char **ret_tag);
/* "redis@sha256:…" as it was pulled, malloc'ed; NULL for a name that was only given here. */
char *entry_repo_digest(const struct json *entry);
/* What a row tells of an entry's image: id, date, size. A pure function of the manifest, so index_put() keeps it with the
 * entry and nobody has to read 200 configurations to list 200 images. entry_note_facts() leaves an entry alone whose
 * image is not whole, entry_facts() then says false. */
struct entry_facts {
	char id[DIGEST_MAX];
	int64_t created, size;
};
bool entry_facts(const struct json *entry, struct entry_facts *ret);
void entry_note_facts(const struct store *store, struct json *entry);
bool entry_is(const struct store *store, const struct json *entry, const char *id);

/* ---- config.c ---- */

/* Fills the fields of image from its config document, which stays borrowed. Hostile values are
 * dropped or refused here (environment entries without "=", lists that are none). */
int config_apply(const struct json *config, struct image *image, struct err *err);
int64_t config_created(const struct json *config); /* seconds since the epoch, 0 = unknown */

/* ---- builds.c ---- */

/* Digests and chain ids that the build cache needs. */
int builds_mark(const struct store *store, struct strv *ret, struct err *err);

/* ---- gc.c ---- */

/* Removes half-unpacked layers whose owner is dead. */
int gc_tmp(const struct store *store, struct err *err);
struct gc_choice {
	const struct strv *candidates; /* digests and chain ids that need not be old; NULL = all */
	const struct strv *used;       /* chain ids that stay; NULL = none */
};
/* Removes blobs, layers and interrupted downloads that no entry of the index reaches, if they are
 * candidates or older than a day. Caller holds the index lock. report gets "Deleted: …" lines. Does
 * nothing while a writer runs. */
int gc_sweep(const struct store *store, const struct json *index, const struct gc_choice *choice,
	struct strv *report, struct err *err);

#endif
