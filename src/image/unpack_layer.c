/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A blob of the store becomes layers/<chain id>; staging.c says how it gets that name.
 *
 * The child is root of a user namespace: it may give files away and set their modes, and its memory
 * is limited, because the archive decides how much libarchive needs.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/own.h"
#include "base/xalloc.h"
#include "image/compare.h"
#include "image/confined.h"
#include "image/store_private.h"
#include "image/unpack.h"

#define BLOCK      ((size_t)256 << 10)
#define RECORD_MAX ((size_t)64 << 10)
#define MEMORY_MAX ((rlim_t)512 << 20)

struct task { /* borrowed by the child */
	const struct store *store;
	const struct layer_job *job;
	struct idmap map;
	int blob;
	bool compare; /* with the layer that is there, instead of becoming it */
};

/* So much more memory than now; a sanitizer has mapped terabytes before main. */
static int limit_memory(struct err *err)
{
	autofree char *statm = NULL;
	unsigned long long data = 0;
	struct rlimit memory;

	TRY(fs_read_at(AT_FDCWD, "/proc/self/statm", 256, &statm, NULL, err));
	(void)sscanf(statm, "%*u %*u %*u %*u %*u %llu", &data);
	memory.rlim_cur = memory.rlim_max = data * (rlim_t)sysconf(_SC_PAGESIZE) + MEMORY_MAX;
	if (setrlimit(RLIMIT_DATA, &memory) < 0)
		return err_sys(err, "limit the memory for unpacking");
	return 0;
}

static int limit_self(struct err *err)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return err_sys(err, "ask for the limit of open files");
	files.rlim_cur = files.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &files) < 0)
		return err_sys(err, "raise the limit of open files");
	return limit_memory(err);
}

static int check_diff_id(struct digester *digester, const struct layer_job *job, struct err *err)
{
	char got[DIGEST_MAX];

	digester_final(digester, got);
	if (strcmp(got, job->diff_id) == 0)
		return 0;
	return err_id(err, -EBADMSG, "E-DIGEST",
		"the layer's contents are not what the image's config says (%s instead of %s). Nothing of "
		"it was kept",
		got, job->diff_id);
}

static int unpack_into(
	const struct task *task, const struct staging *staging, struct staged *ret, struct err *err)
{
	autodigester struct digester *digester = NULL;
	autoinflate struct inflate *inflate = NULL;
	autowriter struct writer w;
	autoring struct ring *ring = NULL; /* last: its threads use inflate and digester */
	struct tar_source source;

	writer_init(&w, staging->root, &task->map);
	w.write_early = store_synced();
	w.limit = task->store->max_layer;
	TRY(digester_new(task->job->diff_id, &digester, err));
	TRY(inflate_new(task->blob, task->job->media_type, &inflate, err));
	TRY(ring_new(inflate, digester, task->job, &ring, err));
	source = (struct tar_source){ .next = ring_next, .data = ring };
	TRY(unpack_stream(&source, &w, err));
	ring_finish(ring);
	TRY(check_diff_id(digester, task->job, err));
	*ret = (struct staged){ .diff_id = task->job->diff_id,
		.chain_id = task->job->chain_id,
		.bytes = w.bytes,
		.inodes = w.inodes,
		.opaque_root = w.opaque_root };
	return 0;
}

/* Owners on disk mean what the id map meant that the layer was unpacked with. */
static bool same_ids(const struct task *task)
{
	autofree char *name = xasprintf("%s.json", task->job->chain_id);
	autojson struct json *record = NULL;
	struct err ignored = ERR_INIT;
	bool single;

	if (json_read_at(task->store->layers, name, RECORD_MAX, &record, &ignored) < 0)
		return false;
	single = strcmp(json_str(json_get(record, "ids"), ""), "single") == 0;
	return single == (task->map.kind == IDMAP_SINGLE);
}

static int compare_child(const struct task *task, const struct staging *staging, struct err *err)
{
	autofd int have = openat(task->store->layers, task->job->chain_id,
		O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (have < 0)
		return err_set(err, -EUCLEAN, "cannot be read");
	return tree_compare(staging->root, have, same_ids(task), err);
}

static int unpack_child(void *data, struct err *err)
{
	__attribute__((cleanup(staging_done))) struct staging staging = STAGING_INIT;
	const struct task *task = data;
	struct staged layer;

	TRY(limit_self(err));
	TRY(confined_unpack(task->store, err));
	TRY(staging_begin(&staging, task->store, &task->map, err));
	TRY(unpack_into(task, &staging, &layer, err));
	if (task->compare)
		return compare_child(task, &staging, err);
	return staging_commit(&staging, &layer, err);
}

/* One unpacking per layer; the file goes away with the work, so a lock without a name is void. */
static int lock_layer(const struct store *store, const char *name, struct err *err)
{
	for (;;) {
		autofd int fd = fs_lock_at(store->tmp, name, true, err);
		struct stat st;

		TRY(fd);
		if (fstat(fd, &st) < 0)
			return err_sys(err, "lock the layer");
		if (st.st_nlink > 0)
			return move_fd(&fd);
	}
}

/* What the blob unpacks to, as far as it tells: the size in the last gzip member's trailer. */
static int64_t estimate(int blob, int64_t size, const char *media_type)
{
	unsigned char tail[4];
	int64_t told;

	if (!strstr(media_type, "gzip") || pread(blob, tail, 4, size - 4) != 4)
		return size;
	told = (int64_t)((uint32_t)tail[0] | (uint32_t)tail[1] << 8 | (uint32_t)tail[2] << 16 |
			 (uint32_t)tail[3] << 24);
	/* deflate cannot do better than 1032:1, so a larger number is made up */
	return told > size && told / 1032 <= size ? told : size;
}

static bool blob_is_whole(int fd, const char *digest)
{
	autodigester struct digester *digester = NULL;
	autofree char *block = xmalloc(BLOCK);
	struct err ignored = ERR_INIT;
	char got[DIGEST_MAX];
	off_t at = 0;
	ssize_t n;

	if (digester_new(digest, &digester, &ignored) < 0)
		return true;
	while ((n = pread(fd, block, BLOCK, at)) > 0) {
		digester_update(digester, block, (size_t)n);
		at += n;
	}
	digester_final(digester, got);
	return n == 0 && strcmp(got, digest) == 0;
}

/* The layer is bad. Was it the image or our disk? A blob that rotted goes, so that the next pull
 * fetches it anew. */
static int blame(const struct store *store, const struct layer_job *job, int blob, struct err *err)
{
	char path[BLOB_PATH_MAX];

	if (err->code != -EBADMSG || blob_is_whole(blob, job->blob_digest))
		return err->code;
	TRY(blob_path(job->blob_digest, path, err));
	if (unlinkat(store->blobs, path, 0) < 0 && errno != ENOENT)
		return err_sys(err, "remove the damaged blob %s", job->blob_digest);
	return err_id(err, -EBADMSG, "E-DIGEST",
		"blob %s was damaged on this machine's disk and is removed. Pull the image again: that "
		"fetches it anew",
		job->blob_digest);
}

static int unpack_open(const struct store *store, const struct layer_job *job, int blob,
	bool compare, struct err *err)
{
	struct task task = { .store = store, .job = job, .blob = blob, .compare = compare };
	struct err ignored = ERR_INIT;

	if (store->inside)
		task.map = store->inside->map;
	else
		TRY(idmap_detect(&task.map, err));
	if (store_run_inside(store, unpack_child, &task, err) >= 0)
		return 0;
	(void)gc_tmp(store, &ignored); /* the failure that is told is the first */
	return err->code;
}

static int unpack_locked(
	const struct store *store, const struct layer_job *job, bool compare, struct err *err)
{
	autofd int blob = -EBADF;
	char what[64];
	int64_t size;

	if (job->source > 0) /* a pipe does not tell what will be needed */
		return unpack_open(store, job, job->source, compare, err);
	blob = store_open_blob(store, job->blob_digest, &size, err);
	TRY(blob);
	(void)snprintf(what, sizeof(what), "layer %.12s", strchr(job->blob_digest, ':') + 1);
	TRY(store_check_space(store, what, estimate(blob, size, job->media_type), 16, err));
	if (unpack_open(store, job, blob, compare, err) >= 0)
		return 0;
	if (compare)
		return err->code;
	return blame(store, job, blob, err);
}

static int with_lock(
	const struct store *store, const struct layer_job *job, bool compare, struct err *err)
{
	autofd int lock = -EBADF;
	char name[80];
	int r = 0;

	(void)snprintf(name, sizeof(name), "%s.lock", job->chain_id);
	lock = lock_layer(store, name, err);
	TRY(lock);
	/* Somebody may have been faster. */
	if (compare || !store_has_layer(store, job->chain_id))
		r = unpack_locked(store, job, compare, err);
	(void)unlinkat(store->tmp, name, 0); /* a lock file that stays does no harm */
	return r;
}

static int check_job(const struct layer_job *job, struct err *err)
{
	if (!chain_id_valid(job->chain_id) || !digest_valid(job->diff_id))
		return err_set(err, -EINVAL, "'%s' is not a layer", job->chain_id);
	return 0;
}

int store_unpack_layer(const struct store *store, const struct layer_job *job, struct err *err)
{
	TRY(check_job(job, err));
	return store_has_layer(store, job->chain_id) ? 0 : with_lock(store, job, false, err);
}

int store_compare_layer(const struct store *store, const struct layer_job *job, struct err *err)
{
	TRY(check_job(job, err));
	return with_lock(store, job, true, err);
}
