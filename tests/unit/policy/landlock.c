/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The second wall in force: a descriptor of a directory outside the root, as CVE-2024-21626 leaked one,
 * opens nothing. In children, which nothing leads back from.
 */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/userns.h"
#include "policy/policy.h"

struct scene {
	const char *dir; /* has root/ with etc/ and tmp/, and outside/ with a file */
	struct policy policy;
	int outside;
};

static int in_namespace(userns_fn fn, struct scene *scene, struct err *err)
{
	struct idmap map;

	TRY(idmap_detect(&map, err));
	return userns_run(&map, CLONE_NEWNS, fn, scene, err);
}

/* tmp is a mount, so that it can be told from a root that is read-only for Landlock alone. */
static int enter(struct scene *scene, struct err *err)
{
	char root[256];

	(void)snprintf(root, sizeof(root), "%s/root", scene->dir);
	if (chdir(root) < 0 || mount("t", "tmp", "tmpfs", 0, NULL) < 0 ||
		mount("/proc", "proc", NULL, MS_BIND | MS_REC, NULL) < 0 || chroot(".") < 0)
		return err_sys(err, "enter the root");
	return policy_apply_landlock(&scene->policy, err);
}

static int want(const char *what, int result, int code, struct err *err)
{
	int got = result < 0 ? errno : 0;

	if (result >= 0)
		own_close_(&result);
	return got == code ? 0 : err_set(err, -EBADE, "%s: want errno %d, got %d", what, code, got);
}

static int look_outside(void *data, struct err *err)
{
	struct scene *scene = data;
	const int outside = scene->outside;

	TRY(want("before", openat(outside, "file", O_RDONLY), 0, err));
	TRY(enter(scene, err));
	TRY(want("read", openat(outside, "file", O_RDONLY), EACCES, err));
	TRY(want("write", openat(outside, "file", O_WRONLY), EACCES, err));
	TRY(want("list", openat(outside, ".", O_RDONLY | O_DIRECTORY), EACCES, err));
	TRY(want("make", openat(outside, "new", O_WRONLY | O_CREAT, 0600), EACCES, err));
	TRY(want("mkdir", mkdirat(outside, "d", 0700), EACCES, err));
	TRY(want("remove", unlinkat(outside, "file", 0), EACCES, err));
	TRY(want("inside", open("/etc/new", O_WRONLY | O_CREAT, 0600), 0, err));
	TRY(want("rename", rename("/etc/new", "/moved"), 0, err));
	TRY(want("link", link("/moved", "/etc/linked"), 0, err));
	TRY(want("out", linkat(AT_FDCWD, "/moved", outside, "x", 0), EXDEV, err));
	TRY(want("tmpfs", open("/tmp/x", O_WRONLY | O_CREAT, 0600), 0, err));
	return want("mount", mount("t", "/tmp", "tmpfs", 0, NULL), EPERM, err);
}

static int write_read_only(void *data, struct err *err)
{
	TRY(enter(data, err));
	TRY(want("read", open("/etc/there", O_RDONLY), 0, err));
	TRY(want("write", open("/etc/there", O_WRONLY), EACCES, err));
	TRY(want("truncate", truncate("/etc/there", 0), EACCES, err));
	TRY(want("make", open("/etc/new", O_WRONLY | O_CREAT, 0600), EACCES, err));
	TRY(want("remove", unlink("/etc/there"), EACCES, err));
	TRY(want("tmpfs", open("/tmp/x", O_WRONLY | O_CREAT, 0600), 0, err));
	return want("truncate in tmpfs", truncate("/tmp/x", 0), 0, err);
}

static int write_anyhow(void *data, struct err *err)
{
	struct scene *scene = data;

	TRY(enter(scene, err));
	TRY(want("write", open("/etc/there", O_WRONLY), 0, err));
	return want("outside", openat(scene->outside, "file", O_RDONLY), 0, err);
}

static void make_file(const char *dir, const char *name)
{
	char path[256];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(close(fd), 0);
}

static void make_dir(const char *dir, const char *name)
{
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(mkdir(path, 0755), 0);
}

static void attempt(userns_fn fn, const struct policy *policy)
{
	static const char *const dirs[] = { "root", "root/etc", "root/tmp", "root/proc",
		"outside" };
	char dir[] = "/tmp/sbx-landlock-XXXXXX";
	struct scene scene = { .dir = dir, .policy = *policy };
	struct err err = ERR_INIT, gone = ERR_INIT;
	int r;

	assert_non_null(mkdtemp(dir));
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		make_dir(dir, dirs[i]);
	make_file(dir, "root/etc/there");
	make_file(dir, "outside/file");
	scene.outside = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(scene.outside >= 0);
	int outside = openat(scene.outside, "outside", O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(outside >= 0);
	assert_int_equal(close(scene.outside), 0);
	scene.outside = outside;
	r = in_namespace(fn, &scene, &err);
	assert_int_equal(close(outside), 0);
	assert_int_equal(fs_remove_tree(AT_FDCWD, dir, &gone), 0);
	if (r < 0)
		fail_msg("%s", err.text);
}

static void need_landlock(void)
{
	if (policy_landlock_abi() >= 3)
		return;
	print_message("# SKIP this kernel's Landlock is older than Linux 6.2\n");
	skip();
}

static void a_leaked_directory_opens_nothing(void **state)
{
	const struct policy policy = { .landlock = true };

	(void)state;
	need_landlock();
	attempt(look_outside, &policy);
}

static void it_needs_no_capability_with_no_new_privileges(void **state)
{
	const struct policy policy = { .landlock = true, .no_new_privs = true };

	(void)state;
	need_landlock();
	attempt(look_outside, &policy);
}

static void a_read_only_root_is_so_whatever_its_mount_says(void **state)
{
	const struct policy policy = { .landlock = true, .landlock_read_only = true };

	(void)state;
	need_landlock();
	attempt(write_read_only, &policy);
}

static void without_it_only_the_other_walls_stand(void **state)
{
	const struct policy policy = { 0 };

	(void)state;
	attempt(write_anyhow, &policy);
}

static void plan(const char *option, const char *cap, struct policy *ret)
{
	struct globals globals = { 0 };
	struct run_opts opts = { .read_only = true, .network = (char *)"host" };
	struct err err = ERR_INIT;

	if (option)
		strv_add(&opts.security_opt, option);
	if (cap)
		opts.privileged = true;
	assert_int_equal(policy_plan(&globals, &opts, ret, &err), 0);
	strv_done(&opts.security_opt);
}

static void expect_plan(const char *option, const char *cap, bool on)
{
	struct policy policy = { 0 };

	plan(option, cap, &policy);
	assert_int_equal(policy.landlock, on);
	assert_int_equal(policy.landlock_read_only, on);
	assert_int_equal(policy.landlock_sockets, on);
	policy_done(&policy);
}

static void it_is_on_where_nothing_can_be_mounted(void **state)
{
	(void)state;
	expect_plan(NULL, NULL, true);
	expect_plan("landlock=off", NULL, false);
	expect_plan("seccomp=unconfined", NULL, false);
	expect_plan(NULL, "all", false);
	expect_plan("landlock=on", "all", true);
}

TEST_MAIN(cmocka_unit_test(a_leaked_directory_opens_nothing),
	cmocka_unit_test(it_needs_no_capability_with_no_new_privileges),
	cmocka_unit_test(a_read_only_root_is_so_whatever_its_mount_says),
	cmocka_unit_test(without_it_only_the_other_walls_stand),
	cmocka_unit_test(it_is_on_where_nothing_can_be_mounted))
