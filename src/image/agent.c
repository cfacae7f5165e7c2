/* SPDX-License-Identifier: Apache-2.0 */
/* The answer is the number of bytes, then found, user, secret, identity token and source, each ended by a
 * NUL; an absent one is empty. Both ends are this program, so nothing is negotiated. */
#include "image/agent.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/own.h"
#include "base/spawn.h"
#include "base/xalloc.h"

#define ANSWER_MAX ((uint32_t)4 << 20)
#define FIELDS     4

/* All of it, or -EPIPE. */
static int read_all(int fd, void *data, size_t len)
{
	char *at = data;

	while (len > 0) {
		ssize_t n = read(fd, at, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -EPIPE;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

static void add_field(struct buf *out, const char *text)
{
	buf_add(out, text ? text : "", (text ? strlen(text) : 0) + 1);
}

/* ---- the agent ---- */

static int answer(
	int sock, const struct endpoints *endpoints, const char *path, uint32_t at, struct err *err)
{
	autobuf struct buf out = BUF_INIT;
	autocreds struct creds creds = { 0 };
	uint32_t len;

	if (at < endpoints->n && creds_find(endpoints->list[at].login_host, path, &creds) > 0) {
		add_field(&out, creds.user);
		add_field(&out, creds.secret);
		add_field(&out, creds.identity_token);
		add_field(&out, creds.source);
	}
	len = (uint32_t)out.len;
	TRY(fs_write_all(sock, &len, sizeof(len), err));
	return len ? fs_write_all(sock, out.data, out.len, err) : 0;
}

static _Noreturn void serve(int sock, const struct endpoints *endpoints, const char *path)
{
	struct err ignored = ERR_INIT; /* the asker is gone: nobody to tell */
	uint32_t at;

	while (read_all(sock, &at, sizeof(at)) == 0)
		if (answer(sock, endpoints, path, at, &ignored) < 0)
			break;
	_exit(0);
}

/* ---- its asker ---- */

int agent_start(
	const struct endpoints *endpoints, const char *path, struct agent *ret, struct err *err)
{
	autofd int ours = -EBADF, theirs = -EBADF;
	pid_t parent = getpid(), pid;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(err, "socketpair");
	ours = pair[0];
	theirs = pair[1];
	pid = fork();
	if (pid < 0)
		return err_sys(err, "start a process that looks up logins");
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* cannot fail for a valid signal */
		fd_drop(&ours);
		if (getppid() != parent)
			_exit(1);
		serve(theirs, endpoints, path ? path : "");
	}
	ret->pid = pid;
	ret->sock = move_fd(&ours);
	return 0;
}

static char *field(const char **at, const char *end)
{
	const char *text = *at;

	*at += strnlen(text, (size_t)(end - text)) + 1;
	return *text ? xstrdup(text) : NULL;
}

int agent_ask(const struct agent *agent, size_t at, struct creds *ret, struct err *err)
{
	autofree char *text = NULL;
	uint32_t number = (uint32_t)at, len;
	char **fields[FIELDS] = { &ret->user, &ret->secret, &ret->identity_token, &ret->source };
	const char *next;

	TRY(fs_write_all(agent->sock, &number, sizeof(number), err));
	if (read_all(agent->sock, &len, sizeof(len)) < 0 || len > ANSWER_MAX)
		return err_set(err, -EPIPE, "the process that looks up logins died");
	if (len == 0)
		return 0;
	text = xcalloc(1, (size_t)len + FIELDS);
	if (read_all(agent->sock, text, len) < 0)
		return err_set(err, -EPIPE, "the process that looks up logins died");
	next = text;
	for (size_t i = 0; i < FIELDS; i++)
		*fields[i] = field(&next, text + len);
	return 1;
}

void agent_stop(struct agent *agent)
{
	struct err ignored = ERR_INIT;

	if (agent->pid <= 0)
		return;
	fd_drop(&agent->sock);
	(void)spawn_wait(agent->pid, &ignored); /* says nothing but that it is over */
	agent->pid = 0;
}
