/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container that shares another one's network is made inside that one's user namespace: only there are
 * the rights over the network namespace that its sysfs, its capabilities and its ports need, and a
 * second layer of ids would take them away again. All its other namespaces are its own, the pid
 * namespace above all: neither container can see, signal or trace the other's processes.
 *
 * The namespace is entered by a forked joiner, never by the monitor, which stays outside in every way;
 * the joiner's child is made the monitor's (CLONE_PARENT) and the joiner ends. New pid namespaces are
 * unshared first, because older kernels refuse them together with CLONE_PARENT.
 */
#include "process/clone.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/sys.h"
#include "process/joiner.h"

/* Half a millisecond's work, which the child does while somebody else maps its ids. */
#define LATER   ((uint64_t)(CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS))
#define MAP_MAX 4096 /* a page: the kernel's limit for a map */

struct report {
	pid_t pid; /* of the init; -1: err says why there is none */
	struct err err;
};

/* But those that it was asked to leave to the host, and the network. */
static uint64_t own_namespaces(const struct process_spec *spec)
{
	uint64_t flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;

	if (spec->more && spec->more->host_ipc)
		flags &= ~(uint64_t)CLONE_NEWIPC;
	if (spec->more && spec->more->host_uts)
		flags &= ~(uint64_t)CLONE_NEWUTS;
	if (spec->more && spec->more->host_cgroupns)
		flags &= ~(uint64_t)CLONE_NEWCGROUP;
	return flags;
}

static int enter_shared(const struct process_spec *spec, struct err *err)
{
	const struct network *net = spec->network;

	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		return err_sys(err, "prctl");
	TRY(userns_join(net->userns, err));
	if (setns(net->netns, CLONE_NEWNET) < 0)
		return err_sys(err, "join the network of container %s", net->target);
	if (unshare((int)own_namespaces(spec)) < 0)
		return userns_explain(errno, err);
	return 0;
}

static _Noreturn void joiner_main(
	const struct process_spec *spec, const struct child_fds *fds, int ours, int tell)
{
	struct report report = { .pid = -1 };

	if (enter_shared(spec, &report.err) >= 0) {
		report.pid = sys_clone(CLONE_PARENT | SIGCHLD, NULL);
		if (report.pid == 0) {
			(void)close(ours); /* the parent's end: its death must be seen as such */
			(void)close(tell);
			child_main(spec, fds);
		}
		if (report.pid < 0)
			(void)err_sys(&report.err, "fork the container's init");
	}
	_exit(write(tell, &report, sizeof(report)) != sizeof(report));
}

static int clone_beside(const struct process_spec *spec, const struct child_fds *fds, int ours,
	int *ret_pidfd, struct err *err)
{
	struct report report = { .pid = -1 };
	struct joiner joiner;

	int r = joiner_fork(&joiner, err);
	TRY(r);
	if (r == 0)
		joiner_main(spec, fds, ours, joiner.fd);
	if (!joiner_hear(&joiner, &report, sizeof(report)))
		return err_set(err, -EPIPE, "the process that joins the network was killed");
	if (report.pid < 0) {
		*err = report.err;
		return err->code;
	}
	int pidfd = sys_pidfd_open(report.pid); /* our child, not reaped: still that process */
	if (pidfd >= 0)
		*ret_pidfd = pidfd;
	return (int)report.pid;
}

int clone_unshare(const struct process_spec *spec, struct err *err)
{
	int flags = (int)(own_namespaces(spec) & LATER);

	if (spec->network->kind == NETWORK_CONTAINER)
		return 0; /* the joiner has them made */
	if (spec->network->kind != NETWORK_HOST)
		flags |= CLONE_NEWNET;
	return unshare(flags) < 0 ? userns_explain(errno, err) : 0;
}

int clone_init(const struct process_spec *spec, const struct child_fds *fds, int ours,
	int *ret_pidfd, struct err *err)
{
	pid_t pid;

	if (spec->network->kind == NETWORK_CONTAINER)
		return clone_beside(spec, fds, ours, ret_pidfd, err);
	pid = sys_clone(SIGCHLD | CLONE_NEWUSER | (own_namespaces(spec) & ~LATER), ret_pidfd);
	if (pid < 0)
		return userns_explain(errno, err);
	if (pid == 0) {
		(void)close(ours); /* the parent's end: its death must be seen as such */
		child_main(spec, fds);
	}
	return (int)pid;
}

/* ---- looking at the container to share with ---- */

/* "inside outside count" lines, as seen from here, against what we would write. */
static bool same_ranges(const char *text, const struct idrange *ranges, unsigned n)
{
	unsigned found = 0;

	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		struct idrange seen;

		line += *line == '\n';
		if (!*line)
			break;
		if (sscanf(line, "%u %u %u", &seen.inside, &seen.outside, &seen.count) != 3 ||
			found >= n || memcmp(&seen, &ranges[found], sizeof(seen)) != 0)
			return false;
		found++;
	}
	return found == n;
}

static int check_map(
	pid_t pid, const char *name, const struct idrange *ranges, unsigned n, struct err *err)
{
	char path[64];
	autofree char *text = NULL;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	TRY(fs_read_at(AT_FDCWD, path, MAP_MAX, &text, NULL, err));
	if (!same_ranges(text, ranges, n))
		return err_set(err, -EINVAL,
			"the container whose network is to be shared maps other user ids than this "
			"one would; start both with the same --userns and sub-ids");
	return 0;
}

static int open_ns(pid_t pid, const char *name, int *ret, struct err *err)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, name);
	*ret = open(path, O_RDONLY | O_CLOEXEC);
	return *ret < 0 ? err_sys(err, "open %s", path) : 0;
}

int process_share_network(
	pid_t pid, int pidfd, const struct idmap *map, struct network *ret, struct err *err)
{
	autofd int userns = -EBADF, netns = -EBADF;
	struct stat ours, theirs;

	TRY(open_ns(pid, "user", &userns, err));
	TRY(open_ns(pid, "net", &netns, err));
	TRY(check_map(pid, "uid_map", map->uid, map->n_uid, err));
	TRY(check_map(pid, "gid_map", map->gid, map->n_gid, err));
	/* all of it was the right process's if that still lives: its pid was never reused */
	if (pidfd >= 0 && sys_pidfd_send_signal(pidfd, 0) < 0 && errno == ESRCH)
		return err_set(err, -ESRCH, "the container has ended");
	if (stat("/proc/self/ns/net", &ours) < 0 || fstat(netns, &theirs) < 0)
		return err_sys(err, "look at the network namespaces");
	if (ours.st_ino == theirs.st_ino && ours.st_dev == theirs.st_dev) {
		ret->kind = NETWORK_HOST; /* which nobody has to join */
		return 0;
	}
	ret->userns = move_fd(&userns);
	ret->netns = move_fd(&netns);
	return 0;
}
