/* SPDX-License-Identifier: Apache-2.0 */
/* Making, mapping and joining user namespaces; see userns.h. */
#include "base/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/self.h"
#include "base/spawn.h"
#include "base/sys.h"

static int write_proc(pid_t pid, const char *file, const char *text, struct err *err)
{
	char path[64];
	autofd int fd = -EBADF;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, "open %s", path);
	if (write(fd, text, strlen(text)) < 0)
		return err_sys(err, "write %s", path);
	return 0;
}

static int write_direct(
	pid_t pid, const char *file, const struct idrange *ranges, unsigned n, struct err *err)
{
	char text[IDMAP_MAX * 40];
	size_t at = 0;

	for (unsigned i = 0; i < n; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%u %u %u\n", ranges[i].inside,
			ranges[i].outside, ranges[i].count);
	if (write_proc(pid, file, text, err) == 0)
		return 0;
	if (err->code != -EPERM || geteuid() != 0)
		return err->code;
	return err_id(err, -EPERM, "E-NEST-CAPS",
		"this root may not map itself into a new user namespace: that takes CAP_SETFCAP (from Linux 5.12 "
		"on), which the outer container has dropped. Without root: another user than root there "
		"(--user 1000). With root: start the outer container with --cap-add SETFCAP");
}

/* newuidmap PID INSIDE OUTSIDE COUNT ... A bare fork and exec: nothing of ours is open without CLOEXEC,
 * and waiting for the exec to be confirmed would put the two programs one after the other. */
static pid_t start_mapper(
	const char *tool, pid_t pid, const struct idrange *ranges, unsigned n, struct err *err)
{
	char numbers[1 + 3 * IDMAP_MAX][16];
	char *argv[3 + 3 * IDMAP_MAX], *no_env[] = { NULL };
	unsigned at = 0;
	pid_t mapper;

	argv[at++] = (char *)tool;
	(void)snprintf(numbers[0], sizeof(numbers[0]), "%d", (int)pid);
	argv[at++] = numbers[0];
	for (unsigned i = 0; i < n; i++) {
		const uint32_t triple[3] = { ranges[i].inside, ranges[i].outside, ranges[i].count };

		for (unsigned j = 0; j < 3; j++) {
			(void)snprintf(numbers[1 + 3 * i + j], sizeof(numbers[0]), "%u", triple[j]);
			argv[at++] = numbers[1 + 3 * i + j];
		}
	}
	argv[at] = NULL;
	mapper = fork();
	if (mapper < 0)
		return err_sys(err, "fork");
	if (mapper == 0) {
		(void)execve(tool, argv, no_env);
		_exit(127);
	}
	return mapper;
}

static int finish_mapper(const char *tool, pid_t pid, struct err *err)
{
	int status = pid > 0 ? spawn_wait(pid, err) : 0;

	if (status <= 0)
		return status;
	if (status == 127)
		return err_set(err, -ENOENT, "%s could not be executed", tool);
	return err_set(err, -EPERM,
		"%s failed (status %d). Does /etc/subuid still give you this range? SBX_USERNS=single "
		"runs without it",
		tool, status);
}

#define NEWUIDMAP "/usr/bin/newuidmap" /* fixed: never from the caller's PATH (S11) */
#define NEWGIDMAP "/usr/bin/newgidmap"

int idmap_start(pid_t pid, const struct idmap *map, struct idmap_job *ret, struct err *err)
{
	*ret = (struct idmap_job){ 0 };
	switch (map->kind) {
	case IDMAP_SUBID:
		ret->uids = start_mapper(NEWUIDMAP, pid, map->uid, map->n_uid, err);
		if (ret->uids < 0)
			return ret->uids;
		ret->gids = start_mapper(NEWGIDMAP, pid, map->gid, map->n_gid, err);
		return ret->gids < 0 ? ret->gids : 0;
	case IDMAP_SINGLE:
		/* user_namespaces(7): an unprivileged writer must give up setgroups before gid_map */
		TRY(write_proc(pid, "setgroups", "deny", err));
		break;
	case IDMAP_ROOT:
		break;
	}
	TRY(write_direct(pid, "uid_map", map->uid, map->n_uid, err));
	return write_direct(pid, "gid_map", map->gid, map->n_gid, err);
}

int idmap_finish(struct idmap_job *job, struct err *err)
{
	struct err second;
	int r = finish_mapper(NEWUIDMAP, job->uids, err);
	int other = finish_mapper(NEWGIDMAP, job->gids, r < 0 ? &second : err);

	*job = (struct idmap_job){ 0 };
	return r < 0 ? r : other;
}

int idmap_write(pid_t pid, const struct idmap *map, struct err *err)
{
	struct idmap_job job;
	struct err ignored;
	int r = idmap_start(pid, map, &job, err);

	if (r < 0) {
		(void)idmap_finish(&job, &ignored); /* reaps; the first error is the one to tell */
		return r;
	}
	return idmap_finish(&job, err);
}

/* Becomes uid 0, gid 0 of the namespace it is in. */
static int become_root(struct err *err)
{
	if (setgroups(0, NULL) < 0 && errno != EPERM) /* EPERM: single id, setgroups denied */
		return err_sys(err, "setgroups");
	/* EINVAL: there is no 0 (keep-id with a single id). What counts are the capabilities, and whoever
	 * has just entered a user namespace has them all. */
	if ((setresgid(0, 0, 0) < 0 && errno != EINVAL) ||
		(setresuid(0, 0, 0) < 0 && errno != EINVAL))
		return err_sys(err, "become root of the user namespace");
	return 0;
}

int userns_join(int userns_fd, struct err *err)
{
	if (setns(userns_fd, CLONE_NEWUSER) < 0)
		return err_sys(err, "join the user namespace");
	return become_root(err);
}

struct verdict {
	int value;
	struct err err;
};

static _Noreturn void run_child(int sock, userns_fn fn, void *data)
{
	struct verdict verdict = { 0 };
	char go;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || read(sock, &go, 1) != 1)
		_exit(125); /* the parent is gone: nobody wants this done */
	verdict.value = become_root(&verdict.err);
	if (verdict.value == 0)
		verdict.value = fn(data, &verdict.err);
	if (send(sock, &verdict, sizeof(verdict), MSG_NOSIGNAL) < 0)
		_exit(125);
	_exit(0);
}

static int hear_verdict(pid_t pid, int sock, struct err *err)
{
	struct verdict verdict;
	ssize_t n;
	int r;

	do {
		n = recv(sock, &verdict, sizeof(verdict), 0);
	} while (n < 0 && errno == EINTR);
	r = spawn_wait(pid, err);
	if (n != sizeof(verdict))
		return err_set(err, -EPIPE, "the helper process died (status %d)", r);
	if (verdict.value < 0)
		*err = verdict.err;
	return verdict.value;
}

static int run_parent(pid_t pid, int sock, const struct idmap *map, struct err *err)
{
	struct err ignored;
	int r = idmap_write(pid, map, err);

	if (r < 0 || send(sock, "g", 1, MSG_NOSIGNAL) != 1) {
		(void)kill(pid, SIGKILL); /* waits for our go-ahead and must not get it */
		(void)spawn_wait(pid, &ignored);
		return r < 0 ? r : err_set(err, -EPIPE, "the helper process died");
	}
	return hear_verdict(pid, sock, err);
}

int userns_begin(const struct idmap *map, struct userns_job *ret, struct err *err)
{
	struct userns_job job = { .fd = -EBADF, .hold = -EBADF };
	autofd int theirs = -EBADF;
	char path[48], byte;
	int pair[2], r;

	if (pipe2(pair, O_CLOEXEC) < 0)
		return err_sys(err, "pipe");
	theirs = pair[0];
	job.hold = pair[1];
	job.pid = sys_clone(CLONE_NEWUSER | SIGCHLD, NULL);
	if (job.pid < 0) {
		fd_drop(&job.hold);
		return userns_explain(errno, err);
	}
	if (job.pid == 0) {
		(void)close(job.hold);
		_exit(read(theirs, &byte, 1) !=
			0); /* until the parent closes its end, or is gone */
	}
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)job.pid);
	job.fd = open(path, O_RDONLY | O_CLOEXEC);
	r = job.fd < 0 ? err_sys(err, "open %s", path) : idmap_start(job.pid, map, &job.maps, err);
	if (r < 0) {
		(void)userns_finish(
			&job, &(struct err)ERR_INIT); /* the first error is the one to tell */
		fd_drop(&job.fd);
		return r;
	}
	*ret = job;
	return 0;
}

int userns_finish(struct userns_job *job, struct err *err)
{
	int r = idmap_finish(&job->maps, err);
	struct err ignored;

	fd_drop(&job->hold);
	(void)spawn_wait(job->pid, &ignored); /* says nothing but that it is over */
	return r < 0 ? r : 0;
}

int userns_open(const struct idmap *map, struct err *err)
{
	struct userns_job job;

	TRY(userns_begin(map, &job, err));
	if (userns_finish(&job, err) < 0) {
		fd_drop(&job.fd);
		return err->code;
	}
	return job.fd;
}

int userns_run(const struct idmap *map, int flags, userns_fn fn, void *data, struct err *err)
{
	autofd int ours = -EBADF, theirs = -EBADF;
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(err, "socketpair");
	ours = pair[0];
	theirs = pair[1];
	pid = sys_clone((uint64_t)(unsigned)flags | CLONE_NEWUSER | SIGCHLD, NULL);
	if (pid < 0)
		return userns_explain(errno, err);
	if (pid == 0) {
		(void)close(ours);
		run_child(theirs, fn, data);
	}
	fd_drop(&theirs);
	return run_parent(pid, ours, map, err);
}

/* Joining takes the death signal and the right to look at ourselves in /proc away: both come after it. */
static int join_and_unshare(int userns_fd, int flags, pid_t parent, struct err *err)
{
	TRY(userns_join(userns_fd, err));
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0)
		return err_sys(err, "prctl");
	if (getppid() != parent)
		return err_set(err, -EPIPE, "nobody wants this done any more");
	return flags && unshare(flags) < 0 ? userns_explain(errno, err) : 0;
}

int userns_run_in(int userns_fd, int flags, userns_fn fn, void *data, struct err *err)
{
	autofd int ours = -EBADF, theirs = -EBADF;
	struct verdict verdict = { 0 };
	pid_t parent = getpid(), pid;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(err, "socketpair");
	ours = pair[0];
	theirs = pair[1];
	pid = fork();
	if (pid < 0)
		return err_sys(err, "fork");
	if (pid == 0) {
		(void)close(ours);
		verdict.value = join_and_unshare(userns_fd, flags, parent, &verdict.err);
		if (verdict.value == 0)
			verdict.value = fn(data, &verdict.err);
		_exit(send(theirs, &verdict, sizeof(verdict), MSG_NOSIGNAL) < 0 ? 125 : 0);
	}
	fd_drop(&theirs);
	return hear_verdict(pid, ours, err);
}

/* A sysctl as a number, or -1 when this kernel has no such knob. */
static long sysctl_number(const char *path)
{
	autofree char *text = NULL;
	struct err ignored;

	if (fs_read_at(AT_FDCWD, path, 256, &text, NULL, &ignored) < 0)
		return -1;
	return strtol(text, NULL, 10);
}

static bool seccomp_filtered(void)
{
	autofree char *status = NULL;
	struct err ignored;
	const char *line;

	if (fs_read_at(AT_FDCWD, "/proc/self/status", 65536, &status, NULL, &ignored) < 0)
		return false;
	line = strstr(status, "\nSeccomp:");
	return line && strtol(line + 9, NULL, 10) == 2;
}

int userns_explain(int errnum, struct err *err)
{
	long max = sysctl_number("/proc/sys/user/max_user_namespaces");
	autofree char *path = NULL;
	struct err ignored;
	const char *self = self_path(&path, &ignored) < 0 ? "sbx" : path;

	if (max == 0)
		return err_id(err, -EPERM, "E-USERNS-OFF",
			"this kernel forbids user namespaces (user.max_user_namespaces=0). Without root: "
			"another machine. With root: sysctl -w user.max_user_namespaces=15000");
	if (sysctl_number("/proc/sys/kernel/unprivileged_userns_clone") == 0)
		return err_id(err, -EPERM, "E-USERNS-OFF",
			"this kernel forbids user namespaces (kernel.unprivileged_userns_clone=0). Without "
			"root: another machine. With root: sysctl -w kernel.unprivileged_userns_clone=1");
	if (errnum == ENOSPC || errnum == EUSERS)
		return err_id(err, -ENOSPC, "E-USERNS-LIMIT",
			"the limit of %ld user namespaces (or of their nesting) is reached; the disk is not "
			"full. Without root: stop containers you do not need. With root: sysctl -w "
			"user.max_user_namespaces=%ld",
			max, max > 0 ? 2 * max : 15000);
	if (sysctl_number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == 1)
		return err_id(err, -EPERM, "E-USERNS-APPARMOR",
			"this system lets only programs with an AppArmor profile use user namespaces, and "
			"%s has none. With root, write /etc/apparmor.d/sbx: abi <abi/4.0>, include "
			"<tunables/global> profile sbx %s flags=(unconfined) { userns, } and run: "
			"apparmor_parser -r /etc/apparmor.d/sbx",
			self, self);
	if (errnum == EPERM && seccomp_filtered())
		return err_id(err, -EPERM, "E-NEST-SECCOMP",
			"already inside a container whose seccomp filter forbids new namespaces. Without "
			"root: start sbx outside of it. With root: start the outer one with --security-opt "
			"seccomp=unconfined");
	if (errnum == EPERM) /* nothing else is left that create_user_ns() refuses this way */
		return err_id(err, -EPERM, "E-NEST-CHROOT",
			"this is a chroot, and in one the kernel forbids new user namespaces. Without root: "
			"start sbx outside of it. With root: enter the tree by pivot_root instead, as "
			"systemd-nspawn -D DIR and bwrap --bind DIR / do");
	errno = errnum;
	return err_sys(err, "create the namespaces");
}
