/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `sbx save`: one archive that is docker-archive (manifest.json, repositories) and OCI layout
 * (oci-layout, index.json, blobs) at once, as Docker 25 writes it. Blobs go out as the store has
 * them, so digests and ids stay; each is verified on its way. The same images give the same bytes.
 * --format leaves one of the two out, or makes a folder: an OCI layout, or skopeo's dir:, where the manifest
 * stands beside the blobs.
 */
#include "image/parcel.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "image/confined.h"
#include "image/outfile.h"
#include "image/outfolder.h"
#include "image/store_private.h"
#include "image/tarout.h"

struct saved { /* one image */
	struct found found;
	struct descriptor manifest;
	struct strv tags; /* full references */
};

struct save {
	struct store store;
	struct json *index;
	struct saved *images;
	size_t n;
	struct strv blobs; /* digests, each once */
	int64_t mtime;
	enum save_format format;
	const char *platform; /* what they must be for; NULL = any */
	struct outfile file;
	struct outfolder folder;
	struct tar_out tar; /* unless it becomes a folder */
};

static void save_done(struct save *save)
{
	for (size_t i = 0; i < save->n; i++) {
		found_done(&save->images[i].found);
		strv_done(&save->images[i].tags);
	}
	free(save->images);
	json_free(save->index);
	strv_done(&save->blobs);
	tar_out_done(&save->tar);
	outfile_done(&save->file);
	outfolder_done(&save->folder);
	store_done(&save->store);
}

int64_t archive_time(int64_t otherwise)
{
	const char *epoch = getenv("SOURCE_DATE_EPOCH");
	char *end = NULL;
	long long seconds;

	if (!epoch || !*epoch)
		return otherwise;
	seconds = strtoll(epoch, &end, 10);
	return *end || seconds < 0 ? otherwise : seconds;
}

static void add_once(struct strv *list, const char *s)
{
	if (!strv_has(list, s))
		strv_add(list, s);
}

/* ---- which images ---- */

/* tag may be NULL. */
static int add_image(struct save *save, const struct json *entry, const char *tag, struct err *err)
{
	autofound struct found found = { 0 };
	struct saved *image = NULL;
	const char *type;

	TRY(entry_load(&save->store, entry, &found, err));
	TRY(found_check_platform(&found, tag ? tag : found.id, save->platform, err));
	for (size_t i = 0; i < save->n && !image; i++)
		if (strcmp(save->images[i].manifest.digest, found.manifest_digest) == 0)
			image = &save->images[i];
	if (!image) {
		save->images = xrealloc(save->images, (save->n + 1) * sizeof(*save->images));
		image = &save->images[save->n++];
		*image = (struct saved){ .found = found };
		found = (struct found){ 0 };
		type = json_str(json_get(image->found.manifest.doc, "mediaType"),
			"application/vnd.oci.image.manifest.v1+json");
		(void)snprintf(
			image->manifest.media_type, sizeof(image->manifest.media_type), "%s", type);
		(void)snprintf(image->manifest.digest, sizeof(image->manifest.digest), "%s",
			image->found.manifest_digest);
	}
	if (tag)
		add_once(&image->tags, tag);
	return 0;
}

/* A name without a tag means all of its tags. Returns how many there are. */
static int add_repository(struct save *save, const struct ref *ref, struct err *err)
{
	autofree char *prefix = xasprintf("%s/%s:", ref->domain, ref->path);
	int n = 0;

	json_each (it, index_list(save->index)) {
		const char *name = index_note(it.value, INDEX_REF);

		if (!name || strncmp(name, prefix, strlen(prefix)) != 0)
			continue;
		TRY(add_image(save, it.value, name, err));
		n++;
	}
	return n;
}

static int add_operand(struct save *save, const char *name, struct err *err)
{
	struct err ignored = ERR_INIT; /* index_find() says what is wrong with a name */
	autoref struct ref ref = { 0 };
	struct lookup at;
	int r = 0;

	if (ref_parse(name, &ref, &ignored) == 0 && ref.default_tag && !ref.digest)
		r = add_repository(save, &ref, err);
	if (r != 0)
		return r;
	TRY(index_find(&save->store, save->index, name, &at, err));
	return add_image(save, at.entry,
		at.by == FOUND_BY_REF ? index_note(at.entry, INDEX_REF) : NULL, err);
}

static int collect(struct save *save, const struct strv *names, struct err *err)
{
	strv_each (name, names)
		if (add_operand(save, *name, err) < 0)
			return err_wrap(err, "image %s", *name);
	for (size_t i = 0; i < save->n; i++) {
		struct saved *image = &save->images[i];
		autofd int fd = store_open_blob(
			&save->store, image->manifest.digest, &image->manifest.size, err);

		TRY(fd);
		add_once(&save->blobs, image->manifest.digest);
		add_once(&save->blobs, image->found.manifest.config.digest);
		for (size_t k = 0; k < image->found.manifest.n_layers; k++)
			add_once(&save->blobs, image->found.manifest.layers[k].digest);
	}
	return 0;
}

/* ---- the documents ---- */

/* "blobs/sha256/<hex>" */
static char *member_name(const char *digest)
{
	return xasprintf("blobs/%.6s/%s", digest, digest + 7);
}

static struct json *familiar_tags(const struct saved *image)
{
	struct json *list = image->tags.n ? json_new_list() : json_new_null();

	strv_each (tag, &image->tags) {
		autofree char *familiar = NULL;
		autoref struct ref ref = { 0 };
		struct err ignored = ERR_INIT;

		if (ref_parse(*tag, &ref, &ignored) < 0)
			continue; /* not written by us: nobody could load it */
		familiar = ref_familiar(&ref);
		json_push(list, json_new_string(familiar));
	}
	return list;
}

static struct json *docker_manifest(const struct save *save)
{
	struct json *list = json_new_list();

	for (size_t i = 0; i < save->n; i++) {
		const struct manifest *m = &save->images[i].found.manifest;
		autofree char *config = member_name(m->config.digest);
		struct json *item = json_new_map(), *layers = json_new_list();

		for (size_t k = 0; k < m->n_layers; k++) {
			autofree char *layer = member_name(m->layers[k].digest);

			json_push(layers, json_new_string(layer));
		}
		json_put_string(item, "Config", config);
		json_put(item, "RepoTags", familiar_tags(&save->images[i]));
		json_put(item, "Layers", layers);
		json_push(list, item);
	}
	return list;
}

/* {"redis":{"latest":"<hex of the top layer>"}}: what Docker 1.9 and older read. */
static struct json *docker_repositories(const struct save *save)
{
	struct json *doc = json_new_map();

	for (size_t i = 0; i < save->n; i++) {
		const struct manifest *m = &save->images[i].found.manifest;

		strv_each (tag, &save->images[i].tags) {
			autoref struct ref ref = { 0 };
			autofree char *name = NULL;
			struct err ignored = ERR_INIT;

			if (m->n_layers == 0 || ref_parse(*tag, &ref, &ignored) < 0)
				continue;
			name = ref_name(&ref);
			if (!json_get(doc, name))
				json_put(doc, name, json_new_map());
			json_put_string(json_get(doc, name), ref.tag,
				m->layers[m->n_layers - 1].digest + 7);
		}
	}
	return doc;
}

/* Beside a docker-archive as Docker writes it; alone as podman does, so that both find the name. */
static void put_name(struct json *notes, const char *full, bool alone)
{
	if (!alone)
		json_put_string(notes, "io.containerd.image.name", full);
	json_put_string(notes, INDEX_REF, alone ? full : strrchr(full, ':') + 1);
}

static void push_entry(const struct save *save, struct json *list,
	const struct descriptor *manifest, const char *tag)
{
	struct json *entry = json_new_map(), *notes;

	json_put_string(entry, "mediaType", manifest->media_type);
	json_put_string(entry, "digest", manifest->digest);
	json_put_int(entry, "size", manifest->size);
	if (tag) {
		notes = json_new_map();
		put_name(notes, tag, save->format != SAVE_BOTH);
		json_put(entry, "annotations", notes);
	}
	json_push(list, entry);
}

static struct json *oci_index(const struct save *save)
{
	struct json *doc = json_new_map(), *list = json_new_list();

	for (size_t i = 0; i < save->n; i++) {
		const struct saved *image = &save->images[i];

		strv_each (tag, &image->tags)
			push_entry(save, list, &image->manifest, *tag);
		if (image->tags.n == 0)
			push_entry(save, list, &image->manifest, NULL);
	}
	json_put_int(doc, "schemaVersion", 2);
	json_put_string(doc, "mediaType", "application/vnd.oci.image.index.v1+json");
	json_put(doc, "manifests", list);
	return doc;
}

/* ---- what is written ---- */

static bool is_folder(const struct save *save)
{
	return save->format == SAVE_OCI_DIR || save->format == SAVE_DOCKER_DIR;
}

static int put_text(struct save *save, const char *name, const struct buf *text, struct err *err)
{
	struct tar_member m = {
		.type = TAR_FILE, .path = name, .mode = 0644, .mtime = save->mtime
	};

	if (is_folder(save))
		return outfolder_text(&save->folder, name, text->data, text->len, err);
	return tar_out_text(&save->tar, &m, text, err);
}

static int put_document(
	struct save *save, const char *name, const struct json *doc, struct err *err)
{
	autobuf struct buf text = BUF_INIT;

	json_write(doc, 0, &text);
	return put_text(save, name, &text, err);
}

static int put_folder(struct save *save, const char *name, struct err *err)
{
	struct tar_member m = { .type = TAR_DIR, .path = name, .mode = 0755, .mtime = save->mtime };

	return is_folder(save) ? outfolder_make(&save->folder, name, err)
			       : tar_out_member(&save->tar, &m, err);
}

static int put_bytes(struct save *save, const char *name, int fd, int64_t size,
	struct digester *digester, struct err *err)
{
	struct tar_member m = {
		.type = TAR_FILE, .path = name, .mode = 0644, .mtime = save->mtime, .size = size
	};

	if (is_folder(save))
		return outfolder_copy(&save->folder, name, fd, size, digester, err);
	TRY(tar_out_member(&save->tar, &m, err));
	return tar_out_copy(&save->tar, fd, size, digester, err);
}

static int put_blob(struct save *save, const char *name, const char *digest, struct err *err)
{
	autodigester struct digester *digester = NULL;
	char got[DIGEST_MAX];
	int64_t size = 0;
	autofd int fd = store_open_blob(&save->store, digest, &size, err);

	TRY(fd);
	TRY(digester_new(digest, &digester, err));
	TRY(put_bytes(save, name, fd, size, digester, err));
	digester_final(digester, got);
	if (strcmp(got, digest) == 0)
		return 0;
	return err_id(err, -EBADMSG, "E-DIGEST",
		"blob %s of the image store is damaged (%lld bytes). Pull the image again: that "
		"replaces it",
		digest, (long long)size);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int put_blobs(struct save *save, struct err *err)
{
	const char *folder = "";

	qsort(save->blobs.v, save->blobs.n, sizeof(*save->blobs.v), by_name);
	TRY(put_folder(save, "blobs", err));
	strv_each (digest, &save->blobs) {
		autofree char *algorithm = xasprintf("blobs/%.6s", *digest);
		autofree char *name = member_name(*digest);

		if (strncmp(*digest, folder, 6) != 0)
			TRY(put_folder(save, algorithm, err));
		folder = *digest;
		TRY(put_blob(save, name, *digest, err));
	}
	return 0;
}

/* Members come in the order of their names, whichever there are. */
static int write_all(struct save *save, struct err *err)
{
	autojson struct json *layout = json_new_map(), *index = oci_index(save);
	autojson struct json *manifest = docker_manifest(save);
	autojson struct json *repositories = docker_repositories(save);
	bool oci = save->format != SAVE_DOCKER_ARCHIVE;
	bool docker = save->format == SAVE_BOTH || save->format == SAVE_DOCKER_ARCHIVE;

	json_put_string(layout, "imageLayoutVersion", "1.0.0");
	TRY(put_blobs(save, err));
	if (oci)
		TRY(put_document(save, "index.json", index, err));
	if (docker)
		TRY(put_document(save, "manifest.json", manifest, err));
	if (oci)
		TRY(put_document(save, "oci-layout", layout, err));
	if (docker)
		TRY(put_document(save, "repositories", repositories, err));
	return is_folder(save) ? 0 : tar_out_end(&save->tar, err);
}

/* skopeo's dir: blobs by their digits, the manifest by a name of its own. */
static int write_docker_dir(struct save *save, struct err *err)
{
	autobuf struct buf version = BUF_INIT;

	if (save->n != 1)
		return err_set(
			err, -EINVAL, "--format docker-dir holds one image, not %zu", save->n);
	buf_adds(&version, "Directory Transport Version: 1.1\n");
	strv_each (digest, &save->blobs) {
		bool is_manifest = strcmp(*digest, save->images[0].manifest.digest) == 0;

		TRY(put_blob(save, is_manifest ? "manifest.json" : *digest + 7, *digest, err));
	}
	return put_text(save, "version", &version, err);
}

/* From here on this process writes where it was told to and nowhere else. */
static int open_output(struct save *save, const char *output, struct err *err)
{
	if (is_folder(save)) {
		TRY(outfolder_open(output, &save->folder, err));
		return confined_pack(save->folder.parent, err);
	}
	TRY(outfile_open(output, "save", &save->file, err));
	tar_out_init(&save->tar, save->file.fd, NULL);
	return confined_pack(save->file.folder, err);
}

int save_main(const struct globals *globals, int argc, char **argv, struct err *err)
{
	__attribute__((cleanup(save_opts_done))) struct save_opts opts = { 0 };
	__attribute__((cleanup(save_done))) struct save save = {
		.store = STORE_INIT, .file = OUTFILE_INIT, .folder = OUTFOLDER_INIT
	};

	TRY(save_opts_parse(argc, argv, &opts, err));
	save.mtime = archive_time(0);
	save.format = opts.format;
	save.platform = opts.platform;
	TRY(store_open(globals, false, &save.store, err));
	TRY(open_output(&save, opts.output, err));
	TRY(index_load(&save.store, &save.index, err));
	TRY(collect(&save, &opts.images, err));
	if (save.format == SAVE_DOCKER_DIR)
		TRY(write_docker_dir(&save, err));
	else
		TRY(write_all(&save, err));
	return is_folder(&save) ? outfolder_commit(&save.folder, err)
				: outfile_commit(&save.file, err);
}
