/* SPDX-License-Identifier: Apache-2.0 */
/*
 * floor MOUNTPOINT FILES DIRS [WORK]: a file system that answers every request at once from memory, over the kernel's own
 * protocol (no libfuse), with the capabilities that sbx-fuse asks for: what FUSE costs before a file system has done any
 * work. Nothing in user space that is mounted this way can be faster. For fuse.py, which says what is in the tree.
 *
 * With WORK it also does, below that folder, the one system call (for data: open, read or write, close) without which
 * what was asked would not be on the disk: the least that any server of this design does. WORK holds the tree, in which
 * nothing is removed (a lower layer's file gets a whiteout), and a device 0:0 named "whiteout".
 *
 * Keeps names, modes and sizes, of data only that it was written. Ends with its mount.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { NODES = 1 << 16, BUCKETS = 1 << 16, PAYLOAD = 128 << 10, FOREVER = 1000000000 };

struct node {
	uint32_t parent, next; /* next in its bucket */
	uint32_t mode;
	uint64_t size;
	char name[40];
	int fd; /* in WORK: of a directory, or of a file until its first data are written; or -1 */
	bool lower; /* stands for a file of a lower layer */
};

struct floor {
	int fd, work;
	uint32_t used, buckets[BUCKETS];
	struct node nodes[NODES]; /* 1 is the root */
	char data[PAYLOAD];
	char request[PAYLOAD + 8192];
};

static uint32_t *bucket_of(struct floor *f, uint32_t parent, const char *name)
{
	uint32_t h = 2166136261U ^ parent;

	while (*name)
		h = (h ^ (unsigned char)*name++) * 16777619U;
	return &f->buckets[(h ^ h >> 16) % BUCKETS];
}

static uint32_t find(struct floor *f, uint32_t parent, const char *name)
{
	uint32_t n = *bucket_of(f, parent, name);

	while (n && (f->nodes[n].parent != parent || strcmp(f->nodes[n].name, name) != 0))
		n = f->nodes[n].next;
	return n;
}

static void put(struct floor *f, uint32_t n, uint32_t parent, const char *name)
{
	uint32_t *bucket = bucket_of(f, parent, name);

	snprintf(f->nodes[n].name, sizeof(f->nodes[n].name), "%s", name);
	f->nodes[n].parent = parent;
	f->nodes[n].next = *bucket;
	*bucket = n;
}

static uint32_t add(
	struct floor *f, uint32_t parent, const char *name, uint32_t mode, uint64_t size)
{
	uint32_t n = ++f->used;

	if (n >= NODES)
		abort(); /* more than a round of the benchmark makes */
	f->nodes[n].mode = mode;
	f->nodes[n].size = size;
	f->nodes[n].fd = -1;
	put(f, n, parent, name);
	return n;
}

static uint32_t take(struct floor *f, uint32_t parent, const char *name)
{
	uint32_t *p = bucket_of(f, parent, name), n;

	while (*p && (f->nodes[*p].parent != parent || strcmp(f->nodes[*p].name, name) != 0))
		p = &f->nodes[*p].next;
	n = *p;
	if (n) {
		*p = f->nodes[n].next;
		f->nodes[n].parent = 0;
	}
	return n;
}

/* ---- the work ---- */

static int dir_of(const struct floor *f, uint32_t n)
{
	return f->nodes[f->nodes[n].parent].fd;
}

static void must(bool done, const char *what)
{
	if (done)
		return;
	perror(what);
	exit(1);
}

static void work_make(struct floor *f, uint32_t n)
{
	struct node *node = &f->nodes[n];
	int dir = dir_of(f, n);

	if (f->work < 0)
		return;
	if (S_ISDIR(node->mode))
		must(mkdirat(dir, node->name, node->mode & 07777) == 0, "mkdir");
	node->fd = S_ISDIR(node->mode)
			   ? openat(dir, node->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
			   : openat(dir, node->name, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC,
				     node->mode & 07777);
	must(node->fd >= 0, "create");
}

/* Before it is taken out of the tree. */
static void work_remove(struct floor *f, uint32_t n)
{
	struct node *node = &f->nodes[n];
	char name[48];

	if (f->work < 0 || !n)
		return;
	if (node->fd >= 0)
		(void)close(node->fd);
	snprintf(name, sizeof(name), "-%s", node->name);
	if (node->lower)
		must(linkat(f->work, "whiteout", dir_of(f, n), name, 0) == 0, "whiteout");
	else
		must(unlinkat(dir_of(f, n), node->name, S_ISDIR(node->mode) ? AT_REMOVEDIR : 0) ==
				0,
			"remove");
	node->fd = -1;
}

static void work_set(struct floor *f, uint32_t n, const struct fuse_setattr_in *want)
{
	const struct node *node = &f->nodes[n];
	const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT },
		{ (time_t)want->mtime, want->mtimensec } };
	char up[48];

	if (f->work < 0 || !node->parent)
		return; /* it has been removed, and was told its time after that */
	snprintf(up, sizeof(up), "+%s", node->name);
	if (node->lower) /* copied up without its data */
		must(mknodat(dir_of(f, n), up, S_IFREG | (want->mode & 07777), 0) == 0, "copy up");
	else if (want->valid & FATTR_MODE)
		must(fchmodat(dir_of(f, n), node->name, want->mode & 07777, 0) == 0, "chmod");
	if (want->valid & (FATTR_UID | FATTR_GID))
		must(fchownat(dir_of(f, n), node->name, want->valid & FATTR_UID ? want->uid : -1U,
			     want->valid & FATTR_GID ? want->gid : -1U, 0) == 0,
			"chown");
	if (want->valid & FATTR_MTIME)
		must(utimensat(dir_of(f, n), node->name, times, 0) == 0, "utimes");
}

static void work_data(struct floor *f, uint32_t n, const void *data, size_t size, uint64_t offset)
{
	struct node *node = &f->nodes[n];
	int fd = node->fd;

	if (f->work < 0)
		return;
	if (fd < 0)
		fd = openat(dir_of(f, n), node->name, O_RDWR | O_CLOEXEC);
	if (data)
		must(pwrite(fd, data, size, (off_t)offset) == (ssize_t)size, "write");
	else
		must(pread(fd, f->data, size, (off_t)offset) >= 0, "read");
	(void)close(fd);
	node->fd = -1;
}

/* ---- replies ---- */

static void reply(struct floor *f, uint64_t unique, int error, const void *data, size_t size)
{
	struct fuse_out_header head = { (uint32_t)(sizeof(head) + size), error, unique };
	struct iovec iov[] = { { &head, sizeof(head) }, { (void *)data, size } };

	if (writev(f->fd, iov, size ? 2 : 1) < 0 && errno != ENOENT)
		exit(0); /* unmounted */
}

static struct fuse_attr attr_of(const struct floor *f, uint32_t n)
{
	const struct node *node = &f->nodes[n];

	return (struct fuse_attr){ .ino = n,
		.size = node->size,
		.blocks = (node->size + 511) / 512,
		.mtime = 1,
		.mode = node->mode,
		.nlink = node->parent || n == 1,
		.blksize = 4096 };
}

static struct fuse_entry_out entry_of(const struct floor *f, uint32_t n)
{
	return (struct fuse_entry_out){ .nodeid = n,
		.entry_valid = FOREVER,
		.attr_valid = FOREVER,
		.attr = n ? attr_of(f, n) : (struct fuse_attr){ 0 } };
}

static void reply_entry(struct floor *f, uint64_t unique, uint32_t n)
{
	struct fuse_entry_out out = entry_of(f, n);

	reply(f, unique, 0, &out, sizeof(out));
}

static void reply_attr(struct floor *f, uint64_t unique, uint32_t n)
{
	struct fuse_attr_out out = { .attr_valid = FOREVER, .attr = attr_of(f, n) };

	reply(f, unique, 0, &out, sizeof(out));
}

static void on_init(
	struct floor *f, const struct fuse_in_header *in, const struct fuse_init_in *init)
{
	uint32_t want = FUSE_ASYNC_READ | FUSE_PARALLEL_DIROPS | FUSE_DO_READDIRPLUS |
			FUSE_READDIRPLUS_AUTO | FUSE_CACHE_SYMLINKS | FUSE_POSIX_ACL |
			FUSE_DONT_MASK | FUSE_WRITEBACK_CACHE | FUSE_BIG_WRITES | FUSE_MAX_PAGES |
			FUSE_HANDLE_KILLPRIV_V2;
	struct fuse_init_out out = { .major = FUSE_KERNEL_VERSION,
		.minor = init->minor < FUSE_KERNEL_MINOR_VERSION ? init->minor
								 : FUSE_KERNEL_MINOR_VERSION,
		.max_readahead = init->max_readahead,
		.flags = want & init->flags,
		.max_background = 64,
		.congestion_threshold = 48,
		.max_write = PAYLOAD,
		.time_gran = 1,
		.max_pages = PAYLOAD / 4096 };

	reply(f, in->unique, 0, &out, sizeof(out));
}

static void on_readdir(
	struct floor *f, const struct fuse_in_header *in, const struct fuse_read_in *want)
{
	char out[8192];
	size_t used = 0, limit = want->size < sizeof(out) ? want->size : sizeof(out);
	size_t head = in->opcode == FUSE_READDIRPLUS ? sizeof(struct fuse_direntplus)
						     : sizeof(struct fuse_dirent);

	for (uint32_t n = (uint32_t)want->offset + 1; n <= f->used; n++) {
		struct fuse_direntplus plus = { .entry_out = entry_of(f, n) };
		size_t len = strlen(f->nodes[n].name), size = (head + len + 7) & ~(size_t)7;

		if (f->nodes[n].parent != in->nodeid || n == 1)
			continue;
		if (used + size > limit)
			break;
		plus.dirent = (struct fuse_dirent){ n, n, (uint32_t)len, f->nodes[n].mode >> 12 };
		memset(out + used, 0, size);
		if (in->opcode == FUSE_READDIRPLUS)
			memcpy(out + used, &plus, FUSE_NAME_OFFSET_DIRENTPLUS);
		else
			memcpy(out + used, &plus.dirent, FUSE_NAME_OFFSET);
		memcpy(out + used + head, f->nodes[n].name, len);
		used += size;
	}
	reply(f, in->unique, 0, out, used);
}

static void on_setattr(
	struct floor *f, const struct fuse_in_header *in, const struct fuse_setattr_in *want)
{
	struct node *node = &f->nodes[in->nodeid];

	work_set(f, (uint32_t)in->nodeid, want);
	if (want->valid & FATTR_MODE)
		node->mode = (node->mode & S_IFMT) | (want->mode & 07777);
	if (want->valid & FATTR_SIZE)
		node->size = want->size;
	reply_attr(f, in->unique, (uint32_t)in->nodeid);
}

static void on_rename(
	struct floor *f, const struct fuse_in_header *in, uint64_t to, const char *names)
{
	const char *new_name = names + strlen(names) + 1;
	uint32_t n = take(f, (uint32_t)in->nodeid, names);

	(void)take(f, (uint32_t)to, new_name);
	if (f->work >= 0)
		must(renameat(f->nodes[in->nodeid].fd, names, f->nodes[to].fd, new_name) == 0,
			"rename");
	put(f, n, (uint32_t)to, new_name);
	reply(f, in->unique, 0, NULL, 0);
}

static void on_write(
	struct floor *f, const struct fuse_in_header *in, const struct fuse_write_in *want)
{
	struct fuse_write_out out = { .size = want->size };
	struct node *node = &f->nodes[in->nodeid];

	if (want->offset + want->size > node->size)
		node->size = want->offset + want->size;
	memcpy(f->data, want + 1, want->size < 4096 ? want->size : 4096);
	work_data(f, (uint32_t)in->nodeid, want + 1, want->size, want->offset);
	reply(f, in->unique, 0, &out, sizeof(out));
}

static void on_read(
	struct floor *f, const struct fuse_in_header *in, const struct fuse_read_in *want)
{
	uint64_t size = f->nodes[in->nodeid].size,
		 left = want->offset < size ? size - want->offset : 0;

	left = left < want->size ? left : want->size;
	left = left < PAYLOAD ? left : PAYLOAD;
	work_data(f, (uint32_t)in->nodeid, NULL, left, want->offset);
	reply(f, in->unique, 0, f->data, left);
}

static void on_make(
	struct floor *f, const struct fuse_in_header *in, const char *name, uint32_t mode)
{
	uint32_t n = add(f, (uint32_t)in->nodeid, name, mode, 0);

	work_make(f, n);
	reply_entry(f, in->unique, n);
}

static void on_remove(struct floor *f, const struct fuse_in_header *in, const char *name)
{
	work_remove(f, find(f, (uint32_t)in->nodeid, name));
	reply(f, in->unique, take(f, (uint32_t)in->nodeid, name) ? 0 : -ENOENT, NULL, 0);
}

static void serve(struct floor *f, const struct fuse_in_header *in)
{
	const void *body = in + 1;
	uint32_t dir = (uint32_t)in->nodeid;

	switch (in->opcode) {
	case FUSE_INIT:
		on_init(f, in, body);
		break;
	case FUSE_LOOKUP:
		reply_entry(f, in->unique, find(f, dir, body));
		break;
	case FUSE_GETATTR:
		reply_attr(f, in->unique, dir);
		break;
	case FUSE_SETATTR:
		on_setattr(f, in, body);
		break;
	case FUSE_MKNOD:
		on_make(f, in, (const char *)body + sizeof(struct fuse_mknod_in),
			((const struct fuse_mknod_in *)body)->mode);
		break;
	case FUSE_MKDIR:
		on_make(f, in, (const char *)body + sizeof(struct fuse_mkdir_in),
			S_IFDIR | ((const struct fuse_mkdir_in *)body)->mode);
		break;
	case FUSE_UNLINK:
	case FUSE_RMDIR:
		on_remove(f, in, body);
		break;
	case FUSE_RENAME:
		on_rename(f, in, ((const struct fuse_rename_in *)body)->newdir,
			(const char *)body + sizeof(struct fuse_rename_in));
		break;
	case FUSE_RENAME2:
		on_rename(f, in, ((const struct fuse_rename2_in *)body)->newdir,
			(const char *)body + sizeof(struct fuse_rename2_in));
		break;
	case FUSE_READ:
		on_read(f, in, body);
		break;
	case FUSE_WRITE:
		on_write(f, in, body);
		break;
	case FUSE_READDIR:
	case FUSE_READDIRPLUS:
		on_readdir(f, in, body);
		break;
	case FUSE_GETXATTR:
		reply(f, in->unique, -ENODATA, NULL, 0);
		break;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
		break;
	default:
		reply(f, in->unique, -ENOSYS, NULL,
			0); /* OPEN, OPENDIR, CREATE among them, as sbx-fuse */
	}
}

static void fill(struct floor *f, int files, int dirs)
{
	char name[40];

	f->used = 1;
	f->nodes[1].mode = S_IFDIR | 0755;
	f->nodes[1].fd = f->work;
	for (int i = 0; i < dirs; i++) {
		snprintf(name, sizeof(name), "d%d", i);
		f->nodes[add(f, 1, name, S_IFDIR | 0755, 0)].fd =
			f->work < 0 ? -1
				    : openat(f->work, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	for (int i = 0; i < files; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		f->nodes[add(f, 2 + (uint32_t)(i % dirs), name, S_IFREG | 0644, 1024)].lower = true;
	}
}

int main(int argc, char **argv)
{
	struct floor *f = calloc(1, sizeof(*f));
	char text[128];
	ssize_t n;

	if (argc < 4 || argc > 5 || !f)
		return 1;
	f->work = argc == 5 ? open(argv[4], O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	must(argc == 4 || f->work >= 0, "floor: the folder to work in");
	fill(f, (int)strtol(argv[2], NULL, 10), (int)strtol(argv[3], NULL, 10));
	f->fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	snprintf(text, sizeof(text),
		"fd=%d,rootmode=40000,user_id=0,group_id=0,default_permissions,allow_other", f->fd);
	if (f->fd < 0 || mount("floor", argv[1], "fuse", 0, text) < 0) {
		perror("floor: mount");
		return 1;
	}
	if (fork() > 0)
		return 0;
	while ((n = read(f->fd, f->request, sizeof(f->request))) > 0 || errno == EINTR ||
		errno == ENOENT)
		if (n > 0)
			serve(f, (const struct fuse_in_header *)f->request);
	return 0;
}
