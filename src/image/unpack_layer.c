/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A blob of the store becomes layers/<chain id>. All is made below tmp/<random>, which its owner keeps
 * flock'ed; the layer gets its name by one rename after its record is written and its data are on
 * disk. Whatever dies before leaves a directory without owner, which gc_tmp() removes.
 *
 * The child is root of a user namespace: it may give files away and set their modes, and its memory
 * is limited, because the archive decides how much libarchive needs.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/own.h"
#include "base/xalloc.h"
#include "image/store_private.h"
#include "image/unpack.h"

#define TRIES      10
#define BLOCK      ((size_t)256 << 10)
#define MEMORY_MAX ((rlim_t)512 << 20)

struct task { /* borrowed by the child */
	const struct store *store;
	const struct layer_job *job;
	struct idmap map;
	int blob;
};

/* tmp/<random>, made, locked and still there. Returns its descriptor. */
static int make_tmp(const struct store *store, char name[20], struct err *err)
{
	for (int i = 0; i < TRIES; i++) {
		autofd int fd = -EBADF;
		struct stat st, now;
		uint64_t r;

		if (getrandom(&r, sizeof(r), 0) != sizeof(r))
			return err_sys(err, "get a random name");
		(void)snprintf(name, 20, "%016llx", (unsigned long long)r);
		if (mkdirat(store->tmp, name, 0700) < 0)
			return fs_err(
				err, store->tmp, "make a temporary directory in the image store");
		fd = openat(store->tmp, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		/* A collector may have seen it before it was locked. */
		if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &st) == 0 &&
			fstatat(store->tmp, name, &now, AT_SYMLINK_NOFOLLOW) == 0 &&
			st.st_ino == now.st_ino)
			return move_fd(&fd);
	}
	return err_set(err, -EAGAIN, "could not make a temporary directory in the image store");
}

static int make_root(int tmp, struct err *err)
{
	autofd int fd = -EBADF;

	/* An inherited ACL or group would change what everything inside gets. */
	(void)fremovexattr(tmp, "system.posix_acl_default");
	if (mkdirat(tmp, "root", 0755) < 0)
		return fs_err(err, tmp, "make the layer's directory");
	fd = openat(tmp, "root", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fchown(fd, 0, 0) < 0 || fchmod(fd, 0755) < 0)
		return err_sys(err, "make the layer's directory");
	return move_fd(&fd);
}

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

	(void)umask(0);
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

static int write_record(const struct task *task, const struct writer *w, struct err *err)
{
	autojson struct json *record = json_new_map();
	autobuf struct buf text = BUF_INIT;
	autofd int fd = -EBADF;
	char name[80];

	json_put_string(record, "diffId", task->job->diff_id);
	json_put_int(record, "size", w->bytes);
	json_put_int(record, "inodes", w->inodes);
	json_put_bool(record, "opaque", w->opaque_root);
	json_put_string(record, "ids", task->map.kind == IDMAP_SINGLE ? "single" : "mapped");
	json_write(record, 0, &text);
	(void)snprintf(name, sizeof(name), "%s.json", task->job->chain_id);
	TRY(fs_write_at(task->store->layers, name, text.data, text.len,
		store_synced() ? FS_SYNC : FS_NOSYNC, err));
	if (!w->opaque_root)
		return 0;
	/* Said again where image_resolve() sees it in one call. */
	fd = openat(task->store->layers, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fsetxattr(fd, LAYER_OPAQUE, "y", 1, 0) < 0)
		return fs_err(err, task->store->layers, "mark a layer as opaque");
	return 0;
}

/* Data first, then the record, then the name. */
static int commit(
	const struct task *task, const struct writer *w, int tmp, int root, struct err *err)
{
	const char *chain = task->job->chain_id;
	int layers = task->store->layers;

	if (store_synced() && syncfs(root) < 0)
		return err_sys(err, "write the layer to disk");
	TRY(write_record(task, w, err));
	/* Only a directory without record can be in the way: somebody removed that by hand. */
	if (renameat(tmp, "root", layers, chain) < 0) {
		TRY(fs_remove_tree(layers, chain, err));
		if (renameat(tmp, "root", layers, chain) < 0)
			return fs_err(err, layers, "commit the layer");
	}
	if (store_synced() && fsync(layers) < 0)
		return err_sys(err, "write the layer's name to disk");
	return 0;
}

static int unpack_into(const struct task *task, int tmp, int root, struct err *err)
{
	autodigester struct digester *digester = NULL;
	autoinflate struct inflate *inflate = NULL;
	autowriter struct writer w;
	autoring struct ring *ring = NULL; /* last: its thread uses inflate */
	struct tar_source source;

	writer_init(&w, root, &task->map);
	w.write_early = store_synced();
	TRY(digester_new(task->job->diff_id, &digester, err));
	TRY(inflate_new(task->blob, task->job->media_type, &inflate, err));
	TRY(ring_new(inflate, task->job, &ring, err));
	source = (struct tar_source){ .next = ring_next, .data = ring };
	TRY(unpack_stream(&source, digester, &w, err));
	TRY(check_diff_id(digester, task->job, err));
	return commit(task, &w, tmp, root, err);
}

static int unpack_child(void *data, struct err *err)
{
	const struct task *task = data;
	autofd int tmp = -EBADF, root = -EBADF;
	char name[20];

	TRY(limit_self(err));
	tmp = make_tmp(task->store, name, err);
	TRY(tmp);
	root = make_root(tmp, err);
	TRY(root);
	TRY(unpack_into(task, tmp, root, err));
	if (unlinkat(task->store->tmp, name, AT_REMOVEDIR) < 0)
		log_msg(LOG_WARN, "could not remove tmp/%s of the image store: %s", name,
			strerror(errno));
	return 0;
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

static int unpack_open(
	const struct store *store, const struct layer_job *job, int blob, struct err *err)
{
	struct task task = { .store = store, .job = job, .blob = blob };
	struct err ignored = ERR_INIT;

	TRY(idmap_detect(&task.map, err));
	if (userns_run(&task.map, 0, unpack_child, &task, err) >= 0)
		return 0;
	(void)gc_tmp(store, &ignored); /* the failure that is told is the first */
	return err->code;
}

static int unpack_locked(const struct store *store, const struct layer_job *job, struct err *err)
{
	autofd int blob = -EBADF;
	char what[64];
	int64_t size;

	if (job->source > 0) /* a pipe does not tell what will be needed */
		return unpack_open(store, job, job->source, err);
	blob = store_open_blob(store, job->blob_digest, &size, err);
	TRY(blob);
	(void)snprintf(what, sizeof(what), "layer %.12s", strchr(job->blob_digest, ':') + 1);
	TRY(store_check_space(store, what, estimate(blob, size, job->media_type), 16, err));
	if (unpack_open(store, job, blob, err) >= 0)
		return 0;
	return blame(store, job, blob, err);
}

int store_unpack_layer(const struct store *store, const struct layer_job *job, struct err *err)
{
	autofd int lock = -EBADF;
	char name[80];
	int r;

	if (!chain_id_valid(job->chain_id) || !digest_valid(job->diff_id))
		return err_set(err, -EINVAL, "'%s' is not a layer", job->chain_id);
	if (store_has_layer(store, job->chain_id))
		return 0;
	(void)snprintf(name, sizeof(name), "%s.lock", job->chain_id);
	lock = lock_layer(store, name, err);
	TRY(lock);
	/* Somebody may have been faster. */
	r = store_has_layer(store, job->chain_id) ? 0 : unpack_locked(store, job, err);
	(void)unlinkat(store->tmp, name, 0); /* a lock file that stays does no harm */
	return r;
}
