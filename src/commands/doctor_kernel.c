/* SPDX-License-Identifier: Apache-2.0 */
/* doctor: the kernel's calls, devices, network and limits. */
#include "commands/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/spawn.h"
#include "base/sys.h"
#include "base/xalloc.h"
#include "network/network.h"
#include "process/process.h"

/* ---- calls ---- */

/* A call that exists answers senseless arguments with something other than ENOSYS. */
static bool exists(int result)
{
	int saved = errno;

	if (result >= 0)
		own_close_(&result);
	return result >= 0 || saved != ENOSYS;
}

static void check_calls(struct doctor *doctor)
{
	struct open_how how = { .flags = O_PATH, .resolve = RESOLVE_IN_ROOT };
	struct mount_attr attr = { 0 };
	const struct {
		const char *name;
		bool there;
	} calls[] = {
		{ "openat2", exists(sys_openat2(AT_FDCWD, "/", &how)) },
		{ "pidfd_open", exists(sys_pidfd_open(getpid())) },
		{ "fsopen", exists(sys_fsopen("", 0)) },
		{ "mount_setattr", exists(sys_mount_setattr(-1, "", 0, &attr)) },
	};
	autobuf struct buf missing = BUF_INIT;
	autofree char *found = NULL;
	struct utsname uts = { .release = "?" };

	(void)uname(&uts); /* cannot fail with this argument */
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		if (!calls[i].there)
			buf_addf(&missing, "%s%s", missing.len ? ", " : "", calls[i].name);
	found = missing.len ? xasprintf("Linux %s without %s: slower ways are taken", uts.release,
				      missing.data)
			    : xasprintf("Linux %s with all calls that sbx likes", uts.release);
	doctor_add(doctor, &(struct check){ .name = "kernel",
				   .finding = missing.len ? FINDING_LESS : FINDING_OK,
				   .found = found });
}

static _Noreturn void try_notify(void)
{
	const struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	const struct sock_fprog prog = { .len = 1, .filter = (struct sock_filter *)&allow };
	int listener;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || sys_seccomp_filter(&prog, 0) < 0)
		_exit(2);
	listener = sys_seccomp_filter(&prog, SECCOMP_FILTER_FLAG_NEW_LISTENER);
	_exit(listener < 0 ? 1 : 0);
}

static void check_seccomp(struct doctor *doctor)
{
	static const char *const words[] = { "filters and notifications",
		"filters, but no notifications: --report cannot watch, and one id stays one",
		"no filters: containers cannot be started" };
	struct err ignored = ERR_INIT;
	pid_t pid = fork();
	int status = 2;

	if (pid == 0)
		try_notify();
	if (pid > 0)
		status = spawn_wait(pid, &ignored);
	if (status < 0 || status > 2)
		status = 2;
	doctor_add(doctor, &(struct check){ .name = "seccomp",
				   .finding = status == 0   ? FINDING_OK
					      : status == 1 ? FINDING_LESS
							    : FINDING_FAILS,
				   .found = words[status] });
}

static void check_landlock(struct doctor *doctor)
{
	int abi = sys_landlock_create(NULL, 0, 1);
	autofree char *found = abi > 0 ? xasprintf("version %d, confines the helpers", abi)
				       : xstrdup("not in this kernel, or switched off: the helpers "
						 "are confined by seccomp alone");

	doctor_add(doctor, &(struct check){ .name = "Landlock",
				   .finding = abi > 0 ? FINDING_OK : FINDING_LESS,
				   .found = found });
}

/* ---- network ---- */

static int make_tap(void *data, struct err *err)
{
	autofd int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI };

	(void)data;
	(void)snprintf(request.ifr_name, sizeof(request.ifr_name), "sbx-doctor");
	if (fd < 0)
		return err_sys(err, "open /dev/net/tun");
	return ioctl(fd, TUNSETIFF, &request) < 0 ? err_sys(err, "make a tap device") : 0;
}

static void check_tun(struct doctor *doctor)
{
	struct err why = ERR_INIT;

	if (!doctor->userns || !doctor->has_map)
		return;
	doctor->tun = userns_run(&doctor->map, CLONE_NEWNET, make_tap, NULL, &why) == 0;
	doctor_add(doctor,
		&(struct check){ .name = "/dev/net/tun",
			.finding = doctor->tun ? FINDING_OK : FINDING_FAILS,
			.id = doctor->tun ? NULL : "E-NET-NOTUN",
			.found = doctor->tun ? "a tap device can be made" : why.text,
			.mend = doctor->tun ? NULL
					    : "--network host (less isolated) or --network none",
			.admin = doctor->tun ? NULL : "modprobe tun; chmod 666 /dev/net/tun" });
}

static void check_fast_way(struct doctor *doctor)
{
	struct err why = ERR_INIT;
	int can = doctor->has_map ? network_probe(&doctor->map, &why) : -1;

	if (can < 0 || !doctor->tun)
		return;
	doctor_add(doctor,
		&(struct check){ .name = "fast way out",
			.finding = can & NETWORK_CAN_REDIRECT ? FINDING_OK : FINDING_LESS,
			.found = can & NETWORK_CAN_REDIRECT
					 ? "TCP is redirected by the kernel"
					 : "no nf_tables for users: libslirp carries TCP",
			.admin = can & NETWORK_CAN_REDIRECT
					 ? NULL
					 : "modprobe nf_tables nft_redir nfnetlink_queue" });
}

static void check_ports(struct doctor *doctor)
{
	autofree char *low = NULL, *range = NULL, *found = NULL;
	struct err ignored = ERR_INIT;
	long first = 1024;

	if (fs_read_at(AT_FDCWD, "/proc/sys/net/ipv4/ip_unprivileged_port_start", 64, &low, NULL,
		    &ignored) == 0)
		first = strtol(low, NULL, 10);
	if (fs_read_at(AT_FDCWD, "/proc/sys/net/ipv4/ip_local_port_range", 64, &range, NULL,
		    &ignored) == 0)
		range[strcspn(range, "\n")] = '\0';
	for (char *s = range; s && *s; s++)
		*s = *s == '\t' ? '-' : *s;
	found = xasprintf("may be published from %ld on; the kernel's own choice is %s", first,
		range ? range : "unknown");
	doctor_add(doctor, &(struct check){ .name = "ports",
				   .finding = first > 80 ? FINDING_LESS : FINDING_OK,
				   .id = first > 80 ? "E-PORT-LOW" : NULL,
				   .found = found,
				   .mend = first > 80 ? "-p 8080:80" : NULL,
				   .admin = first > 80 ? "sysctl -w "
							 "net.ipv4.ip_unprivileged_port_start=80"
						       : NULL });
}

/* A range whose first group is above its last, as the kernel's default 1-0, is empty. */
static void check_ping(struct doctor *doctor)
{
	autofree char *range = NULL, *found = NULL;
	struct err ignored = ERR_INIT;
	unsigned long first = 1, last = 0;
	char *rest;

	if (fs_read_at(AT_FDCWD, "/proc/sys/net/ipv4/ping_group_range", 64, &range, NULL,
		    &ignored) == 0) {
		first = strtoul(range, &rest, 10);
		last = strtoul(rest, NULL, 10);
	}
	found = first > last ? xstrdup("open to nobody on the host; containers set their own")
			     : xasprintf("open to groups %lu to %lu on the host; containers set "
					 "their own",
				       first, last);
	doctor_add(doctor, &(struct check){ .name = "ping", .found = found });
}

/* ---- limits ---- */

/* A child that only waits, put under a limit as a container would be. */
static void check_limits(struct doctor *doctor)
{
	const struct limits limits = { .pids = 100 };
	autofree char *path = NULL, *id = xasprintf("d0c%09d", (int)getpid());
	struct err why = ERR_INIT, ignored = ERR_INIT;
	pid_t parent = getpid(), pid = fork();

	if (pid == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent)
		for (;;)
			(void)pause();
	if (pid == 0)
		_exit(1);
	if (pid < 0)
		return;
	(void)cgroup_enter(&limits, id, pid, &path, &why); /* the path, or why */
	doctor->limits = path != NULL;
	(void)kill(pid, SIGKILL);
	(void)spawn_wait(pid, &ignored);
	if (path)
		cgroup_leave(path);
	doctor_add(doctor,
		&(struct check){ .name = "limits",
			.finding = doctor->limits ? FINDING_OK : FINDING_LESS,
			.id = doctor->limits ? NULL : "E-LIMIT",
			.found = doctor->limits ? path : why.text,
			.mend = doctor->limits ? NULL : "--limits=best-effort",
			.admin = doctor->limits ? NULL
						: "delegate the controllers: Delegate=yes in a "
						  "drop-in of user@.service, cgroup v2" });
}

void doctor_check_kernel(struct doctor *doctor)
{
	check_calls(doctor);
	check_seccomp(doctor);
	check_landlock(doctor);
	check_tun(doctor);
	check_fast_way(doctor);
	check_ports(doctor);
	check_ping(doctor);
	check_limits(doctor);
}
