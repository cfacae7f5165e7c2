/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nfs_fs nfs://SERVER/FOLDER?OPTIONS MOUNTPOINT: a client of NFS version 3 in user space, for homes.py: kernels without an NFS of
 * their own, and network namespaces that no kernel client follows. As the kernel's client it asks the server under the caller's
 * own ids, so what the server squashes or refuses is refused here; like NFS 3 it has no extended attributes, no flags for rename,
 * and locks of this machine only. Mounted by root, in the foreground; made for tests, one thread, no caches.
 */
#define FUSE_USE_VERSION 31
#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <nfsc/libnfs.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* The server's connection, which speaks for the caller from here on. */
static struct nfs_context *caller(void)
{
	const struct fuse_context *context = fuse_get_context();

	nfs_set_uid(context->private_data, (int)context->uid);
	nfs_set_gid(context->private_data, (int)context->gid);
	return context->private_data;
}

static struct nfsfh *handle(const struct fuse_file_info *fi)
{
	return (struct nfsfh *)(uintptr_t)fi->fh;
}

static int opened(int result, struct nfsfh *file, struct fuse_file_info *fi)
{
	if (result < 0)
		return result;
	fi->fh = (uintptr_t)file;
	return 0;
}

static int client_getattr(const char *path, struct stat *st, struct fuse_file_info *fi)
{
	struct nfs_stat_64 seen;
	int result = fi ? nfs_fstat64(caller(), handle(fi), &seen)
			: nfs_lstat64(caller(), path, &seen);

	if (result < 0)
		return result;
	*st = (struct stat){
		.st_ino = seen.nfs_ino,
		.st_mode = (mode_t)seen.nfs_mode,
		.st_nlink = seen.nfs_nlink,
		.st_uid = (uid_t)seen.nfs_uid,
		.st_gid = (gid_t)seen.nfs_gid,
		.st_rdev = seen.nfs_rdev,
		.st_size = (off_t)seen.nfs_size,
		.st_blksize = (blksize_t)seen.nfs_blksize,
		.st_blocks = (blkcnt_t)seen.nfs_blocks,
		.st_atim = { (time_t)seen.nfs_atime, (long)seen.nfs_atime_nsec },
		.st_mtim = { (time_t)seen.nfs_mtime, (long)seen.nfs_mtime_nsec },
		.st_ctim = { (time_t)seen.nfs_ctime, (long)seen.nfs_ctime_nsec },
	};
	return 0;
}

static int client_readlink(const char *path, char *buf, size_t size)
{
	return nfs_readlink(caller(), path, buf, (int)size);
}

static int client_readdir(const char *path, void *buf, fuse_fill_dir_t fill, off_t offset,
	struct fuse_file_info *fi, enum fuse_readdir_flags flags)
{
	struct nfs_context *nfs = caller();
	struct nfsdirent *entry;
	struct nfsdir *dir;
	int result = nfs_opendir(nfs, path, &dir);

	if (result < 0)
		return result;
	while ((entry = nfs_readdir(nfs, dir)))
		(void)fill(buf, entry->name, NULL, 0, 0);
	nfs_closedir(nfs, dir);
	return 0;
}

static int client_mkdir(const char *path, mode_t mode)
{
	return nfs_mkdir2(caller(), path, (int)(mode & 07777));
}

static int client_mknod(const char *path, mode_t mode, dev_t dev)
{
	struct nfsfh *file;
	int result;

	if (!S_ISREG(mode))
		return nfs_mknod(caller(), path, (int)mode, (int)dev);
	result = nfs_open2(caller(), path, O_CREAT | O_EXCL | O_WRONLY, (int)(mode & 07777), &file);
	return result < 0 ? result : nfs_close(caller(), file);
}

static int client_symlink(const char *target, const char *path)
{
	return nfs_symlink(caller(), target, path);
}

static int client_link(const char *from, const char *to)
{
	return nfs_link(caller(), from, to);
}

static int client_unlink(const char *path)
{
	return nfs_unlink(caller(), path);
}

static int client_rmdir(const char *path)
{
	return nfs_rmdir(caller(), path);
}

static int client_rename(const char *from, const char *to, unsigned flags)
{
	return flags ? -EINVAL : nfs_rename(caller(), from, to);
}

static int client_chmod(const char *path, mode_t mode, struct fuse_file_info *fi)
{
	return nfs_lchmod(caller(), path, (int)(mode & 07777));
}

/* The protocol leaves out an id that is to stay; the library does not, so what is there is said again. */
static int client_chown(const char *path, uid_t uid, gid_t gid, struct fuse_file_info *fi)
{
	struct stat st;
	int result = client_getattr(path, &st, NULL);

	if (result < 0)
		return result;
	return nfs_lchown(caller(), path, (int)(uid == (uid_t)-1 ? st.st_uid : uid),
		(int)(gid == (gid_t)-1 ? st.st_gid : gid));
}

static int client_truncate(const char *path, off_t size, struct fuse_file_info *fi)
{
	if (fi)
		return nfs_ftruncate(caller(), handle(fi), (uint64_t)size);
	return nfs_truncate(caller(), path, (uint64_t)size);
}

static struct timeval time_of(const struct timespec *wanted, const struct timespec *old)
{
	struct timespec time = *wanted;

	if (wanted->tv_nsec == UTIME_OMIT)
		time = *old;
	if (wanted->tv_nsec == UTIME_NOW)
		(void)clock_gettime(CLOCK_REALTIME, &time);
	return (struct timeval){ time.tv_sec, time.tv_nsec / 1000 };
}

static int client_utimens(
	const char *path, const struct timespec times[2], struct fuse_file_info *fi)
{
	struct timeval both[2];
	struct stat st;
	int result = client_getattr(path, &st, NULL);

	if (result < 0)
		return result;
	both[0] = time_of(&times[0], &st.st_atim);
	both[1] = time_of(&times[1], &st.st_mtim);
	return nfs_lutimes(caller(), path, both);
}

static int client_open(const char *path, struct fuse_file_info *fi)
{
	struct nfsfh *file = NULL;
	int result = nfs_open(caller(), path, fi->flags & (O_ACCMODE | O_TRUNC), &file);

	return opened(result, file, fi);
}

static int client_create(const char *path, mode_t mode, struct fuse_file_info *fi)
{
	int flags = O_CREAT | (fi->flags & (O_ACCMODE | O_TRUNC | O_EXCL));
	struct nfsfh *file = NULL;
	int result = nfs_open2(caller(), path, flags, (int)(mode & 07777), &file);

	return opened(result, file, fi);
}

static int client_read(
	const char *path, char *buf, size_t size, off_t offset, struct fuse_file_info *fi)
{
	return nfs_pread(caller(), handle(fi), (uint64_t)offset, size, buf);
}

static int client_write(
	const char *path, const char *buf, size_t size, off_t offset, struct fuse_file_info *fi)
{
	return nfs_pwrite(caller(), handle(fi), (uint64_t)offset, size, buf);
}

static int client_release(const char *path, struct fuse_file_info *fi)
{
	return nfs_close(caller(), handle(fi));
}

static int client_fsync(const char *path, int data, struct fuse_file_info *fi)
{
	return nfs_fsync(caller(), handle(fi));
}

static int client_statfs(const char *path, struct statvfs *st)
{
	return nfs_statvfs(caller(), "/", st);
}

static void *client_init(struct fuse_conn_info *conn, struct fuse_config *config)
{
	config->kernel_cache = 0;
	config->use_ino = 1;
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

static struct nfs_context *connected(const char *address)
{
	struct nfs_context *nfs = nfs_init_context();
	struct nfs_url *url = nfs ? nfs_parse_url_dir(nfs, address) : NULL;

	if (!url || nfs_mount(nfs, url->server, url->path) < 0) {
		(void)fprintf(stderr, "%s: %s\n", address, nfs ? nfs_get_error(nfs) : "no memory");
		return NULL;
	}
	nfs_destroy_url(url);
	(void)nfs_umask(nfs, 0);
	nfs_set_dircache(nfs, 0);
	return nfs;
}

int main(int argc, char **argv)
{
	static const struct fuse_operations operations = {
		.init = client_init,
		.getattr = client_getattr,
		.readlink = client_readlink,
		.readdir = client_readdir,
		.mkdir = client_mkdir,
		.mknod = client_mknod,
		.symlink = client_symlink,
		.link = client_link,
		.unlink = client_unlink,
		.rmdir = client_rmdir,
		.rename = client_rename,
		.chmod = client_chmod,
		.chown = client_chown,
		.truncate = client_truncate,
		.utimens = client_utimens,
		.open = client_open,
		.create = client_create,
		.read = client_read,
		.write = client_write,
		.release = client_release,
		.fsync = client_fsync,
		.statfs = client_statfs,
	};
	char name[] = "nfs_fs", foreground[] = "-f", single[] = "-s", option[] = "-o";
	char options[] = "allow_other,suid,attr_timeout=0,entry_timeout=0";
	char *args[] = { name, foreground, single, option, options, argc == 3 ? argv[2] : NULL,
		NULL };
	int parent = pidfd_open(getppid(), 0);
	struct nfs_context *nfs;
	pthread_t watcher;

	if (argc != 3) {
		(void)fprintf(stderr, "usage: nfs_fs nfs://SERVER/FOLDER?OPTIONS MOUNTPOINT\n");
		return 2;
	}
	if (parent < 0 || pthread_create(&watcher, NULL, end_with_parent, &parent) != 0) {
		perror("watch the parent");
		return 1;
	}
	(void)umask(0);
	nfs = connected(argv[1]);
	return nfs ? fuse_main(6, args, &operations, nfs) : 1;
}
