/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file system of layers to look at: the kernel's overlay without an upper directory, which nothing can
 * be written to. So it may stand beside a running container that writes to one of the layers; what that
 * changes meanwhile is seen or not (overlayfs.rst: "undefined", never harmful).
 */
#include "rootfs/rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/own.h"

#define LAYERS_MAX 500 /* OVL_MAX_STACK, fs/overlayfs/params.h */

struct opened {
	int fds[LAYERS_MAX + 1];
	size_t n;
};

static void opened_done(struct opened *o)
{
	while (o->n)
		(void)close(o->fds[--o->n]); /* O_PATH */
}

static int add(struct opened *o, const char *path, struct buf *options, struct err *err)
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(err, "open layer '%s'", path);
	o->fds[o->n] = fd;
	buf_addf(options, "%s%d", o->n++ ? ":" : "lowerdir=", fd);
	return 0;
}

/* Named by number, as in overlay.c: paths would not fit mount(2)'s page. */
int rootfs_view(const struct strv *layers, const char *empty, const char *target, struct err *err)
{
	__attribute__((cleanup(opened_done))) struct opened opened = { .n = 0 };
	autobuf struct buf options = BUF_INIT;

	if (layers->n == 0 || layers->n > LAYERS_MAX)
		return err_set(err, -EINVAL, "%zu layers cannot be mounted (1 to %d can)",
			layers->n, LAYERS_MAX);
	for (size_t i = layers->n; i-- > 0;)
		TRY(add(&opened, layers->v[i], &options, err));
	TRY(add(&opened, empty, &options, err)); /* there must be two */
	buf_adds(&options, ",userxattr");
	if (chdir("/proc/self/fd") < 0)
		return err_sys(err, "chdir /proc/self/fd");
	if (mount("overlay", target, "overlay", MS_RDONLY | MS_NODEV | MS_NOSUID, options.data) < 0)
		return err_sys(err, "mount the layers with the kernel's overlayfs");
	return 0;
}
