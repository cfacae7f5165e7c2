/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking away what nobody needs. Unpacked layers may hold files of sub-ids, so trees are removed as
 * root of a user namespace. A layer loses its name first (it moves to tmp/), so a half-removed one is
 * never taken for a whole one.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/xalloc.h"
#include "image/store_private.h"

#define OLD_SECONDS 86400

/* The names in dir: those with a dot in front, or the others. */
static int list_dir(int dir, bool hidden, struct strv *ret, struct err *err)
{
	autofd int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	autodir DIR *stream = NULL;
	struct dirent *e;

	if (fd < 0)
		return err_sys(err, "read a directory of the image store");
	stream = fdopendir(fd);
	if (!stream)
		return err_sys(err, "read a directory of the image store");
	(void)move_fd(&fd); /* the stream's now */
	while ((e = readdir(stream)) != NULL) {
		if ((e->d_name[0] == '.') == hidden)
			strv_add(ret, e->d_name);
	}
	return 0;
}

/* Takes the lock of a directory of tmp/, so that nobody starts to use it while it is removed. Returns
 * the descriptor, -EWOULDBLOCK when somebody works there, or -EACCES for what never is a workplace:
 * a directory of a sub-id. */
static int claim(int dir, const char *name)
{
	autofd int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return -errno;
	return move_fd(&fd);
}

struct removal {
	int dir;
	const struct strv *names;
};

static int remove_child(void *data, struct err *err)
{
	const struct removal *removal = data;
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max; /* one descriptor per level of the tree */
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	strv_each (name, removal->names)
		TRY(fs_remove_tree(removal->dir, *name, err));
	return 0;
}

static int remove_trees(
	const struct store *store, int dir, const struct strv *names, struct err *err)
{
	struct removal removal = { .dir = dir, .names = names };

	if (names->n == 0)
		return 0;
	return store_run_inside(store, remove_child, &removal, err);
}

static bool ends(const char *name, const char *end)
{
	size_t n = strlen(name), m = strlen(end);

	return n > m && strcmp(name + n - m, end) == 0;
}

int gc_tmp(const struct store *store, struct err *err)
{
	autostrv struct strv all = STRV_INIT, dead = STRV_INIT;
	autofree int *locks = NULL;
	size_t n = 0;
	int r;

	TRY(list_dir(store->tmp, false, &all, err));
	locks = xcalloc(all.n + 1, sizeof(*locks));
	strv_each (name, &all) {
		int fd = claim(store->tmp, *name);

		if (fd >= 0)
			locks[n++] = fd;
		/* A lock whose user was killed; who waits for it sees that it lost its name. */
		if (fd >= 0 && ends(*name, ".lock") && unlinkat(store->tmp, *name, 0) == 0)
			continue;
		if (fd >= 0 || fd == -EACCES)
			strv_add(&dead, *name);
	}
	r = remove_trees(store, store->tmp, &dead, err);
	while (n > 0)
		(void)close(locks[--n]);
	return r;
}

/* What the index reaches: digests of blobs and chain ids of layers. */
static int mark(
	const struct store *store, const struct json *index, struct strv *ret, struct err *err)
{
	json_each (it, index_list(index)) {
		autofound struct found found = { 0 };
		autostrv struct strv chains = STRV_INIT;

		if (entry_load(store, it.value, &found, err) < 0 ||
			found_chains(&found, &chains, err) < 0)
			return err_wrap(
				err, "an image of the store cannot be read, nothing is removed");
		strv_add(ret, index_digest(it.value));
		strv_add(ret, found.manifest_digest);
		strv_add(ret, found.id);
		for (size_t i = 0; i < found.manifest.n_layers; i++)
			strv_add(ret, found.manifest.layers[i].digest);
		strv_extend(ret, &chains);
	}
	return builds_mark(store, ret, err);
}

static bool old(int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       time(NULL) - st.st_ctime > OLD_SECONDS;
}

/* Of what nothing needs: is it to go now? */
static bool doomed(const struct strv *candidates, const char *id, int dir, const char *name)
{
	return !candidates || strv_has(candidates, id) || old(dir, name);
}

static int sweep_blobs_of(const struct store *store, const char *algorithm, const struct strv *live,
	const struct strv *candidates, struct err *err)
{
	autofree char *path = xasprintf("blobs/%s", algorithm);
	autofd int dir = openat(store->images, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	autostrv struct strv names = STRV_INIT;

	if (dir < 0)
		return errno == ENOENT ? 0 : err_sys(err, "open '%s' of the image store", path);
	TRY(list_dir(dir, false, &names, err));
	strv_each (name, &names) {
		autofree char *digest = xasprintf("%s:%s", algorithm, *name);

		if (strv_has(live, digest) || !doomed(candidates, digest, dir, *name))
			continue;
		if (unlinkat(dir, *name, 0) < 0 && errno != ENOENT)
			return err_sys(err, "remove blob %s", digest);
	}
	return 0;
}

static int sweep_blobs(const struct store *store, const struct strv *live,
	const struct strv *candidates, struct err *err)
{
	TRY(sweep_blobs_of(store, "sha256", live, candidates, err));
	return sweep_blobs_of(store, "sha512", live, candidates, err);
}

/* Downloads that were killed: nobody writes now, and after a day nobody comes back to continue. */
static int sweep_partials(const struct store *store, const struct strv *candidates, struct err *err)
{
	autofd int dir = openat(store->images, ".partial", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	autostrv struct strv names = STRV_INIT;

	if (dir < 0)
		return errno == ENOENT ? 0 : err_sys(err, "open .partial of the image store");
	TRY(list_dir(dir, false, &names, err));
	strv_each (name, &names)
		if (doomed(candidates, *name, dir, *name) && unlinkat(dir, *name, 0) < 0 &&
			errno != ENOENT)
			return err_sys(err, "remove the download '%s'", *name);
	return 0;
}

/* The layer leaves its name, then its record goes: from then on it does not exist. Returns 1 when
 * the directory could not be moved, because it belongs to a sub-id. */
static int retire_layer(const struct store *store, int tmp, const char *chain, struct err *err)
{
	autofree char *record = xasprintf("%s.json", chain);
	autofree char *grave = xasprintf("dead-%s", chain);
	bool stuck = false;

	if (renameat(store->layers, chain, tmp, grave) < 0 && errno != ENOENT) {
		if (errno != EACCES && errno != ENOTEMPTY && errno != EEXIST)
			return err_sys(err, "remove layer %.12s", chain);
		stuck = true;
	}
	if (unlinkat(store->layers, record, 0) < 0 && errno != ENOENT)
		return err_sys(err, "remove layer %.12s", chain);
	return stuck;
}

/* "<chain id>" of a layer or of its record, else NULL. */
static char *chain_of(const char *name)
{
	autofree char *chain = xstrndup(name, strlen(name) > 64 ? 64 : strlen(name));

	if (!chain_id_valid(chain) || (name[64] && strcmp(name + 64, ".json") != 0))
		return NULL;
	return move_ptr(&chain);
}

static int sweep_layers(const struct store *store, const struct strv *live,
	const struct strv *candidates, struct strv *report, struct err *err)
{
	autofd int tmp = openat(store->root, "tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	autostrv struct strv names = STRV_INIT, stuck = STRV_INIT, graves = STRV_INIT;

	if (tmp < 0)
		return err_sys(err, "open tmp of the image store");
	TRY(list_dir(store->layers, false, &names, err));
	strv_each (name, &names) {
		autofree char *chain = chain_of(*name);
		int r;

		if (!chain || strv_has(live, chain))
			continue;
		if (!doomed(candidates, chain, store->layers, *name))
			continue;
		r = retire_layer(store, tmp, chain, err);
		TRY(r);
		if (r == 1)
			strv_add(&stuck, chain);
		else
			strv_addf(&graves, "dead-%s", chain);
		if (!(*name)[64])
			strv_addf(report, "Deleted: sha256:%s", chain);
	}
	TRY(remove_trees(store, tmp, &graves, err));
	return remove_trees(store, store->layers, &stuck, err);
}

/* What fs_write_at() had not renamed yet when its process was killed: nobody writes now. */
static int sweep_temps(int dir, struct err *err)
{
	autostrv struct strv names = STRV_INIT;

	TRY(list_dir(dir, true, &names, err));
	strv_each (name, &names) {
		if (ends(*name, ".tmp") && unlinkat(dir, *name, 0) < 0 && errno != ENOENT)
			return err_sys(err, "remove '%s' of the image store", *name);
	}
	return 0;
}

int gc_sweep(const struct store *store, const struct json *index, const struct gc_choice *choice,
	struct strv *report, struct err *err)
{
	autofd int hold = openat(
		store->images, ".hold", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	autostrv struct strv live = STRV_INIT;

	if (hold < 0)
		return err_sys(err, "lock the image store");
	/* A pull is running: it may be about to name what looks unused. The next removal collects. */
	if (flock(hold, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? 0 : err_sys(err, "lock the image store");
	TRY(sweep_temps(store->images, err));
	TRY(sweep_temps(store->blobs, err));
	TRY(sweep_temps(store->layers, err));
	TRY(mark(store, index, &live, err));
	if (choice->used)
		strv_extend(&live, choice->used);
	TRY(sweep_layers(store, &live, choice->candidates, report, err));
	TRY(sweep_partials(store, choice->candidates, err));
	return sweep_blobs(store, &live, choice->candidates, err);
}
