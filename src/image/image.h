/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stage 3: a name becomes an image: its configuration and its unpacked layers. This public face is
 * linked into the hot `sbx` binary: it reads the store and nothing else. Registries, archives and
 * unpacking live in the program sbx-image, which image_helper() starts.
 */
#ifndef SBX_IMAGE_IMAGE_H
#define SBX_IMAGE_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
#include "base/strv.h"
#include "options/options.h"

#define DIGEST_MAX 136 /* "sha512:" + 128 digits + NUL */

/* A reference in Docker's grammar (distribution/reference). */
struct ref {
	char *domain;     /* "docker.io" */
	char *path;       /* "library/redis" */
	char *tag;        /* "latest"; NULL when only a digest was given */
	char *digest;     /* "sha256:…" or NULL */
	bool default_tag; /* tag was not typed */
};
void ref_done(struct ref *ref);
#define autoref __attribute__((cleanup(ref_done)))
/* "redis" → docker.io/library/redis:latest. -EINVAL with Docker's wording ("invalid reference
 * format", "repository name (library/Name) must be lowercase"). Pure. */
int ref_parse(const char *text, struct ref *ret, struct err *err);
char *ref_full(const struct ref *ref);     /* "docker.io/library/redis:latest"; caller frees */
char *ref_familiar(const struct ref *ref); /* "redis:latest" */
char *ref_name(const struct ref *ref);     /* familiar repository without tag: "redis" */

/* Is it no reference but oci:DIR, oci-archive:FILE, docker-archive:FILE or dir:DIR? `sbx-image pull -q` of
 * such a name prints the id of what it brought into the store. */
bool image_is_file(const char *name);

/* What a container needs of an image. All owned. */
struct image {
	char *ref;                 /* as typed by the user */
	char id[DIGEST_MAX];       /* digest of the config blob: Docker's image id */
	char manifest[DIGEST_MAX]; /* digest of the platform's manifest */
	struct strv layers;        /* absolute directories, base layer first */
	struct json *config;       /* the whole image config document */
	struct strv entrypoint, cmd, env, volumes, exposed_ports; /* "6379/tcp" */
	char *user, *workdir, *stop_signal;                       /* NULL when absent */
};
void image_done(struct image *image);
#define autoimage __attribute__((cleanup(image_done)))

/* Looks an image up in the local store by reference, id or unique id prefix (12 digits typical).
 * -ENOENT: not here (caller may pull). Verifies that every layer directory is complete. */
int image_resolve(
	const struct globals *globals, const char *name, struct image *ret, struct err *err);

/* The same from what a container's record kept: its layers, and an object whose "config" is the image
 * config's. id and manifest stay empty. E-IMAGE-DAMAGED when a layer is gone. */
int image_restore(
	const struct json *config, const struct strv *layers, struct image *ret, struct err *err);

/* A directory as an image without settings: its one layer, which is never written to. -ENOTDIR… */
int image_from_directory(const char *path, struct image *ret, struct err *err);

const char *platform_host(void); /* "linux/amd64" of this machine */
/* Is it what --platform asks for? -EINVAL when `platform` is none; 0, or -ENOENT with E-ARCH. */
int image_check_platform(const struct image *image, const char *platform, struct err *err);

/* Runs `sbx-image ARGS…` in the foreground with the roots of globals. stdout of the helper goes
 * to stdout_fd (1, or 2 for run's implicit pull). Returns its exit status; it has printed its own
 * errors. */
int image_helper(const struct globals *globals, char *const *args, int stdout_fd, struct err *err);

/* One line of `sbx images`. */
struct image_row {
	char *repository, *tag; /* familiar; NULL = <none> */
	char id[DIGEST_MAX], digest[DIGEST_MAX];
	int64_t created; /* seconds since the epoch */
	int64_t size;    /* bytes of the unpacked layers, as Docker counts */
};
void image_rows_free(struct image_row *rows, size_t n);
/* filter: NULL or a reference/repository operand. Newest first. */
int image_list(const struct globals *globals, const char *filter, struct image_row **ret,
	size_t *ret_n, struct err *err);

/* What of these images' bytes other images of the store use, too: ret_shared[i] belongs to rows[i]. Names of
 * one image are one image. A damaged image shares nothing. (shares.c) */
int image_shared_sizes(const struct globals *globals, const struct image_row *rows, size_t n,
	int64_t *ret_shared, struct err *err);

/* docker image inspect's object for one image; caller frees. */
int image_inspect(
	const struct globals *globals, const char *name, struct json **ret, struct err *err);

/* docker image history's list, newest first: Id (or "<missing>"), Created (RFC 3339), CreatedBy, Size,
 * Comment; caller frees. Steps whose image is still in the store have its id. platform: what the image must
 * be for, or NULL. */
int image_history(const struct globals *globals, const char *name, const char *platform,
	struct json **ret, struct err *err);

/* ---- for the builder (builds.c) ---- */

/* An image that is in the store, with or without names. */
struct image_written {
	char id[DIGEST_MAX], manifest[DIGEST_MAX];
	int64_t size; /* of the manifest */
	char media_type[128];
	bool fresh; /* sbx-image has just written it, and all its parts to disk */
};
/* Makes the store if there is none, collects what dead processes left, and keeps what has no name yet from being
 * collected as long as the returned descriptor is open. */
int image_hold(const struct globals *globals, struct err *err);
bool image_is_whole(const struct globals *globals, const struct image_written *image);
/* Layers of an image of the store, base first. Caller frees *ret. */
struct image_layer {
	char chain[65]; /* its directory below <root>/layers */
	char diff_id[DIGEST_MAX], blob[DIGEST_MAX];
};
int image_layer_list(const struct globals *globals, const char *manifest, struct image_layer **ret,
	size_t *ret_n, struct err *err);
/* name NULL: in the store without one. Nothing is written when it has that name already. */
int image_set_name(const struct globals *globals, const struct image_written *image,
	const char *name, struct err *err);

/* sbx-image compose, started before there is something to compose: loading its libraries takes longer than
 * most steps. answer: where it writes what image_written holds; userns: a user namespace that it may use, or -EBADF. */
struct image_composer {
	pid_t pid; /* 0 = none */
	int to;    /* its standard input; -EBADF = none */
};
int image_compose_start(const struct globals *globals, int answer, int userns,
	struct image_composer *ret, struct err *err);
/* Its exit status; it has said why when that is not 0. */
int image_compose_finish(
	struct image_composer *composer, const char *spec, size_t len, struct err *err);
void image_compose_drop(struct image_composer *composer);

int image_tag(
	const struct globals *globals, const char *source, const char *target, struct err *err);

/* Takes names from an image: those given (NULL-terminated), or all; its data stay. -ENOENT: no such image,
 * or it has no such name. */
int image_untag(
	const struct globals *globals, const char *name, char *const *names, struct err *err);

/* Who uses an image: fn tells the id of such a container (or NULL). fn itself may be NULL. */
typedef const char *(*image_in_use_fn)(void *data, const char *image_id, bool *ret_running);
struct image_users {
	image_in_use_fn fn;
	void *data;
};
/* Docker's rmi. `report` gets "Untagged: …" and "Deleted: …" lines. -EBUSY: a container uses it. An
 * image that a container uses keeps its data even with force, which only takes its names. */
int image_remove(const struct globals *globals, const char *name, bool force,
	const struct image_users *users, struct strv *report, struct err *err);
/* What belongs to no image, however young: of killed pulls, of removed builds. `used` are the layers
 * (directories below <root>/layers) of containers, which stay. Nothing while a writer runs. */
int image_sweep(const struct globals *globals, const struct strv *used, struct strv *report,
	struct err *err);

#endif
