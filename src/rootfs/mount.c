/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/sys.h"

void mount_fd_path(int fd, char ret[FD_PATH_MAX])
{
	(void)snprintf(ret, FD_PATH_MAX, "/proc/self/fd/%d", fd);
}

int mount_fs(int target, const char *type, unsigned long flags, const char *data, struct err *err)
{
	char path[FD_PATH_MAX];

	mount_fd_path(target, path);
	if (mount(type, path, type, flags, data) < 0)
		return err_sys(err, "mount %s", type);
	return 0;
}

static uint64_t attr_bits(const struct bind_attrs *attrs)
{
	return (attrs->read_only ? MOUNT_ATTR_RDONLY : 0) |
	       (attrs->nosuid ? MOUNT_ATTR_NOSUID : 0) | (attrs->nodev ? MOUNT_ATTR_NODEV : 0) |
	       (attrs->noexec ? MOUNT_ATTR_NOEXEC : 0);
}

/* 1 = this kernel (or an outer filter) does not have the calls. */
static int bind_new_api(int source, int target, const struct bind_attrs *attrs, struct err *err)
{
	unsigned recurse = attrs->recursive ? AT_RECURSIVE : 0;
	struct mount_attr attr = { .attr_set = attr_bits(attrs) };
	autofd int tree = attrs->copied ? fcntl(source, F_DUPFD_CLOEXEC, 3)
					: sys_open_tree(source, "",
						  OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC |
							  AT_EMPTY_PATH | recurse);

	if (tree < 0)
		return errno == ENOSYS ? 1 : err_sys(err, "copy the mount");
	if (attr.attr_set && sys_mount_setattr(tree, "", AT_EMPTY_PATH | recurse, &attr) < 0)
		return errno == ENOSYS ? 1 : err_sys(err, "set mount attributes");
	if (sys_move_mount(
		    tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return errno == ENOSYS ? 1 : err_sys(err, "attach the mount");
	return 0;
}

/* Flags that a less privileged namespace may not clear (mount_namespaces(7), locked flags). */
static unsigned long kept_flags(const char *path)
{
	static const struct {
		unsigned long statvfs_flag, mount_flag;
	} table[] = { { ST_RDONLY, MS_RDONLY }, { ST_NOSUID, MS_NOSUID }, { ST_NODEV, MS_NODEV },
		{ ST_NOEXEC, MS_NOEXEC }, { ST_NOATIME, MS_NOATIME },
		{ ST_NODIRATIME, MS_NODIRATIME }, { ST_RELATIME, MS_RELATIME } };
	struct statvfs st;
	unsigned long flags = 0;

	if (statvfs(path, &st) < 0)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (st.f_flag & table[i].statvfs_flag)
			flags |= table[i].mount_flag;
	return flags;
}

static int remount(const char *path, unsigned long flags, struct err *err)
{
	if (mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | kept_flags(path) | flags, NULL) < 0)
		return err_sys(err, "remount '%s'", path);
	return 0;
}

/* mountinfo writes blanks and backslashes as \ooo. */
static void unescape_octal(char *s)
{
	char *out = s;

	for (; *s; out++) {
		if (s[0] == '\\' && s[1] && s[2] && s[3]) {
			*out = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 4;
		} else {
			*out = *s++;
		}
	}
	*out = '\0';
}

/* Attributes for every mount at or below `top`, one remount each (proc_pid_mountinfo(5)). */
static int remount_tree(const char *top, unsigned long flags, struct err *err)
{
	autofree char *info = NULL;
	char *line, *save = NULL;
	size_t len = strlen(top);

	TRY(fs_read_at(AT_FDCWD, "/proc/self/mountinfo", 64u << 20, &info, NULL, err));
	for (line = strtok_r(info, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char point[4096];

		if (sscanf(line, "%*d %*d %*s %*s %4095s", point) != 1)
			continue;
		unescape_octal(point);
		if (strncmp(point, top, len) == 0 && (point[len] == '/' || point[len] == '\0'))
			TRY(remount(point, flags, err));
	}
	return 0;
}

static int bind_classic(int source, int target, const struct bind_attrs *attrs, struct err *err)
{
	unsigned long flags = (attrs->read_only ? MS_RDONLY : 0) | (attrs->nosuid ? MS_NOSUID : 0) |
			      (attrs->nodev ? MS_NODEV : 0) | (attrs->noexec ? MS_NOEXEC : 0);
	char from[FD_PATH_MAX], to[FD_PATH_MAX], real[4096];
	ssize_t n;

	mount_fd_path(source, from);
	mount_fd_path(target, to);
	n = readlink(to, real, sizeof(real) - 1);
	if (n < 0)
		return err_sys(err, "readlink %s", to);
	real[n] = '\0';
	if (mount(from, to, NULL, MS_BIND | (attrs->recursive ? MS_REC : 0), NULL) < 0)
		return err_sys(err, "bind mount");
	return flags ? remount_tree(real, flags, err) : 0;
}

int mount_bind(int source, int target, const struct bind_attrs *attrs, struct err *err)
{
	char from[FD_PATH_MAX], to[FD_PATH_MAX];
	int r;

	if (!attrs->recursive &&
		attr_bits(attrs) == 0) { /* nothing to set: one call instead of two */
		mount_fd_path(source, from);
		mount_fd_path(target, to);
		return mount(from, to, NULL, MS_BIND, NULL) < 0 ? err_sys(err, "bind mount") : 0;
	}
	r = bind_new_api(source, target, attrs, err);

	if (r == 1 && attrs->copied)
		return err_set(err, -ENOSYS, "propagation rslave needs Linux 5.12 (mount_setattr)");
	return r == 1 ? bind_classic(source, target, attrs, err) : r;
}

int mount_readonly(int fd, struct err *err)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };
	char path[FD_PATH_MAX];

	if (sys_mount_setattr(fd, "", AT_EMPTY_PATH, &attr) == 0)
		return 0;
	if (errno != ENOSYS)
		return err_sys(err, "make read-only");
	mount_fd_path(fd, path);
	return remount(path, MS_RDONLY, err);
}
