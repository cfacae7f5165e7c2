/* SPDX-License-Identifier: Apache-2.0 */
#include "process/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/close_range.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/own.h"
#include "base/spawn.h"
#include "base/sys.h"

#define LISTENER   3
#define REPORT     4
#define PATH_BYTES 1024
#define OTHERS     "…"

/* The kernel's structs may be longer than ours: what it is given must be zero, and large enough. */
union received {
	struct seccomp_notif call;
	char room[512];
};

union answered {
	struct seccomp_notif_resp answer;
	char room[512];
};

/* The kernel writes a call right into what is shared, before a signal can end us: so who comes after one
 * that was killed finds what is unanswered. An id is never 0. */
struct watch_shared {
	union received in;
	int64_t killed;
};

struct watch {
	enum policy_watch how;
	struct watch_shared *shared;
	struct json *calls, *refused, *started;
	bool inet;
};

static void count(struct json *map, const char *name)
{
	if (!json_get(map, name) && json_len(map) >= WATCH_NAMES)
		name = OTHERS;
	json_put_int(map, name, json_int(json_get(map, name), 0) + 1);
}

/* The path a process is about to execute; "?" where it may not be read. Only ever shown. */
static void read_path(pid_t pid, uint64_t address, char ret[PATH_BYTES])
{
	char mem[32];
	ssize_t n;

	(void)snprintf(mem, sizeof(mem), "/proc/%d/mem", (int)pid);
	autofd int fd = open(mem, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : pread(fd, ret, PATH_BYTES - 1, (off_t)address);
	if (n <=
		0) { /* near the end of a mapping the whole length is refused: a page's rest is not */
		size_t rest = 4096 - address % 4096;

		n = fd < 0 ? -1
			   : pread(fd, ret, rest < PATH_BYTES ? rest : PATH_BYTES - 1,
				     (off_t)address);
	}
	if (n <= 0)
		(void)snprintf(ret, PATH_BYTES, "?");
	else
		ret[n] = '\0';
}

static void note(struct watch *watch, const struct seccomp_notif *call, bool allowed)
{
	const struct seccomp_data *data = &call->data;
	char path[PATH_BYTES], number[32];
	const char *name = data->arch == sys_audit_arch() ? policy_call_name(data->nr) : NULL;

	if (!name) {
		(void)snprintf(number, sizeof(number), "%s%d",
			data->arch == sys_audit_arch() ? "" : "other-abi-", data->nr);
		name = number;
	}
	if (!allowed) {
		count(watch->refused, name);
		return;
	}
	if (watch->how == POLICY_WATCH_LEARN)
		count(watch->calls, name);
	if (data->arch == sys_audit_arch() && data->nr == SYS_execve) {
		read_path((pid_t)call->pid, data->args[0], path);
		count(watch->started, path);
	}
	if (data->nr == SYS_socket && (data->args[0] == AF_INET || data->args[0] == AF_INET6))
		watch->inet = true;
}

static void answer(struct watch *watch)
{
	const struct seccomp_notif *call = &watch->shared->in.call;
	union answered out;
	bool allowed = watch->how == POLICY_WATCH_LEARN ||
		       (call->data.arch == sys_audit_arch() && call->data.nr == SYS_execve);

	memset(&out, 0, sizeof(out));
	note(watch, call, allowed);
	out.answer.id = call->id;
	out.answer.flags = allowed ? SECCOMP_USER_NOTIF_FLAG_CONTINUE : 0;
	out.answer.error = allowed ? 0 : -EPERM;
	(void)ioctl(LISTENER, SECCOMP_IOCTL_NOTIF_SEND, &out); /* ENOENT: it was killed meanwhile */
	memset(&watch->shared->in, 0, sizeof(watch->shared->in));
}

static void serve(struct watch *watch)
{
	if (ioctl(LISTENER, SECCOMP_IOCTL_NOTIF_RECV, &watch->shared->in) < 0)
		return; /* the caller was killed meanwhile */
	answer(watch);
}

static void serve_all(struct watch *watch, int told)
{
	struct pollfd fds[] = { { .fd = LISTENER, .events = POLLIN },
		{ .fd = told, .events = POLLIN } };

	if (watch->shared->in.call.id)
		answer(watch);
	for (;;) {
		if (poll(fds, ARRAY_SIZE(fds), -1) < 0 && errno != EINTR)
			return;
		if (fds[0].revents & POLLIN)
			serve(watch);
		else if (fds[0].revents || fds[1].revents)
			return;
	}
}

static int write_report(const struct watch *watch, struct err *err)
{
	autojson struct json *doc = json_new_map();
	autobuf struct buf text = BUF_INIT;

	if (watch->how == POLICY_WATCH_LEARN)
		json_put(doc, "calls", json_ref(watch->calls));
	json_put(doc, "refused", json_ref(watch->refused));
	json_put(doc, "started", json_ref(watch->started));
	if (watch->how == POLICY_WATCH_LEARN) /* else socket(2) is not heard of */
		json_put_bool(doc, "inet", watch->inet);
	if (watch->shared->killed)
		json_put_int(doc, "watcherKilled", watch->shared->killed);
	json_write(doc, 0, &text);
	if (ftruncate(REPORT, 0) < 0 || lseek(REPORT, 0, SEEK_SET) < 0)
		return err_sys(err, "rewind the report");
	return fs_write_all(REPORT, text.data, text.len, err);
}

/* Nothing of the caller's or the container's stays open but what is served. */
static int keep_only(int listener, int report)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	listener = fcntl(listener, F_DUPFD, 10);
	report = fcntl(report, F_DUPFD, 10);
	if (null < 0 || listener < 0 || report < 0)
		return -1;
	for (int fd = 0; fd < LISTENER; fd++)
		if (dup2(null, fd) < 0)
			return -1;
	if (dup2(listener, LISTENER) < 0 || dup2(report, REPORT) < 0)
		return -1;
	return sys_close_range(REPORT + 1, ~0U, 0);
}

static _Noreturn void watch_main(const struct watcher *watcher)
{
	struct watch watch = { .how = watcher->how,
		.shared = watcher->shared,
		.calls = json_new_map(),
		.refused = json_new_map(),
		.started = json_new_map() };
	struct err err = ERR_INIT;
	sigset_t signals;
	int told;

	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGTERM);
	(void)sigaddset(&signals, SIGINT); /* ctrl-c is for the container */
	(void)sigaddset(&signals, SIGHUP);
	(void)sigprocmask(SIG_SETMASK, &signals, NULL);
	(void)sigdelset(&signals, SIGINT);
	(void)sigdelset(&signals, SIGHUP);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 ||
		keep_only(watcher->listener, watcher->report) < 0)
		_exit(125);
	told = signalfd(-1, &signals, SFD_CLOEXEC);
	if (told < 0)
		_exit(125);
	serve_all(&watch, told);
	_exit(write_report(&watch, &err) < 0 ? 125 : 0);
}

static int fork_one(struct watcher *watcher, struct err *err)
{
	const bool identity = watcher->how == POLICY_WATCH_IDENTITY;
	pid_t pid = identity ? identity_start(watcher->listener, watcher->identities, false, err)
			     : fork();

	if (pid < 0)
		return identity ? pid : err_sys(err, "fork the watcher");
	if (pid == 0)
		watch_main(watcher);
	watcher->pid = pid;
	return 0;
}

static void forget(struct watcher *watcher)
{
	fd_drop(&watcher->listener);
	if (watcher->shared)
		(void)munmap(watcher->shared, sizeof(*watcher->shared));
	identity_unshare(watcher->identities);
	*watcher = (struct watcher)WATCHER_INIT;
}

int watch_start(
	int listener, int report, enum policy_watch how, struct watcher *ret, struct err *err)
{
	struct watcher watcher = { .listener = listener, .report = report, .how = how };
	int r;

	watcher.shared = mmap(NULL, sizeof(*watcher.shared), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (watcher.shared == MAP_FAILED) {
		watcher.shared = NULL;
		r = err_sys(err, "map the watcher's memory");
	} else {
		r = fork_one(&watcher, err);
	}
	if (r < 0)
		forget(&watcher);
	else
		*ret = watcher;
	return r;
}

int watch_identity(int listener, const struct identity *who, struct watcher *ret, struct err *err)
{
	struct watcher watcher = {
		.listener = listener, .report = -EBADF, .how = POLICY_WATCH_IDENTITY
	};
	int r;

	watcher.identities = identity_share(who, err);
	r = watcher.identities ? fork_one(&watcher, err) : err->code;
	if (r < 0)
		forget(&watcher);
	else
		*ret = watcher;
	return r;
}

/* Of a child: si_code, 0 while it runs. */
static int how_ended(pid_t pid)
{
	siginfo_t info = { 0 };

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
			       info.si_pid == pid
		       ? info.si_code
		       : 0;
}

int watch_again(struct watcher *watcher, struct err *err)
{
	int how = watcher->pid > 0 ? how_ended(watcher->pid) : 0;

	if (how == 0)
		return 0;
	(void)spawn_wait(watcher->pid, err); /* 128 + signal */
	watcher->pid = 0;
	if (how == CLD_EXITED) {
		forget(watcher); /* nobody is left, or it could not go on: no call may wait for it */
		return 0;
	}
	if (watcher->shared)
		watcher->shared->killed++;
	return fork_one(watcher, err);
}

void watch_end(struct watcher *watcher)
{
	struct err ignored; /* what it could not write is missing in the report, which says so */

	(void)watch_again(watcher, &ignored);
	if (watcher->pid > 0) {
		(void)kill(watcher->pid, SIGTERM); /* our child, not reaped yet: it is the one */
		(void)spawn_wait(watcher->pid, &ignored);
	}
	forget(watcher);
}
