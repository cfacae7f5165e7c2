/* SPDX-License-Identifier: Apache-2.0 */
/* The operations of a squashed directory, one function per opcode. See squash.h. */
#include "squash.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fuse.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/own.h"

#define SHOWN_NS (SQUASH_MS * 1000000u)

/* An open directory: what did not fit into the last reply comes first in the next. */
struct listing {
	DIR *dir;
	struct dirent *pending;
	uint64_t at;
};

static void fill_attr(const struct stat *st, struct fuse_attr *ret)
{
	*ret = (struct fuse_attr){ .ino = st->st_ino,
		.size = (uint64_t)st->st_size,
		.blocks = (uint64_t)st->st_blocks,
		.atime = (uint64_t)st->st_atim.tv_sec,
		.mtime = (uint64_t)st->st_mtim.tv_sec,
		.ctime = (uint64_t)st->st_ctim.tv_sec,
		.atimensec = (uint32_t)st->st_atim.tv_nsec,
		.mtimensec = (uint32_t)st->st_mtim.tv_nsec,
		.ctimensec = (uint32_t)st->st_ctim.tv_nsec,
		.mode = st->st_mode,
		.nlink = (uint32_t)st->st_nlink,
		.uid = st->st_uid,
		.gid = st->st_gid,
		.rdev = (uint32_t)st->st_rdev,
		.blksize = (uint32_t)st->st_blksize };
}

static int open_node(const struct squash_request *request)
{
	return nodes_open(&request->fs->nodes, request->node);
}

/* O_PATH to something readable or writable */
static int reopen(int fd, int flags)
{
	char path[32];
	int file;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	file = openat(AT_FDCWD, path, (flags & ~(O_NOFOLLOW | O_CREAT | O_EXCL)) | O_CLOEXEC);
	return file < 0 ? -errno : file;
}

/* What is called `name` in the open directory becomes an entry the kernel counts. */
static int fill_entry(
	struct squash_request *request, int dir, const char *name, struct fuse_entry_out *ret)
{
	autofd int fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	uint64_t node;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	node = nodes_get(&request->fs->nodes, request->node, name);
	if (!node)
		return -ENOMEM;
	squash_show(request->fs, fd, &st);
	*ret = (struct fuse_entry_out){
		.nodeid = node, .entry_valid_nsec = SHOWN_NS, .attr_valid_nsec = SHOWN_NS
	};
	fill_attr(&st, &ret->attr);
	return 0;
}

static int reply_entry(struct squash_request *request, int dir, const char *name, size_t *ret_len)
{
	*ret_len = sizeof(struct fuse_entry_out);
	return fill_entry(request, dir, name, (void *)request->out);
}

static int op_lookup(struct squash_request *request, size_t *ret_len)
{
	autofd int dir = open_node(request);

	return dir < 0 ? dir : reply_entry(request, dir, request->arg, ret_len);
}

static int op_forget(struct squash_request *request, size_t *ret_len)
{
	const struct fuse_forget_in *in = (const void *)request->arg;

	nodes_forget(&request->fs->nodes, request->node, in->nlookup);
	return 1;
}

static int op_batch_forget(struct squash_request *request, size_t *ret_len)
{
	const struct fuse_batch_forget_in *in = (const void *)request->arg;
	const struct fuse_forget_one *one = (const void *)(in + 1);

	for (uint32_t i = 0; i < in->count; i++)
		nodes_forget(&request->fs->nodes, one[i].nodeid, one[i].nlookup);
	return 1;
}

static int op_getattr(struct squash_request *request, size_t *ret_len)
{
	autofd int fd = open_node(request);
	struct fuse_attr_out *out = (void *)request->out;
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	squash_show(request->fs, fd, &st);
	*out = (struct fuse_attr_out){ .attr_valid_nsec = SHOWN_NS };
	fill_attr(&st, &out->attr);
	*ret_len = sizeof(*out);
	return 0;
}

static int op_readlink(struct squash_request *request, size_t *ret_len)
{
	autofd int fd = open_node(request);
	ssize_t n = fd < 0 ? -1 : readlinkat(fd, "", request->out, PATH_MAX);

	if (fd < 0)
		return fd;
	*ret_len = n < 0 ? 0 : (size_t)n;
	return n < 0 ? -errno : 0;
}

/* Notes the maker when it is not who is shown anyway. */
static void note_maker(const struct squash_request *request, int dir, const char *name)
{
	autofd int fd = -1;

	if (request->uid == request->fs->uid && request->gid == request->fs->gid)
		return;
	fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0)
		(void)squash_own(request->fs, fd, request->uid, request->gid); /* shown only */
}

static int made(struct squash_request *request, int dir, const char *name, int r, size_t *ret_len)
{
	if (r < 0)
		return -errno;
	note_maker(request, dir, name);
	return reply_entry(request, dir, name, ret_len);
}

static int op_mkdir(struct squash_request *request, size_t *ret_len)
{
	const struct fuse_mkdir_in *in = (const void *)request->arg;
	const char *name = request->arg + sizeof(*in);
	autofd int dir = open_node(request);

	if (dir < 0)
		return dir;
	return made(request, dir, name, mkdirat(dir, name, in->mode & 07777), ret_len);
}

static int op_mknod(struct squash_request *request, size_t *ret_len)
{
	const struct fuse_mknod_in *in = (const void *)request->arg;
	const char *name = request->arg + sizeof(*in);
	autofd int dir = open_node(request);

	if (dir < 0)
		return dir;
	return made(request, dir, name, mknodat(dir, name, in->mode, in->rdev), ret_len);
}

static int op_symlink(struct squash_request *request, size_t *ret_len)
{
	const char *name = request->arg, *target = name + strlen(name) + 1;
	autofd int dir = open_node(request);

	if (dir < 0)
		return dir;
	return made(request, dir, name, symlinkat(target, dir, name), ret_len);
}

static int op_link(struct squash_request *request, size_t *ret_len)
{
	const struct fuse_link_in *in = (const void *)request->arg;
	const char *name = request->arg + sizeof(*in);
	autofd int dir = open_node(request), fd = nodes_open(&request->fs->nodes, in->oldnodeid);
	char path[32];

	if (dir < 0 || fd < 0)
		return dir < 0 ? dir : fd;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (linkat(AT_FDCWD, path, dir, name, AT_SYMLINK_FOLLOW) < 0)
		return -errno;
	return reply_entry(request, dir, name, ret_len);
}

static int take_away(struct squash_request *request, int flags)
{
	autofd int dir = open_node(request);

	if (dir < 0)
		return dir;
	nodes_hold(&request->fs->nodes, request->node, request->arg);
	if (unlinkat(dir, request->arg, flags) < 0)
		return -errno;
	nodes_unname(&request->fs->nodes, request->node, request->arg);
	return 0;
}

static int op_unlink(struct squash_request *request, size_t *ret_len)
{
	return take_away(request, 0);
}

static int op_rmdir(struct squash_request *request, size_t *ret_len)
{
	return take_away(request, AT_REMOVEDIR);
}

static int move(struct squash_request *request, const struct nodes_move *move, unsigned flags)
{
	struct nodes *nodes = &request->fs->nodes;
	autofd int from = nodes_open(nodes, move->parent), to = nodes_open(nodes, move->new_parent);

	if (from < 0 || to < 0)
		return from < 0 ? from : to;
	if (!move->swap)
		nodes_hold(nodes, move->new_parent, move->new_name);
	if (renameat2(from, move->name, to, move->new_name, flags) < 0)
		return -errno;
	nodes_rename(nodes, move);
	return 0;
}

static int op_rename(struct squash_request *request, size_t *ret_len)
{
	const struct fuse_rename_in *in = (const void *)request->arg;
	const char *name = request->arg + sizeof(*in);

	return move(request,
		&(struct nodes_move){
			request->node, name, in->newdir, name + strlen(name) + 1, false },
		0);
}

static int op_rename2(struct squash_request *request, size_t *ret_len)
{
	const struct fuse_rename2_in *in = (const void *)request->arg;
	const char *name = request->arg + sizeof(*in);

	return move(request,
		&(struct nodes_move){ request->node, name, in->newdir, name + strlen(name) + 1,
			(in->flags & RENAME_EXCHANGE) != 0 },
		in->flags);
}

/* ---- files ---- */

static int op_open(struct squash_request *request, size_t *ret_len)
{
	const struct fuse_open_in *in = (const void *)request->arg;
	struct fuse_open_out *out = (void *)request->out;
	autofd int fd = open_node(request);
	int file = fd < 0 ? fd : reopen(fd, (int)in->flags);

	if (file < 0)
		return file;
	*out = (struct fuse_open_out){ .fh = (uint64_t)file };
	*ret_len = sizeof(*out);
	return 0;
}

static int op_create(struct squash_request *request, size_t *ret_len)
{
	const struct fuse_create_in *in = (const void *)request->arg;
	const char *name = request->arg + sizeof(*in);
	struct fuse_entry_out *entry = (void *)request->out;
	struct fuse_open_out *out = (void *)(entry + 1);
	autofd int dir = open_node(request), file = -1;
	int flags = ((int)in->flags & ~O_NOFOLLOW) | O_CREAT | O_CLOEXEC | O_NOFOLLOW;

	if (dir < 0)
		return dir;
	file = openat(dir, name, flags, in->mode & 07777);
	if (file < 0)
		return -errno;
	note_maker(request, dir, name);
	TRY(fill_entry(request, dir, name, entry));
	*out = (struct fuse_open_out){ .fh = (uint64_t)move_fd(&file) };
	*ret_len = sizeof(*entry) + sizeof(*out);
	return 0;
}

static int op_read(struct squash_request *request, size_t *ret_len)
{
	const struct fuse_read_in *in = (const void *)request->arg;
	ssize_t n = pread((int)in->fh, request->out,
		in->size < request->size ? in->size : request->size, (off_t)in->offset);

	*ret_len = n < 0 ? 0 : (size_t)n;
	return n < 0 ? -errno : 0;
}

static int op_write(struct squash_request *request, size_t *ret_len)
{
	const struct fuse_write_in *in = (const void *)request->arg;
	struct fuse_write_out *out = (void *)request->out;
	ssize_t n = in->size > request->arg_len - sizeof(*in)
			    ? -1
			    : pwrite((int)in->fh, in + 1, in->size, (off_t)in->offset);

	if (n < 0)
		return in->size > request->arg_len - sizeof(*in) ? -EIO : -errno;
	*out = (struct fuse_write_out){ .size = (uint32_t)n };
	*ret_len = sizeof(*out);
	return 0;
}

static int op_release(struct squash_request *request, size_t *ret_len)
{
	const struct fuse_release_in *in = (const void *)request->arg;

	(void)close((int)in->fh); /* FLUSH is not asked for: errors came with the writes */
	return 0;
}

static int op_fsync(struct squash_request *request, size_t *ret_len)
{
	const struct fuse_fsync_in *in = (const void *)request->arg;
	int r = in->fsync_flags & FUSE_FSYNC_FDATASYNC ? fdatasync((int)in->fh)
						       : fsync((int)in->fh);

	return r < 0 ? -errno : 0;
}

static int op_fallocate(struct squash_request *request, size_t *ret_len)
{
	const struct fuse_fallocate_in *in = (const void *)request->arg;

	return fallocate((int)in->fh, (int)in->mode, (off_t)in->offset, (off_t)in->length) < 0
		       ? -errno
		       : 0;
}

static int op_lseek(struct squash_request *request, size_t *ret_len)
{
	const struct fuse_lseek_in *in = (const void *)request->arg;
	struct fuse_lseek_out *out = (void *)request->out;
	off_t r = lseek((int)in->fh, (off_t)in->offset, (int)in->whence);

	if (r < 0)
		return -errno;
	*out = (struct fuse_lseek_out){ .offset = (uint64_t)r };
	*ret_len = sizeof(*out);
	return 0;
}

static int op_copy(struct squash_request *request, size_t *ret_len)
{
	const struct fuse_copy_file_range_in *in = (const void *)request->arg;
	struct fuse_write_out *out = (void *)request->out;
	off_t from = (off_t)in->off_in, to = (off_t)in->off_out;
	size_t len = in->len > 1u << 30 ? 1u << 30 : in->len;
	ssize_t n = copy_file_range((int)in->fh_in, &from, (int)in->fh_out, &to, len, 0);

	if (n < 0)
		return -errno;
	*out = (struct fuse_write_out){ .size = (uint32_t)n };
	*ret_len = sizeof(*out);
	return 0;
}

static int op_statfs(struct squash_request *request, size_t *ret_len)
{
	struct fuse_statfs_out *out = (void *)request->out;
	autofd int fd = open_node(request);
	struct statvfs st;

	if (fd < 0)
		return fd;
	if (fstatvfs(fd, &st) < 0)
		return -errno;
	*out = (struct fuse_statfs_out){ .st = { .blocks = st.f_blocks,
						 .bfree = st.f_bfree,
						 .bavail = st.f_bavail,
						 .files = st.f_files,
						 .ffree = st.f_ffree,
						 .bsize = (uint32_t)st.f_bsize,
						 .namelen = (uint32_t)st.f_namemax,
						 .frsize = (uint32_t)st.f_frsize } };
	*ret_len = sizeof(*out);
	return 0;
}

/* ---- directories ---- */

static int op_opendir(struct squash_request *request, size_t *ret_len)
{
	struct fuse_open_out *out = (void *)request->out;
	struct listing *listing = calloc(1, sizeof(*listing));
	autofd int fd = open_node(request), dir = fd < 0 ? fd : reopen(fd, O_RDONLY | O_DIRECTORY);

	if (dir >= 0 && listing)
		listing->dir = fdopendir(dir);
	if (!listing || !listing->dir) {
		free(listing);
		return dir < 0 ? dir : -ENOMEM;
	}
	(void)move_fd(&dir);
	*out = (struct fuse_open_out){ .fh = (uint64_t)(uintptr_t)listing };
	*ret_len = sizeof(*out);
	return 0;
}

static struct listing *listing_of(uint64_t fh)
{
	return (struct listing *)(uintptr_t)fh;
}

static int op_releasedir(struct squash_request *request, size_t *ret_len)
{
	const struct fuse_release_in *in = (const void *)request->arg;
	struct listing *listing = listing_of(in->fh);

	(void)closedir(listing->dir); /* read-only */
	free(listing);
	return 0;
}

static int op_fsyncdir(struct squash_request *request, size_t *ret_len)
{
	const struct fuse_fsync_in *in = (const void *)request->arg;

	return fsync(dirfd(listing_of(in->fh)->dir)) < 0 ? -errno : 0;
}

static bool is_dot(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* The next entry, without losing it should it not fit. */
static struct dirent *peek(struct listing *listing, uint64_t offset)
{
	if (offset != listing->at) {
		if (offset == 0)
			rewinddir(listing->dir);
		else
			seekdir(listing->dir, (long)offset);
		listing->at = offset;
		listing->pending = NULL;
	}
	if (!listing->pending)
		listing->pending = readdir(listing->dir);
	return listing->pending;
}

static void fill_dirent(struct fuse_dirent *ret, const struct dirent *from)
{
	size_t len = strlen(from->d_name);

	*ret = (struct fuse_dirent){ .ino = from->d_ino,
		.off = (uint64_t)from->d_off,
		.namelen = (uint32_t)len,
		.type = from->d_type };
	memcpy(ret->name, from->d_name, len);
}

/* With `plus` each entry carries its attributes; one that is gone by now just has no node. */
static int list(struct squash_request *request, size_t *ret_len, bool plus)
{
	const struct fuse_read_in *in = (const void *)request->arg;
	struct listing *listing = listing_of(in->fh);
	size_t head = plus ? FUSE_NAME_OFFSET_DIRENTPLUS : FUSE_NAME_OFFSET, used = 0;
	size_t room = in->size < request->size ? in->size : request->size;
	uint64_t offset = in->offset;
	struct dirent *entry;

	while ((entry = peek(listing, offset))) {
		size_t need = FUSE_DIRENT_ALIGN(head + strlen(entry->d_name));
		char *at = request->out + used;

		if (used + need > room)
			break;
		memset(at, 0, need);
		if (plus && !is_dot(entry->d_name))
			(void)fill_entry(request, dirfd(listing->dir), entry->d_name, (void *)at);
		fill_dirent((void *)(plus ? at + sizeof(struct fuse_entry_out) : at), entry);
		used += need;
		offset = listing->at = (uint64_t)entry->d_off;
		listing->pending = NULL;
	}
	*ret_len = used;
	return 0;
}

static int op_readdir(struct squash_request *request, size_t *ret_len)
{
	return list(request, ret_len, false);
}

static int op_readdirplus(struct squash_request *request, size_t *ret_len)
{
	return list(request, ret_len, true);
}

/* ---- the table ---- */

#define XATTR_OP(name, opcode)                                           \
	static int name(struct squash_request *request, size_t *ret_len) \
	{                                                                \
		return squash_xattr_op(opcode, request, ret_len);        \
	}
XATTR_OP(op_getxattr, FUSE_GETXATTR)
XATTR_OP(op_listxattr, FUSE_LISTXATTR)
XATTR_OP(op_setxattr, FUSE_SETXATTR)
XATTR_OP(op_removexattr, FUSE_REMOVEXATTR)

squash_op squash_find_op(uint32_t opcode)
{
	static const squash_op ops[] = { [FUSE_LOOKUP] = op_lookup,
		[FUSE_FORGET] = op_forget,
		[FUSE_GETATTR] = op_getattr,
		[FUSE_SETATTR] = squash_setattr,
		[FUSE_READLINK] = op_readlink,
		[FUSE_SYMLINK] = op_symlink,
		[FUSE_MKNOD] = op_mknod,
		[FUSE_MKDIR] = op_mkdir,
		[FUSE_UNLINK] = op_unlink,
		[FUSE_RMDIR] = op_rmdir,
		[FUSE_RENAME] = op_rename,
		[FUSE_LINK] = op_link,
		[FUSE_OPEN] = op_open,
		[FUSE_READ] = op_read,
		[FUSE_WRITE] = op_write,
		[FUSE_STATFS] = op_statfs,
		[FUSE_RELEASE] = op_release,
		[FUSE_FSYNC] = op_fsync,
		[FUSE_SETXATTR] = op_setxattr,
		[FUSE_GETXATTR] = op_getxattr,
		[FUSE_LISTXATTR] = op_listxattr,
		[FUSE_REMOVEXATTR] = op_removexattr,
		[FUSE_OPENDIR] = op_opendir,
		[FUSE_READDIR] = op_readdir,
		[FUSE_RELEASEDIR] = op_releasedir,
		[FUSE_FSYNCDIR] = op_fsyncdir,
		[FUSE_CREATE] = op_create,
		[FUSE_BATCH_FORGET] = op_batch_forget,
		[FUSE_FALLOCATE] = op_fallocate,
		[FUSE_READDIRPLUS] = op_readdirplus,
		[FUSE_RENAME2] = op_rename2,
		[FUSE_LSEEK] = op_lseek,
		[FUSE_COPY_FILE_RANGE] = op_copy };

	return opcode < ARRAY_SIZE(ops) ? ops[opcode] : NULL;
}
