/* SPDX-License-Identifier: Apache-2.0 */
/*
 * File data. Each file has at most two cached descriptors: one of the lower file, one of the upper.
 * They are pinned, and the node is referred to, while they are used without the lock.
 */
#include "data.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "beside.h"
#include "copyup.h"

#include "base/own.h"

#define LARGE (64 << 10) /* bytes whose transfer is worth another thread */

struct io {
	struct node *node;
	struct slot *slot;
};

static int open_upper(struct ovl *fs, struct node *node)
{
	int flags = O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	char path[LAYER_PATH_MAX];
	struct where where;
	struct stat st;
	int fd;

	TRY(node_where(fs, node, &where));
	if (*where.at.name)
		fd = openat(where.at.dir, where.at.name, flags | O_NOFOLLOW);
	else
		fd = open(layer_proc_path(path, where.at), flags);
	if (fd < 0)
		return errno == ELOOP || errno == EISDIR ? -ESTALE : -errno;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		(void)close(fd); /* not the file it was: nothing was written */
		return -ESTALE;
	}
	return fd;
}

static int open_reading(struct ovl *fs, struct node *node)
{
	struct where where;

	TRY(node_where(fs, node, &where));
	return where.layer->ops->open_file(where.layer, where.at);
}

int data_slot(struct ovl *fs, struct node *node, bool writing, struct slot **ret)
{
	struct slot *slot;
	int fd;

	if (!S_ISREG(node->type))
		return S_ISDIR(node->type) ? -EISDIR : -EINVAL;
	if (writing && node->layer != 0)
		return -EIO;
	TRY(node_widen(fs, node));
	slot = node->layer == 0 ? &node->body->data : &node->body->lower;
	if (slot->handle >= 0) {
		slot_touch(&fs->slots, slot);
		*ret = slot;
		return 0;
	}
	fd = node->layer == 0 ? open_upper(fs, node) : open_reading(fs, node);
	if (node->layer == 0 && !writing && (fd == -EACCES || fd == -EPERM || fd == -EROFS)) {
		/* immutable, or the upper was remounted: reading goes on */
		slot_empty(&fs->slots, &node->body->lower);
		slot = &node->body->lower;
		fd = open_reading(fs, node);
	}
	if (fd < 0)
		return fd;
	slot_fill(&fs->slots, slot, NULL, fd);
	*ret = slot;
	return 0;
}

static int io_begin(struct ovl *fs, uint64_t id, bool writing, struct io *ret)
{
	struct node *node;
	int r;

	ovl_lock(fs);
	r = node_get(fs, id, &node);
	if (r == 0) {
		node_ref(node);
		if (writing && S_ISREG(node->type))
			r = copyup_node(fs, node, COPYUP_ALL);
		if (r == 0)
			r = data_slot(fs, node, writing, &ret->slot);
		if (r == 0)
			ret->slot->pins++;
		else
			node_unref(fs, node);
		ret->node = node;
	}
	ovl_unlock(fs);
	return r;
}

static void io_end(struct ovl *fs, struct io *io)
{
	ovl_lock(fs);
	io->slot->pins--;
	node_unref(fs, io->node);
	ovl_unlock(fs);
}

ssize_t ovl_read(struct ovl *fs, uint64_t id, void *buf, size_t size, off_t offset)
{
	size_t done = 0;
	ssize_t n = 0;
	struct io io;

	TRY(io_begin(fs, id, false, &io));
	if (size >= LARGE)
		ovl_slow(fs);
	while (done < size) {
		n = pread(io.slot->handle, (char *)buf + done, size - done, offset + (off_t)done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		done += (size_t)n;
		if (done < size)
			break; /* a regular file gives less only at its end */
	}
	if (n < 0)
		n = -errno;
	io_end(fs, &io);
	return done ? (ssize_t)done : n;
}

ssize_t ovl_write(struct ovl *fs, uint64_t id, const void *buf, size_t size, off_t offset)
{
	size_t done = 0;
	ssize_t n = 0;
	struct io io;

	TRY(io_begin(fs, id, true, &io));
	if (size >= LARGE)
		ovl_slow(fs);
	while (done < size) {
		n = pwrite(io.slot->handle, (const char *)buf + done, size - done,
			offset + (off_t)done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	if (n < 0)
		n = -errno;
	io_end(fs, &io);
	return done ? (ssize_t)done : n;
}

void ovl_note_full(struct ovl *fs, uint64_t id)
{
	struct node *node;

	ovl_lock(fs);
	if (node_get(fs, id, &node) == 0)
		node->full = true;
	ovl_unlock(fs);
}

bool ovl_take_full(struct ovl *fs, uint64_t id)
{
	struct node *node;
	bool full = false;

	ovl_lock(fs);
	if (node_get(fs, id, &node) == 0) {
		full = node->full;
		node->full = false;
	}
	ovl_unlock(fs);
	return full;
}

int ovl_open_for_writing(struct ovl *fs, uint64_t id)
{
	struct io io;

	TRY(io_begin(fs, id, true, &io));
	io_end(fs, &io);
	return 0;
}

static int sync_dir(struct ovl *fs, struct node *node)
{
	int handle = node_dir_handle(fs, node, -1);
	autofd int fd = -1;
	int r;

	if (handle < 0)
		return handle;
	fd = openat(handle, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	node_ref(node);
	ovl_unlock(fs);
	ovl_slow(fs);
	r = fsync(fd) < 0 ? -errno : 0;
	ovl_lock(fs);
	node_unref(fs, node);
	return r;
}

int ovl_fsync(struct ovl *fs, uint64_t id, bool data_only)
{
	struct node *node;
	struct io io;
	bool in_upper, is_file;
	int r;

	ovl_lock(fs);
	r = node_get(fs, id, &node);
	in_upper = r == 0 && (node->upper || node->layer == 0) && !fs->config.volatile_;
	is_file = r == 0 && S_ISREG(node->type);
	if (in_upper && r == 0)
		r = beside_sync(fs->upper->beside);
	if (r == 0 && S_ISDIR(node->type) && node->upper && in_upper && !node->orphan)
		r = sync_dir(fs, node);
	ovl_unlock(fs);
	if (r < 0 || !in_upper || !is_file)
		return r;
	TRY(io_begin(fs, id, false, &io));
	ovl_slow(fs);
	r = (data_only ? fdatasync(io.slot->handle) : fsync(io.slot->handle)) < 0 ? -errno : 0;
	io_end(fs, &io);
	return r;
}

int ovl_fallocate(struct ovl *fs, uint64_t id, int mode, off_t offset, off_t length)
{
	struct io io;
	int r;

	TRY(io_begin(fs, id, true, &io));
	ovl_slow(fs);
	r = fallocate(io.slot->handle, mode, offset, length) < 0 ? -errno : 0;
	io_end(fs, &io);
	return r;
}

off_t ovl_lseek(struct ovl *fs, uint64_t id, off_t offset, int whence)
{
	struct io io;
	off_t r;

	if (whence != SEEK_DATA && whence != SEEK_HOLE)
		return -EINVAL; /* the kernel does the others itself */
	TRY(io_begin(fs, id, false, &io));
	r = lseek(io.slot->handle, offset, whence);
	if (r < 0)
		r = -errno;
	io_end(fs, &io);
	return r;
}

ssize_t ovl_copy_range(struct ovl *fs, const struct ovl_range *range)
{
	off_t from_offset = range->from_offset, to_offset = range->to_offset;
	struct io from, to;
	ssize_t n;
	int r;

	TRY(io_begin(fs, range->to, true, &to)); /* first: from may be the same file */
	r = io_begin(fs, range->from, false, &from);
	if (r < 0) {
		io_end(fs, &to);
		return r;
	}
	ovl_slow(fs);
	n = copy_file_range(
		from.slot->handle, &from_offset, to.slot->handle, &to_offset, range->size, 0);
	if (n < 0)
		n = errno == EXDEV || errno == ENOSYS ? -EOPNOTSUPP : -errno;
	io_end(fs, &from);
	io_end(fs, &to);
	return n;
}
