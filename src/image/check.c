/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `sbx system check`: every blob of the store is what its name says, and every image has all its parts.
 * Every unpacked layer is compared with what its blob unpacks to. --repair removes damaged blobs, so that
 * the next pull fetches them by digest, and unpacks again what is missing or damaged among the layers,
 * those of running containers excepted. Status 1: something is wrong and was not mended.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "image/confined.h"
#include "image/digest.h"
#include "image/parcel.h"
#include "image/store_private.h"

#define BLOCK ((size_t)1 << 20)

struct check {
	const struct store *store;
	bool repair;
	size_t checked, bad, mended;
	struct strv seen; /* chain ids */
	struct strv busy; /* chain ids of layers that running containers use */
};

static void found(struct check *c, bool mended)
{
	c->bad++;
	c->mended += mended;
}

/* ---- blobs ---- */

static int digest_file(int fd, const char *like, char ret[DIGEST_MAX], struct err *err)
{
	autodigester struct digester *digester = NULL;
	autofree char *block = xmalloc(BLOCK);
	ssize_t n;

	TRY(digester_new(like, &digester, err));
	while ((n = read(fd, block, BLOCK)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, "read it");
		digester_update(digester, block, (size_t)n);
	}
	digester_final(digester, ret);
	return 0;
}

static int check_blob(struct check *c, const char *digest, struct err *err)
{
	autofd int fd = store_open_blob(c->store, digest, NULL, err);
	struct err why = ERR_INIT;
	char got[DIGEST_MAX], path[BLOB_PATH_MAX];
	bool mended = false;
	int r;

	if (fd == -ENOENT)
		return 0; /* removed meanwhile */
	TRY(fd);
	c->checked++;
	r = digest_file(fd, digest, got, &why);
	if (r == 0 && strcmp(got, digest) == 0)
		return 0;
	if (c->repair) {
		TRY(blob_path(digest, path, err));
		mended = unlinkat(c->store->blobs, path, 0) == 0 || errno == ENOENT;
	}
	(void)printf("blob %s is damaged%s%s%s\n", digest, r < 0 ? ": " : "", r < 0 ? why.text : "",
		mended ? ": removed, pull its image again" : "");
	found(c, mended);
	return 0;
}

static int check_blobs(struct check *c, const char *folder, const char *algorithm, struct err *err)
{
	autofd int fd = openat(c->store->blobs, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	autodir DIR *dir = NULL;
	struct dirent *e;

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 || !(dir = fdopendir(fd)))
		return err_sys(err, "read the image store's blobs");
	(void)move_fd(&fd); /* the stream's now */
	while ((e = readdir(dir)) != NULL) {
		autofree char *digest = xasprintf("%s:%s", algorithm, e->d_name);

		if (digest_valid(digest))
			TRY(check_blob(c, digest, err));
	}
	return 0;
}

/* ---- images ---- */

static char *image_name(const struct json *entry)
{
	autofree char *repository = NULL, *tag = NULL;

	entry_names(entry, &repository, &tag);
	return repository ? xasprintf("%s:%s", repository, tag ? tag : "<none>")
			  : xstrdup(index_digest(entry) ? index_digest(entry) : "<none>");
}

static void mend_layers(struct check *c, const char *name, const struct found *image)
{
	struct err why = ERR_INIT;
	bool mended = c->repair && install_unpack(c->store, image, NULL, &why) >= 0;

	(void)printf("image %s: a layer is not unpacked%s%s\n", name,
		mended      ? ": unpacked again"
		: c->repair ? ": "
			    : "",
		mended ? "" : why.text);
	found(c, mended);
}

/* It is there no more, whatever is in it: unpacking replaces it. */
static bool retire(struct check *c, const char *chain)
{
	autofree char *record = xasprintf("%s.json", chain);

	return unlinkat(c->store->layers, record, 0) == 0 || errno == ENOENT;
}

/* Layers of one image; those that images share are looked at once. A retired one is unpacked
 * again with those that are missing. */
static void compare_layers(
	struct check *c, const char *name, const struct found *image, const struct strv *chains)
{
	autostrv struct strv diff_ids = STRV_INIT;
	struct err why = ERR_INIT;

	if (config_diff_ids(image->config, chains->n, &diff_ids, &why) < 0)
		return; /* found_chains() has told */
	for (size_t i = 0; i < chains->n; i++) {
		const struct descriptor *blob = &image->manifest.layers[i];
		struct layer_job job = { .blob_digest = blob->digest,
			.media_type = blob->media_type,
			.diff_id = diff_ids.v[i] };
		bool busy = strv_has(&c->busy, chains->v[i]), mended;

		if (strv_has(&c->seen, chains->v[i]) || !store_has_layer(c->store, chains->v[i]) ||
			!store_has_blob(c->store, blob->digest))
			continue;
		strv_add(&c->seen, chains->v[i]);
		c->checked++;
		(void)snprintf(job.chain_id, sizeof(job.chain_id), "%s", chains->v[i]);
		if (store_compare_layer(c->store, &job, &why) >= 0)
			continue;
		mended = why.code == -EUCLEAN && c->repair && !busy && retire(c, chains->v[i]);
		(void)printf("image %s: unpacked layer %.12s is damaged: %s%s\n", name,
			chains->v[i], why.text,
			!c->repair ? ""
			: busy     ? ": not replaced while a container that uses it runs"
				   : "");
		if (!mended) /* else unpacking it again decides */
			found(c, false);
	}
}

static void check_image(struct check *c, const struct json *entry)
{
	autofree char *name = image_name(entry);
	autostrv struct strv chains = STRV_INIT;
	autofound struct found image = { 0 };
	struct err why = ERR_INIT;
	bool missing = false;

	c->checked++;
	if (entry_load(c->store, entry, &image, &why) < 0 ||
		found_chains(&image, &chains, &why) < 0) {
		(void)printf("image %s: %s\n", name, why.text);
		found(c, false);
		return;
	}
	for (size_t i = 0; i < image.manifest.n_layers; i++) {
		if (store_has_blob(c->store, image.manifest.layers[i].digest))
			continue;
		(void)printf("image %s: blob %s is missing: pull it again\n", name,
			image.manifest.layers[i].digest);
		found(c, false);
	}
	compare_layers(c, name, &image, &chains);
	strv_each (chain, &chains)
		missing |= !store_has_layer(c->store, *chain);
	if (missing)
		mend_layers(c, name, &image);
}

static void check_done(struct check *c)
{
	strv_done(&c->seen);
	strv_done(&c->busy);
}

/* sbx adds "--in-use CHAIN…" to what the user typed. */
static void take_busy(char **argv, struct strv *ret)
{
	for (size_t i = 1; argv[i]; i++) {
		if (strcmp(argv[i], "--in-use") != 0)
			continue;
		for (size_t k = i + 1; argv[k]; k++)
			strv_add(ret, argv[k]);
		argv[i] = NULL;
		return;
	}
}

int check_main(const struct globals *globals, int argc, char **argv, struct err *err)
{
	struct check_opts opts = { 0 };
	autostore struct store store = STORE_INIT;
	autojson struct json *index = NULL;
	__attribute__((cleanup(check_done))) struct check c = { .store = &store };

	(void)argc;
	take_busy(argv, &c.busy);
	TRY(check_opts_parse(argv, &opts, err));
	c.repair = opts.repair;
	TRY(store_open(globals, true, &store, err));
	TRY(store_inside(&store, err));
	TRY(confined_archive(&store, err));
	TRY(check_blobs(&c, ".", "sha256", err));
	TRY(check_blobs(&c, "../sha512", "sha512", err));
	TRY(index_load(&store, &index, err));
	json_each (it, index_list(index))
		check_image(&c, it.value);
	if (!opts.quiet)
		(void)printf("%zu blobs, layers and images checked, %zu faults%s\n", c.checked,
			c.bad, c.mended ? ", mended what could be" : "");
	if (c.bad > c.mended)
		return err_id(err, -EBADMSG, "E-IMAGE-DAMAGED",
			"the image store is damaged, see above. 'sbx system check --repair' removes what is "
			"broken; pulling the images again brings it back");
	return 0;
}
