/* SPDX-License-Identifier: Apache-2.0 */
/*
 * <base>/sbx-<12 digits of the id>/ holds the container alone. Its controllers are switched on in <base>,
 * which the kernel allows only while no process is in <base> itself. A scope of systemd's begins with the
 * process in it, so there the process goes one level down first, and one that keeps the scope is beside it.
 */
#include "process/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/own.h"
#include "base/spawn.h"
#include "base/sys.h"
#include "base/xalloc.h"
#include "process/systemd.h"

#define TEXT_MAX   (1u << 20)
#define CPU_PERIOD 100000
#define REMOVE_MS  2000
#define FREEZE_MS  5000
#define KEEPER     "keeper"

bool cgroup_wanted(const struct limits *l)
{
	return l->memory || l->memory_swap || l->memory_reservation || l->nano_cpus ||
	       l->cpu_shares || l->cpu_quota > 0 || l->cpu_period || l->pids > 0 ||
	       l->blkio_weight || l->cpuset_cpus || l->cpuset_mems || l->cgroup_parent;
}

/* ---- where cgroup2 is ---- */

/* The mount point; NULL: none. Octal escapes cannot be in it: nobody mounts cgroups below such names. */
static char *mount_point(void)
{
	autofree char *text = NULL;
	struct err none = ERR_INIT;

	if (fs_read_at(AT_FDCWD, "/proc/self/mountinfo", TEXT_MAX, &text, NULL, &none) < 0)
		return NULL;
	for (char *line = text; line && *line;) {
		char *next = strchr(line, '\n'), *dash, root[256], path[256];

		if (next)
			*next++ = '\0';
		dash = strstr(line, " - cgroup2 ");
		if (dash && sscanf(line, "%*d %*d %*s %255s %255s", root, path) == 2 &&
			strcmp(root, "/") == 0)
			return xstrdup(path);
		line = next;
	}
	return NULL;
}

int cgroup_of(pid_t pid, char **ret_path, struct err *err)
{
	autofree char *mount = mount_point(), *file = NULL, *text = NULL;
	char *at, *end;

	if (!mount)
		return err_set(err, -ENOENT, "cgroup2 is not mounted");
	file = xasprintf("/proc/%d/cgroup", (int)pid);
	TRY(fs_read_at(AT_FDCWD, file, TEXT_MAX, &text, NULL, err));
	at = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::");
	if (!at)
		return err_set(err, -ENOENT, "the process has no cgroup of version 2");
	at = strchr(at, '/');
	if (!at)
		return err_set(err, -ENOENT, "the process has no cgroup of version 2");
	end = strchr(at, '\n');
	if (end)
		*end = '\0';
	*ret_path = xasprintf("%s%s", mount, strcmp(at, "/") == 0 ? "" : at);
	return 0;
}

/* ---- writing ---- */

static int write_file(int dir, const char *name, const char *text, struct err *err)
{
	autofd int fd = openat(dir, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		return err_sys(err, "write '%s' to %s", text, name);
	return 0;
}

/* One option: what it is called, and what the file gets. */
static int put(int dir, const char *option, const char *file, int64_t value, struct err *err)
{
	char text[32] = "max";

	if (value >= 0)
		snprintf(text, sizeof(text), "%lld", (long long)value);
	if (write_file(dir, file, text, err) < 0)
		return err_wrap(err, "--%s", option);
	return 0;
}

static int put_text(
	int dir, const char *option, const char *file, const char *text, struct err *err)
{
	return write_file(dir, file, text, err) < 0 ? err_wrap(err, "--%s", option) : 0;
}

static int write_memory(int dir, const struct limits *l, struct err *err)
{
	int64_t swap = l->memory_swap > 0 ? l->memory_swap - l->memory : l->memory;

	if (l->memory)
		TRY(put(dir, "memory", "memory.max", l->memory, err));
	if (l->memory_reservation)
		TRY(put(dir, "memory-reservation", "memory.low", l->memory_reservation, err));
	if (!l->memory && !l->memory_swap)
		return 0;
	if (faccessat(dir, "memory.swap.max", F_OK, 0) < 0)
		return 0; /* a kernel without swap accounting, or without swap: memory.max is all */
	return put(dir, "memory-swap", "memory.swap.max", l->memory_swap < 0 ? -1 : swap, err);
}

static int write_cpu(int dir, const struct limits *l, struct err *err)
{
	int64_t period = l->cpu_period ? l->cpu_period : CPU_PERIOD;
	int64_t quota = l->nano_cpus ? l->nano_cpus / 1000 * period / 1000000 : l->cpu_quota;
	char text[64];

	if (quota > 0) {
		snprintf(text, sizeof(text), "%lld %lld", (long long)quota, (long long)period);
		TRY(put_text(dir, l->nano_cpus ? "cpus" : "cpu-quota", "cpu.max", text, err));
	}
	if (l->cpu_shares) /* runc's formula: 2…262144 to 1…10000 */
		TRY(put(dir, "cpu-shares", "cpu.weight", 1 + (l->cpu_shares - 2) * 9999 / 262142,
			err));
	if (l->cpuset_cpus)
		TRY(put_text(dir, "cpuset-cpus", "cpuset.cpus", l->cpuset_cpus, err));
	if (l->cpuset_mems)
		TRY(put_text(dir, "cpuset-mems", "cpuset.mems", l->cpuset_mems, err));
	return 0;
}

int cgroup_write(int dir, const struct limits *l, struct err *err)
{
	TRY(write_memory(dir, l, err));
	TRY(write_cpu(dir, l, err));
	if (l->pids > 0)
		TRY(put(dir, "pids-limit", "pids.max", l->pids, err));
	if (l->blkio_weight)
		TRY(put(dir, "blkio-weight", "io.weight", 1 + (l->blkio_weight - 10) * 9999 / 990,
			err));
	return 0;
}

/* Switches on in `dir`, for its children, the controllers that the limits need. */
static int enable(int dir, const struct limits *l, struct err *err)
{
	const struct {
		const char *name;
		bool wanted;
	} controllers[] = {
		{ "memory", l->memory || l->memory_swap || l->memory_reservation },
		{ "cpu", l->nano_cpus || l->cpu_shares || l->cpu_quota > 0 || l->cpu_period },
		{ "cpuset", l->cpuset_cpus || l->cpuset_mems },
		{ "pids", l->pids > 0 },
		{ "io", l->blkio_weight != 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(controllers); i++) {
		autofree char *text = xasprintf("+%s", controllers[i].name);

		if (controllers[i].wanted &&
			write_file(dir, "cgroup.subtree_control", text, err) < 0)
			return err_wrap(err, "the %s controller", controllers[i].name);
	}
	return 0;
}

/* base/name with the process in it, limits first: it never runs without them. */
static int make_in(
	const char *base, const char *name, const struct limits *l, pid_t pid, struct err *err)
{
	autofd int dir = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC), made = -EBADF;
	char text[16];
	int r;

	if (dir < 0)
		return err_sys(err, "open '%s'", base);
	if (mkdirat(dir, name, 0755) < 0 && errno != EEXIST)
		return err_sys(err, "make a cgroup in '%s'", base);
	made = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	r = made < 0 ? err_sys(err, "open '%s/%s'", base, name) : enable(dir, l, err);
	snprintf(text, sizeof(text), "%d", (int)pid);
	if (r == 0)
		r = cgroup_write(made, l, err);
	if (r == 0)
		r = write_file(made, "cgroup.procs", text, err);
	if (r < 0)
		(void)unlinkat(dir, name, AT_REMOVEDIR); /* empty, or somebody uses it */
	return r;
}

/* systemd removes a scope with its last process, and with it what the kernel has counted: whether memory ran out.
 * So one process more is in it, which does nothing, until cgroup_leave(). It has none of our descriptors. */
static pid_t start_keeper(struct err *err)
{
	pid_t parent = getpid(), pid = fork();

	if (pid < 0)
		return err_sys(err, "fork");
	if (pid > 0)
		return pid;
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent ||
		sys_close_range(0, ~0u, 0) < 0)
		_exit(1); /* without close_range the counts may be lost, no more */
	for (;;)
		(void)pause();
}

static void end_keeper(pid_t pid)
{
	struct err ignored = ERR_INIT;

	if (kill(pid, SIGKILL) == 0)
		(void)spawn_wait(pid, &ignored);
}

static int move_down(int scope, const char *name, pid_t pid, int *ret_dir, struct err *err)
{
	autofd int made = -EBADF;
	char text[16];

	if (mkdirat(scope, name, 0755) < 0)
		return err_sys(err, "make a cgroup in the scope");
	made = openat(scope, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (made < 0)
		return err_sys(err, "open '%s' of the scope", name);
	snprintf(text, sizeof(text), "%d", (int)pid);
	TRY(write_file(made, "cgroup.procs", text, err));
	*ret_dir = move_fd(&made);
	return 0;
}

/* The scope has the processes themselves; they go down, then the limits are put over the container's. */
static int fill_scope(
	const char *scope, const struct limits *l, const pid_t pids[2], struct err *err)
{
	autofd int dir = open(scope, O_RDONLY | O_DIRECTORY | O_CLOEXEC), made = -EBADF,
		   keeper = -EBADF;

	if (dir < 0)
		return err_sys(err, "open '%s'", scope);
	TRY(move_down(dir, "container", pids[0], &made, err));
	TRY(move_down(dir, KEEPER, pids[1], &keeper, err));
	TRY(enable(dir, l, err));
	return cgroup_write(made, l, err);
}

static int make_scope(
	const char *id, const struct limits *l, pid_t pid, char **ret_path, struct err *err)
{
	autofree char *unit = xasprintf("sbx-%.12s-%d.scope", id, (int)pid), *scope = NULL;
	pid_t pids[2] = { pid, start_keeper(err) };
	int r = pids[1] < 0 ? pids[1] : systemd_start_scope(unit, pids, err);

	if (r == 0)
		r = cgroup_of(pid, &scope, err);
	if (r == 0 && !strstr(scope, unit))
		r = err_set(err, -EIO, "systemd left the process in '%s'", scope);
	if (r == 0)
		r = fill_scope(scope, l, pids, err);
	if (r == 0)
		*ret_path = xasprintf("%s/container", scope);
	else if (pids[1] > 0)
		end_keeper(pids[1]);
	return r;
}

static int enter(
	const struct limits *l, const char *id, pid_t pid, char **ret_path, struct err *err)
{
	autofree char *name = xasprintf("sbx-%.12s", id), *base = NULL, *mount = mount_point();
	struct err here = ERR_INIT;

	if (!mount)
		return err_set(err, -ENOENT, "cgroup2 is not mounted on this machine");
	if (l->cgroup_parent)
		base = xasprintf("%s%s", mount, l->cgroup_parent);
	else
		TRY(cgroup_of(getpid(), &base, err));
	if (make_in(base, name, l, pid, &here) == 0) {
		*ret_path = xasprintf("%s/%s", base, name);
		return 0;
	}
	if (l->cgroup_parent) {
		*err = here;
		return err->code;
	}
	if (make_scope(id, l, pid, ret_path, err) == 0)
		return 0;
	return err_set(err, err->code, "%.160s; %.250s", here.text, *err->text ? err->text : "");
}

static const char *first_option(const struct limits *l)
{
	return l->memory || l->memory_swap || l->memory_reservation ? "--memory"
	       : l->nano_cpus                                       ? "--cpus"
	       : l->pids                                            ? "--pids-limit"
	       : l->cpuset_cpus || l->cpuset_mems                   ? "--cpuset-cpus"
	       : l->blkio_weight                                    ? "--blkio-weight"
	       : l->cgroup_parent                                   ? "--cgroup-parent"
								    : "--cpu-shares";
}

/* What a set of processors alone can do without: the child binds itself to them. */
static bool affinity_is_enough(const struct limits *l)
{
	struct limits rest = *l;

	rest.cpuset_cpus = NULL;
	return l->cpuset_cpus && !cgroup_wanted(&rest);
}

int cgroup_enter(
	const struct limits *l, const char *id, pid_t pid, char **ret_path, struct err *err)
{
	struct err why = ERR_INIT;

	if (!cgroup_wanted(l) || enter(l, id, pid, ret_path, &why) == 0)
		return 0;
	if (affinity_is_enough(l))
		return 0;
	if (l->best_effort) {
		log_msg(LOG_WARN, "%s and other limits are not enforced: %s", first_option(l),
			why.text);
		return 0;
	}
	return err_exit(err,
		(err_id(err, -EPERM, "E-LIMIT",
			 "%s cannot be enforced: %.300s. Without it: --limits=best-effort. With root: "
			 "delegate the controllers to users (Delegate=yes in user@.service)",
			 first_option(l), why.text),
			125));
}

/* Beside "…/UNIT.scope/container"; elsewhere there is none. */
static void leave_keeper(const char *path)
{
	autofree char *file = xasprintf("%s/../" KEEPER "/cgroup.procs", path), *text = NULL;
	struct err none = ERR_INIT;
	char *end;
	long pid;

	if (fs_read_at(AT_FDCWD, file, TEXT_MAX, &text, NULL, &none) < 0)
		return;
	pid = strtol(text, &end, 10);
	if (end > text && pid > 0)
		end_keeper((pid_t)pid);
}

/* The last process may still be on its way out. */
void cgroup_leave(const char *path)
{
	struct timespec pause = { .tv_nsec = 2000000 };

	leave_keeper(path);

	for (int waited = 0; rmdir(path) < 0 && errno == EBUSY && waited < REMOVE_MS; waited += 2)
		(void)nanosleep(&pause, NULL);
}

/* ---- a running container's ---- */

/* "…/UNIT.scope/container": a caller in another session may not move a process there, but systemd may. */
static int attach(const char *path, pid_t pid, struct err *err)
{
	const char *below = strrchr(path, '/'), *at = below;
	autofree char *unit = NULL;

	while (at > path && at[-1] != '/')
		at--;
	unit = below > at ? xstrndup(at, (size_t)(below - at)) : xstrdup("");
	if (!strstr(unit, ".scope"))
		return err_set(err, -EACCES, "may not move a process into '%s'", path);
	return systemd_attach(unit, below, pid, err);
}

int cgroup_join(const char *path, pid_t pid, struct err *err)
{
	autofd int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct err refused = ERR_INIT;
	char text[16];

	if (dir < 0)
		return err_sys(err, "open '%s'", path);
	snprintf(text, sizeof(text), "%d", (int)pid);
	if (write_file(dir, "cgroup.procs", text, &refused) == 0)
		return 0;
	if (refused.code == -EACCES || refused.code == -EPERM)
		return attach(path, pid, err);
	*err = refused;
	return err->code;
}

static bool says(int dir, const char *file, const char *line)
{
	autofree char *text = NULL;
	struct err none = ERR_INIT;

	return fs_read_at(dir, file, TEXT_MAX, &text, NULL, &none) == 0 && strstr(text, line);
}

int cgroup_freeze(const char *path, bool on, struct err *err)
{
	autofd int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct timespec pause = { .tv_nsec = 1000000 };

	if (dir < 0)
		return err_sys(err, "open '%s'", path);
	TRY(write_file(dir, "cgroup.freeze", on ? "1" : "0", err));
	for (int waited = 0; waited < FREEZE_MS; waited++) {
		if (says(dir, "cgroup.events", on ? "frozen 1" : "frozen 0"))
			return 0;
		(void)nanosleep(&pause, NULL);
	}
	return err_set(err, -ETIMEDOUT, "the kernel does not freeze '%s'", path);
}

bool cgroup_oom_killed(const char *path)
{
	autofd int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return dir >= 0 && says(dir, "memory.events", "\noom_kill ") &&
	       !says(dir, "memory.events", "\noom_kill 0");
}

/* "oom_kill 3" of a file of such lines; -1: it has no such line. */
static int64_t count_of(int dir, const char *file, const char *name)
{
	autofree char *text = NULL;
	struct err none = ERR_INIT;
	char *line, *save = NULL;
	size_t len = strlen(name);

	if (fs_read_at(dir, file, TEXT_MAX, &text, NULL, &none) < 0)
		return -1;
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (strncmp(line, name, len) == 0 && line[len] == ' ')
			return strtoll(line + len + 1, NULL, 10);
	return -1;
}

struct json *cgroup_hits(const char *path)
{
	static const char *const rows[][3] = { { "memory", "memory.events", "max" },
		{ "oomKills", "memory.events", "oom_kill" }, { "processes", "pids.events", "max" },
		{ "cpu", "cpu.stat", "nr_throttled" } };
	autofd int dir = path && *path ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -EBADF;
	struct json *hits;

	if (dir < 0)
		return NULL;
	hits = json_new_map();
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int64_t n = count_of(dir, rows[i][1], rows[i][2]);

		if (n >= 0)
			json_put_int(hits, rows[i][0], n);
	}
	return hits;
}
