/* SPDX-License-Identifier: Apache-2.0 */
/* What a container's root can and cannot do in namespaces that an unprivileged user makes. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/own.h"
#include "base/sys.h"
#include "harness.h"
#include "kernel/ask.h"

static int at(const struct scratch *dir, const char *name, char ret[512])
{
	return snprintf(ret, 512, "%s/%s", dir->path, name) < 512 ? 0 : -1;
}

static int question_readonly_below(void *arg)
{
	const struct scratch *dir = arg;
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };
	char top[512], below[512];

	if (at(dir, "top", top) < 0 || at(dir, "top/below/file", below) < 0)
		return 1;
	if (mount(top, top, NULL, MS_BIND | MS_REC, NULL) < 0)
		return 2;
	if (sys_mount_setattr(AT_FDCWD, top, AT_RECURSIVE, &attr) < 0)
		return errno == ENOSYS ? 3 : 4;
	return open(below, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) < 0 && errno == EROFS ? 0 : 5;
}

static int question_readonly_submount(void *arg)
{
	char below[512];

	if (at(arg, "top/below", below) < 0 || mount("t", below, "tmpfs", 0, NULL) < 0)
		return 6;
	return question_readonly_below(arg);
}

static void a_bind_is_made_read_only_with_all_below_it(void **state)
{
	const struct scratch *dir = *state;

	scratch_mkdir(dir, "top");
	scratch_mkdir(dir, "top/below");
	int answer = ask_inside(question_readonly_submount, *state);
	note("mount_setattr (Linux 5.12)", answer != 3);
	assert_true(answer == 0 || answer == 3);
}

static int question_overlay(void *arg)
{
	char lower[512], upper[512], work[512], merged[512], options[1700];
	struct stat st;

	if (at(arg, "lower", lower) < 0 || at(arg, "upper", upper) < 0 ||
		at(arg, "work", work) < 0 || at(arg, "merged", merged) < 0)
		return 1;
	(void)snprintf(options, sizeof(options), "lowerdir=%s,upperdir=%s,workdir=%s,userxattr",
		lower, upper, work);
	if (mount("overlay", merged, "overlay", 0, options) < 0)
		return 2;
	if (at(arg, "merged/gone", merged) < 0 || unlink(merged) < 0)
		return 3;
	if (at(arg, "upper/gone", upper) < 0 || lstat(upper, &st) < 0)
		return 4;
	return S_ISCHR(st.st_mode) && st.st_rdev == makedev(0, 0) ? 0 : 5;
}

/* The on-disk format both drivers share. Without it `auto` takes sbx-fuse. */
static void the_overlay_of_a_user_marks_what_is_gone_with_a_0_0_device(void **state)
{
	const struct scratch *dir = *state;

	scratch_mkdir(dir, "lower");
	scratch_mkdir(dir, "upper");
	scratch_mkdir(dir, "work");
	scratch_mkdir(dir, "merged");
	scratch_write(dir, "lower/gone", "x");
	int answer = ask_inside(question_overlay, *state);
	note("overlayfs in a user namespace on this file system (Linux 5.11)", answer != 2);
	assert_true(answer == 0 || answer == 2);
}

static int question_device(void *arg)
{
	char path[512];

	if (at(arg, "null", path) < 0)
		return 1;
	if (mknod(path, S_IFCHR | 0666, makedev(1, 3)) == 0)
		return 2;
	return errno == EPERM ? 0 : 3;
}

/* Why /dev is made of binds, and why a real device in a layer is kept as metadata. */
static void devices_cannot_be_made(void **state)
{
	assert_int_equal(ask_inside(question_device, *state), 0);
}

static int question_groups(void *arg)
{
	gid_t none[1] = { 0 };

	(void)arg;
	return setgroups(0, none) < 0 && errno == EPERM ? 0 : 1;
}

/* setgroups=deny is the price of a map without newgidmap; sbx never calls it there. */
static void groups_stay_with_a_single_id(void **state)
{
	(void)state;
	assert_int_equal(ask_inside(question_groups, NULL), 0);
}

static int question_proc(void *arg)
{
	pid_t init = fork();

	(void)arg;
	if (init == 0)
		_exit(mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0);
	int status;
	return waitpid(init, &status, 0) == init && status == 0 ? 0 : 1;
}

/* Only pid 1's side may mount it; inside another container with masked paths it may not at all. */
static void a_new_pid_namespace_gets_its_own_proc(void **state)
{
	(void)state;
	assert_int_equal(ask_inside(question_proc, NULL), 0);
}

static int question_type_into_terminal(void *arg)
{
	int pty = *(int *)arg;

	return ioctl(pty, TIOCSTI, "x") < 0 ? 0 : 1;
}

/* Where the kernel still allows it (before 6.2, or dev.tty.legacy_tiocsti=1) only the filter and the
 * container's own pty are in the way. */
static void typing_into_a_terminal(void **state)
{
	(void)state;
	autofd int pty = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

	assert_true(pty >= 0);
	note("the kernel itself refuses TIOCSTI",
		ask_outside(question_type_into_terminal, &pty) == 0);
}

#define CASE(t) cmocka_unit_test_setup_teardown(t, harness_scratch, harness_scratch_done)
TEST_MAIN(CASE(a_bind_is_made_read_only_with_all_below_it),
	CASE(the_overlay_of_a_user_marks_what_is_gone_with_a_0_0_device),
	CASE(devices_cannot_be_made), cmocka_unit_test(groups_stay_with_a_single_id),
	cmocka_unit_test(a_new_pid_namespace_gets_its_own_proc),
	cmocka_unit_test(typing_into_a_terminal))
