/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The root mount itself. Both drivers get the same directories and leave the same on-disk format, so
 * a container made by one starts under the other.
 *
 * Layer paths would not fit mount(2)'s one page of options (4096 bytes): they are opened first and
 * named by number relative to /proc/self/fd, which also keeps ':' and ',' in paths harmless.
 */
#include "rootfs/overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/own.h"

#define LAYERS_MAX 500 /* OVL_MAX_STACK, fs/overlayfs/params.h */

struct open_layers {
	int fds[LAYERS_MAX + 2];
	size_t n;
};

static void layers_close(struct open_layers *layers)
{
	while (layers->n)
		(void)close(layers->fds[--layers->n]); /* O_PATH */
}

static int open_dir(struct open_layers *layers, const char *path, struct err *err)
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(err, "open layer '%s'", path);
	layers->fds[layers->n++] = fd;
	return fd;
}

/* overlay.rst: the leftmost lowerdir is the topmost layer. */
static int overlay_options(
	const struct rootfs *rootfs, struct open_layers *layers, struct buf *out, struct err *err)
{
	autofree char *upper = NULL, *work = NULL;
	int upper_fd, work_fd;

	if (rootfs->layers.n == 0 || rootfs->layers.n > LAYERS_MAX)
		return err_set(err, -EINVAL,
			"an image of %zu layers cannot be mounted (1 to %d can)", rootfs->layers.n,
			LAYERS_MAX);
	buf_adds(out, "lowerdir=");
	for (size_t i = rootfs->layers.n; i-- > 0;) {
		int fd = open_dir(layers, rootfs->layers.v[i], err);

		if (fd < 0)
			return fd;
		buf_addf(out, i ? "%d:" : "%d", fd);
	}
	if (asprintf(&upper, "%s/upper", rootfs->container) < 0 ||
		asprintf(&work, "%s/work", rootfs->container) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	upper_fd = open_dir(layers, upper, err);
	if (upper_fd < 0)
		return upper_fd;
	work_fd = open_dir(layers, work, err);
	if (work_fd < 0)
		return work_fd;
	buf_addf(out, ",upperdir=%d,workdir=%d,userxattr%s", upper_fd, work_fd,
		rootfs->is_volatile ? ",volatile" : "");
	if (out->len >= 4096)
		return err_set(err, -E2BIG,
			"an image of %zu layers has more options than mount(2) takes",
			rootfs->layers.n);
	return 0;
}

/* auto has tried before; who names the driver is told what to do instead. */
static int refused(int errnum, struct err *err)
{
	if (errnum != EPERM && errnum != EACCES && errnum != EINVAL && errnum != ENODEV)
		return err_set(err, -errnum, "mount the overlay: %s", strerror(errnum));
	return err_id(err, -errnum, "E-OVERLAY-REFUSED",
		"the kernel refuses to mount its overlay here: %s. It lets users do so from Linux 5.11 on, "
		"and not on every file system (NFS is one). Without root: --storage-driver fuse, or auto. "
		"With root: modprobe overlay, or a newer kernel",
		strerror(errnum));
}

static int mount_overlay(const struct rootfs *rootfs, struct err *err)
{
	__attribute__((cleanup(layers_close))) struct open_layers layers = { .n = 0 };
	autobuf struct buf options = BUF_INIT;

	TRY(overlay_options(rootfs, &layers, &options, err));
	if (chdir("/proc/self/fd") < 0)
		return err_sys(err, "chdir /proc/self/fd");
	if (mount("overlay", rootfs->container, "overlay", MS_NODEV, options.data) < 0) {
		if (rootfs->is_volatile && errno == EINVAL) { /* "volatile" is Linux 5.10 */
			options.data[options.len - strlen(",volatile")] = '\0';
			if (mount("overlay", rootfs->container, "overlay", MS_NODEV,
				    options.data) == 0)
				return 0;
		}
		return refused(errno, err);
	}
	return 0;
}

static int mount_fuse(
	const struct rootfs *rootfs, const struct rootfs_child *child, struct err *err)
{
	autofd int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	char options[128];

	if (fd < 0) {
		int code = -errno;

		return err_id(err, code, "E-FUSE-NODEV",
			"cannot open /dev/fuse: %s. The fuse driver needs it; without root: "
			"--storage-driver overlay (Linux 5.11 or newer; inside another container with the "
			"store on a volume of that). With root: modprobe fuse; chmod 666 /dev/fuse",
			strerror(-code));
	}
	(void)snprintf(options, sizeof(options),
		"fd=%d,rootmode=40000,user_id=%u,group_id=%u,default_permissions,allow_other", fd,
		(unsigned)geteuid(), (unsigned)getegid());
	if (mount("sbx", rootfs->container, "fuse.sbx", MS_NODEV, options) < 0)
		return err_sys(err, "mount the fuse overlay");
	return child->fuse(child->data, fd, err);
}

int overlay_mount(const struct rootfs *rootfs, const struct rootfs_child *child, int *ret_root,
	struct err *err)
{
	int fd;

	TRY(rootfs->driver == DRIVER_FUSE ? mount_fuse(rootfs, child, err)
					  : mount_overlay(rootfs, err));
	fd = open(rootfs->container, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, "open the container's root");
	*ret_root = fd;
	return 0;
}
