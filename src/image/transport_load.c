/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of a folder go the way of an archive's members (load.c): each is hashed and becomes a blob
 * under its own digest before anything that it says is believed. Only what the chosen image needs is
 * read. Names in documents select files of this folder by digest, never by path.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/xalloc.h"
#include "image/confined.h"
#include "image/manifest_private.h"
#include "image/parcel.h"
#include "image/transport.h"

#define INDEX_MAX   ((size_t)16 << 20)
#define INDEX_DEPTH 4
#define BLOCK       ((size_t)1 << 20)

struct folder {
	const struct store *store;
	const char *platform;
	int dir;
	bool flat; /* files are called by the digits of their digest, without folders */
};

/* ---- one blob ---- */

static int open_blob(const struct folder *f, const char *digest, struct err *err)
{
	autofree char *name = f->flat ? xstrdup(digest + 7)
				      : xasprintf("blobs/%.6s/%s", digest, digest + 7);
	autofd int fd = fs_open_in(f->dir, name, O_RDONLY | O_NONBLOCK, 0, err);
	struct stat st;

	if (fd == -ENOENT)
		return err_set(err, -ENOENT, "the image is not complete: there is no '%s'", name);
	TRY(fd);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return err_set(err, -EINVAL, "'%s' is no file", name);
	return move_fd(&fd);
}

static int take_blob(const struct folder *f, const char *digest, struct err *err)
{
	autospool struct spool spool = { .fd = -EBADF };
	autofree char *block = NULL;
	autofd int fd = -EBADF;
	char got[DIGEST_MAX];
	ssize_t n;

	if (!digest_valid(digest))
		return err_set(err, -EINVAL, "'%.150s' is not a digest", digest);
	if (store_has_blob(f->store, digest))
		return 0;
	fd = open_blob(f, digest, err);
	TRY(fd);
	block = xmalloc(BLOCK);
	TRY(spool_begin(&spool, f->store, digest, err));
	while ((n = read(fd, block, BLOCK)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, "read %s", digest);
		TRY(spool_write(&spool, block, (size_t)n, err));
	}
	return spool_commit(&spool, got, err);
}

/* ---- the documents ---- */

static int take_parts(const struct folder *f, const struct manifest *m, struct err *err)
{
	TRY(take_blob(f, m->config.digest, err));
	for (size_t i = 0; i < m->n_layers; i++)
		TRY(take_blob(f, m->layers[i].digest, err));
	return 0;
}

/* From what the index names to the manifest of one platform, and all that it needs. */
static int take_manifest(const struct folder *f, struct descriptor *at, struct err *err)
{
	for (int depth = 0; depth < INDEX_DEPTH; depth++) {
		autobuf struct buf text = BUF_INIT;
		automanifest struct manifest m = { 0 };

		TRY(take_blob(f, at->digest, err));
		TRY(store_read_blob(f->store, at->digest, MANIFEST_MAX, &text, err));
		TRY(manifest_parse(text.data, text.len, NULL, &m, err));
		at->size = (int64_t)text.len;
		if (m.kind == DOC_MANIFEST)
			return take_parts(f, &m, err);
		TRY(manifest_select(&m, f->platform, at, err));
	}
	return err_set(err, -ELOOP, "indexes within indexes, more than %d deep", INDEX_DEPTH);
}

/* "web:2" names the entry "web:2" and the entry "docker.io/library/web:2". */
static bool is_called(const char *name, const char *wanted)
{
	autofree char *full = NULL;
	autoref struct ref ref = { 0 };

	if (!name)
		return false;
	if (strcmp(name, wanted) == 0)
		return true;
	if (ref_parse(wanted, &ref, &(struct err)ERR_INIT) < 0)
		return false;
	full = ref_full(&ref);
	return strcmp(full, name) == 0;
}

static int choose(
	const struct json *list, const char *name, const struct json **ret, struct err *err)
{
	size_t n = 0;

	json_each (it, list) {
		if (name && !is_called(index_note(it.value, INDEX_REF), name))
			continue;
		if (n++ == 0)
			*ret = it.value;
	}
	if (n == 0)
		return err_set(err, -ENOENT,
			name ? "there is no image '%.150s' in it" : "there is no image in it",
			name);
	if (n > 1 && !name)
		return err_set(err, -EINVAL, "there are %zu images in it: add :NAME", n);
	return 0;
}

static int find_in_layout(
	const struct folder *f, const char *name, struct descriptor *ret, struct err *err)
{
	autojson struct json *index = NULL;
	const struct json *entry = NULL;

	if (json_read_at(f->dir, "index.json", INDEX_MAX, &index, err) < 0)
		return err_wrap(err, "this is no OCI layout");
	TRY(choose(json_get(index, "manifests"), name, &entry, err));
	TRY(descriptor_parse(entry, ret, err));
	return take_manifest(f, ret, err);
}

/* skopeo's dir: the manifest is a file of its own. */
static int find_in_dir(const struct folder *f, struct descriptor *ret, struct err *err)
{
	automanifest struct manifest m = { 0 };
	autofree char *text = NULL;
	size_t len = 0;

	if (fs_read_at(f->dir, "manifest.json", MANIFEST_MAX, &text, &len, err) < 0)
		return err_wrap(err, "this is no image directory");
	TRY(manifest_parse(text, len, NULL, &m, err));
	if (m.kind != DOC_MANIFEST)
		return err_set(err, -EINVAL, "manifest.json is an index: not in a dir:");
	TRY(take_parts(f, &m, err));
	(void)snprintf(ret->media_type, sizeof(ret->media_type), "%s",
		json_str(json_get(m.doc, "mediaType"),
			"application/vnd.oci.image.manifest.v1+json"));
	return install_text(f->store, text, len, ret, err);
}

static int pull_folder(const struct store *store, const struct transport *t, const char *platform,
	struct descriptor *ret, struct err *err)
{
	autofd int dir = open(t->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct folder folder = { store, platform, dir, t->kind == TRANSPORT_DIR };

	if (dir < 0)
		return err_sys(err, "open it");
	TRY(confined_archive(store, err));
	return folder.flat ? find_in_dir(&folder, ret, err)
			   : find_in_layout(&folder, t->name, ret, err);
}

/* ---- archives ---- */

static int pull_archive(const struct store *store, const struct transport *t, const char *platform,
	struct descriptor *ret, struct err *err)
{
	__attribute__((cleanup(loads_done))) struct loads loads = { 0 };
	const struct loaded *chosen = NULL;

	TRY(load_archive(store, t->path, platform, &loads, err));
	for (size_t i = 0; i < loads.n; i++) {
		bool called = !t->name;

		strv_each (name, &loads.list[i].names)
			called = called || is_called(*name, t->name);
		if (called && chosen)
			return err_set(err, -EINVAL, "there are several images in it: add :NAME");
		if (called)
			chosen = &loads.list[i];
	}
	if (!chosen)
		return err_set(err, -ENOENT, "there is no image '%.150s' in it", t->name);
	*ret = chosen->manifest;
	return 0;
}

static int pull(
	const struct store *store, const struct transport *t, const char *platform, struct err *err)
{
	struct descriptor manifest = { .size = 0 };
	struct strv no_names = STRV_INIT;
	char id[DIGEST_MAX];

	if (t->kind == TRANSPORT_OCI || t->kind == TRANSPORT_DIR)
		TRY(pull_folder(store, t, platform, &manifest, err));
	else
		TRY(pull_archive(store, t, platform, &manifest, err));
	TRY(install_layers(store, &manifest, NULL, id, err));
	TRY(install_names(store, &manifest, &no_names, err));
	(void)printf("%s\n", id); /* main checks stdout */
	return 0;
}

int transport_pull(const struct globals *globals, const struct transport *transport,
	const char *platform, struct err *err)
{
	autostore struct store store = STORE_INIT;

	TRY(store_open(globals, true, &store, err));
	TRY(store_inside(&store, err));
	if (pull(&store, transport, platform, err) < 0)
		return err_wrap(err, "%s", transport->path);
	return 0;
}
