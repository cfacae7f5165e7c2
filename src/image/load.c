/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `sbx load`: reads an archive once, from front to back, so that a pipe will do. Documents stay in
 * memory, everything else becomes a blob under the digest of its bytes. Only then is looked at what
 * the archive says of itself; names in it select members of this archive and never a file. No image
 * gets a name before all of them are whole.
 */
#include "image/parcel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "image/confined.h"
#include "image/progress.h"
#include "image/store_private.h"
#include "image/unpack.h"

#define MEMBERS_MAX 100000
#define TEXT_MAX    ((size_t)16 << 20)  /* one document */
#define TEXTS_MAX   ((size_t)128 << 20) /* all of them */

struct load {
	const struct store *store;
	struct members members;
	struct spool spool; /* of the member at hand */
	bool spooling;
};

void members_done(struct members *members)
{
	for (size_t i = 0; i < members->n; i++) {
		free(members->list[i].name);
		free(members->list[i].text);
		free(members->list[i].link);
	}
	free(members->list);
	*members = (struct members){ 0 };
}

static const struct member *find_exact(const struct members *members, const char *name)
{
	for (size_t i = 0; i < members->n; i++)
		if (strcmp(members->list[i].name, name) == 0)
			return &members->list[i];
	return NULL;
}

/* "abc/layer.tar" + "../def/layer.tar" → "def/layer.tar"; NULL when it climbs out or is absolute. */
static char *link_target(const struct member *m)
{
	autofree char *target = xstrdup(m->link);
	char *dir = strrchr(m->name, '/');
	size_t keep = dir ? (size_t)(dir - m->name) : 0;
	const char *rest = target;

	if (*rest == '/')
		return NULL;
	for (; strncmp(rest, "../", 3) == 0; rest += 3) {
		if (keep == 0)
			return NULL;
		while (keep > 0 && m->name[keep - 1] != '/')
			keep--;
		keep -= keep > 0;
	}
	return keep ? xasprintf("%.*s/%s", (int)keep, m->name, rest) : xstrdup(rest);
}

const struct member *members_find(const struct members *members, const char *name)
{
	const struct member *m = find_exact(members, name);
	autofree char *target = NULL;

	if (!m || !m->link)
		return m;
	target = link_target(m);
	m = target ? find_exact(members, target) : NULL;
	return m && !m->link ? m : NULL;
}

void loads_done(struct loads *loads)
{
	for (size_t i = 0; i < loads->n; i++)
		strv_done(&loads->list[i].names);
	free(loads->list);
	*loads = (struct loads){ 0 };
}

struct loaded *loads_add(struct loads *loads)
{
	loads->list = xreallocarray(loads->list, loads->n + 1, sizeof(*loads->list));
	loads->list[loads->n] = (struct loaded){ .names = STRV_INIT };
	return &loads->list[loads->n++];
}

/* ---- reading the archive ---- */

static bool ends(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && strcmp(s + n - m, end) == 0;
}

/* What is read as a text. "repositories", "VERSION" and the "json" of old layers say nothing new. */
static bool is_document(const char *name)
{
	return ends(name, ".json") && strncmp(name, "blobs/", 6) != 0;
}

static bool is_ignored(const char *name)
{
	return strcmp(name, "repositories") == 0 || strcmp(name, "oci-layout") == 0 ||
	       ends(name, "/VERSION") || ends(name, "/json");
}

/* "blobs/sha256/<hex>" → "sha256:<hex>"; false for other names. */
static bool blob_digest(const char *name, char ret[DIGEST_MAX])
{
	const char *slash;

	if (strncmp(name, "blobs/", 6) != 0)
		return false;
	slash = strchr(name + 6, '/');
	if (!slash)
		return false;
	(void)snprintf(ret, DIGEST_MAX, "%.*s:%s", (int)(slash - name - 6), name + 6, slash + 1);
	return digest_valid(ret);
}

static int add_member(struct load *load, const char *name, struct err *err)
{
	struct members *m = &load->members;

	if (find_exact(m, name))
		return err_set(
			err, -EINVAL, "the archive has two members called '%.150s': refused", name);
	if (m->n >= MEMBERS_MAX)
		return err_set(
			err, -E2BIG, "the archive has more than %d members: refused", MEMBERS_MAX);
	if (m->n == m->cap) {
		m->cap = m->cap ? m->cap * 2 : 64;
		m->list = xreallocarray(m->list, m->cap, sizeof(*m->list));
	}
	m->list[m->n++] = (struct member){ .name = xstrdup(name) };
	return 0;
}

static int begin_text(struct load *load, struct member *m, int64_t size, struct err *err)
{
	if (size < 0 || size > (int64_t)TEXT_MAX ||
		load->members.text_bytes + (size_t)size > TEXTS_MAX)
		return err_set(err, -EFBIG, "'%.150s' of the archive has %lld bytes: refused",
			m->name, (long long)size);
	load->members.text_bytes += (size_t)size;
	m->text = xcalloc((size_t)size + 1, 1);
	return 1;
}

/* A hard link names its target from the top, and the target came before it. */
static void link_member(const struct load *load, struct member *m, const char *target)
{
	const struct member *found = find_exact(
		&load->members, strncmp(target, "./", 2) == 0 ? target + 2 : target);

	if (found)
		(void)memcpy(m->digest, found->digest, sizeof(m->digest));
}

/* Returns 1 when its data are wanted. */
static int on_member(void *data, const struct unpack_entry *e, struct err *err)
{
	const char *path = strncmp(e->path, "./", 2) == 0 ? e->path + 2 : e->path;
	struct load *load = data;
	char digest[DIGEST_MAX];
	struct member *m;

	if (e->type == UNPACK_DIR || is_ignored(path))
		return 0;
	TRY(add_member(load, path, err));
	m = &load->members.list[load->members.n - 1];
	if (e->type == UNPACK_SYMLINK)
		m->link = xstrdup(e->link);
	if (e->type == UNPACK_HARDLINK)
		link_member(load, m, e->link);
	if (e->type != UNPACK_FILE)
		return 0;
	if (is_document(path))
		return begin_text(load, m, e->size, err);
	TRY(spool_begin(&load->spool, load->store, blob_digest(path, digest) ? digest : NULL, err));
	load->spooling = true;
	return 1;
}

static int on_piece(void *data, const void *bytes, size_t len, struct err *err)
{
	struct load *load = data;
	struct member *m = &load->members.list[load->members.n - 1];

	if (load->spooling)
		return spool_write(&load->spool, bytes, len, err);
	(void)memcpy(m->text + m->len, bytes, len); /* tar_visit() gives no more than e->size */
	m->len += len;
	return 0;
}

static int on_end(void *data, struct err *err)
{
	struct load *load = data;

	if (!load->spooling)
		return 0;
	TRY(spool_commit(&load->spool, load->members.list[load->members.n - 1].digest, err));
	spool_done(&load->spool);
	load->spooling = false;
	return 0;
}

static void load_done(struct load *load)
{
	if (load->spooling)
		spool_done(&load->spool);
	members_done(&load->members);
}

/* ---- what was in it ---- */

static void tell_moved(const struct globals *globals, const char *name, const char *id)
{
	autoimage struct image old = { 0 };
	struct err ignored = ERR_INIT; /* not here: nothing moves */

	if (image_resolve(globals, name, &old, &ignored) < 0 || strcmp(old.id, id) == 0)
		return;
	(void)printf(
		"The image %s already exists, the old one with ID %s is untagged\n", name, old.id);
}

static char *familiar(const char *full)
{
	struct err ignored = ERR_INIT;
	autoref struct ref ref = { 0 };

	return ref_parse(full, &ref, &ignored) < 0 ? xstrdup(full) : ref_familiar(&ref);
}

static int name_image(const struct globals *globals, const struct store *store,
	const struct loaded *image, struct err *err)
{
	strv_each (name, &image->names) {
		autofree char *shown = familiar(*name);

		tell_moved(globals, shown, image->id);
	}
	TRY(install_names(store, &image->manifest, &image->names, err));
	strv_each (name, &image->names) {
		autofree char *shown = familiar(*name);

		(void)printf("Loaded image: %s\n", shown); /* main checks stdout */
	}
	if (image->names.n == 0)
		(void)printf("Loaded image ID: %s\n", image->id);
	return 0;
}

/* Names come when all are whole. */
static int install_all(const struct globals *globals, const struct store *store,
	const struct loads *loads, bool quiet, struct err *err)
{
	autoprogress struct progress progress = { 0 };
	int r = 0;

	progress_init(&progress, STDOUT_FILENO, quiet || !isatty(STDOUT_FILENO));
	for (size_t i = 0; i < loads->n && r >= 0; i++)
		r = install_layers(
			store, &loads->list[i].manifest, &progress, loads->list[i].id, err);
	progress_settle(&progress);
	TRY(r);
	for (size_t i = 0; i < loads->n; i++)
		TRY(name_image(globals, store, &loads->list[i], err));
	return 0;
}

static int open_input(const char *path, struct err *err)
{
	int fd;

	if (!path && isatty(STDIN_FILENO))
		return err_set(err, -EINVAL,
			"requested load from stdin, but stdin is a terminal: use -i FILE or redirect");
	fd = path ? open(path, O_RDONLY | O_CLOEXEC) : fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	return fd < 0 ? err_sys(err, "open '%s'", path ? path : "stdin") : fd;
}

/* A manifest that came without an index is for what its config says. */
static int check_platforms(const struct store *store, const struct loads *loads, struct err *err)
{
	for (size_t i = 0; loads->platform && i < loads->n; i++) {
		const struct loaded *image = &loads->list[i];
		autojson struct json *entry = descriptor_json(&image->manifest);
		autofound struct found found = { 0 };

		TRY(entry_load(store, entry, &found, err));
		TRY(found_check_platform(&found, image->names.n ? image->names.v[0] : found.id,
			loads->platform, err));
	}
	return 0;
}

int load_archive(const struct store *store, const char *path, const char *platform,
	struct loads *ret, struct err *err)
{
	__attribute__((cleanup(load_done))) struct load load = { .store = store };
	struct tar_visitor visitor = { on_member, on_piece, on_end, &load };
	autofd int fd = open_input(path, err);

	TRY(fd);
	TRY(confined_archive(store, err));
	TRY(tar_visit(fd, &visitor, err));
	ret->platform = platform;
	if (members_find(&load.members, "index.json"))
		TRY(load_oci(store, &load.members, ret, err));
	else
		TRY(load_docker(store, &load.members, ret, err));
	if (ret->n == 0)
		return err_set(err, -ENOENT, "the archive holds no image");
	return check_platforms(store, ret, err);
}

int load_main(const struct globals *globals, int argc, char **argv, struct err *err)
{
	__attribute__((cleanup(load_opts_done))) struct load_opts opts = { 0 };
	__attribute__((cleanup(loads_done))) struct loads loads = { 0 };
	autostore struct store store = STORE_INIT;

	TRY(load_opts_parse(argc, argv, &opts, err));
	TRY(store_open(globals, true, &store, err));
	TRY(store_inside(&store, err));
	TRY(load_archive(&store, opts.input, opts.platform, &loads, err));
	return install_all(globals, &store, &loads, opts.quiet, err);
}
