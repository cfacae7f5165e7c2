/* SPDX-License-Identifier: Apache-2.0 */
/*
 * odd_fs FOLDER MOUNTPOINT REFUSED…: shows FOLDER at MOUNTPOINT as a file system on which things cannot be done, for homes.py:
 * xattr, chown, flock, link (hard), symlink, mknod. Mounted by root, in the foreground; made for tests, one thread, no caches.
 */
#define FUSE_USE_VERSION 31
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

struct odd {
	int root;
	int n;
	char **refused;
};

static bool refuses(const char *what)
{
	const struct odd *odd = fuse_get_context()->private_data;

	for (int i = 0; i < odd->n; i++)
		if (strcmp(odd->refused[i], what) == 0)
			return true;
	return false;
}

static int at(void)
{
	return ((const struct odd *)fuse_get_context()->private_data)->root;
}

static const char *below(const char *path)
{
	return path[1] ? path + 1 : ".";
}

static int answer(int result)
{
	return result < 0 ? -errno : 0;
}

/* Files belong to who makes them. */
static int given(int result, const char *path)
{
	const struct fuse_context *context = fuse_get_context();

	if (result < 0)
		return -errno;
	return answer(fchownat(at(), below(path), context->uid, context->gid, AT_SYMLINK_NOFOLLOW));
}

static int odd_getattr(const char *path, struct stat *st, struct fuse_file_info *fi)
{
	return answer(
		fi ? fstat((int)fi->fh, st) : fstatat(at(), below(path), st, AT_SYMLINK_NOFOLLOW));
}

static int odd_readlink(const char *path, char *buf, size_t size)
{
	ssize_t n = readlinkat(at(), below(path), buf, size - 1);

	if (n >= 0)
		buf[n] = '\0';
	return n < 0 ? -errno : 0;
}

static int odd_readdir(const char *path, void *buf, fuse_fill_dir_t fill, off_t offset,
	struct fuse_file_info *fi, enum fuse_readdir_flags flags)
{
	int fd = openat(at(), below(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;

	if (!dir)
		return -errno;
	while ((entry = readdir(dir)))
		(void)fill(buf, entry->d_name, NULL, 0, 0);
	(void)closedir(dir);
	return 0;
}

static int odd_mkdir(const char *path, mode_t mode)
{
	return given(mkdirat(at(), below(path), mode), path);
}

static int odd_mknod(const char *path, mode_t mode, dev_t dev)
{
	if (refuses("mknod") && !S_ISREG(mode))
		return -EPERM;
	return given(mknodat(at(), below(path), mode, dev), path);
}

static int odd_symlink(const char *target, const char *path)
{
	if (refuses("symlink"))
		return -EPERM;
	return given(symlinkat(target, at(), below(path)), path);
}

static int odd_link(const char *from, const char *to)
{
	return refuses("link") ? -EPERM : answer(linkat(at(), below(from), at(), below(to), 0));
}

static int odd_unlink(const char *path)
{
	return answer(unlinkat(at(), below(path), 0));
}

static int odd_rmdir(const char *path)
{
	return answer(unlinkat(at(), below(path), AT_REMOVEDIR));
}

static int odd_rename(const char *from, const char *to, unsigned flags)
{
	return answer(renameat2(at(), below(from), at(), below(to), flags));
}

static int odd_chmod(const char *path, mode_t mode, struct fuse_file_info *fi)
{
	return answer(fchmodat(at(), below(path), mode, 0));
}

/* As a server that asks who the caller is there: what is another's cannot be had, what is one's own can be "given" to oneself. */
static int odd_chown(const char *path, uid_t uid, gid_t gid, struct fuse_file_info *fi)
{
	struct stat st;

	if (fstatat(at(), below(path), &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (refuses("chown") &&
		((uid != (uid_t)-1 && uid != st.st_uid) || (gid != (gid_t)-1 && gid != st.st_gid)))
		return -EPERM;
	return answer(fchownat(at(), below(path), uid, gid, AT_SYMLINK_NOFOLLOW));
}

static int odd_truncate(const char *path, off_t size, struct fuse_file_info *fi)
{
	int fd = fi ? (int)fi->fh : openat(at(), below(path), O_WRONLY | O_CLOEXEC);
	int result = fd < 0 ? -errno : answer(ftruncate(fd, size));

	if (!fi && fd >= 0)
		(void)close(fd);
	return result;
}

static int odd_utimens(const char *path, const struct timespec times[2], struct fuse_file_info *fi)
{
	return answer(utimensat(at(), below(path), times, AT_SYMLINK_NOFOLLOW));
}

static int opened(int fd, struct fuse_file_info *fi)
{
	if (fd < 0)
		return -errno;
	fi->fh = (uint64_t)fd;
	return 0;
}

static int odd_open(const char *path, struct fuse_file_info *fi)
{
	return opened(openat(at(), below(path), (fi->flags & ~O_APPEND) | O_CLOEXEC), fi);
}

static int odd_create(const char *path, mode_t mode, struct fuse_file_info *fi)
{
	int fd = openat(at(), below(path), (fi->flags & ~O_APPEND) | O_CLOEXEC, mode);

	if (fd >= 0)
		(void)given(0, path);
	return opened(fd, fi);
}

static int odd_read(
	const char *path, char *buf, size_t size, off_t offset, struct fuse_file_info *fi)
{
	ssize_t n = pread((int)fi->fh, buf, size, offset);

	return n < 0 ? -errno : (int)n;
}

static int odd_write(
	const char *path, const char *buf, size_t size, off_t offset, struct fuse_file_info *fi)
{
	ssize_t n = pwrite((int)fi->fh, buf, size, offset);

	return n < 0 ? -errno : (int)n;
}

static int odd_release(const char *path, struct fuse_file_info *fi)
{
	return answer(close((int)fi->fh));
}

static int odd_fsync(const char *path, int data, struct fuse_file_info *fi)
{
	return answer(fsync((int)fi->fh));
}

static int odd_flock(const char *path, struct fuse_file_info *fi, int operation)
{
	return refuses("flock") ? -ENOLCK : answer(flock((int)fi->fh, operation));
}

static int odd_statfs(const char *path, struct statvfs *st)
{
	return answer(fstatvfs(at(), st));
}

static const char *full(const char *path, char ret[4200])
{
	(void)snprintf(ret, 4200, "/proc/self/fd/%d%s", at(), path);
	return ret;
}

static int odd_setxattr(
	const char *path, const char *name, const char *value, size_t size, int flags)
{
	char spare[4200];

	return refuses("xattr") ? -ENOTSUP
				: answer(lsetxattr(full(path, spare), name, value, size, flags));
}

static int odd_getxattr(const char *path, const char *name, char *value, size_t size)
{
	char spare[4200];
	ssize_t n = refuses("xattr") ? (errno = ENOTSUP, -1)
				     : lgetxattr(full(path, spare), name, value, size);

	return n < 0 ? -errno : (int)n;
}

static int odd_listxattr(const char *path, char *list, size_t size)
{
	char spare[4200];
	ssize_t n = refuses("xattr") ? 0 : llistxattr(full(path, spare), list, size);

	return n < 0 ? -errno : (int)n;
}

static int odd_removexattr(const char *path, const char *name)
{
	char spare[4200];

	return refuses("xattr") ? -ENOTSUP : answer(lremovexattr(full(path, spare), name));
}

static void *odd_init(struct fuse_conn_info *conn, struct fuse_config *config)
{
	config->kernel_cache = 0;
	config->use_ino = 1;
	config->nullpath_ok = 0;
	config->hard_remove = 0;
	return fuse_get_context()->private_data;
}

/* Who started it is no longer root by the time it ends, so PR_SET_PDEATHSIG would not be allowed to tell. */
static void *end_with_parent(void *data)
{
	struct pollfd parent = { .fd = *(int *)data, .events = POLLIN };

	while (poll(&parent, 1, -1) < 0 && errno == EINTR)
		;
	_exit(0);
}

int main(int argc, char **argv)
{
	static const struct fuse_operations operations = {
		.init = odd_init,
		.getattr = odd_getattr,
		.readlink = odd_readlink,
		.readdir = odd_readdir,
		.mkdir = odd_mkdir,
		.mknod = odd_mknod,
		.symlink = odd_symlink,
		.link = odd_link,
		.unlink = odd_unlink,
		.rmdir = odd_rmdir,
		.rename = odd_rename,
		.chmod = odd_chmod,
		.chown = odd_chown,
		.truncate = odd_truncate,
		.utimens = odd_utimens,
		.open = odd_open,
		.create = odd_create,
		.read = odd_read,
		.write = odd_write,
		.release = odd_release,
		.fsync = odd_fsync,
		.flock = odd_flock,
		.statfs = odd_statfs,
		.setxattr = odd_setxattr,
		.getxattr = odd_getxattr,
		.listxattr = odd_listxattr,
		.removexattr = odd_removexattr,
	};
	char name[] = "odd_fs", foreground[] = "-f", single[] = "-s", option[] = "-o";
	char options[] = "allow_other,default_permissions,suid,attr_timeout=0,entry_timeout=0";
	char *args[] = { name, foreground, single, option, options, argc > 2 ? argv[2] : NULL,
		NULL };
	int parent = pidfd_open(getppid(), 0);
	pthread_t watcher;
	struct odd odd = { .root = -1, .n = argc - 3, .refused = argv + 3 };

	if (argc < 3) {
		(void)fprintf(stderr, "usage: odd_fs FOLDER MOUNTPOINT REFUSED...\n");
		return 2;
	}
	if (parent < 0 || pthread_create(&watcher, NULL, end_with_parent, &parent) != 0) {
		perror("watch the parent");
		return 1;
	}
	(void)umask(0);
	odd.root = open(argv[1], O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (odd.root < 0) {
		perror(argv[1]);
		return 1;
	}
	return fuse_main(6, args, &operations, &odd);
}
