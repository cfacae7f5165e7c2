/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server of a squashed directory: reads requests, sends exactly one reply each. Several threads read
 * from the device; nobody holds a lock while data move.
 *
 * It works in a user namespace of its own that holds one id, the caller's: there it may do to the caller's
 * files what root inside a container may, past their modes, while the caller's groups keep their rights.
 */
#include "squash.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <unistd.h>

#include "confined.h"
#include "crew.h"

#include "base/log.h"
#include "base/own.h"

#define MAX_WRITE  (1u << 20)
#define MAX_PAGES  (MAX_WRITE / 4096)
#define BUFFER     (MAX_WRITE + 8192)
#define EXIT_GRACE 10000 /* ms: as main.c's */

static int put_text(const char *path, const char *text, struct err *err)
{
	autofd int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		return err_sys(err, "write %s", path);
	return 0;
}

static int enter_own_userns(struct err *err)
{
	char uids[48], gids[48];

	(void)snprintf(uids, sizeof(uids), "0 %u 1", (unsigned)geteuid());
	(void)snprintf(gids, sizeof(gids), "0 %u 1", (unsigned)getegid());
	if (unshare(CLONE_NEWUSER) < 0)
		return err_sys(err, "make a user namespace");
	TRY(put_text("/proc/self/setgroups", "deny", err));
	TRY(put_text("/proc/self/uid_map", uids, err));
	return put_text("/proc/self/gid_map", gids, err);
}

/* Open files are descriptors here. */
static void raise_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit); /* as far as it goes */
}

/* ---- requests ---- */

static int op_init(struct squash_request *request, size_t *ret_len)
{
	const struct fuse_init_in *in = (const void *)request->arg;
	struct fuse_init_out *out = (void *)request->out;
	uint32_t want = FUSE_ASYNC_READ | FUSE_BIG_WRITES | FUSE_AUTO_INVAL_DATA |
			FUSE_PARALLEL_DIROPS | FUSE_MAX_PAGES | FUSE_DO_READDIRPLUS |
			FUSE_READDIRPLUS_AUTO;

	*out = (struct fuse_init_out){ .major = FUSE_KERNEL_VERSION,
		.minor = FUSE_KERNEL_MINOR_VERSION,
		.max_readahead = in->max_readahead,
		.flags = in->flags & want,
		.max_background = 64,
		.congestion_threshold = 48,
		.max_write = MAX_WRITE,
		.time_gran = 1,
		.max_pages = MAX_PAGES };
	*ret_len = sizeof(*out);
	return in->major == FUSE_KERNEL_VERSION ? 0 : -EPROTO;
}

static int answer(struct squash_request *request, uint32_t opcode, size_t *ret_len)
{
	squash_op op = opcode == FUSE_INIT ? op_init : squash_find_op(opcode);

	if (op)
		return op(request, ret_len);
	/* INTERRUPT wants no reply: nothing here waits for long */
	return opcode == FUSE_INTERRUPT ? 1 : opcode == FUSE_DESTROY ? 0 : -ENOSYS;
}

static void reply(const struct squash *fs, uint64_t unique, int r, const char *data, size_t len)
{
	struct fuse_out_header head = {
		.len = (uint32_t)(sizeof(head) + (r < 0 ? 0 : len)), .error = r, .unique = unique
	};
	struct iovec parts[2] = { { &head, sizeof(head) }, { (void *)data, r < 0 ? 0 : len } };

	if (writev(fs->fd, parts, 2) < 0 && errno != ENOENT && errno != ENODEV)
		log_msg(LOG_WARN, "squash: reply: %s",
			strerror(errno)); /* else the caller is gone */
}

static void serve_one(struct squash *fs, char *in, size_t n, char *out)
{
	const struct fuse_in_header *head = (const void *)in;
	struct squash_request request = { .fs = fs,
		.node = head->nodeid,
		.uid = head->uid,
		.gid = head->gid,
		.arg = in + sizeof(*head),
		.arg_len = n - sizeof(*head),
		.out = out,
		.size = MAX_WRITE };
	size_t len = 0;
	int r;

	in[n] = '\0'; /* the room is there: BUFFER */
	r = answer(&request, head->opcode, &len);
	if (r <= 0)
		reply(fs, head->unique, r, out, len);
}

static void *serve(void *data)
{
	struct squash *fs = data;
	char *in = malloc(BUFFER + 1), *out = malloc(MAX_WRITE);
	uint64_t one = 1;
	ssize_t n = 0;

	while (in && out) {
		n = read(fs->fd, in, BUFFER);
		if (n < 0 && (errno == EINTR || errno == EAGAIN || errno == ENOENT))
			continue; /* ENOENT: the request was taken back */
		if (n < (ssize_t)sizeof(struct fuse_in_header))
			break; /* ENODEV: unmounted */
		serve_one(fs, in, (size_t)n, out);
	}
	free(in);
	free(out);
	if (write(fs->ended, &one, sizeof(one)) < 0)
		log_msg(LOG_ERROR, "cannot tell the end of the session: %s", strerror(errno));
	return NULL;
}

/* ---- the server ---- */

static int wait_end(const struct squash *fs, int exit_fd)
{
	struct pollfd fds[2] = { { .fd = fs->ended, .events = POLLIN },
		{ .fd = exit_fd, .events = POLLIN } };
	int wait = -1;

	for (;;) {
		int n = poll(fds, ARRAY_SIZE(fds), wait);

		if (n == 0 || fds[0].revents)
			return n > 0;
		if (n > 0 && fds[1].revents) { /* its end: the mount is about to go */
			fds[1].fd = -1;
			wait = EXIT_GRACE;
		}
	}
}

static int squash_open(struct squash *fs, const struct squash_config *config, struct err *err)
{
	int dir = open(config->dir, O_PATH | O_CLOEXEC);

	if (dir < 0)
		return err_sys(err, "open '%s'", config->dir);
	TRY(nodes_init(&fs->nodes, dir, err));
	fs->ended = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return fs->ended < 0 ? err_sys(err, "eventfd") : 0;
}

int squash_run(const struct squash_config *config, struct err *err)
{
	struct squash fs = { .fd = config->fd, .uid = config->uid, .gid = config->gid };
	struct crew crew = { 0 };

	raise_files();
	TRY(squash_open(&fs, config, err));
	if (enter_own_userns(err) < 0) {
		log_msg(LOG_WARN,
			"%s: files that you may not read or write yourself stay so inside",
			err->text);
		*err = (struct err)ERR_INIT;
	}
	TRY(confined_enter(err));
	TRY(crew_start(&crew, config->threads, serve, &fs, err));
	if (config->ready_fd >= 0 && write(config->ready_fd, "1", 1) != 1)
		return err_sys(err, "tell that the file system is ready");
	if (config->ready_fd >= 0)
		(void)close(config->ready_fd); /* said */
	if (!wait_end(&fs, config->exit_fd))
		return 0; /* threads may still be in a request: leave all to the exit */
	crew_done(&crew);
	nodes_done(&fs.nodes);
	(void)close(fs.ended); /* nothing is waiting to be written */
	return 0;
}
