/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which storage driver works here. Asked of the kernel, not guessed from its version: an overlay of
 * three small directories is mounted in a throw-away namespace, a file is deleted and a directory
 * replaced through it, and the upper directory must hold the whiteout and the opaque mark in the form
 * the layers use. The verdict is kept per kernel release and file system.
 */
#include "rootfs/rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/xalloc.h"

static int make_file(const char *path, struct err *err)
{
	autofd int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	return fd < 0 ? err_sys(err, "create '%s'", path) : 0;
}

/* In the namespaces, cwd = the probe's directory. */
static int try_overlay(void *data, struct err *err)
{
	struct stat st;
	char value[8];

	if (chdir(data) < 0)
		return err_sys(err, "chdir '%s'", (char *)data);
	if (mkdir("l", 0700) < 0 || mkdir("u", 0700) < 0 || mkdir("w", 0700) < 0 ||
		mkdir("m", 0700) < 0 || mkdir("l/d", 0700) < 0)
		return err_sys(err, "make directories in '%s'", (char *)data);
	TRY(make_file("l/f", err));
	if (mount("overlay", "m", "overlay", 0, "lowerdir=l,upperdir=u,workdir=w,userxattr") < 0)
		return err_sys(err, "the kernel refuses an overlay here");
	if (unlink("m/f") < 0 || rmdir("m/d") < 0 || mkdir("m/d", 0700) < 0)
		return err_sys(err, "the kernel's overlay does not work here");
	if (lstat("u/f", &st) < 0 || !S_ISCHR(st.st_mode) || st.st_rdev != 0)
		return err_set(err, -ENOTSUP, "whiteouts are not 0:0 devices here");
	if (getxattr("u/d", "user.overlay.opaque", value, sizeof(value)) != 1)
		return err_set(err, -ENOTSUP, "no user.* extended attributes here");
	return umount2("m", MNT_DETACH) < 0 ? err_sys(err, "umount") : 0;
}

static int probe(const char *root, const struct idmap *idmap, struct err *err)
{
	autofree char *dir = xasprintf("%s/tmp/probe-XXXXXX", root);
	autofree char *tmp = xasprintf("%s/tmp", root);
	struct err ignored;
	int r;

	TRY(fs_mkdirs(tmp, 0700, err));
	if (!mkdtemp(dir))
		return fs_err(err, AT_FDCWD, dir);
	r = userns_run(idmap, CLONE_NEWNS, try_overlay, dir, err);
	if (fs_remove_tree(AT_FDCWD, dir, &ignored) < 0)
		return r; /* what is left in tmp/ is collected by the next pull */
	return r;
}

static void cache_name(const char *root, enum idmap_kind kind, char *ret, size_t size)
{
	struct utsname uts;
	struct statvfs st;

	if (uname(&uts) < 0 || statvfs(root, &st) < 0) {
		(void)snprintf(ret, size, "overlay-unknown");
		return;
	}
	(void)snprintf(ret, size, "overlay-%.64s-%lx-%d", uts.release, st.f_fsid, (int)kind);
}

/* "yes", or why not. */
static int verdict(const struct globals *globals, const struct idmap *idmap, char *why, size_t size,
	struct err *err)
{
	autofree char *dir = xasprintf("%s/cache", globals->root);
	autofree char *text = NULL;
	autofd int cache = -EBADF;
	struct err refused;
	char name[160];

	TRY(fs_mkdirs(dir, 0700, err));
	cache = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (cache < 0)
		return err_sys(err, "open '%s'", dir);
	cache_name(globals->root, idmap->kind, name, sizeof(name));
	if (fs_read_at(cache, name, 1024, &text, NULL, &refused) == 0) {
		(void)snprintf(why, size, "%s", text);
		return 0;
	}
	if (probe(globals->root, idmap, &refused) == 0)
		(void)snprintf(why, size, "yes");
	else if (refused.id[0]) {
		*err = refused; /* no user namespaces, full disk …: not a verdict on overlayfs */
		return err->code;
	} else
		(void)snprintf(why, size, "%s", refused.text);
	return fs_write_at(cache, name, why, strlen(why), FS_NOSYNC, err);
}

int rootfs_driver(const struct globals *globals, const struct idmap *idmap, enum driver *ret,
	char *ret_why, size_t size, struct err *err)
{
	const char *wish = globals->storage_driver ? globals->storage_driver : "auto";
	char why[512], spare[512];

	if (!ret_why) {
		ret_why = spare;
		size = sizeof(spare);
	}
	if (strcmp(wish, "auto") != 0) {
		*ret = strcmp(wish, "fuse") == 0 ? DRIVER_FUSE : DRIVER_OVERLAY;
		(void)snprintf(ret_why, size, "asked for");
		return 0;
	}
	TRY(verdict(globals, idmap, why, sizeof(why), err));
	*ret = strcmp(why, "yes") == 0 ? DRIVER_OVERLAY : DRIVER_FUSE;
	(void)snprintf(ret_why, size, "%s",
		*ret == DRIVER_OVERLAY ? "the kernel's overlayfs works in a user namespace here"
				       : why);
	return 0;
}
