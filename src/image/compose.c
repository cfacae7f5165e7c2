/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sbx-image compose: what `sbx build` has made becomes an image of the store. SPEC is a line of standard input,
 *
 *	{"base": digest of the base's manifest or "", "layers": [ids], "config": the configuration without rootfs}
 *
 * A layer is <root>/build/layers/<id>/upper, the upper directory of one step in the layers' on-disk form. It
 * is packed once: its record layer.json then has its digests and chain id, and the directory itself
 * has become layers/<chain id>, so nothing is unpacked again. One of COPY --link may lie on several bases: for
 * each it gets a directory of its own, made of hard links. The answer on stdout is the image's digests.
 */
#include "image/parcel.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/sha256.h"
#include "base/xalloc.h"
#include "image/clone.h"
#include "image/confined.h"
#include "image/digest.h"
#include "image/pack.h"
#include "image/store_private.h"

#define OCI_CONFIG "application/vnd.oci.image.config.v1+json"
#define SPEC_MAX   ((size_t)64 << 20)
#define USERNS_FD  3 /* image_compose_start() puts it there */

struct assembly {
	const struct globals *globals;
	struct store store;
	struct json *spec;
	struct found base;
	struct descriptor *layers;
	struct strv diff_ids;
	size_t n;
	int build;  /* <root>/build */
	int moving; /* lock: nobody looks for a layer's directory now */
	bool synced;
};

static void assembly_done(struct assembly *a)
{
	json_free(a->spec);
	found_done(&a->base);
	store_done(&a->store);
	strv_done(&a->diff_ids);
	free(a->layers);
	fd_drop(&a->build);
	fd_drop(&a->moving);
}

/* ---- the base ---- */

static int load_base(struct assembly *a, struct err *err)
{
	const char *digest = json_str(json_get(a->spec, "base"), "");
	autojson struct json *entry = json_new_map();
	size_t wanted = json_len(json_get(a->spec, "layers"));

	if (*digest) {
		json_put_string(entry, "digest", digest);
		if (entry_load(&a->store, entry, &a->base, err) < 0)
			return err_wrap(err, "the base image");
		TRY(config_diff_ids(a->base.config, a->base.manifest.n_layers, &a->diff_ids, err));
	}
	a->layers = xcalloc(a->base.manifest.n_layers + wanted + 1, sizeof(*a->layers));
	for (; a->n < a->base.manifest.n_layers; a->n++) {
		a->layers[a->n] = a->base.manifest.layers[a->n];
		TRY(install_layer_type(&a->store, &a->layers[a->n], err));
	}
	return 0;
}

/* ---- a layer ---- */

struct built { /* one layer of the build */
	const char *id;
	int dir;     /* build/layers/<id>, locked */
	char *upper; /* relative to build */
	struct json *doc;
	struct pack_result packed;
	struct spool spool; /* its archive, before it has a name */
	bool fresh;         /* packed by us, just now, or copied */
	bool copied;        /* it was packed on another base; `upper` is a copy */
	char chain[65];
};

static void built_done(struct built *b)
{
	fd_drop(&b->dir);
	spool_done(&b->spool);
	free(b->upper);
	json_free(b->doc);
}

static bool known(const struct assembly *a, const struct built *b)
{
	return store_has_layer(&a->store, json_str(json_get(b->doc, "chain"), "")) &&
	       store_has_blob(&a->store, json_str(json_get(b->doc, "blob"), ""));
}

static bool is_empty(const char *path)
{
	autodir DIR *stream = opendir(path);
	size_t n = 0;

	while (stream && n < 3 && readdir(stream))
		n++;
	return stream && n == 2; /* "." and ".." */
}

/* The archive of nothing, without a process to read nothing with. */
static int pack_nothing(struct built *b, struct err *err)
{
	static const char zeros[1024];
	char hex[SHA256_HEX];

	sha256_hex(zeros, sizeof(zeros), hex);
	(void)snprintf(b->packed.digest, sizeof(b->packed.digest), "sha256:%s", hex);
	return fs_write_all(b->spool.fd, zeros, sizeof(zeros), err);
}

static int pack_layer(struct assembly *a, struct built *b, struct err *err)
{
	autofree char *upper = xasprintf("%s/build/%s", a->globals->root, b->upper);
	struct pack pack = {
		.layer = true, .clamp = getenv("SOURCE_DATE_EPOCH") != NULL, .inside = &a->store
	};
	int r;

	TRY(spool_begin(&b->spool, &a->store, NULL, err));
	if (is_empty(upper))
		return pack_nothing(b, err);
	pack.fd = b->spool.fd;
	pack.latest = archive_time(0);
	strv_add(&pack.dirs, upper);
	r = pack_run(&pack, &b->packed, err);
	strv_done(&pack.dirs);
	return r;
}

/* Of a layer that lies on another base now: the numbers of its record there. */
static int copy_layer(struct assembly *a, struct built *b, struct err *err)
{
	const char *chain = json_str(json_get(b->doc, "chain"), "");
	autofree char *name = xasprintf("%s.json", chain), *copy = xasprintf("%s.copy", b->upper);
	autojson struct json *record = NULL;
	struct layer_clone job = { a->store.layers, chain, a->build, copy, &a->store };

	TRY(json_read_at(a->store.layers, name, 1 << 16, &record, err));
	(void)snprintf(b->packed.digest, sizeof(b->packed.digest), "%s",
		json_str(json_get(b->doc, "diffId"), ""));
	b->packed.content = json_int(json_get(record, "size"), 0);
	b->packed.members = json_int(json_get(record, "inodes"), 0);
	TRY(layer_clone(&job, err));
	free(b->upper);
	b->upper = move_ptr(&copy);
	b->fresh = b->copied = true;
	return 0;
}

static void chain_of_next(const struct assembly *a, const char *diff_id, char ret[65])
{
	autostrv struct strv all = STRV_INIT, chains = STRV_INIT;

	strv_extend(&all, &a->diff_ids);
	strv_add(&all, diff_id);
	chain_ids(&all, &chains);
	(void)snprintf(ret, 65, "%s", chains.v[chains.n - 1]);
}

struct move {
	const struct assembly *a;
	const struct built *b;
};

static int move_child(void *data, struct err *err)
{
	const struct move *move = data;

	if (renameat(move->a->build, move->b->upper, move->a->store.layers, move->b->chain) < 0)
		return fs_err(err, move->a->store.layers, "give a layer its name");
	return 0;
}

static int write_record(const struct assembly *a, const struct built *b, struct err *err)
{
	autojson struct json *record = json_new_map();
	autobuf struct buf text = BUF_INIT;
	bool single = a->store.inside->map.kind == IDMAP_SINGLE;
	char name[80];

	json_put_string(record, "diffId", b->packed.digest);
	json_put_int(record, "size", b->packed.content);
	json_put_int(record, "inodes", b->packed.members);
	json_put_bool(record, "opaque", false);
	json_put_string(record, "ids", single ? "single" : "mapped");
	json_write(record, 0, &text);
	(void)snprintf(name, sizeof(name), "%s.json", b->chain);
	return fs_write_at(a->store.layers, name, text.data, text.len,
		store_synced() ? FS_SYNC : FS_NOSYNC, err);
}

/* Its directory becomes the store's. Data first, then the record, then the name. */
static int adopt_dir(const struct assembly *a, const struct built *b, struct err *err)
{
	struct move move = { a, b };
	struct err denied = ERR_INIT;

	if (store_has_layer(&a->store, b->chain))
		return 0; /* somebody has made the very same */
	TRY(write_record(a, b, err));
	TRY(fs_remove_tree(a->store.layers, b->chain, err)); /* without record it is no layer */
	if (move_child(&move, &denied) >= 0)
		return 0;
	return store_run_inside(&a->store, move_child, &move, err); /* it belongs to a sub-id */
}

static int note_layer(struct built *b, struct err *err)
{
	autojson struct json *doc = json_new_map();
	autobuf struct buf text = BUF_INIT;

	json_put_int(doc, "version", 1);
	json_put_string(doc, "chain", b->chain);
	json_put_string(doc, "diffId", b->packed.digest);
	json_put_string(doc, "blob", b->packed.digest);
	json_put_int(doc, "size", b->packed.content);
	json_write(doc, 0, &text);
	TRY(fs_write_at(b->dir, "layer.json", text.data, text.len,
		store_synced() ? FS_SYNC : FS_NOSYNC, err));
	json_free(b->doc);
	b->doc = move_ptr(&doc);
	return 0;
}

/* Its archive is on disk. Blob, directory and record get their names. */
static int name_layer(struct assembly *a, struct built *b, struct err *err)
{
	int r;

	if (!b->copied)
		TRY(store_partial_commit_as(
			&a->store, b->spool.name, b->packed.digest, b->spool.fd, err));
	b->spool.have = true; /* nothing is left to remove */
	a->moving = fs_lock_at(a->build, ".moving", true, err);
	TRY(a->moving);
	r = adopt_dir(a, b, err);
	if (r >= 0)
		r = note_layer(b, err);
	fd_drop(&a->moving);
	return r;
}

static int open_layer(struct assembly *a, struct built *b, struct err *err)
{
	autofree char *dir = xasprintf("layers/%s", b->id);
	struct err none = ERR_INIT;
	const char *diff_id;

	b->dir = openat(a->build, dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (b->dir < 0 || flock(b->dir, LOCK_EX) < 0) /* another build may be packing the same */
		return err_sys(err, "lock layer %s of the build cache", b->id);
	b->upper = xasprintf("%s/upper", dir);
	(void)json_read_at(b->dir, "layer.json", 1 << 16, &b->doc, &none); /* new ones have none */
	if (!known(a, b)) {
		TRY(pack_layer(a, b, err));
		b->fresh = true;
	}
	diff_id = b->fresh ? b->packed.digest : json_str(json_get(b->doc, "diffId"), "");
	chain_of_next(a, diff_id, b->chain);
	if (!b->fresh && !store_has_layer(&a->store, b->chain))
		TRY(copy_layer(a, b, err));
	strv_add(&a->diff_ids, diff_id);
	return 0;
}

static int list_layer(struct assembly *a, const struct built *b, struct err *err)
{
	struct descriptor *layer = &a->layers[a->n++];

	(void)snprintf(
		layer->digest, sizeof(layer->digest), "%s", json_str(json_get(b->doc, "blob"), ""));
	return install_layer_type(&a->store, layer, err);
}

static bool valid_id(const char *id)
{
	return strlen(id) == 32 && strspn(id, "0123456789abcdef") == 32;
}

/* Done twice for all of them: before anything gets a name, and before an image names it. What gets its name
 * between is found torn after a power cut at worst, as a record without text or a document with another digest,
 * and made anew. */
static int sync_all(const struct assembly *a, struct err *err)
{
	return a->synced && syncfs(a->build) < 0 ? err_sys(err, "write the layers to disk") : 0;
}

static int name_layers(struct assembly *a, struct built *list, size_t n, struct err *err)
{
	TRY(sync_all(a, err));
	for (size_t i = 0; i < n; i++)
		if (list[i].fresh)
			TRY(name_layer(a, &list[i], err));
	return 0;
}

static int make_layers(struct assembly *a, struct built *list, size_t n, struct err *err)
{
	bool fresh = false;

	for (size_t i = 0; i < n; i++) {
		TRY(open_layer(a, &list[i], err));
		fresh = fresh || list[i].fresh;
	}
	if (fresh)
		TRY(name_layers(a, list, n, err));
	for (size_t i = 0; i < n; i++)
		TRY(list_layer(a, &list[i], err));
	return 0;
}

static int add_layers(struct assembly *a, struct err *err)
{
	const struct json *ids = json_get(a->spec, "layers");
	size_t n = json_len(ids);
	struct built *list = xcalloc(n + 1, sizeof(*list));
	int r = 0;

	for (size_t i = 0; i < n; i++)
		list[i] = (struct built){ .id = json_str(json_at(ids, i), ""),
			.dir = -EBADF,
			.spool = { .fd = -EBADF } };
	for (size_t i = 0; r == 0 && i < n; i++)
		if (!valid_id(list[i].id))
			r = err_set(err, -EINVAL, "'%s' is not a layer of a build", list[i].id);
	if (r == 0)
		r = make_layers(a, list, n, err);
	for (size_t i = 0; i < n; i++)
		built_done(&list[i]);
	free(list);
	return r;
}

/* ---- the documents ---- */

static int write_documents(const struct assembly *a, struct json *ret, struct err *err)
{
	struct json *config = json_get(a->spec, "config"), *rootfs = json_new_map();
	struct descriptor document = { .size = 0 }, manifest;

	json_put_string(rootfs, "type", "layers");
	json_put(rootfs, "diff_ids", json_new_strv(&a->diff_ids));
	json_put(config, "rootfs", rootfs);
	(void)snprintf(document.media_type, sizeof(document.media_type), OCI_CONFIG);
	TRY(install_document(&a->store, config, &document, err));
	TRY(install_manifest(&a->store, &document, a->layers, a->n, &manifest, err));
	json_put_string(ret, "id", document.digest);
	json_put_string(ret, "manifest", manifest.digest);
	json_put_string(ret, "mediaType", manifest.media_type);
	json_put_int(ret, "size", manifest.size);
	return 0;
}

static int open_build(struct assembly *a, struct err *err)
{
	TRY(store_open(a->globals, true, &a->store, err));
	a->build = openat(a->store.root, "build", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return a->build < 0 ? err_sys(err, "open the build cache") : 0;
}

/* One line of standard input. Whoever started this may find that there is nothing to compose, and hang up. */
static int read_spec(struct assembly *a, struct err *err)
{
	autobuf struct buf text = BUF_INIT;
	char part[65536];
	ssize_t n = 1;

	while (n > 0 && (text.len == 0 || text.data[text.len - 1] != '\n')) {
		n = read(STDIN_FILENO, part, sizeof(part));
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n < 0)
			return err_sys(err, "read what to compose");
		else
			buf_add(&text, part, (size_t)n);
		if (text.len > SPEC_MAX)
			return err_set(err, -EFBIG, "what to compose is too long");
	}
	return text.len ? json_parse(text.data, text.len, &a->spec, err) : 0;
}

static int compose(struct assembly *a, struct json *answer, struct err *err)
{
	TRY(load_base(a, err));
	TRY(add_layers(a, err));
	if (a->n > 127)
		return err_set(err, -E2BIG,
			"the image would have %zu layers, at most 127 are possible. Join some RUN or "
			"COPY instructions",
			a->n);
	TRY(write_documents(a, answer, err));
	return sync_all(a, err);
}

/* Everything that takes time comes before the work is known. */
static int prepare(struct assembly *a, bool has_userns, struct err *err)
{
	autodigester struct digester *first = NULL;

	a->synced = store_synced();
	TRY(open_build(a, err));
	if (has_userns)
		TRY(store_inside_adopt(&a->store, USERNS_FD, err));
	else
		TRY(store_inside(&a->store, err));
	TRY(digester_new(NULL, &first, err));  /* OpenSSL reads its configuration now */
	if (setenv("SBX_SYNC", "none", 1) < 0) /* one by one; sync_all() does it for all */
		return err_sys(err, "setenv");
	return confined_archive(&a->store, err);
}

int compose_main(const struct globals *globals, int argc, char **argv, struct err *err)
{
	__attribute__((cleanup(assembly_done))) struct assembly a = {
		.globals = globals, .store = STORE_INIT, .build = -EBADF, .moving = -EBADF
	};
	autojson struct json *answer = json_new_map();
	autobuf struct buf text = BUF_INIT;

	if (argc > 2 || (argc == 2 && strcmp(argv[1], "userns") != 0))
		return err_set(err, -EINVAL, "usage: sbx-image compose [userns] <SPEC");
	TRY(prepare(&a, argc == 2, err));
	TRY(read_spec(&a, err));
	if (!a.spec)
		return 0;
	TRY(compose(&a, answer, err));
	json_write(answer, 0, &text);
	(void)printf("%s\n", text.data); /* main checks stdout */
	return 0;
}
