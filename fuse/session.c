/* SPDX-License-Identifier: Apache-2.0 */
/*
 * FUSE requests in, ovl_* calls, exactly one reply each. All knowledge of FUSE is here, no meaning.
 *
 * OPEN, OPENDIR and CREATE are answered with ENOSYS once; after that the kernel opens by itself, at no
 * cost. That is right because objects are addressed by node and never by handle (overlay.h), O_TRUNC
 * arrives as a SETATTR (FUSE_ATOMIC_O_TRUNC stays off), positions in directories are cookies, and
 * permissions are the kernel's business (default_permissions). The price: what a copy-up has to say,
 * ENOSPC for instance, is said by a later write, by close or fsync, not by open.
 *
 * Names, attributes and data are cached for ever: nobody else changes the layers. */
#define FUSE_USE_VERSION FUSE_MAKE_VERSION(3, 12)
#include "session.h"

#include <assert.h>
#include <errno.h>
#include <fuse_lowlevel.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/uio.h>

#include "crew.h"
#include "later.h"
#include "turns.h"
#include "wire.h"

#include "base/log.h"
#include "base/own.h"

#define FOREVER   1e9         /* seconds */
#define MAX_WRITE (128 << 10) /* more leaves the processor's cache between read and write */

/* so one set needs no translation into the other */
static_assert(FUSE_SET_ATTR_MODE == OVL_SET_MODE && FUSE_SET_ATTR_MTIME == OVL_SET_MTIME,
	"both as in linux/fuse.h");

struct session {
	struct ovl *fs;
	struct fuse_session *fuse;
	struct session_config config;
	int ended; /* eventfd */
	struct wire wire;
	struct turns turns;
	struct later later;
	struct crew crew;
};

static struct ovl *fs_of(fuse_req_t req)
{
	return ((struct session *)fuse_req_userdata(req))->fs;
}

/* A reply that fails means that the caller is gone or the connection ended: nothing left to do. */
static void reply_status(fuse_req_t req, int r)
{
	(void)fuse_reply_err(req, r < 0 ? -r : 0);
}

static void reply_bytes(fuse_req_t req, ssize_t n, const char *buf)
{
	(void)(n < 0 ? fuse_reply_err(req, (int)-n) : fuse_reply_buf(req, buf, (size_t)n));
}

static void reply_count(fuse_req_t req, ssize_t n)
{
	(void)(n < 0 ? fuse_reply_err(req, (int)-n) : fuse_reply_write(req, (size_t)n));
}

/* With nothing asked for, the length is the answer. */
static void reply_xattr(fuse_req_t req, ssize_t n, size_t asked, const char *buf)
{
	if (n < 0 || asked)
		reply_bytes(req, n, buf);
	else
		(void)fuse_reply_xattr(req, (size_t)n);
}

static void fill_entry(const struct ovl_entry *entry, struct fuse_entry_param *ret)
{
	*ret = (struct fuse_entry_param){
		.ino = entry->id,
		.attr = entry->st,
		.attr_timeout = FOREVER,
		.entry_timeout = FOREVER,
	};
}

static void reply_entry(fuse_req_t req, int r, const struct ovl_entry *entry)
{
	struct ovl *fs = fs_of(req);
	struct fuse_entry_param param;

	fill_entry(entry, &param);
	if (r < 0)
		reply_status(req, r);
	else if (fuse_reply_entry(req, &param) == -ENOENT)
		ovl_forget(fs, entry->id, 1); /* interrupted: the kernel has not counted it */
}

static void op_init(void *userdata, struct fuse_conn_info *conn)
{
	const struct session *session = userdata;
	unsigned want = FUSE_CAP_ASYNC_READ | FUSE_CAP_ASYNC_DIO | FUSE_CAP_PARALLEL_DIROPS |
			FUSE_CAP_READDIRPLUS | FUSE_CAP_READDIRPLUS_AUTO | FUSE_CAP_CACHE_SYMLINKS |
			FUSE_CAP_EXPLICIT_INVAL_DATA | FUSE_CAP_POSIX_ACL | FUSE_CAP_DONT_MASK;

	if (session->config.writeback)
		want |= FUSE_CAP_WRITEBACK_CACHE;
	conn->want = want & conn->capable;
	conn->max_background = 64;
	conn->congestion_threshold = 48;
	conn->time_gran = 1;
	conn->max_write = MAX_WRITE;
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct ovl_entry entry = { 0 };
	int r = ovl_lookup(fs_of(req), parent, name, &entry);

	/* that there is nothing is remembered too: an entry with id 0 */
	reply_entry(req, r == -ENOENT ? 0 : r, &entry);
}

static void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t lookups)
{
	ovl_forget(fs_of(req), ino, lookups);
	fuse_reply_none(req);
}

static void op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
	for (size_t i = 0; i < count; i++)
		ovl_forget(fs_of(req), forgets[i].ino, forgets[i].nlookup);
	fuse_reply_none(req);
}

static void reply_attr(fuse_req_t req, int r, const struct stat *st)
{
	(void)(r < 0 ? fuse_reply_err(req, -r) : fuse_reply_attr(req, st, FOREVER));
}

/* With fi a write has asked, before it lets the kernel gather its data. */
static void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct stat st;

	if (fi && ovl_take_full(fs_of(req), ino)) {
		reply_status(req, -ENOSPC);
		return;
	}

	reply_attr(req, ovl_getattr(fs_of(req), ino, &st), &st);
}

static void op_setattr(
	fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set, struct fuse_file_info *fi)
{
	struct stat want = *attr, st;
	unsigned what = (unsigned)to_set & OVL_SET_ALL;

	if (to_set & FUSE_SET_ATTR_ATIME_NOW)
		want.st_atim.tv_nsec = UTIME_NOW;
	if (to_set & FUSE_SET_ATTR_MTIME_NOW)
		want.st_mtim.tv_nsec = UTIME_NOW;
	reply_attr(req, ovl_setattr(fs_of(req), ino, &want, what, &st), &st);
}

static void op_readlink(fuse_req_t req, fuse_ino_t ino)
{
	char target[PATH_MAX];
	ssize_t n = ovl_readlink(fs_of(req), ino, target, sizeof(target) - 1);

	if (n < 0) {
		reply_status(req, (int)n);
		return;
	}
	target[n] = '\0';
	(void)fuse_reply_readlink(req, target);
}

static void create(fuse_req_t req, struct ovl_new *new)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);
	struct ovl_entry entry = { 0 };

	new->uid = ctx->uid;
	new->gid = ctx->gid;
	new->umask = ctx->umask;
	reply_entry(req, ovl_create(fs_of(req), new, &entry), &entry);
}

static void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev)
{
	create(req,
		&(struct ovl_new){ .parent = parent, .name = name, .mode = mode, .rdev = rdev });
}

static void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	create(req, &(struct ovl_new){ .parent = parent, .name = name, .mode = mode | S_IFDIR });
}

static void op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
	create(req,
		&(struct ovl_new){
			.parent = parent, .name = name, .mode = S_IFLNK | 0777, .target = target });
}

/* Only O_TMPFILE (see wire.h); a named file is made by MKNOD when this is not implemented. */
static void op_create(
	fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, struct fuse_file_info *fi)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);
	struct ovl_new new = { .parent = parent,
		.name = name,
		.mode = mode | S_IFREG,
		.uid = ctx->uid,
		.gid = ctx->gid,
		.umask = ctx->umask };
	struct ovl *fs = fs_of(req);
	struct fuse_entry_param param;
	struct ovl_entry entry;
	int r = strcmp(name, WIRE_NAMELESS) == 0 ? ovl_tmpfile(fs, &new, &entry) : -ENOSYS;

	if (r < 0) {
		reply_status(req, r);
		return;
	}
	fill_entry(&entry, &param);
	fi->keep_cache = 1;
	if (fuse_reply_create(req, &param, fi) == -ENOENT)
		ovl_forget(fs, entry.id, 1);
}

static void op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name)
{
	struct ovl_entry entry = { 0 };

	reply_entry(req, ovl_link(fs_of(req), ino, parent, name, &entry), &entry);
}

static void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	reply_status(req, ovl_unlink(fs_of(req), parent, name));
}

static void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	reply_status(req, ovl_rmdir(fs_of(req), parent, name));
}

static void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
	const char *new_name, unsigned flags)
{
	struct ovl_rename move = { parent, name, new_parent, new_name, flags };

	reply_status(req, ovl_rename(fs_of(req), &move));
}

static void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	const struct session *session = fuse_req_userdata(req);
	int r = -ENOSYS;

	if (session->config.eager)
		r = (fi->flags & O_ACCMODE) == O_RDONLY ? 0
							: ovl_open_for_writing(session->fs, ino);
	fi->keep_cache = 1;
	if (r < 0)
		reply_status(req, r);
	else
		(void)fuse_reply_open(req, fi);
}

static void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	reply_status(req, -ENOSYS);
}

static void op_read(
	fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	autofree char *buf = malloc(size ? size : 1);

	reply_bytes(req, buf ? ovl_read(fs_of(req), ino, buf, size, off) : -ENOMEM, buf);
}

static void op_write(fuse_req_t req, fuse_ino_t ino, const char *buf, size_t size, off_t off,
	struct fuse_file_info *fi)
{
	struct session *session = fuse_req_userdata(req);
	ssize_t n = ovl_write(session->fs, ino, buf, size, off);

	if ((n == -ENOSPC || n == -EDQUOT) && fi->writepage) {
		/* nobody waits for this write: the next one is made to ask for the attributes */
		ovl_note_full(session->fs, ino);
		(void)fuse_lowlevel_notify_inval_inode(session->fuse, ino, -1, 0);
	}
	reply_count(req, n);
}

static void op_fsync(fuse_req_t req, fuse_ino_t ino, int data_only, struct fuse_file_info *fi)
{
	reply_status(req, ovl_fsync(fs_of(req), ino, data_only));
}

static void op_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t off, off_t length,
	struct fuse_file_info *fi)
{
	reply_status(req, ovl_fallocate(fs_of(req), ino, mode, off, length));
}

struct seek {
	struct later_job job;
	fuse_req_t req;
	fuse_ino_t ino;
	off_t off;
	int whence;
};

/* Where data and holes are is known only once gathered writes have arrived: when its pages are dropped,
 * the kernel writes the changed ones, by requests that others serve meanwhile. What fails then is told by
 * fsync and close. */
static void run_seek(struct later_job *job)
{
	struct seek *want = (struct seek *)job;
	struct session *session = fuse_req_userdata(want->req);
	off_t r;

	if (session->config.writeback)
		(void)fuse_lowlevel_notify_inval_inode(session->fuse, want->ino, 0, 0);
	r = ovl_lseek(session->fs, want->ino, want->off, want->whence);
	(void)(r < 0 ? fuse_reply_err(want->req, (int)-r) : fuse_reply_lseek(want->req, r));
	free(want);
}

static void op_lseek(
	fuse_req_t req, fuse_ino_t ino, off_t off, int whence, struct fuse_file_info *fi)
{
	struct session *session = fuse_req_userdata(req);
	struct seek *want = malloc(sizeof(*want));

	if (want)
		*want = (struct seek){ { run_seek, NULL }, req, ino, off, whence };
	if (!want || later_do(&session->later, &want->job) < 0) {
		free(want);
		reply_status(req, -ENOMEM);
	}
}

static void op_copy_file_range(fuse_req_t req, fuse_ino_t from, off_t from_off,
	struct fuse_file_info *from_fi, fuse_ino_t to, off_t to_off, struct fuse_file_info *to_fi,
	size_t size, int flags)
{
	struct ovl_range range = { from, from_off, to, to_off, size };

	reply_count(req, flags ? -EINVAL : ovl_copy_range(fs_of(req), &range));
}

static void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
	struct statvfs st;
	int r = ovl_statfs(fs_of(req), &st);

	(void)(r < 0 ? fuse_reply_err(req, -r) : fuse_reply_statfs(req, &st));
}

struct page {
	fuse_req_t req;
	char *buf;
	size_t used, size;
	bool full;
};

static int add_entry(void *data, const struct ovl_dirent *entry)
{
	struct page *page = data;
	char *at = page->buf + page->used;
	size_t room = page->size - page->used, n;
	struct fuse_entry_param param;

	fill_entry(&entry->entry, &param);
	n = page->full ? fuse_add_direntry_plus(
				 page->req, at, room, entry->name, &param, (off_t)entry->cookie)
		       : fuse_add_direntry(page->req, at, room, entry->name, &param.attr,
				 (off_t)entry->cookie);
	if (n > room)
		return 1;
	page->used += n;
	return 0;
}

static void reply_listing(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, bool full)
{
	autofree char *buf = malloc(size ? size : 1);
	struct page page = { .req = req, .buf = buf, .size = size, .full = full };
	struct ovl_listing want = { (uint64_t)off, full, add_entry, &page };
	int r = buf ? ovl_readdir(fs_of(req), ino, &want) : -ENOMEM;

	reply_bytes(req, r < 0 && page.used == 0 ? r : (ssize_t)page.used, buf);
}

static void op_readdir(
	fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	reply_listing(req, ino, size, off, false);
}

static void op_readdirplus(
	fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	reply_listing(req, ino, size, off, true);
}

static void op_setxattr(
	fuse_req_t req, fuse_ino_t ino, const char *name, const char *value, size_t size, int flags)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);
	struct ovl_xattr xattr = { name, value ? value : "", size, flags, ctx->uid, ctx->gid };

	reply_status(req, ovl_setxattr(fs_of(req), ino, &xattr));
}

static void op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
	autofree char *buf = malloc(size ? size : 1);
	ssize_t n = -ENOMEM;

	if (buf)
		n = name ? ovl_getxattr(fs_of(req), ino, name, buf, size)
			 : ovl_listxattr(fs_of(req), ino, buf, size);

	reply_xattr(req, n, size, buf);
}

static void op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
	op_getxattr(req, ino, NULL, size);
}

static void op_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name)
{
	reply_status(req, ovl_removexattr(fs_of(req), ino, name));
}

static const struct fuse_lowlevel_ops ops = {
	.init = op_init,
	.lookup = op_lookup,
	.forget = op_forget,
	.forget_multi = op_forget_multi,
	.getattr = op_getattr,
	.setattr = op_setattr,
	.readlink = op_readlink,
	.mknod = op_mknod,
	.mkdir = op_mkdir,
	.symlink = op_symlink,
	.create = op_create,
	.link = op_link,
	.unlink = op_unlink,
	.rmdir = op_rmdir,
	.rename = op_rename,
	.open = op_open,
	.opendir = op_opendir,
	.read = op_read,
	.write = op_write,
	.fsync = op_fsync,
	.fsyncdir = op_fsync,
	.fallocate = op_fallocate,
	.lseek = op_lseek,
	.copy_file_range = op_copy_file_range,
	.statfs = op_statfs,
	.readdir = op_readdir,
	.readdirplus = op_readdirplus,
	.setxattr = op_setxattr,
	.getxattr = op_getxattr,
	.listxattr = op_listxattr,
	.removexattr = op_removexattr,
};

static ssize_t io_read(int fd, void *buf, size_t size, void *userdata)
{
	return read(fd, buf, size);
}

static ssize_t io_writev(int fd, struct iovec *iov, int count, void *userdata)
{
	struct session *session = userdata;

	wire_amend_reply(&session->wire, iov, count);
	return writev(fd, iov, count);
}

/* The set-id bits that a write or truncation by someone without the right takes away. */
static void kill_suid(struct session *session, uint64_t id)
{
	struct stat st;

	/* a failure comes again, and is told, with the request itself */
	(void)ovl_setattr(session->fs, id, &st, OVL_KILL_SUID, &st);
}

void session_slow(void *data)
{
	struct session **session = data;

	if (*session)
		turns_pass_on(&(*session)->turns);
}

/* Reads and handles requests until the lead is lost. False: the connection has ended. */
static bool serve_leading(struct session *session, struct fuse_buf *buf)
{
	uint64_t id;

	do {
		int r = fuse_session_receive_buf(session->fuse, buf);

		if (r == -EINTR || r == -EAGAIN)
			continue;
		if (r <= 0)
			return false;
		if (wire_look_ahead(&session->wire, buf->mem, buf->size, &id))
			kill_suid(session, id);
		fuse_session_process_buf(session->fuse, buf);
	} while (!fuse_session_exited(session->fuse) && turns_is_leading(&session->turns));
	return !fuse_session_exited(session->fuse);
}

static void *serve(void *data)
{
	struct session *session = data;
	struct fuse_buf buf = { .mem = NULL };
	uint64_t one = 1;

	while (turns_lead(&session->turns) && serve_leading(session, &buf))
		;
	turns_end(&session->turns);
	free(buf.mem);
	if (write(session->ended, &one, sizeof(one)) < 0)
		log_msg(LOG_ERROR, "cannot tell the end of the session: %s", strerror(errno));
	return NULL;
}

int session_new(struct ovl *fs, int adopt_fd, const struct session_config *config,
	struct session **ret, struct err *err)
{
	static const struct fuse_custom_io io = { .writev = io_writev, .read = io_read };
	char *argv[] = { (char *)"sbx-fuse", (char *)(config->debug ? "-d" : NULL), NULL };
	struct fuse_args args = FUSE_ARGS_INIT(config->debug ? 2 : 1, argv);
	struct session *session = calloc(1, sizeof(*session));
	autofd int fd = adopt_fd;
	int r;

	if (!session)
		return err_set(err, -ENOMEM, "out of memory");
	session->fs = fs;
	session->config = *config;
	turns_init(&session->turns);
	later_init(&session->later);
	session->ended = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	session->fuse = fuse_session_new(&args, &ops, sizeof(ops), session);
	fuse_opt_free_args(&args);
	if (session->ended < 0 || !session->fuse) {
		session_free(session);
		return err_set(err, -ENOMEM, "cannot set up the FUSE session");
	}
	r = fuse_session_custom_io(session->fuse, &io, fd);
	if (r < 0) {
		session_free(session);
		return err_set(err, r, "FUSE session: %s", strerror(-r));
	}
	(void)move_fd(&fd); /* closed with the session */
	*ret = session;
	return 0;
}

int session_start(struct session *session, struct err *err)
{
	return crew_start(&session->crew, session->config.threads, serve, session, err);
}

int session_ended_fd(const struct session *session)
{
	return session->ended;
}

void session_free(struct session *session)
{
	if (!session)
		return;
	crew_done(&session->crew);
	later_done(&session->later);
	if (session->fuse)
		fuse_session_destroy(session->fuse);
	if (session->ended >= 0)
		(void)close(session->ended);
	free(session);
}
