/* SPDX-License-Identifier: Apache-2.0 */
#include "process/fuse.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"
#include "base/spawn.h"
#include "base/xalloc.h"

#define END_MS 10000

void fuse_server_done(struct fuse_server *server)
{
	struct err ignored;

	fd_drop(&server->exit);
	if (server->pid > 0) {
		(void)kill(server->pid, SIGKILL); /* ours and not reaped: it is the one */
		(void)spawn_wait(server->pid, &ignored);
	}
	server->pid = 0;
	fd_drop(&server->pidfd);
	fd_drop(&server->log);
}

void fuse_server_add_lower(struct buf *list, const char *path)
{
	if (list->len)
		buf_addc(list, ':');
	for (; *path; path++) {
		if (*path == ':' || *path == '\\')
			buf_addc(list, '\\');
		buf_addc(list, *path);
	}
}

void fuse_server_last_words(const struct fuse_server *server, char *ret, size_t size)
{
	char tail[512];
	struct stat st;
	char *line;
	ssize_t n;

	ret[0] = '\0';
	if (server->log < 0 || fstat(server->log, &st) < 0)
		return;
	n = pread(server->log, tail, sizeof(tail) - 1,
		st.st_size > (off_t)sizeof(tail) - 1 ? st.st_size - (off_t)sizeof(tail) + 1 : 0);
	if (n <= 0)
		return;
	if (tail[n - 1] == '\n')
		n--;
	tail[n] = '\0';
	line = strrchr(tail, '\n');
	(void)snprintf(ret, size, "%s", line ? line + 1 : tail);
}

static int open_log(const struct rootfs *rootfs, const struct mount_op *op, struct err *err)
{
	autofree char *path = xasprintf("%s/%s.log", rootfs->container, op ? "squash" : "fuse");
	int flags = O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC | (op ? 0 : O_TRUNC);
	int fd = open(path, flags, 0600);

	return fd < 0 ? err_sys(err, "open '%s'", path) : fd;
}

/* One byte says that it serves; end of file that it never will. */
static int wait_ready(struct fuse_server *server, int ready, struct err *err)
{
	char byte, words[256];
	ssize_t n;

	do {
		n = read(ready, &byte, 1);
	} while (n < 0 && errno == EINTR);
	if (n == 1)
		return 0;
	fuse_server_last_words(server, words, sizeof(words));
	return err_set(
		err, -EIO, "the file system server did not start%s%s", *words ? ": " : "", words);
}

static int spawn_squash(
	const struct mount_op *op, struct spawn *spawn, struct fuse_server *server, struct err *err)
{
	autofree char *path = NULL, *uid = xasprintf("%u", op->owner.uid),
		      *gid = xasprintf("%u", op->owner.gid);
	char *argv[] = { (char *)"sbx-fuse", (char *)"--fd", (char *)"3", (char *)"--exit-fd",
		(char *)"4", (char *)"--ready-fd", (char *)"5", (char *)"--uid", uid,
		(char *)"--gid", gid, (char *)"--squash", op->source, NULL };

	TRY(spawn_find_helper("sbx-fuse", &path, err));
	spawn->path = path;
	spawn->argv = argv;
	server->pid = spawn_start(spawn, &server->pidfd, err);
	if (server->pid >= 0)
		return 0;
	server->pid = 0;
	return err->code;
}

static int spawn_server(const struct rootfs *rootfs, struct spawn *spawn,
	struct fuse_server *server, struct err *err)
{
	autofree char *path = NULL;
	autobuf struct buf lower = BUF_INIT, upper = BUF_INIT, work = BUF_INIT;
	char *argv[] = { (char *)"sbx-fuse", (char *)"--fd", (char *)"3", (char *)"--exit-fd",
		(char *)"4", (char *)"--ready-fd", (char *)"5", (char *)"--lower", NULL,
		(char *)"--upper", NULL, (char *)"--work", NULL, NULL };

	TRY(spawn_find_helper("sbx-fuse", &path, err));
	for (size_t i = rootfs->layers.n; i-- > 0;)
		fuse_server_add_lower(&lower, rootfs->layers.v[i]);
	buf_addf(&upper, "%s/upper", rootfs->container);
	buf_addf(&work, "%s/work", rootfs->container);
	argv[8] = lower.data;
	argv[10] = upper.data;
	argv[12] = work.data;
	spawn->path = path;
	spawn->argv = argv;
	server->pid = spawn_start(spawn, &server->pidfd, err);
	if (server->pid >= 0)
		return 0;
	server->pid = 0;
	return err->code;
}

/* What both kinds of server are started with. */
struct wanted {
	const struct rootfs *rootfs;
	const struct mount_op *op; /* NULL: the root itself */
	int fuse_fd, userns;
};

static int start(const struct wanted *wanted, struct fuse_server *ret, struct err *err)
{
	__attribute__((cleanup(fuse_server_done))) struct fuse_server server = FUSE_SERVER_INIT;
	autofd int exit_end = -EBADF, ready = -EBADF, ready_end = -EBADF,
		   null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int pair[2];

	if (null < 0)
		return err_sys(err, "open /dev/null");
	server.log = open_log(wanted->rootfs, wanted->op, err);
	if (server.log < 0)
		return server.log;
	if (pipe2(pair, O_CLOEXEC) < 0)
		return err_sys(err, "pipe");
	exit_end = pair[0];
	server.exit = pair[1];
	if (pipe2(pair, O_CLOEXEC) < 0)
		return err_sys(err, "pipe");
	ready = pair[0];
	ready_end = pair[1];

	/* Not the caller's stdout: whoever reads that must see its end when a detached run returns. */
	struct spawn_fd fds[] = { { null, 0 }, { null, 1 }, { server.log, 2 },
		{ wanted->fuse_fd, 3 }, { exit_end, 4 }, { ready_end, 5 } };
	struct spawn spawn = { .fds = fds,
		.n_fds = ARRAY_SIZE(fds),
		.userns_fd = wanted->userns,
		.new_session = true };

	if (wanted->op)
		TRY(spawn_squash(wanted->op, &spawn, &server, err));
	else
		TRY(spawn_server(wanted->rootfs, &spawn, &server, err));
	fd_drop(&ready_end);
	TRY(wait_ready(&server, ready, err));
	*ret = server;
	server = (struct fuse_server)FUSE_SERVER_INIT;
	return 0;
}

int fuse_server_start(const struct rootfs *rootfs, int fuse_fd, int userns, struct fuse_server *ret,
	struct err *err)
{
	return start(&(struct wanted){ rootfs, NULL, fuse_fd, userns }, ret, err);
}

int fuse_squash_start(const struct rootfs *rootfs, const struct mount_op *op, int fuse_fd,
	struct fuse_server *ret, struct err *err)
{
	return start(&(struct wanted){ rootfs, op, fuse_fd, 0 }, ret, err);
}

void fuse_server_end(struct fuse_server *server)
{
	struct pollfd leaving = { .fd = server->pidfd, .events = POLLIN };
	struct err ignored;
	bool late = false;

	if (server->pid <= 0)
		return;
	(void)kill(server->pid, SIGCONT); /* if somebody stopped it: it is needed now */
	if (server->pidfd >= 0)
		late = poll(&leaving, 1, END_MS) == 0;
	fd_drop(&server->exit);
	if (late)
		(void)kill(server->pid, SIGKILL); /* our child, not reaped yet */
	(void)spawn_wait(server->pid, &ignored);
	server->pid = 0;
}
