/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A layer on its way to its name. All is made below tmp/<random>, which its owner keeps flock'ed; the
 * layer gets its name by one rename after its record and its data are on disk. Whatever
 * dies before leaves a directory without owner, which gc_tmp() removes. Runs as root of a user namespace.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/own.h"
#include "image/store_private.h"
#include "image/unpack.h"

#define TRIES 10

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

/* ext4 puts what is made in such a directory where there is most room, as it does with homes, instead of beside its
 * parent: one layer does not fill the gaps of another. Without a journal it looks, for each new file, at every inode of
 * that place which was deleted within some minutes; that was a third of a pull after many removals. */
static void spread_out(int tmp)
{
	int flags = 0;

	if (ioctl(tmp, FS_IOC_GETFLAGS, &flags) < 0)
		return;
	flags |= FS_TOPDIR_FL;
	(void)ioctl(tmp, FS_IOC_SETFLAGS, &flags); /* others than ext4 refuse */
}

static int make_root(int tmp, struct err *err)
{
	autofd int fd = -EBADF;

	spread_out(tmp);

	/* An inherited ACL or group would change what everything inside gets. */
	(void)fremovexattr(tmp, "system.posix_acl_default");
	if (mkdirat(tmp, "root", 0755) < 0)
		return fs_err(err, tmp, "make the layer's directory");
	fd = openat(tmp, "root", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fchown(fd, 0, 0) < 0 || fchmod(fd, 0755) < 0)
		return err_sys(err, "make the layer's directory");
	return move_fd(&fd);
}

int staging_begin(
	struct staging *s, const struct store *store, const struct idmap *map, struct err *err)
{
	*s = (struct staging){ .store = store, .map = map, .tmp = -EBADF, .root = -EBADF };
	(void)umask(0);
	s->tmp = make_tmp(store, s->name, err);
	TRY(s->tmp);
	s->root = make_root(s->tmp, err);
	TRY(s->root);
	return 0;
}

void staging_done(struct staging *s)
{
	struct err why = ERR_INIT;

	if (s->tmp >= 0 && fs_remove_tree(s->store->tmp, s->name, &why) < 0)
		log_msg(LOG_WARN, "could not remove tmp/%s of the image store: %s", s->name,
			why.text);
	fd_drop(&s->root);
	fd_drop(&s->tmp);
}

static int write_record(const struct staging *s, const struct staged *layer, struct err *err)
{
	autojson struct json *record = json_new_map();
	autobuf struct buf text = BUF_INIT;
	autofd int fd = -EBADF;
	char name[80];

	json_put_string(record, "diffId", layer->diff_id);
	json_put_int(record, "size", layer->bytes);
	json_put_int(record, "inodes", layer->inodes);
	json_put_bool(record, "opaque", layer->opaque_root);
	json_put_string(record, "ids", s->map->kind == IDMAP_SINGLE ? "single" : "mapped");
	json_write(record, 0, &text);
	(void)snprintf(name, sizeof(name), "%s.json", layer->chain_id);
	TRY(fs_write_at(s->store->layers, name, text.data, text.len, FS_NOSYNC, err));
	if (!layer->opaque_root)
		return 0;
	/* Said again where image_resolve() sees it in one call. */
	fd = openat(s->store->layers, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fsetxattr(fd, LAYER_OPAQUE, "y", 1, 0) < 0)
		return fs_err(err, s->store->layers, "mark a layer as opaque");
	return 0;
}

/* Data and record first, then the name. That the name is on disk matters when an image needs it: see
 * store_set_ref(). */
int staging_commit(struct staging *s, const struct staged *layer, struct err *err)
{
	int layers = s->store->layers;

	TRY(write_record(s, layer, err));
	if (store_synced() && syncfs(s->root) < 0)
		return err_sys(err, "write the layer to disk");
	/* Only a directory without record can be in the way: somebody removed that by hand. */
	if (renameat(s->tmp, "root", layers, layer->chain_id) < 0) {
		TRY(fs_remove_tree(layers, layer->chain_id, err));
		if (renameat(s->tmp, "root", layers, layer->chain_id) < 0)
			return fs_err(err, layers, "commit the layer");
	}
	return 0;
}
