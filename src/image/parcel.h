/* SPDX-License-Identifier: Apache-2.0 */
/* Images on their way in and out: save, load, import, and the layers of containers. */
#ifndef SBX_IMAGE_PARCEL_H
#define SBX_IMAGE_PARCEL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/strv.h"
#include "image/progress.h"
#include "image/store.h"
#include "image/store_private.h"
#include "options/options.h"

/* The verbs of sbx-image; argv[0] is the verb. */
int save_main(const struct globals *globals, int argc, char **argv, struct err *err);
int load_main(const struct globals *globals, int argc, char **argv, struct err *err);
int compose_main(const struct globals *globals, int argc, char **argv, struct err *err);
int commit_main(const struct globals *globals, int argc, char **argv, struct err *err);
int push_main(const struct globals *globals, int argc, char **argv, struct err *err);
int export_main(const struct globals *globals, int argc, char **argv, struct err *err);
int download_main(const struct globals *globals, int argc, char **argv, struct err *err);
int extract_main(const struct globals *globals, int argc, char **argv, struct err *err);
int login_main(const struct globals *globals, int argc, char **argv, struct err *err);
int logout_main(const struct globals *globals, int argc, char **argv, struct err *err);
int search_main(const struct globals *globals, int argc, char **argv, struct err *err);
int manifest_main(const struct globals *globals, int argc, char **argv, struct err *err);
int check_main(const struct globals *globals, int argc, char **argv, struct err *err);
int import_main(const struct globals *globals, int argc, char **argv, struct err *err);

/* account.c: a registry as people write it becomes "docker.io" or HOST[:PORT]. Pure. */
int account_host(const char *server, char **ret, struct err *err);

/* SOURCE_DATE_EPOCH, or the time given. */
int64_t archive_time(int64_t otherwise);
void archive_now(char ret[32]); /* "2026-11-22T08:51:00Z", of SOURCE_DATE_EPOCH if set */

/* import.c: the full reference that `import SOURCE TARGET` gives, NULL for none. Notes go to stderr. */
int import_name(const char *source, const char *target, char **ret, struct err *err);

/* ---- spool.c: foreign bytes become a blob of the store ---- */

struct spool {
	const struct store *store;
	char name[DIGEST_MAX]; /* what the file is called until it is committed */
	bool named;            /* that is the digest it must have */
	bool have;             /* the store has it already: it is only checked */
	int fd;
	struct digester *digester;
	int64_t size;
};
/* digest NULL: it gets the name that its bytes have. */
int spool_begin(
	struct spool *spool, const struct store *store, const char *digest, struct err *err);
int spool_write(struct spool *spool, const void *data, size_t len, struct err *err);
/* The blob is in the store. E-DIGEST when its bytes are not those of its name. */
int spool_commit(struct spool *spool, char ret_digest[DIGEST_MAX], struct err *err);
void spool_done(struct spool *spool); /* removes what was not committed */
#define autospool __attribute__((cleanup(spool_done)))

/* ---- install.c ---- */

/* Writes the manifest of an image whose config and layers are in the store. */
int install_manifest(const struct store *store, const struct descriptor *config,
	const struct descriptor *layers, size_t n, struct descriptor *ret, struct err *err);

/* An entry as an index has it. Caller frees. */
struct json *descriptor_json(const struct descriptor *d);
/* Writes a document under its digest; fills digest and size. */
int install_document(
	const struct store *store, const struct json *doc, struct descriptor *ret, struct err *err);

/* The same for bytes as they are. */
int install_text(const struct store *store, const char *text, size_t len, struct descriptor *ret,
	struct err *err);

/* Unpacks the layers that are missing. The types of config and layers are checked. progress may be
 * NULL; its rows are left to the caller to settle. */
int install_layers(const struct store *store, const struct descriptor *manifest,
	struct progress *progress, char ret_id[DIGEST_MAX], struct err *err);
/* install_layers.c: the part after the checks. */
int install_unpack(const struct store *store, const struct found *image, struct progress *progress,
	struct err *err);
/* Gives the image its names (full references); without any it is kept untagged. */
int install_names(const struct store *store, const struct descriptor *manifest,
	const struct strv *names, struct err *err);

/* gzip, zstd or plain by its first bytes; fills media_type and size. */
int install_layer_type(const struct store *store, struct descriptor *layer, struct err *err);

/* ---- layer.c: a container's changes become a blob and, on the way, an unpacked layer ---- */

struct layer_source {             /* borrowed */
	const char *dir;          /* an upper directory: layers' on-disk form */
	const struct strv *lower; /* the directories below it, base first; NULL = unknown */
	const char *parent;       /* chain id of the layer below, NULL for none */
};
struct layer_taken {
	struct descriptor blob; /* digest "" when there were no changes; it is the diff id, too */
	char chain_id[65];
};
int layer_take(const struct store *store, const struct layer_source *source,
	struct layer_taken *ret, struct err *err);

/* ---- load.c: the members of an archive ---- */

struct member {
	char *name;
	char *text;              /* of documents, kept in memory */
	size_t len;              /* of text */
	char *link;              /* of symbolic and hard links */
	char digest[DIGEST_MAX]; /* of blobs, else "" */
};
struct members {
	struct member *list;
	size_t n, cap;
	size_t text_bytes;
};
void members_done(struct members *members);
/* By exact name; one link is followed, inside the archive. NULL: there is none. */
const struct member *members_find(const struct members *members, const char *name);

/* What an archive holds, before anything of it has a name. */
struct loaded {
	struct descriptor manifest;
	struct strv names; /* full references */
	char id[DIGEST_MAX];
};
struct loads {
	const char *platform; /* what an index is asked for; NULL = this machine's */
	struct loaded *list;
	size_t n;
};
/* Reads an archive (path NULL: stdin) to its end; its blobs are in the store then. Locks this process in. */
int load_archive(const struct store *store, const char *path, const char *platform,
	struct loads *ret, struct err *err);
void loads_done(struct loads *loads);
struct loaded *loads_add(struct loads *loads);

/* load_docker.c, load_oci.c. */
int load_docker(const struct store *store, const struct members *members, struct loads *ret,
	struct err *err);
int load_oci(const struct store *store, const struct members *members, struct loads *ret,
	struct err *err);
/* A name from an archive as a full reference. -EINVAL */
int load_name(const char *name, char **ret, struct err *err);

#endif
