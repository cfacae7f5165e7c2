/* SPDX-License-Identifier: Apache-2.0 */
#include "netstack/alone.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"
#include "base/sys.h"
#include "base/userns.h"

#define NEW_ROOT "/tmp" /* is everywhere; covered in our own mount namespace only */

static int show(const char *folder, struct err *err)
{
	char inside[32];

	(void)snprintf(inside, sizeof(inside), NEW_ROOT "%s", folder);
	if (mkdir(inside, 0755) < 0)
		return err_sys(err, "mkdir '%s'", inside);
	if (mount(folder, inside, NULL, MS_BIND | MS_REC, NULL) < 0)
		return err_sys(err, "bind '%s'", folder);
	return 0;
}

/* Nothing that happens to our mounts may be seen by others, hence private first. */
static int leave_root(struct err *err)
{
	if (unshare(CLONE_NEWNS) < 0)
		return err_sys(err, "make a mount namespace");
	if (mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) < 0)
		return err_sys(err, "make mounts private");
	if (mount("tmpfs", NEW_ROOT, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=64k") < 0)
		return err_sys(err, "mount a tmpfs");
	TRY(show("/etc", err));
	TRY(show("/run", err));
	if (chdir(NEW_ROOT) < 0)
		return err_sys(err, "chdir");
	if (sys_pivot_root(".", ".") < 0)
		return err_sys(err, "pivot_root");
	if (umount2(".", MNT_DETACH) < 0)
		return err_sys(err, "let go of the old root");
	return chdir("/") < 0 ? err_sys(err, "chdir") : 0;
}

static int keep_low_ports(struct err *err)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct set[2] = { { .effective = 1u << CAP_NET_BIND_SERVICE,
							 .permitted = 1u << CAP_NET_BIND_SERVICE },
		{ 0 } };

	return sys_capset(&head, set) < 0 ? err_sys(err, "drop capabilities") : 0;
}

static int join(const struct alone_options *options, struct err *err)
{
	char path[64];
	struct stat theirs, ours;
	autofd int fd = -EBADF;

	if (geteuid() == 0 || (options->by_path && !options->userns))
		return 0; /* the capabilities are here already, or there is nowhere to go */
	(void)snprintf(path, sizeof(path), "/proc/%s/ns/user", options->target);
	fd = open(options->userns ? options->userns : path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, "open '%s'", options->userns ? options->userns : path);
	if (fstat(fd, &theirs) == 0 && stat("/proc/self/ns/user", &ours) == 0 &&
		theirs.st_ino == ours.st_ino && theirs.st_dev == ours.st_dev)
		return 0;
	return userns_join(fd, err);
}

int alone_enter_sandbox(const struct alone_options *options, struct err *err)
{
	TRY(join(options, err));
	TRY(leave_root(err));
	TRY(keep_low_ports(err));
	/* entering took it away; whoever started us may look at us, as at slirp4netns */
	return prctl(PR_SET_DUMPABLE, 1) < 0 ? err_sys(err, "prctl") : 0;
}
