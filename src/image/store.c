/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store's folders and its blobs. Everything is reached through directory descriptors and names
 * that digest_valid() has passed. Readers never create; a store that is not there is an empty one,
 * its descriptors -EBADF.
 */
#include "image/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/own.h"
#include "base/sha256.h"
#include "base/space.h"
#include "base/xalloc.h"
#include "image/store_private.h"

#define LAYOUT_TEXT "{\"imageLayoutVersion\":\"1.0.0\"}"

void store_done(struct store *store)
{
	fd_drop(&store->root);
	fd_drop(&store->images);
	fd_drop(&store->blobs);
	fd_drop(&store->layers);
	fd_drop(&store->tmp);
	fd_drop(&store->hold);
	free(store->layers_path);
	store->layers_path = NULL;
	inside_free(store->inside);
	store->inside = NULL;
}

bool store_synced(void)
{
	const char *sync = getenv("SBX_SYNC");

	return !sync || strcmp(sync, "none") != 0;
}

static bool hex_run(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bool digit = s[i] >= '0' && s[i] <= '9';

		if (!digit && !(s[i] >= 'a' && s[i] <= 'f'))
			return false;
	}
	return s[n] == '\0';
}

bool digest_valid(const char *digest)
{
	if (!digest)
		return false;
	if (strncmp(digest, "sha256:", 7) == 0)
		return hex_run(digest + 7, 64);
	return strncmp(digest, "sha512:", 7) == 0 && hex_run(digest + 7, 128);
}

bool chain_id_valid(const char *hex)
{
	return hex && hex_run(hex, 64);
}

/* Path of a blob relative to blobs/sha256. */
int blob_path(const char *digest, char ret[BLOB_PATH_MAX], struct err *err)
{
	if (!digest_valid(digest))
		return err_set(err, -EINVAL, "'%s' is not a digest", digest ? digest : "");
	(void)snprintf(
		ret, BLOB_PATH_MAX, "%s%s", digest[3] == '5' ? "../sha512/" : "", digest + 7);
	return 0;
}

static int open_sub(int dir, const char *name, bool create, struct err *err)
{
	int fd;

	if (create && mkdirat(dir, name, 0700) < 0 && errno != EEXIST)
		return fs_err(err, dir, name);
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && (create || errno != ENOENT))
		return err_sys(err, "open '%s' of the image store", name);
	return fd < 0 ? -ENOENT : fd;
}

static char *absolute(const char *path)
{
	autofree char *cwd = NULL;

	if (path[0] == '/')
		return xstrdup(path);
	cwd = getcwd(NULL, 0);
	return xasprintf("%s/%s", cwd ? cwd : "", path);
}

static int open_root(const struct globals *globals, bool create, struct err *err)
{
	int fd;

	if (create) {
		TRY(fs_mkdirs(globals->root, 0700, err));
		return fs_open_private_dir(globals->root, err);
	}
	fd = open(globals->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno != ENOENT)
		return err_sys(err, "open '%s'", globals->root);
	return fd < 0 ? -ENOENT : fd;
}

/* A missing folder is not an error for a reader. */
static int keep(int fd, int *slot)
{
	if (fd >= 0)
		*slot = fd;
	return fd == -ENOENT ? 0 : fd;
}

/* Others refuse a layout without index. */
static int make_index(const struct store *s, struct err *err)
{
	autofd int lock = index_lock(s, err);
	autojson struct json *index = NULL;

	TRY(lock);
	if (faccessat(s->images, "index.json", F_OK, 0) == 0)
		return 0;
	TRY(index_load(s, &index, err));
	return index_save(s, index, err);
}

/* oci-layout comes last: where it is, everything is. */
static int make_layout(const struct store *s, struct err *err)
{
	static const char *const folders[] = { "blobs", "blobs/sha256", "blobs/sha512",
		".partial" };

	if (faccessat(s->images, "oci-layout", F_OK, 0) == 0)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		autofd int fd = open_sub(s->images, folders[i], true, err);

		TRY(fd);
	}
	TRY(make_index(s, err));
	return fs_write_at(s->images, "oci-layout", LAYOUT_TEXT, strlen(LAYOUT_TEXT),
		store_synced() ? FS_SYNC : FS_NOSYNC, err);
}

static int open_all(const struct globals *globals, bool create, struct store *ret, struct err *err)
{
	autostore struct store s = STORE_INIT;
	struct err why = ERR_INIT;

	TRY(keep(open_root(globals, create, err), &s.root));
	if (s.root >= 0) {
		TRY(keep(open_sub(s.root, "images", create, err), &s.images));
		TRY(keep(open_sub(s.root, "layers", create, err), &s.layers));
	}
	if (create) {
		TRY(keep(open_sub(s.root, "tmp", true, err), &s.tmp));
		TRY(make_layout(&s, err));
		s.hold = fs_lock_at(s.images, ".hold", false, err);
		TRY(s.hold);
	}
	if (s.images >= 0)
		TRY(keep(open_sub(s.images, "blobs/sha256", false, err), &s.blobs));
	s.max_layer = json_int(json_get(globals->settings, "maxLayerSize"), 0);
	s.layers_path = xasprintf("%s/layers", globals->root);
	if (s.layers_path[0] != '/') {
		autofree char *relative = move_ptr(&s.layers_path);

		s.layers_path = absolute(relative);
	}
	if (create && gc_tmp(&s, &why) < 0)
		log_msg(LOG_WARN, "what an interrupted pull left could not be removed: %s",
			why.text);
	*ret = s;
	s = (struct store)STORE_INIT;
	return 0;
}

int store_open(const struct globals *globals, bool create, struct store *ret, struct err *err)
{
	int r = open_all(globals, create, ret, err);

	return r < 0 ? err_wrap(err, "image store %s", globals->root) : r;
}

bool store_has_blob(const struct store *store, const char *digest)
{
	char path[BLOB_PATH_MAX];
	struct stat st;

	if (!digest_valid(digest) || store->blobs < 0)
		return false;
	(void)blob_path(digest, path, &(struct err)ERR_INIT);
	return fstatat(store->blobs, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode);
}

int store_open_blob(
	const struct store *store, const char *digest, int64_t *ret_size, struct err *err)
{
	char path[BLOB_PATH_MAX];
	autofd int fd = -EBADF;
	struct stat st;

	TRY(blob_path(digest, path, err));
	if (store->blobs < 0)
		return err_set(err, -ENOENT, "blob %s is not in the store", digest);
	fd = openat(store->blobs, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return err_set(err, -ENOENT, "blob %s is not in the store", digest);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, "open blob %s", digest);
	if (!S_ISREG(st.st_mode))
		return err_set(err, -EINVAL, "blob %s of the store is not a file", digest);
	if (ret_size)
		*ret_size = st.st_size;
	return move_fd(&fd);
}

int store_read_blob(
	const struct store *store, const char *digest, size_t max, struct buf *ret, struct err *err)
{
	char path[BLOB_PATH_MAX], hex[SHA256_HEX];
	autofree char *text = NULL;
	size_t len = 0;

	TRY(blob_path(digest, path, err));
	if (digest[3] != '2')
		return err_set(
			err, -EOPNOTSUPP, "documents with SHA-512 digests are not supported");
	if (store->blobs < 0)
		return err_set(err, -ENOENT, "blob %s is not in the store", digest);
	TRY(fs_read_at(store->blobs, path, max, &text, &len, err));
	sha256_hex(text, len, hex);
	if (strcmp(hex, digest + 7) != 0)
		return err_id(err, -EBADMSG, "E-DIGEST",
			"blob %s of the image store is damaged (%zu bytes). Pull the image again: that "
			"replaces it",
			digest, len);
	buf_reset(ret);
	buf_add(ret, text, len);
	return 0;
}

/* Present and whole: a damaged document is written anew, so that a pull always heals. */
static bool same_blob(const struct store *store, const char *digest, size_t len)
{
	autobuf struct buf old = BUF_INIT;

	return store_has_blob(store, digest) &&
	       store_read_blob(store, digest, len, &old, &(struct err)ERR_INIT) == 0;
}

int store_put_blob(const struct store *store, const char *digest, const void *data, size_t len,
	struct err *err)
{
	char path[BLOB_PATH_MAX], hex[SHA256_HEX];

	TRY(blob_path(digest, path, err));
	if (digest[3] != '2')
		return err_set(
			err, -EOPNOTSUPP, "documents with SHA-512 digests are not supported");
	sha256_hex(data, len, hex);
	if (strcmp(hex, digest + 7) != 0)
		return err_id(err, -EBADMSG, "E-DIGEST", "document %s arrived damaged (%zu bytes)",
			digest, len);
	if (same_blob(store, digest, len))
		return 0;
	return fs_write_at(
		store->blobs, path, data, len, store_synced() ? FS_SYNC : FS_NOSYNC, err);
}

bool store_has_layer(const struct store *store, const char *chain_id_hex)
{
	char record[80];
	struct stat st;

	if (!chain_id_valid(chain_id_hex) || store->layers < 0)
		return false;
	(void)snprintf(record, sizeof(record), "%s.json", chain_id_hex);
	return fstatat(store->layers, chain_id_hex, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISDIR(st.st_mode) &&
	       fstatat(store->layers, record, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_size > 0;
}

/* Below a gigabyte in MB: "needs 0.00 GB" helps nobody. */
static const char *in_units(uint64_t bytes, char ret[32])
{
	bool large = bytes >= 1000000000;

	(void)snprintf(
		ret, 32, "%.2f %s", (double)bytes / (large ? 1e9 : 1e6), large ? "GB" : "MB");
	return ret;
}

int store_check_space(
	const struct store *store, const char *what, int64_t bytes, int64_t inodes, struct err *err)
{
	static const char larger_quota[] = "a larger quota (edquota -u USER)";
	char needs[32], has[32];
	struct space space;

	if (space_ask(store->root, &space) < 0)
		return err_sys(err, "ask for the free space of the image store");
	if (bytes > 0 && space.bytes < (uint64_t)bytes)
		return err_id(err, space.bytes_quota ? -EDQUOT : -ENOSPC,
			space.bytes_quota ? "E-QUOTA" : "E-WONT-FIT",
			"%s needs %s, %s%s where the image store is (%s). Without root: free some space (sbx "
			"system prune), or choose another place: --root DIR or SBX_ROOT. With root: %s",
			what, in_units((uint64_t)bytes, needs), in_units(space.bytes, has),
			space.bytes_quota ? " are left of your quota" : " are free",
			store->layers_path,
			space.bytes_quota ? larger_quota : "a folder on a larger disk");
	if (space.inodes < (uint64_t)(inodes > 0 ? inodes : 1))
		return err_id(err, space.inodes_quota ? -EDQUOT : -ENOSPC,
			space.inodes_quota ? "E-QUOTA" : "E-INODES",
			"%s needs %lld files, but %s (%s) has room for %llu. Without root: remove images "
			"(sbx rmi), or choose another place: --root DIR or SBX_ROOT. With root: %s",
			what, (long long)inodes,
			space.inodes_quota ? "your quota where the image store is"
					   : "the file system of the image store",
			store->layers_path, (unsigned long long)space.inodes,
			space.inodes_quota ? larger_quota : "a file system with more inodes");
	return 0;
}
