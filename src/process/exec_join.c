/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Three processes, so that nothing of the host's is within reach of the container (CVE-2016-9962,
 * CVE-2019-5736, CVE-2024-21626):
 *
 *	starter      stays outside in every way
 *	└ joiner     enters the namespaces, forks, ends; never seen inside (the pid namespace is the child's)
 *	payload      child of the starter (CLONE_PARENT); seen inside as soon as it exists, so by then all but
 *	             stdio and one socket are closed and it cannot be traced or looked into
 *
 * What belongs to the container (passwd, ptmx, working directory, program) is only touched after joining,
 * with the container's own root and, for the last two, as the container's user.
 */
#include "process/exec_join.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <linux/magic.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/sys.h"
#include "base/xalloc.h"
#include "process/cgroup.h"
#include "process/handshake.h"
#include "process/identity_serve.h"
#include "process/joiner.h"
#include "process/lookup.h"
#include "process/passing.h"
#include "process/user.h"

#define SOCK 3 /* number of the handshake socket in the payload, until execve closes it */

struct stdio {
	int in, out, err; /* the payload's ends */
};

/* ---- joiner ---- */

struct joined {
	const char *name;
	int flag;
	int fd; /* for kernels whose setns takes no pidfd */
};

static int not_dumpable(struct err *err)
{
	return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ? err_sys(err, "prctl") : 0;
}

/* Those of the container's namespaces that are not ours already (--network host): joining one's own
 * user namespace is an error, and the host's network namespace is nobody's to join. */
static int choose_namespaces(
	const struct exec_spec *spec, struct joined *list, size_t n, struct err *err)
{
	char path[64];

	for (size_t i = 0; i < n; i++) {
		struct stat theirs, ours;
		(void)snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)spec->pid, list[i].name);
		list[i].fd = open(path, O_RDONLY | O_CLOEXEC);
		if (list[i].fd < 0 && errno == ENOENT)
			continue; /* not in this kernel, or the process is gone: setns tells */
		if (list[i].fd < 0 || fstat(list[i].fd, &theirs) < 0)
			return err_sys(err, "open %s", path);
		(void)snprintf(path, sizeof(path), "/proc/self/ns/%s", list[i].name);
		if (stat(path, &ours) < 0)
			return err_sys(err, "look at %s", path);
		if (ours.st_ino == theirs.st_ino && ours.st_dev == theirs.st_dev)
			fd_drop(&list[i].fd);
	}
	return 0;
}

/* The descriptors are of the right process if it still lives, for then its pid was never reused. */
static int check_alive(const struct exec_spec *spec, struct err *err)
{
	if (spec->pidfd >= 0 && sys_pidfd_send_signal(spec->pidfd, 0) < 0 && errno == ESRCH)
		return err_set(err, -ESRCH, "the container is not running");
	return 0;
}

static int join_namespaces(const struct exec_spec *spec, struct err *err)
{
	struct joined list[] = { { "user", CLONE_NEWUSER, -1 }, { "ipc", CLONE_NEWIPC, -1 },
		{ "uts", CLONE_NEWUTS, -1 }, { "net", CLONE_NEWNET, -1 },
		{ "pid", CLONE_NEWPID, -1 }, { "cgroup", CLONE_NEWCGROUP, -1 },
		{ "mnt", CLONE_NEWNS, -1 } };
	int flags = 0;

	TRY(choose_namespaces(spec, list, ARRAY_SIZE(list), err));
	TRY(check_alive(spec, err));
	for (size_t i = 0; i < ARRAY_SIZE(list); i++)
		flags |= list[i].fd >= 0 ? list[i].flag : 0;
	if (!(flags & CLONE_NEWNS))
		return err_set(err, -ESRCH, "the container is not running");
	if (spec->pidfd >= 0 && setns(spec->pidfd, flags) == 0)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(list); i++) /* before Linux 5.8, one by one */
		if (list[i].fd >= 0 && setns(list[i].fd, list[i].flag) < 0)
			return err_sys(err, "join the container's %s namespace", list[i].name);
	return 0;
}

/* ---- payload ---- */

static void reset_signals(void)
{
	sigset_t none;

	for (int signo = 1; signo <= SIGRTMAX; signo++)
		(void)signal(signo, SIG_DFL); /* SIGKILL, SIGSTOP and glibc's own refuse */
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL); /* both cannot fail with these arguments */
}

/* stdio to 0, 1, 2 and the socket to 3; nothing else stays open, not even for a moment. */
static int arrange_descriptors(const struct stdio *io, int sock, struct err *err)
{
	const int want[] = { io->in, io->out, io->err, sock };
	int high[ARRAY_SIZE(want)];

	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		high[i] = want[i] < 0 ? -1 : fcntl(want[i], F_DUPFD_CLOEXEC, 10);
		if (want[i] >= 0 && high[i] < 0)
			return err_sys(err, "dup");
	}
	for (int i = 0; i < (int)ARRAY_SIZE(want); i++)
		if (high[i] >= 0 && dup3(high[i], i, i == SOCK ? O_CLOEXEC : 0) < 0)
			return err_sys(err, "dup");
	return sys_close_range(SOCK + 1, ~0u, 0) < 0 ? err_sys(err, "close_range") : 0;
}

/* M04: the pty must come from the container's devpts, not from a file that was put there. */
static int setup_tty(int root, const struct user *user, struct err *err)
{
	autofd int master = fs_open_in(
		root, "/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_NOFOLLOW, 0, err);
	struct statfs fs;
	int unlock = 0;

	if (master < 0)
		return err_wrap(err, "make a terminal");
	if (fstatfs(master, &fs) < 0 || fs.f_type != DEVPTS_SUPER_MAGIC)
		return err_set(err, -ENODEV, "the container's /dev/pts is no devpts");
	if (ioctl(master, TIOCSPTLCK, &unlock) < 0)
		return err_sys(err, "unlock the pty");
	autofd int slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		return err_sys(err, "open the pty");
	if (fchown(slave, user->uid, (gid_t)-1) < 0 && errno != EPERM && errno != EINVAL)
		return err_sys(err, "chown the pty"); /* a single id owns it already */
	TRY(step_send(SOCK, STEP_TTY, master, NULL, err));
	for (int i = 0; i < 3; i++)
		if (dup2(slave, i) < 0)
			return err_sys(err, "dup");
	return ioctl(0, TIOCSCTTY, 0) < 0 ? err_sys(err, "set the controlling terminal") : 0;
}

/* J03: where it ended up must be a place inside. */
static int enter_workdir(const char *path, struct err *err)
{
	char where[PATH_MAX];

	if (chdir(path) < 0) {
		(void)err_sys(err, "chdir to cwd (\"%s\") failed", path);
		return err_exit(err, 126);
	}
	if (!getcwd(where, sizeof(where)) || where[0] != '/')
		return err_set(err, -EPERM, "cwd (\"%s\") is outside the container", path);
	return 0;
}

/* Of what is more than the caller's own hard limit as much as there is: the container itself got that. */
static int set_limits(const struct exec_spec *spec, struct err *err)
{
	for (size_t i = 0; i < spec->n_ulimits; i++) {
		const __rlimit_resource_t which = (__rlimit_resource_t)spec->ulimits[i].resource;
		struct rlimit limit = spec->ulimits[i].limit, own;

		if (getrlimit(which, &own) < 0)
			return err_sys(err, "read a resource limit");
		if (limit.rlim_max > own.rlim_max)
			limit.rlim_max = own.rlim_max;
		if (limit.rlim_cur > limit.rlim_max)
			limit.rlim_cur = limit.rlim_max;
		if (setrlimit(which, &limit) < 0)
			return err_sys(err, "set ulimit %s", ulimit_name((int)which));
	}
	return 0;
}

/* As in child.c: *ret_said, the user is only said to be. */
static int drop_rights(
	const struct exec_spec *spec, const struct user *user, bool *ret_said, struct err *err)
{
	struct err why = ERR_INIT;
	int r;

	TRY(set_limits(spec, err));
	TRY(policy_apply_bounding(spec->policy, err));
	r = user_become(user, spec->keep_groups, &why);
	*ret_said = r == -EINVAL && spec->policy->watch == POLICY_WATCH_IDENTITY;
	if (r < 0 && !*ret_said) {
		*err = why;
		return r;
	}
	TRY(policy_apply_caps(spec->policy, *ret_said ? 0 : user->uid, err));
	return not_dumpable(err); /* changing ids may have reset it */
}

static int execute(const struct exec_spec *spec, struct passing *passing, const struct strv *env,
	struct err *err)
{
	autofree char *program = NULL;

	TRY(lookup_program(spec->argv->v[0], strv_env_get(env, "PATH"), NULL, &program, err));
	/* a report's listener is the first process's alone: nobody here would answer as its watcher does */
	if (spec->policy->watch == POLICY_WATCH_IDENTITY)
		TRY(passing_load(passing, spec->policy, err));
	else
		TRY(policy_apply_seccomp(spec->policy, err));
	return lookup_exec(program, spec->argv->v, env->v, err);
}

static int become_payload(
	const struct exec_spec *spec, const struct stdio *io, int sock, struct err *err)
{
	autouser struct user user = USER_INIT;
	autostrv struct strv env = STRV_INIT;
	struct passing passing = { .sock = SOCK };

	TRY(not_dumpable(err));
	TRY(arrange_descriptors(io, sock, err));
	reset_signals();
	if (setsid() < 0)
		return err_sys(err, "setsid"); /* X05: no way to the caller's terminal */
	autofd int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return err_sys(err, "open the container's root");
	TRY(user_resolve(root, spec->user, spec->group_add, &user, err));
	if (spec->tty)
		TRY(setup_tty(root, &user, err));
	fd_drop(&root);
	if (sys_join_session_keyring(NULL) < 0 && errno != ENOSYS && errno != EPERM &&
		errno != EDQUOT)
		return err_sys(err, "make a session keyring"); /* X07 */
	(void)umask(spec->umask ? (mode_t)strtoul(spec->umask, NULL, 8) : 0022);
	strv_extend(&env, spec->env);
	if (!strv_env_get(&env, "HOME"))
		strv_addf(&env, "HOME=%s", user.home);
	TRY(drop_rights(spec, &user, &passing.said, err));
	TRY(enter_workdir(spec->workdir && *spec->workdir ? spec->workdir : "/", err));
	user_identity(&user, &passing.who);
	return execute(spec, &passing, &env, err);
}

static _Noreturn void payload_main(const struct exec_spec *spec, const struct stdio *io, int sock)
{
	struct err err = ERR_INIT, ignored;

	(void)become_payload(spec, io, sock, &err);
	/* The socket has moved unless that was what failed. */
	if (step_send(SOCK, STEP_FAILED, -1, &err, &ignored) < 0)
		(void)step_send(sock, STEP_FAILED, -1, &err, &ignored); /* nobody left to hear */
	_exit(err.exit ? err.exit : 125);
}

/* From outside, and before anything of the container's runs: exec is under its limits too. */
static int join_cgroup(const struct exec_spec *spec, struct err *err)
{
	return spec->cgroup && *spec->cgroup ? cgroup_join(spec->cgroup, getpid(), err) : 0;
}

static _Noreturn void joiner_main(
	const struct exec_spec *spec, const struct stdio *io, int sock, int tell)
{
	struct err err = ERR_INIT, ignored;
	pid_t pid = -1;

	if (join_cgroup(spec, &err) >= 0 && join_namespaces(spec, &err) >= 0) {
		pid = sys_clone(CLONE_PARENT | SIGCHLD, NULL);
		if (pid == 0)
			payload_main(spec, io, sock);
		if (pid < 0)
			(void)err_sys(&err, "fork into the container");
	}
	if (pid < 0)
		(void)step_send(sock, STEP_FAILED, -1, &err, &ignored);
	else if (write(tell, &pid, sizeof(pid)) != sizeof(pid))
		(void)kill(pid, SIGKILL); /* the starter is gone: nobody would ever wait for it */
	_exit(0);
}

/* ---- starter ---- */

static void close_stdio(struct stdio *io)
{
	fd_drop(&io->in);
	fd_drop(&io->out);
	fd_drop(&io->err);
}

static int make_pipe(int *ret_read, int *ret_write, struct err *err)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(err, "pipe");
	*ret_read = ends[0];
	*ret_write = ends[1];
	return 0;
}

static int open_null(int *ret, struct err *err)
{
	*ret = open("/dev/null", O_RDWR | O_CLOEXEC);
	return *ret < 0 ? err_sys(err, "open /dev/null") : 0;
}

static int make_stdio(
	const struct exec_spec *spec, struct stdio *theirs, struct process *ours, struct err *err)
{
	if (spec->tty || spec->detach) { /* with -t only until the pty is there */
		TRY(open_null(&theirs->in, err));
		TRY(open_null(&theirs->out, err));
		return open_null(&theirs->err, err);
	}
	TRY(make_pipe(&ours->out, &theirs->out, err));
	TRY(make_pipe(&ours->err, &theirs->err, err));
	return spec->interactive ? make_pipe(&theirs->in, &ours->in, err)
				 : open_null(&theirs->in, err);
}

static int adopt_tty(struct process *process, int master, struct err *err)
{
	process->out = master;
	process->in = fcntl(master, F_DUPFD_CLOEXEC, 3);
	return process->in < 0 ? err_sys(err, "dup") : 0;
}

/* Not ended with us: what it starts in the background goes on. */
static int supervise(int adopt_listener, const struct identity *who, struct err *err)
{
	autofd int listener = adopt_listener;
	struct identity_shared *shared = identity_share(who, err);
	int r = shared ? identity_start(listener, shared, true, err) : err->code;

	identity_unshare(shared);
	return r < 0 ? r : 0;
}

/* Until the payload's end of the socket closes by execve. */
static int await_execution(int sock, struct process *process, struct err *err)
{
	struct step_msg msg;

	for (;;) {
		int fd = -EBADF;
		int r = step_receive(sock, &msg, &fd, err);
		if (r <= 0)
			return r;
		if (msg.step == STEP_TTY && fd >= 0) {
			TRY(adopt_tty(process, fd, err));
			continue;
		}
		if (msg.step == STEP_LISTENER && fd >= 0) {
			TRY(supervise(fd, &msg.who, err));
			continue;
		}
		fd_drop(&fd);
		if (msg.step != STEP_FAILED)
			return err_set(err, -EPROTO, "unexpected step %d from exec", (int)msg.step);
		*err = msg.err;
		return err->code < 0 ? err->code : -EPROTO;
	}
}

static int start(const struct exec_spec *spec, struct stdio *theirs, struct process *process,
	struct err *err)
{
	int ours = -EBADF, sock = -EBADF;

	TRY(make_stdio(spec, theirs, process, err));
	TRY(step_pair(&ours, &sock, err));
	autofd int mine = ours;
	struct joiner joiner;
	int r = joiner_fork(&joiner, err);
	if (r == 0)
		joiner_main(spec, theirs, sock, joiner.fd);
	fd_drop(&sock);
	close_stdio(theirs);
	TRY(r);
	if (!joiner_hear(&joiner, &process->pid, sizeof(process->pid)))
		process->pid = 0; /* STEP_FAILED says why */
	TRY(await_execution(mine, process, err));
	if (process->pid <= 0)
		return err_set(err, -EPIPE, "the process that joins the container was killed");
	return 0;
}

int exec_start(const struct exec_spec *spec, struct process *ret, struct err *err)
{
	struct stdio theirs = { -EBADF, -EBADF, -EBADF };
	autoprocess struct process process = PROCESS_INIT;
	int r = start(spec, &theirs, &process, err);

	close_stdio(&theirs);
	if (r < 0)
		return r;
	process.pidfd = sys_pidfd_open(process.pid); /* ours, not reaped: still that process */
	*ret = process;
	process = (struct process)PROCESS_INIT;
	return 0;
}
