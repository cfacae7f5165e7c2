/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The last line of `sbx --version`: which features of the kernel and of the machine are here now. Asked of the
 * kernel, not read off its version. Makes nothing that stays and reads no store; doctor tries more, and says why.
 */
#include "commands/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/sys.h"
#include "base/userns.h"
#include "base/xalloc.h"
#include "process/process.h"

static int do_nothing(void *data, struct err *err)
{
	(void)data;
	(void)err;
	return 0;
}

/* Without layers it cannot be mounted; whether a user might is what the kernel looks at before (EPERM). */
static int ask_overlay(void *data, struct err *err)
{
	(void)data;
	if (mount("overlay", "/", "overlay", 0, "userxattr") < 0 && errno == EINVAL)
		return 0;
	return err_sys(err, "mount an overlay");
}

static bool in_namespace(userns_fn fn)
{
	const struct idmap one = { .kind = IDMAP_SINGLE,
		.uid = { { 0, geteuid(), 1 } },
		.gid = { { 0, getegid(), 1 } },
		.n_uid = 1,
		.n_gid = 1 };
	struct err ignored = ERR_INIT;

	return userns_run(&one, CLONE_NEWNS, fn, NULL, &ignored) == 0;
}

static bool opens(const char *device)
{
	autofd int fd = open(device, O_RDWR | O_CLOEXEC);

	return fd >= 0;
}

static bool has_notifications(void)
{
	autofree char *text = NULL;
	struct err ignored = ERR_INIT;

	return fs_read_at(AT_FDCWD, "/proc/sys/kernel/seccomp/actions_avail", 4096, &text, NULL,
		       &ignored) == 0 &&
	       strstr(text, "user_notif");
}

/* Somewhere to make a cgroup: below our own, or by the user's systemd. */
static bool has_cgroups(void)
{
	const char *dir = getenv("XDG_RUNTIME_DIR");
	autofree char *own = NULL, *file = NULL;
	autofree char *systemd = xasprintf("%s/systemd/private", dir ? dir : "");
	struct err ignored = ERR_INIT;

	if (cgroup_of(getpid(), &own, &ignored) < 0)
		return false;
	file = xasprintf("%s/cgroup.subtree_control", own);
	return access(file, W_OK) == 0 || (dir && access(systemd, W_OK) == 0);
}

static void add(struct buf *list, const char *name)
{
	buf_addf(list, "%s%s", list->len ? ", " : "", name);
}

void machine_print(struct buf *out)
{
	const int landlock = sys_landlock_create(NULL, 0, 1);
	const bool userns = in_namespace(do_nothing);
	autobuf struct buf with = BUF_INIT, without = BUF_INIT;
	struct err ignored = ERR_INIT;
	struct idmap map;
	const bool ids = idmap_detect(&map, &ignored) == 0 && map.kind != IDMAP_SINGLE;
	autofree char *version = landlock > 0 ? xasprintf("Landlock %d", landlock)
					      : xstrdup("Landlock");
	const struct {
		const char *name;
		bool there;
	} features[] = { { "user namespaces", userns }, { "subordinate ids", ids },
		{ "kernel overlay", userns && in_namespace(ask_overlay) },
		{ "fuse", opens("/dev/fuse") }, { "tun", opens("/dev/net/tun") },
		{ version, landlock > 0 }, { "seccomp notifications", has_notifications() },
		{ "cgroup limits", has_cgroups() } };

	for (size_t i = 0; i < ARRAY_SIZE(features); i++)
		add(features[i].there ? &with : &without, features[i].name);
	buf_addf(out, "here with %s", with.len ? with.data : "nothing that it needs");
	if (without.len)
		buf_addf(out, "; without %s", without.data);
	buf_addc(out, '\n');
}
