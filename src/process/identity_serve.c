/* SPDX-License-Identifier: Apache-2.0 */
#include "process/identity_serve.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/confine.h"
#include "base/own.h"
#include "base/sys.h"
#include "base/userns.h"

#define LISTENER  3
#define PROC      4
#define MAGIC     0x53425849ull /* "SBXI": the high half of a soft RLIMIT_LOCKS of ours */
#define PAGE_SIZE 4096u

static const struct answer go_on = { .go_on = true };

static struct answer result(int64_t value)
{
	return (struct answer){ .value = value };
}

/* ---- the asking process's memory ---- */

int identity_read(const struct question *q, uint64_t from, void *to, size_t size)
{
	const struct iovec ours = { to, size }, theirs = { (void *)(uintptr_t)from, size };

	return process_vm_readv(q->pid, &ours, 1, &theirs, 1, 0) == (ssize_t)size ? 0 : -EFAULT;
}

bool identity_asks(const struct question *q)
{
	return ioctl(q->supervisor->listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &q->id) == 0;
}

int identity_write(const struct question *q, uint64_t to, const void *from, size_t size)
{
	const struct iovec ours = { (void *)(uintptr_t)from, size },
			   theirs = { (void *)(uintptr_t)to, size };

	if (!identity_asks(q))
		return -ESRCH;
	return process_vm_writev(q->pid, &ours, 1, &theirs, 1, 0) == (ssize_t)size ? 0 : -EFAULT;
}

/* Page by page: what follows the text need not be readable. */
int identity_read_path(const struct question *q, uint64_t from, char to[4096])
{
	size_t have = 0;

	while (have < PATH_MAX) {
		size_t part = PAGE_SIZE - (size_t)((from + have) % PAGE_SIZE);

		if (part > PATH_MAX - have)
			part = PATH_MAX - have;
		if (identity_read(q, from + have, to + have, part) < 0)
			return -EFAULT;
		if (memchr(to + have, '\0', part))
			return 0;
		have += part;
	}
	return -ENAMETOOLONG;
}

/* ---- who asks ---- */

static size_t number_of(const struct supervisor *s, pid_t pid)
{
	struct rlimit locks;
	size_t number = 0;

	if (prlimit(pid, RLIMIT_LOCKS, NULL, &locks) == 0 && locks.rlim_cur >> 32 == MAGIC)
		number = (size_t)(locks.rlim_cur & UINT32_MAX);
	return number < s->shared->table.n ? number : 0;
}

static int become(const struct question *q, const struct identity *who)
{
	struct rlimit locks;
	int number = identity_number(&q->supervisor->shared->table, who);

	if (number < 0)
		return -EAGAIN;
	if (prlimit(q->pid, RLIMIT_LOCKS, NULL, &locks) < 0)
		return -EPERM;
	if (!identity_asks(q))
		return -ESRCH;
	locks.rlim_cur = MAGIC << 32 | (unsigned)number;
	return prlimit(q->pid, RLIMIT_LOCKS, &locks, NULL) < 0 ? -EPERM : 0;
}

/* ---- answers about oneself ---- */

static struct answer set_ids(const struct question *q)
{
	struct identity who = *q->who;
	int r = identity_set(&who, q->call, q->args);
	int changed = r >= 0 ? become(q, &who) : r;

	return result(changed < 0 ? changed : r);
}

static struct answer set_groups(const struct question *q)
{
	struct identity who = *q->who;
	gid_t groups[IDENTITY_GROUPS];
	size_t n = (size_t)q->args[0];
	int r;

	if ((int)q->args[0] < 0 || n > IDENTITY_GROUPS)
		return result(-EINVAL);
	if (n > 0 && identity_read(q, q->args[1], groups, n * sizeof(*groups)) < 0)
		return result(-EFAULT);
	r = identity_set_groups(&who, groups, n);
	return result(r < 0 ? r : become(q, &who));
}

static struct answer get_groups(const struct question *q)
{
	size_t n = q->who->n_groups;

	if (q->args[0] == 0)
		return result((int64_t)n);
	if ((int)q->args[0] < (int)n)
		return result(-EINVAL);
	if (n > 0 && identity_write(q, q->args[1], q->who->groups, n * sizeof(gid_t)) < 0)
		return result(-EFAULT);
	return result((int64_t)n);
}

static struct answer get_three(const struct question *q, const uint32_t ids[IDENTITY_KINDS])
{
	for (size_t i = 0; i < IDENTITY_KINDS; i++)
		if (identity_write(q, q->args[i], &ids[i], sizeof(ids[i])) < 0)
			return result(-EFAULT);
	return result(0);
}

/* What changes them goes on in the kernel, which has rights of its own to keep or drop. */
static struct answer change_rights(const struct question *q)
{
	struct identity who = *q->who;

	if (q->call == SYS_prctl)
		identity_keep(&who, q->args[1] != 0);
	else
		identity_execute(&who);
	if (memcmp(&who, q->who, sizeof(who)) != 0)
		(void)become(q, &who); /* else it has less than it asked for */
	return go_on;
}

static struct answer answer_self(const struct question *q)
{
	switch (q->call) {
	case SYS_getuid:
		return result(q->who->uid[IDENTITY_REAL]);
	case SYS_geteuid:
		return result(q->who->uid[IDENTITY_EFFECTIVE]);
	case SYS_getgid:
		return result(q->who->gid[IDENTITY_REAL]);
	case SYS_getegid:
		return result(q->who->gid[IDENTITY_EFFECTIVE]);
	case SYS_getresuid:
		return get_three(q, q->who->uid);
	case SYS_getresgid:
		return get_three(q, q->who->gid);
	case SYS_getgroups:
		return get_groups(q);
	case SYS_setgroups:
		return set_groups(q);
	case SYS_prctl:
	case SYS_execve:
	case SYS_execveat:
		return change_rights(q);
	default:
		return set_ids(q);
	}
}

/* ---- the loop ---- */

static struct answer answer(const struct question *q)
{
	switch (q->call) {
#ifdef SYS_stat
	case SYS_stat:
	case SYS_lstat:
#endif
	case SYS_fstat:
	case SYS_newfstatat:
	case SYS_statx:
		return q->supervisor->inside ? identity_stat(q) : go_on;
#ifdef SYS_chown
	case SYS_chown:
	case SYS_lchown:
#endif
	case SYS_fchown:
	case SYS_fchownat:
		return q->supervisor->inside ? identity_chown(q) : result(0);
#ifdef SYS_mknod
	case SYS_mknod:
#endif
	case SYS_mknodat:
		return q->supervisor->inside ? identity_mknod(q) : go_on;
#ifdef SYS_open
	case SYS_open:
	case SYS_creat:
	case SYS_mkdir:
#endif
	case SYS_openat:
	case SYS_mkdirat:
		if (q->supervisor->inside && q->who->uid[IDENTITY_EFFECTIVE] != 0)
			identity_expect(q);
		return go_on;
	default:
		return answer_self(q);
	}
}

/* syscalls: notifications, the asking process's memory and limits, its /proc, and the files it names */
static const int supervisor_calls[] = { SYS_ioctl, SYS_ppoll, SYS_process_vm_readv,
	SYS_process_vm_writev, SYS_prlimit64, SYS_openat, SYS_newfstatat, SYS_statx, SYS_readlinkat,
	SYS_faccessat, SYS_getxattr, SYS_setxattr, SYS_fsetxattr, SYS_unlinkat };

/* What a container asks is read from its memory: a fault there shall not become the caller's rights. */
static int lock_in(void)
{
	const struct confine rules = { .name = "supervisor",
		.calls = supervisor_calls,
		.n_calls = ARRAY_SIZE(supervisor_calls),
		.refuse = EPERM };
	struct err ignored;

	return confine_self(&rules, &ignored);
}

/* Before its execve the first process may not be looked into; everything is the kernel's until then. */
static void go_inside(struct supervisor *s, pid_t pid)
{
	char path[48];
	struct stat st;
	struct err ignored;

	(void)snprintf(path, sizeof(path), "%d/ns/user", (int)pid);
	autofd int userns = openat(s->proc, path, O_RDONLY | O_CLOEXEC);
	(void)snprintf(path, sizeof(path), "%d/ns/mnt", (int)pid);
	autofd int mntns = openat(s->proc, path, O_RDONLY | O_CLOEXEC);
	if (userns < 0 || mntns < 0 || fstat(mntns, &st) < 0)
		return;
	if (userns_join(userns, &ignored) < 0 || setns(mntns, CLONE_NEWNS) < 0 ||
		fchdir(s->proc) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0 ||
		(!s->stays &&
			prctl(PR_SET_PDEATHSIG, SIGKILL) < 0) || /* changing ids has cleared it */
		lock_in() < 0)
		_exit(125);
	s->mounts = st.st_ino;
	s->inside = true;
}

union answered {
	struct seccomp_notif_resp answer;
	char room[512];
};

static void reply(const struct supervisor *s, struct answer a)
{
	union answered out;

	memset(&out, 0, sizeof(out));
	out.answer.id = s->shared->in.call.id;
	out.answer.flags = a.go_on ? SECCOMP_USER_NOTIF_FLAG_CONTINUE : 0;
	out.answer.error = !a.go_on && a.value < 0 ? (int)a.value : 0;
	out.answer.val = !a.go_on && a.value >= 0 ? a.value : 0;
	(void)ioctl(
		s->listener, SECCOMP_IOCTL_NOTIF_SEND, &out); /* ENOENT: it was killed meanwhile */
	s->shared->asker = 0;
	memset(&s->shared->in, 0, sizeof(s->shared->in));
}

/* Who asks is kept: half of what was asked for may have been done when the call is judged again. */
static void judge(struct supervisor *s)
{
	struct identity_shared *shared = s->shared;
	const struct seccomp_notif *call = &shared->in.call;
	struct question q = { .supervisor = s,
		.id = call->id,
		.pid = (pid_t)call->pid,
		.call = call->data.nr,
		.args = (const uint64_t *)call->data.args };

	if (!s->inside)
		go_inside(s, q.pid);
	if (s->inside)
		identity_flush(s, q.pid);
	if (!shared->asker)
		shared->asker = 1 + number_of(s, q.pid);
	q.who = &shared->table.list[shared->asker - 1];
	reply(s, answer(&q));
}

static int serve(struct supervisor *s)
{
	if (ioctl(s->listener, SECCOMP_IOCTL_NOTIF_RECV, &s->shared->in) < 0)
		return errno == ENOENT || errno == EINTR ? 0 : -errno;
	judge(s);
	return 0;
}

/* A call that ends every supervisor is the kernel's. */
static void resume(struct supervisor *s)
{
	uint64_t id = s->shared->in.call.id;

	if (id && id == s->shared->resumed) {
		reply(s, go_on);
	} else if (id) {
		s->shared->resumed = id;
		judge(s);
	}
}

/* Nothing of the caller's or the container's stays open but what is served and /proc. */
static int keep_only(int listener)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);

	listener = fcntl(listener, F_DUPFD, 10);
	proc = fcntl(proc, F_DUPFD, 10);
	if (null < 0 || listener < 0 || proc < 0)
		return -1;
	for (int fd = 0; fd < LISTENER; fd++)
		if (dup2(null, fd) < 0)
			return -1;
	if (dup2(listener, LISTENER) < 0 || dup2(proc, PROC) < 0)
		return -1;
	return sys_close_range(PROC + 1, ~0U, 0);
}

/* A hang-up tells that nobody is left under the filter (Linux 5.9); else the monitor ends it. */
static _Noreturn void supervise(int listener, struct identity_shared *shared, bool stays)
{
	struct supervisor s = {
		.listener = LISTENER, .proc = PROC, .stays = stays, .shared = shared
	};
	struct pollfd waiting = { .fd = LISTENER, .events = POLLIN };
	sigset_t none;

	(void)sigemptyset(&none);
	(void)sigaddset(&none, SIGINT); /* ctrl-c is for the container */
	(void)sigaddset(&none, SIGHUP);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)signal(SIGTERM, SIG_DFL); /* how the monitor ends it */
	if ((stays ? setsid() : prctl(PR_SET_PDEATHSIG, SIGKILL)) < 0 || keep_only(listener) < 0 ||
		fchdir(PROC) < 0)
		_exit(125);
	resume(&s);
	for (;;) {
		if (poll(&waiting, 1, -1) < 0 && errno != EINTR)
			_exit(125);
		if (waiting.revents & POLLIN && serve(&s) < 0)
			_exit(125);
		if (!(waiting.revents & POLLIN) && waiting.revents)
			_exit(0);
	}
}

struct identity_shared *identity_share(const struct identity *who, struct err *err)
{
	struct identity_shared *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (shared == MAP_FAILED) {
		(void)err_sys(err, "map the supervisor's memory");
		return NULL;
	}
	(void)identity_number(&shared->table, who); /* 0: the first */
	return shared;
}

void identity_unshare(struct identity_shared *shared)
{
	if (shared)
		(void)munmap(shared, sizeof(*shared));
}

pid_t identity_start(int listener, struct identity_shared *shared, bool stays, struct err *err)
{
	pid_t pid = fork();

	if (pid < 0)
		return err_sys(err, "fork the supervisor");
	if (pid == 0)
		supervise(listener, shared, stays);
	return pid;
}
