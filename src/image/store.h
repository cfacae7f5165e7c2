/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The image store: an OCI image layout (image-spec, image-layout.md) in <root>/images and unpacked
 * layers in <root>/layers/<chain id>. Crash-only: temporary names, rename into place, orphans of dead
 * writers are collected by the next writer. Readers take no lock.
 *
 *	images/oci-layout  images/index.json  images/blobs/sha256/<hex>  images/.partial/<hex>
 *	layers/<64 hex chain id>/          overlay on-disk format; complete once it has this name
 *	layers/<64 hex chain id>.json      {"diffId", "size", "inodes"}
 *	tmp/<random>/root                  half-unpacked layers, 0700; flock'ed by their living owner
 *
 * A layer's owners and modes that the id map cannot hold (single id) are kept in the xattr
 * user.sbx.stat = "uid:gid:mode:rdev" (decimal, mode octal, rdev 0:0) of files and directories; set-id
 * bits are then not on disk. Whiteouts are 0:0 character devices, or empty files with the xattr
 * user.overlay.whiteout=y in a directory marked user.overlay.opaque=x where mknod is refused.
 *
 * index.json entries carry org.opencontainers.image.ref.name = full reference ("docker.io/library/
 * redis:latest"); a pulled-by-digest or untagged image has an entry without it. An image that came
 * through an index keeps only its own platform's manifest in the layout. Annotations of ours:
 * io.sbx.image.id (the config's digest) and io.sbx.repo.digest ("docker.io/library/redis@sha256:…", what
 * the user pulled, when that was an index), and what `images` tells (store_private.h).
 *
 * Power loss: a blob is fdatasync'ed and a layer syncfs'ed before it gets its name. SBX_SYNC=none in
 * the environment turns that off (CI).
 */
#ifndef SBX_IMAGE_STORE_H
#define SBX_IMAGE_STORE_H

#include <stdint.h>
#include <sys/types.h>

#include "image/image.h"

struct store {
	int root; /* directory descriptors, the store's own */
	int images;
	int blobs; /* images/blobs/sha256 */
	int layers;
	int tmp;
	int hold;          /* writers: shared lock, so that rmi leaves alone what has no name yet */
	char *layers_path; /* absolute */
	int64_t max_layer; /* bytes that a layer may unpack to; 0 = what the disk holds */
	struct inside *inside; /* a user namespace made in advance, or NULL */
};
#define STORE_INIT                                                                   \
	{                                                                            \
		.root = -EBADF, .images = -EBADF, .blobs = -EBADF, .layers = -EBADF, \
		.tmp = -EBADF, .hold = -EBADF                                        \
	}
void store_done(struct store *store);
#define autostore __attribute__((cleanup(store_done)))

/* create: make what is missing (writers). Without it a missing store is an empty one. */
int store_open(const struct globals *globals, bool create, struct store *ret, struct err *err);
bool store_synced(void); /* false with SBX_SYNC=none */

/* Makes the user namespace that unpacking needs now, because the caller will not be able to later. */
int store_inside(struct store *store, struct err *err);
/* The same with one that is there, which becomes the store's. */
int store_inside_adopt(struct store *store, int userns, struct err *err);

/* Strict: "sha256:" + 64 lower-case hex (sha512 likewise). Nothing else ever reaches a path. */
bool digest_valid(const char *digest);

bool store_has_blob(const struct store *store, const char *digest);
int store_open_blob(
	const struct store *store, const char *digest, int64_t *ret_size, struct err *err);
/* Reads a small document (manifest ≤ 4 MiB, config ≤ 8 MiB) and checks its digest. */
int store_read_blob(const struct store *store, const char *digest, size_t max, struct buf *ret,
	struct err *err);
/* Writes a small document under its digest; no-op when present. */
int store_put_blob(const struct store *store, const char *digest, const void *data, size_t len,
	struct err *err);

/* A download in progress: images/.partial/<hex>, flock'ed so that two pulls share the work. Opened
 * with what an earlier, killed download left (*ret_have bytes, for Range). commit renames it in place
 * after the caller has verified digest and size; a failed digest must be discarded (before the
 * descriptor is closed). Waits while another process downloads the same blob; when that one has
 * finished meanwhile, the answer is the whole blob (*ret_have is its size) and commit does nothing.
 * Open a digest once per process: a second open waits for the first. */
int store_partial_open(
	const struct store *store, const char *digest, int64_t *ret_have, struct err *err);
int store_partial_commit(const struct store *store, const char *digest, int fd, struct err *err);
/* The same for a partial file that was opened under a made-up name, because its digest was not known:
 * it becomes the blob `digest`. */
int store_partial_commit_as(const struct store *store, const char *partial, const char *digest,
	int fd, struct err *err);
int store_partial_discard(const struct store *store, const char *digest, struct err *err);

bool store_has_layer(const struct store *store, const char *chain_id_hex);

/* Fails with E-WONT-FIT or E-INODES when the store's file system cannot take that much. */
int store_check_space(const struct store *store, const char *what, int64_t bytes, int64_t inodes,
	struct err *err);

/* An image's manifest gets a name (or none: ref NULL): index.json under its lock. ref may carry the
 * digest that the registry knows it by: "docker.io/library/redis:latest@sha256:…", or without a tag
 * "docker.io/library/redis@sha256:…" for a pull by digest. A name that moves leaves an untagged image. */
int store_set_ref(const struct store *store, const char *ref, const char *manifest_digest,
	int64_t manifest_size, const char *media_type, struct err *err);
/* Its two halves: the names of blobs and layers reach the disk, and then the image's. */
int store_sync_names(const struct store *store, struct err *err);
int store_put_ref(const struct store *store, const char *ref, const char *manifest_digest,
	int64_t manifest_size, const char *media_type, struct err *err);

/* Unpacks a verified layer blob into layers/<chain id> (unpack.c). media_type names the compression;
 * expected_diff_id is checked. Runs the parser in a child inside a user namespace. `progress` gets
 * the compressed bytes consumed and may be NULL. Unpacking a layer that exists is a no-op. */
struct layer_job {
	const char *blob_digest, *media_type, *diff_id; /* borrowed */
	char chain_id[65];
	void (*progress)(void *data, int64_t consumed); /* runs in that child, in a thread: reach
							   the caller by a shared mapping or pipe */
	void *data;
	/* > 0: a pipe that brings the blob's bytes instead of the stored blob. The layer is committed
	 * only after its end, which the caller gives when it has verified and committed the blob. */
	int source;
};
int store_unpack_layer(const struct store *store, const struct layer_job *job, struct err *err);
/* Unpacks the stored blob once more, beside the layer, and compares. -EUCLEAN: the layer is not what the blob
 * says; the text tells what differs. */
int store_compare_layer(const struct store *store, const struct layer_job *job, struct err *err);

/* ---- documents (manifest.c): pure, on bytes already verified ---- */

struct descriptor {
	char media_type[128];
	char digest[DIGEST_MAX];
	int64_t size;
};
enum doc_kind { DOC_MANIFEST, DOC_INDEX };
struct manifest {
	enum doc_kind kind;
	struct descriptor config;
	struct descriptor *layers; /* manifest */
	size_t n_layers;
	struct json *doc; /* the whole document */
};
void manifest_done(struct manifest *m);
#define automanifest __attribute__((cleanup(manifest_done)))
/* content_type: the HTTP header or NULL; must agree with mediaType. Refuses schema 1, documents with
 * both layers and manifests, more than 127 layers, non-canonical digests. */
int manifest_parse(const char *text, size_t len, const char *content_type, struct manifest *ret,
	struct err *err);
/* Picks the manifest for platform ("linux/amd64", "linux/arm/v7"; NULL = this machine). -ENOENT with
 * E-ARCH listing what there is. */
int manifest_select(const struct manifest *index, const char *platform, struct descriptor *ret,
	struct err *err);
/* diff ids of a config document, checked against the manifest's layer count. */
int config_diff_ids(const struct json *config, size_t n_layers, struct strv *ret, struct err *err);
/* The history, where there is one, tells of as many layers as there are. For images on their way in. */
int config_check_history(const struct json *config, size_t n_layers, struct err *err);
/* chain_id(0)=diff(0); chain_id(n)=sha256(chain(n-1) " " diff(n)): hex without prefix, one per layer. */
void chain_ids(const struct strv *diff_ids, struct strv *ret);

#endif
