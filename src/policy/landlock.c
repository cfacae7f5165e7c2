/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A second wall around what a container's first program and its children open: with Landlock only what
 * lies below the container's root can be opened, executed, made, removed or renamed, whatever directory
 * of the host a descriptor, a working directory or a link in /proc leads to. Where the root is read-only
 * only mounts that can be written allow writing. With the host's network, abstract sockets outside are
 * out of reach.
 *
 * What `sbx exec` brings in is not behind it: two domains may not look into each other's /proc/PID, and
 * `exec C cat /proc/1/environ` has to work. A domain can mount nothing, so there is none where mounts
 * are allowed (policy_plan). On kernels without Landlock (< 5.19: without renames between folders) there
 * is no second wall; `sbx info` says so.
 */
#include "policy/policy.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/sys.h"

/* The kernel's headers may be older than the kernel: newer rights by their numbers. */
#define FS_ABI1     ((UINT64_C(1) << 13) - 1)
#define FS_REFER    (UINT64_C(1) << 13) /* ABI 2, Linux 5.19 */
#define FS_TRUNCATE (UINT64_C(1) << 14) /* ABI 3, Linux 6.2 */
#define FS_FILE \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE)
#define FS_READ \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define SCOPE_SOCKETS 1 /* abstract ones; ABI 6, Linux 6.12 */
#define INFO_MAX      (16u << 20)

struct ruleset { /* struct landlock_ruleset_attr of ABI 6 */
	uint64_t files;
	uint64_t network;
	uint64_t scoped;
};

int policy_landlock_abi(void)
{
	int abi = sys_landlock_create(NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	return abi < 0 ? 0 : abi;
}

/* Of what is no directory only the rights that a file has can be given. */
static int allow(int set, int fd, uint64_t rights, uint64_t handled)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode))
		rights &= FS_FILE | FS_TRUNCATE;
	return sys_landlock_add_path(set, rights & handled, fd) < 0 ? -errno : 0;
}

/* mountinfo writes blanks and backslashes as \ooo. */
static void unescape(char *s)
{
	char *out = s;

	for (; *s; out++) {
		if (s[0] == '\\' && s[1] && s[2] && s[3]) {
			*out = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 4;
		} else {
			*out = *s++;
		}
	}
	*out = '\0';
}

/* "36 35 98:0 /root /point rw,noatime … - type source rw": can this mount, which is not "/", be written? */
static bool is_writable(char *line, char ret_point[4096])
{
	char flags[256];

	if (sscanf(line, "%*d %*d %*s %*s %4095s %255s", ret_point, flags) != 2)
		return false;
	unescape(ret_point);
	return strcmp(ret_point, "/") != 0 && strncmp(flags, "rw", 2) == 0;
}

/* The container's own /proc, which nothing of the container's has run to change. */
static int allow_mounts(int set, uint64_t handled, struct err *err)
{
	autofree char *info = NULL;
	char *line, *save = NULL, point[4096];

	TRY(fs_read_at(AT_FDCWD, "/proc/self/mountinfo", INFO_MAX, &info, NULL, err));
	for (line = strtok_r(info, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		autofd int fd = -EBADF;

		if (!is_writable(line, point))
			continue;
		fd = open(point, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0) /* covered by another mount: not to be reached by anybody */
			continue;
		if (allow(set, fd, handled, handled) < 0)
			return err_sys(err, "Landlock: allow '%s'", point);
	}
	return 0;
}

/* What it was given as input and output may be opened again by name (/dev/stdin), though a file of the
 * host. Pipes, sockets and their like cannot be named in a rule, and need none. */
static int allow_stdio(int set, uint64_t handled, struct err *err)
{
	for (int fd = 0; fd < 3; fd++) {
		int r = allow(set, fd, FS_FILE | FS_TRUNCATE, handled);

		if (r < 0 && r != -EBADFD && r != -EBADF)
			return err_set(
				err, r, "Landlock: allow descriptor %d: %s", fd, strerror(-r));
	}
	return 0;
}

static int make_rules(const struct policy *policy, int set, uint64_t handled, struct err *err)
{
	autofd int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (root < 0)
		return err_sys(err, "open the container's root");
	if (allow(set, root, policy->landlock_read_only ? FS_READ : handled, handled) < 0)
		return err_sys(err, "Landlock: allow the container's root");
	if (policy->landlock_read_only)
		TRY(allow_mounts(set, handled, err));
	return allow_stdio(set, handled, err);
}

int policy_apply_landlock(const struct policy *policy, struct err *err)
{
	int abi = policy->landlock ? policy_landlock_abi() : 0;
	const struct ruleset attr = { .files = FS_ABI1 | FS_REFER | (abi >= 3 ? FS_TRUNCATE : 0),
		.scoped = abi >= 6 && policy->landlock_sockets ? SCOPE_SOCKETS : 0 };
	autofd int set = -EBADF;

	if (abi < POLICY_LANDLOCK_ABI)
		return 0;
	set = sys_landlock_create(&attr, abi >= 6 ? sizeof(attr) : sizeof(attr.files), 0);
	if (set < 0)
		return err_sys(err, "make a Landlock ruleset");
	TRY(make_rules(policy, set, attr.files, err));
	if (policy->no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys(err, "set no_new_privs");
	if (sys_landlock_restrict(set) < 0)
		return err_sys(err, "enter the Landlock ruleset");
	return 0;
}
