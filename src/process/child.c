/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The container's first process, from clone to execve. Mirrors parent.c; handshake.h has the steps.
 *
 * Until STEP_READY it sets things up with all capabilities of its user namespace. After STEP_EXEC, the
 * point of no return, it only gives up: groups, ids, capabilities, descriptors, and itself.
 * It is not dumpable from the moment the parent has mapped its ids, so no process of the container
 * (an exec into a shared namespace, say) can look into it while it still holds host descriptors.
 */
#include "process/child.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/sys.h"
#include "base/xalloc.h"
#include "process/clone.h"
#include "process/handshake.h"
#include "process/hook.h"
#include "process/lookup.h"
#include "process/passing.h"
#include "process/user.h"

struct child {
	const struct process_spec *spec;
	struct child_fds fds;
	int root;
	struct user user;
	bool said; /* the user is only said to be: the namespace lacks its ids */
	struct strv env;
	struct passing passing;
};

static int send_fuse(void *data, int fuse_fd, struct err *err)
{
	struct child *child = data;

	return step_send(child->fds.sock, STEP_FUSE, fuse_fd, NULL, err);
}

static int send_squash(void *data, size_t op, int fuse_fd, struct err *err)
{
	const struct step_msg msg = { .step = STEP_SQUASH, .which = (int)op };
	struct child *child = data;

	return step_send_msg(child->fds.sock, &msg, fuse_fd, err);
}

static void send_notice(void *data, const char *text)
{
	struct child *child = data;
	struct err note, ignored;

	(void)err_set(&note, -EAGAIN, "%s", text);
	(void)step_send(
		child->fds.sock, STEP_NOTICE, -1, &note, &ignored); /* next step will fail too */
}

/* With keep-id and a single id there is no 0 to become: the capabilities of a new namespace are enough. */
static bool has_root(const struct idmap *map)
{
	return idmap_to_host(map->uid, map->n_uid, 0) != UINT32_MAX &&
	       idmap_to_host(map->gid, map->n_gid, 0) != UINT32_MAX;
}

static int become_root(const struct process_spec *spec, struct err *err)
{
	struct user root = { .groups = (gid_t[]){ 0 }, .n_groups = 1 };
	sigset_t none;

	if (has_root(spec->idmap))
		TRY(user_become(&root, spec->keep_groups, err));
	if (prctl(PR_SET_DUMPABLE, 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return err_sys(err, "prctl");
	/* the monitor's signal mask and dispositions are not the payload's */
	for (int signo = 1; signo <= SIGRTMAX; signo++)
		(void)signal(signo, SIG_DFL); /* SIGKILL, SIGSTOP and glibc's own refuse */
	if (sigemptyset(&none) < 0 || sigprocmask(SIG_SETMASK, &none, NULL) < 0)
		return err_sys(err, "sigprocmask");
	return 0;
}

/* The tap last: then the monitor has all of it. */
static int send_gear(int sock, const struct network_gear *gear, struct err *err)
{
	const struct step_msg last = { .step = STEP_TAP, .which = (int)gear->replies };

	if (gear->tap < 0)
		return 0;
	for (int i = 0; i < NETWORK_FAST; i++) {
		const struct step_msg msg = { .step = STEP_FAST, .which = i };

		if (gear->fast[i] >= 0)
			TRY(step_send_msg(sock, &msg, gear->fast[i], err));
	}
	return step_send_msg(sock, &last, gear->tap, err);
}

/* Root of a new namespace may name it: only an outer container's filter is against it (podman's and Docker's are,
 * for want of CAP_SYS_ADMIN outside), and no program ends for that. */
static int set_names(struct child *child, struct err *err)
{
	const struct process_spec *spec = child->spec;
	const char *domain = spec->more ? spec->more->domainname : NULL;

	if ((!domain || setdomainname(domain, strlen(domain)) == 0) &&
		sethostname(spec->hostname, strlen(spec->hostname)) == 0)
		return 0;
	if (errno != EPERM)
		return err_sys(err, "set the hostname '%s'", spec->hostname);
	send_notice(child,
		"W-NEST-NAME: the outer container's seccomp filter forbids to set a host name; "
		"its own is kept. For another: --security-opt seccomp=unconfined there");
	return 0;
}

static int setup_network(struct child *child, struct err *err)
{
	const struct process_spec *spec = child->spec;
	struct network_gear gear __attribute__((cleanup(network_gear_done))) = NETWORK_GEAR_INIT;

	TRY(network_setup(spec->network, &gear, err));
	TRY(send_gear(child->fds.sock, &gear, err));
	if (spec->more && spec->more->host_uts)
		return 0;
	return set_names(child, err);
}

/* Through the host's /proc, which is still there and shows the namespaces of who looks. */
static int set_sysctl(const char *assignment, struct err *err)
{
	size_t name = strcspn(assignment, "=");
	autofree char *path = xasprintf("/proc/sys/%.*s", (int)name, assignment);
	const char *value = assignment + name + 1;
	autofd int fd = -EBADF;

	for (char *s = path + strlen("/proc/sys/"); *s; s++)
		if (*s == '.')
			*s = '/';
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, value, strlen(value)) != (ssize_t)strlen(value))
		return err_sys(err, "--sysctl %s: write to %s", assignment, path);
	return 0;
}

static int setup_sysctls(const struct process_spec *spec, struct err *err)
{
	if (spec->more)
		strv_each (s, &spec->more->sysctls)
			TRY(set_sysctl(*s, err));
	return 0;
}

/* /dev/console for programs that expect one; M04: bound from the descriptor, not from a path. */
static int bind_console(struct child *child, int slave, struct err *err)
{
	autofd int target = fs_target_in(child->root, "/dev/console", false, err);
	char from[32], to[32];

	if (target < 0)
		return target;
	(void)snprintf(from, sizeof(from), "/proc/self/fd/%d", slave);
	(void)snprintf(to, sizeof(to), "/proc/self/fd/%d", target);
	if (mount(from, to, NULL, MS_BIND, NULL) < 0)
		return err_sys(err, "bind /dev/console");
	return 0;
}

static int setup_tty(struct child *child, struct err *err)
{
	autofd int master = fs_open_in(
		child->root, "/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_NOFOLLOW, 0, err);
	autofd int slave = -EBADF;
	int unlock = 0;

	if (master < 0)
		return master;
	if (ioctl(master, TIOCSPTLCK, &unlock) < 0)
		return err_sys(err, "unlock the pty");
	slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		return err_sys(err, "open the pty");
	if (fchown(slave, child->user.uid, (gid_t)-1) < 0 && errno != EPERM && errno != EINVAL)
		return err_sys(err, "chown the pty");
	TRY(bind_console(child, slave, err));
	TRY(step_send(child->fds.sock, STEP_TTY, master, NULL, err));
	child->fds.in = slave;
	child->fds.out = child->fds.err = fcntl(slave, F_DUPFD_CLOEXEC, 3);
	if (child->fds.out < 0)
		return err_sys(err, "dup");
	slave = -EBADF; /* lives on as fds.in */
	return 0;
}

static int setup_stdio(struct child *child, struct err *err)
{
	const int sources[3] = { child->fds.in, child->fds.out, child->fds.err };

	if (setsid() < 0 && errno != EPERM)
		return err_sys(err, "setsid");
	for (int i = 0; i < 3; i++) {
		/* so that /dev/stdout can be opened by name; a refusal leaves it as it is */
		if (!child->spec->tty && i > 0 && child->user.uid != 0 &&
			fchown(sources[i], child->user.uid, (gid_t)-1) < 0 && errno != EPERM &&
			errno != EINVAL)
			return err_sys(err, "chown the output pipes");
		if (dup2(sources[i], i) < 0)
			return err_sys(err, "dup2");
	}
	/* else the payload's session takes it: what one session has no other gets without root */
	if (child->spec->tty && !child->spec->init && ioctl(STDIN_FILENO, TIOCSCTTY, 0) < 0)
		return err_sys(err, "set the controlling terminal");
	if (sys_join_session_keyring(NULL) < 0 && errno != ENOSYS && errno != EPERM &&
		errno != EDQUOT)
		return err_sys(err, "make a session keyring"); /* X07: not the caller's keys */
	return 0;
}

/* Where a cgroup was not to be had; the container could widen it again, which costs nobody but the caller. */
static int bind_to_cpus(const char *list, struct err *err)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	for (const char *s = list; *s; s += *s == ',') {
		char *end;
		unsigned long first = strtoul(s, &end, 10), last = first;

		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		for (; first <= last && first < CPU_SETSIZE; first++)
			CPU_SET(first, &set);
		s = end;
	}
	return sched_setaffinity(0, sizeof(set), &set) < 0
		       ? err_sys(err, "--cpuset-cpus %s: bind to these processors", list)
		       : 0;
}

static int adjust_oom(int64_t score, struct err *err)
{
	autofd int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	char text[16];
	int n = snprintf(text, sizeof(text), "%lld", (long long)score);

	if (fd < 0 || write(fd, text, (size_t)n) != n)
		return err_sys(err,
			"--oom-score-adj %s (less than your own score is not allowed without root)",
			text);
	return 0;
}

static int setup_limits(const struct process_spec *spec, struct err *err)
{
	if (spec->limits && spec->limits->cpuset_cpus)
		TRY(bind_to_cpus(spec->limits->cpuset_cpus, err));
	for (size_t i = 0; i < spec->n_ulimits; i++)
		if (setrlimit((__rlimit_resource_t)spec->ulimits[i].resource,
			    &spec->ulimits[i].limit) < 0)
			return err_sys(err,
				"set ulimit %d to %llu (a rootless container cannot exceed your own hard "
				"limit)",
				spec->ulimits[i].resource,
				(unsigned long long)spec->ulimits[i].limit.rlim_max);
	return 0;
}

/* Before the root may become read-only; what is missing of the working directory is made, as Docker does. */
static int make_workdir(const struct process_spec *spec, int root, struct err *err)
{
	autofd int dir = fs_mkdirs_in(root, spec->workdir, 0755, err);
	char end[PATH_MAX];

	if (dir == -ENOENT) { /* a dangling symlink on the way */
		TRY(fs_resolve_in(root, spec->workdir, end, err));
		dir = fs_mkdirs_in(root, end, 0755, err);
	}
	if (dir == -EROFS)
		return 0; /* in a read-only volume: entering it will tell */
	return dir < 0 ? err_wrap(err, "working directory") : 0;
}

/* So that the caller has a name inside. Where there is no such file nobody has one. */
static int add_passwd_line(int root, const char *line, struct err *err)
{
	struct err why = ERR_INIT;
	autofd int fd = fs_open_in(
		root, "/etc/passwd", O_WRONLY | O_APPEND | O_NOFOLLOW | O_NONBLOCK, 0, &why);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return 0; /* missing, or read-only: a mount of the user's */
	return fs_write_all(fd, line, strlen(line), err);
}

/* Into the child's own copy: it was cloned before the network had answered. */
static void take_lease(struct network *net, const struct step_lease *lease)
{
	net->address = lease->address;
	net->gateway = lease->gateway;
	net->address6 = lease->address6;
	net->gateway6 = lease->gateway6;
	net->host = lease->host;
	net->prefix = lease->prefix;
	net->mtu = lease->mtu;
	memcpy(net->mac, lease->mac, sizeof(net->mac));
}

static int set_up(struct child *child, struct err *err)
{
	const struct process_spec *spec = child->spec;
	struct rootfs_child callbacks = {
		.fuse = send_fuse, .squash = send_squash, .notice = send_notice, .data = child
	};
	struct err why = ERR_INIT;
	struct step_msg msg;
	int r = clone_unshare(spec, &why);

	TRY(step_send(child->fds.sock, STEP_UNSHARED, -1, NULL, err));
	TRY(step_wait(child->fds.sock, STEP_IDS_MAPPED, &msg, err));
	if (r < 0) { /* told now: a child that ends while its ids are mapped has another error in front */
		*err = why;
		return r;
	}
	take_lease(spec->network, &msg.lease);
	TRY(rootfs_open_sources(spec->rootfs, &callbacks.sources, err));
	if (spec->limits && spec->limits->oom_score_adj)
		TRY(adjust_oom(spec->limits->oom_score_adj, err));
	TRY(become_root(spec, err));
	/* Its own cgroup is the root of what it sees; the namespace was made in the monitor's. */
	if (spec->limits && cgroup_wanted(spec->limits) &&
		!(spec->more && spec->more->host_cgroupns) && unshare(CLONE_NEWCGROUP) < 0)
		return err_sys(err, "unshare the cgroup namespace");
	TRY(setup_network(child, err));
	TRY(setup_sysctls(spec, err));
	TRY(rootfs_apply(spec->rootfs, &callbacks, &child->root, err));
	TRY(user_resolve(child->root, spec->user, spec->group_add, &child->user, err));
	if (spec->passwd_line && !child->user.name)
		TRY(add_passwd_line(child->root, spec->passwd_line, err));
	if (spec->tty)
		TRY(setup_tty(child, err));
	TRY(setup_stdio(child, err));
	(void)umask(spec->more && spec->more->umask ? (mode_t)strtoul(spec->more->umask, NULL, 8)
						    : 0022);
	TRY(make_workdir(spec, child->root, err));
	TRY(hooks_run(spec, child->root, err));
	TRY(rootfs_enter(spec->rootfs, child->root, err));
	strv_extend(&child->env, spec->env);
	if (spec->cdi)
		env_override(&child->env, &spec->cdi->env);
	if (!strv_env_get(&child->env, "HOME"))
		strv_addf(&child->env, "HOME=%s", child->user.home);
	TRY(setup_limits(spec, err));
	TRY(step_send(child->fds.sock, STEP_READY, -1, NULL, err));
	return step_wait(child->fds.sock, STEP_EXEC, &msg, err);
}

/* J03: where it ended up must be a place inside (CVE-2024-21626). */
static int enter_workdir(const struct process_spec *spec, struct err *err)
{
	char where[PATH_MAX];

	if (chdir(spec->workdir) < 0)
		return err_exit(err,
			(err_sys(err, "chdir to the working directory '%s'", spec->workdir), 126));
	if (!getcwd(where, sizeof(where)) || where[0] != '/')
		return err_set(err, -EPERM, "the working directory '%s' is outside the container",
			spec->workdir);
	return 0;
}

/* An id that cannot be had is said to be there, where somebody answers for it (identity_serve.h). */
static int become_user(struct child *child, struct err *err)
{
	struct err why = ERR_INIT;
	int r = user_become(&child->user, child->spec->keep_groups, &why);

	child->said = r == -EINVAL && child->spec->policy->watch == POLICY_WATCH_IDENTITY;
	if (r < 0 && !child->said)
		*err = why;
	return child->said ? 0 : r;
}

static int drop(struct child *child, struct err *err)
{
	const struct policy *policy = child->spec->policy;

	TRY(policy_apply_landlock(policy, err));
	TRY(policy_apply_bounding(policy, err));
	TRY(become_user(child, err));
	TRY(policy_apply_caps(policy, child->said ? 0 : child->user.uid, err));
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0) /* changing ids has cleared it */
		return err_sys(err, "prctl");
	return enter_workdir(child->spec, err);
}

static int apply_filter(struct child *child, struct err *err)
{
	child->passing.sock = child->fds.sock;
	child->passing.said = child->said;
	user_identity(&child->user, &child->passing.who);
	return passing_load(&child->passing, child->spec->policy, err);
}

/* X02: nothing but stdin, stdout, stderr and what --preserve-fds names outlives execve. */
static int close_at_exec(const struct process_spec *spec, struct err *err)
{
	int kept = spec->more ? (int)spec->more->preserve_fds : 0;

	if (sys_close_range(3, UINT_MAX, CLOSE_RANGE_CLOEXEC) < 0)
		return err_sys(err, "close_range");
	for (int fd = 3; fd < 3 + kept; fd++)
		if (fcntl(fd, F_SETFD, 0) < 0)
			return err_sys(err, "pass descriptor %d on", fd);
	return 0;
}

static int execute(struct child *child, struct err *err)
{
	const struct process_spec *spec = child->spec;
	autofree char *program = NULL;

	TRY(lookup_program(
		spec->argv->v[0], strv_env_get(&child->env, "PATH"), spec->workdir, &program, err));
	TRY(close_at_exec(spec, err));
	TRY(apply_filter(child, err)); /* last: only execve has to be possible */
	return lookup_exec(program, spec->argv->v, child->env.v, err);
}

/* Pid 1 never executes anything, so what execve would take away it gives up itself. With no_new_privs
 * its filter needs no capability; the payload was forked before and does not inherit that. */
static void confine_init(struct child *child)
{
	struct policy policy = *child->spec->policy;
	struct err err;

	policy.no_new_privs = true;
	if (prctl(PR_SET_KEEPCAPS, 0) < 0 ||
		policy_apply_caps(&policy, child->user.uid, &err) < 0 ||
		policy_apply_seccomp(&policy, &err) < 0)
		_exit(125); /* the payload goes with us, and the monitor sees the end */
}

/* A process that never executes keeps the memory it was born with: the caller's environment and command
 * line must not be for the container to read in /proc/1. proc_pid_stat(5): fields 48 to 51 are the
 * bounds of both, which lie side by side. */
static int forget_caller(struct err *err)
{
	static const char name[] = "sbx-init";
	autofree char *stat = NULL;
	uintptr_t bounds[4] = { 0 };
	char *at;

	TRY(fs_read_at(AT_FDCWD, "/proc/self/stat", 4096, &stat, NULL, err));
	at = strrchr(stat, ')');
	for (int field = 2; at && field < 48; field++)
		at = strchr(at + 1, ' ');
	for (size_t i = 0; at && i < ARRAY_SIZE(bounds); i++)
		bounds[i] = strtoull(at, &at, 10);
	if (!bounds[0] || bounds[1] < bounds[0] || bounds[2] < bounds[1] || bounds[3] < bounds[2])
		return err_set(err, -EINVAL, "cannot find the caller's environment in memory");
	memset((char *)bounds[0], 0, bounds[1] - bounds[0]);
	memset((char *)bounds[2], 0, bounds[3] - bounds[2]);
	if (bounds[1] - bounds[0] >= sizeof(name))
		memcpy((char *)bounds[0], name, sizeof(name));
	return prctl(PR_SET_NAME, name) < 0 ? err_sys(err, "prctl") : 0;
}

static int with_init(struct child *child, struct err *err)
{
	pid_t payload;

	TRY(forget_caller(err));
	payload = fork();
	if (payload < 0)
		return err_sys(err, "fork the payload");
	if (payload == 0) {
		if (setsid() < 0)
			return err_sys(err, "setsid");
		if (child->spec->tty && ioctl(STDIN_FILENO, TIOCSCTTY, 0) < 0)
			return err_sys(err, "set the controlling terminal");
		return execute(child, err);
	}
	confine_init(child);
	(void)sys_close_range(3, UINT_MAX, 0); /* the payload's copies tell of its execve */
	if (prctl(PR_SET_DUMPABLE, 1) < 0)     /* so that `sbx exec` may join */
		_exit(125);
	init_main(payload);
}

_Noreturn void child_main(const struct process_spec *spec, const struct child_fds *fds)
{
	struct child child = { .spec = spec, .fds = *fds, .root = -EBADF };
	struct err err = ERR_INIT, ignored;
	int r = set_up(&child, &err);

	if (r >= 0)
		r = drop(&child, &err);
	if (r >= 0)
		r = spec->init ? with_init(&child, &err) : execute(&child, &err);
	(void)step_send(child.fds.sock, STEP_FAILED, -1, &err, &ignored); /* nobody left to hear */
	_exit(err.exit ? err.exit : 125);
}
