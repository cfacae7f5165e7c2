/* SPDX-License-Identifier: Apache-2.0 */
/* Owners, attributes and xattrs of a squashed directory. Objects are O_PATH descriptors, which xattr and
 * mode calls reach by /proc/self/fd. */
#include "squash.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/own.h"

#define OURS "user.sbx."

struct proc_path {
	char text[32];
};

static struct proc_path path_to(int fd)
{
	struct proc_path path;

	(void)snprintf(path.text, sizeof(path.text), "/proc/self/fd/%d", fd);
	return path;
}

/* user xattrs exist on files and directories only */
static bool can_note(const struct stat *st)
{
	return S_ISREG(st->st_mode) || S_ISDIR(st->st_mode);
}

void squash_show(const struct squash *fs, int fd, struct stat *st)
{
	char text[32];
	unsigned uid, gid;
	ssize_t n = can_note(st) ? getxattr(path_to(fd).text, SQUASH_OWNER, text, sizeof(text) - 1)
				 : -1;

	st->st_uid = fs->uid;
	st->st_gid = fs->gid;
	if (n <= 0)
		return;
	text[n] = '\0';
	if (sscanf(text, "%u:%u", &uid, &gid) == 2) {
		st->st_uid = uid;
		st->st_gid = gid;
	}
}

/* Where the file system keeps no xattrs the change is forgotten, but it never changed a right either. */
int squash_own(const struct squash *fs, int fd, uid_t uid, gid_t gid)
{
	char text[32];
	struct stat st;
	int n, r;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!can_note(&st))
		return 0;
	if (uid == fs->uid && gid == fs->gid) {
		r = removexattr(path_to(fd).text, SQUASH_OWNER);
	} else {
		n = snprintf(text, sizeof(text), "%u:%u", (unsigned)uid, (unsigned)gid);
		r = setxattr(path_to(fd).text, SQUASH_OWNER, text, (size_t)n, 0);
	}
	if (r < 0 && errno != ENODATA && errno != ENOTSUP && errno != EPERM && errno != EACCES)
		return -errno;
	return 0;
}

static struct timespec time_of(unsigned valid, unsigned given, unsigned now, struct timespec value)
{
	if (valid & now)
		return (struct timespec){ .tv_nsec = UTIME_NOW };
	return valid & given ? value : (struct timespec){ .tv_nsec = UTIME_OMIT };
}

static int change_owner(
	const struct squash *fs, int fd, const struct fuse_setattr_in *in, const struct stat *was)
{
	struct stat st = *was;

	squash_show(fs, fd, &st);
	return squash_own(fs, fd, in->valid & FATTR_UID ? in->uid : st.st_uid,
		in->valid & FATTR_GID ? in->gid : st.st_gid);
}

static int apply(const struct squash *fs, int fd, const struct fuse_setattr_in *in)
{
	const struct timespec times[2] = { time_of(in->valid, FATTR_ATIME, FATTR_ATIME_NOW,
						   (struct timespec){
							   (time_t)in->atime, in->atimensec }),
		time_of(in->valid, FATTR_MTIME, FATTR_MTIME_NOW,
			(struct timespec){ (time_t)in->mtime, in->mtimensec }) };
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (in->valid & FATTR_MODE && !S_ISLNK(st.st_mode) &&
		fchmodat(AT_FDCWD, path_to(fd).text, in->mode & 07777, 0) < 0)
		return -errno;
	if (in->valid & (FATTR_UID | FATTR_GID) && (r = change_owner(fs, fd, in, &st)) < 0)
		return r;
	if (in->valid & FATTR_SIZE) {
		autofd int file = in->valid & FATTR_FH
					  ? fcntl((int)in->fh, F_DUPFD_CLOEXEC, 3)
					  : open(path_to(fd).text, O_WRONLY | O_CLOEXEC);

		if (file < 0 || ftruncate(file, (off_t)in->size) < 0)
			return -errno;
	}
	if (in->valid & (FATTR_ATIME | FATTR_MTIME) && !S_ISLNK(st.st_mode) &&
		utimensat(AT_FDCWD, path_to(fd).text, times, 0) < 0)
		return -errno;
	return 0;
}

int squash_setattr(struct squash_request *request, size_t *ret_len)
{
	const struct fuse_setattr_in *in = (const void *)request->arg;
	squash_op getattr = squash_find_op(FUSE_GETATTR);
	autofd int fd = nodes_open(&request->fs->nodes, request->node);

	if (fd < 0)
		return fd;
	TRY(apply(request->fs, fd, in));
	return getattr(request, ret_len);
}

/* ---- xattrs ---- */

static bool is_ours(const char *name)
{
	return strncmp(name, OURS, strlen(OURS)) == 0;
}

/* The kernel asks for this one before each write; a nosuid mount gives no capabilities anyway. */
static bool never_there(const char *name)
{
	return strcmp(name, "security.capability") == 0 || is_ours(name);
}

static int reply_size(struct squash_request *request, ssize_t n, size_t asked, size_t *ret_len)
{
	struct fuse_getxattr_out *out = (void *)request->out;

	if (n < 0)
		return -errno;
	if (asked) {
		*ret_len = (size_t)n;
		return 0;
	}
	*out = (struct fuse_getxattr_out){ .size = (uint32_t)n };
	*ret_len = sizeof(*out);
	return 0;
}

static int op_getxattr(struct squash_request *request, int fd, size_t *ret_len)
{
	const struct fuse_getxattr_in *in = (const void *)request->arg;
	const char *name = request->arg + sizeof(*in);

	if (never_there(name))
		return -ENODATA;
	if (in->size > request->size)
		return -E2BIG;
	return reply_size(request, getxattr(path_to(fd).text, name, request->out, in->size),
		in->size, ret_len);
}

static int op_listxattr(struct squash_request *request, int fd, size_t *ret_len)
{
	const struct fuse_getxattr_in *in = (const void *)request->arg;
	autofree char *all = malloc(65536);
	ssize_t n = all ? listxattr(path_to(fd).text, all, 65536) : -1, used = 0;

	if (!all)
		return -ENOMEM;
	for (char *name = all; n > 0 && name < all + n; name += strlen(name) + 1) {
		size_t len = strlen(name) + 1;

		if (is_ours(name))
			continue;
		if (in->size && used + (ssize_t)len > (ssize_t)in->size)
			return -ERANGE;
		if (in->size)
			memcpy(request->out + used, name, len);
		used += (ssize_t)len;
	}
	return reply_size(request, n < 0 ? n : used, in->size, ret_len);
}

int squash_xattr_op(uint32_t opcode, struct squash_request *request, size_t *ret_len)
{
	const struct fuse_setxattr_in *set = (const void *)request->arg;
	const char *name = request->arg + FUSE_COMPAT_SETXATTR_IN_SIZE;
	autofd int fd = nodes_open(&request->fs->nodes, request->node);

	if (fd < 0)
		return fd;
	if (opcode == FUSE_GETXATTR)
		return op_getxattr(request, fd, ret_len);
	if (opcode == FUSE_LISTXATTR)
		return op_listxattr(request, fd, ret_len);
	if (opcode == FUSE_REMOVEXATTR)
		name = request->arg;
	if (is_ours(name))
		return -EPERM;
	if (opcode == FUSE_REMOVEXATTR)
		return removexattr(path_to(fd).text, name) < 0 ? -errno : 0;
	return setxattr(path_to(fd).text, name, name + strlen(name) + 1, set->size,
		       (int)set->flags) < 0
		       ? -errno
		       : 0;
}
