/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs/target.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"

static int root_of(const struct scratch *dir)
{
	int root;

	scratch_mkdir(dir, "root");
	scratch_mkdir(dir, "root/etc");
	root = openat(dir->fd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(root >= 0);
	return root;
}

static void a_dangling_link_is_completed_inside_the_root(void **state)
{
	const struct scratch *dir = *state;
	struct err err = ERR_INIT;
	int root = root_of(dir), fd;
	struct stat st;

	assert_int_equal(
		symlinkat("../run/systemd/resolve/stub-resolv.conf", root, "etc/resolv.conf"), 0);
	fd = target_open(root, "/etc/resolv.conf", false, &err);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(fstatat(dir->fd, "root/run/systemd/resolve/stub-resolv.conf", &st, 0), 0);
	assert_true(S_ISREG(st.st_mode));
	close(root);
}

static void a_dangling_link_to_the_host_is_made_inside(void **state)
{
	const struct scratch *dir = *state;
	struct err err = ERR_INIT;
	int root = root_of(dir), fd;
	struct stat st;

	assert_int_equal(symlinkat("../../../../sbx-escape/hosts", root, "etc/hosts"), 0);
	fd = target_open(root, "/etc/hosts", false, &err);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(fstatat(dir->fd, "root/sbx-escape/hosts", &st, 0), 0);
	assert_int_equal(fstatat(dir->fd, "sbx-escape", &st, 0), -1);
	close(root);
}

/* /home -> var/home without /var/home: ostree's images. */
static void a_dangling_link_on_the_way_is_completed_too(void **state)
{
	const struct scratch *dir = *state;
	struct err err = ERR_INIT;
	int root = root_of(dir), fd;
	struct stat st;

	assert_int_equal(symlinkat("var/home", root, "home"), 0);
	assert_int_equal(symlinkat("../../../../usr/etc", root, "etc/up"), 0);
	fd = target_open(root, "/home/me/dir", true, &err);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(fstatat(dir->fd, "root/var/home/me/dir", &st, 0), 0);
	fd = target_open(root, "/etc/up/file", false, &err);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(fstatat(dir->fd, "root/usr/etc/file", &st, 0), 0);
	assert_true(S_ISREG(st.st_mode));
	close(root);
}

static void a_chain_without_end_is_an_error(void **state)
{
	const struct scratch *dir = *state;
	struct err err = ERR_INIT;
	int root = root_of(dir);

	assert_int_equal(symlinkat("b", root, "a"), 0);
	assert_int_equal(symlinkat("a", root, "b"), 0);
	assert_int_equal(target_open(root, "/a", false, &err), -ELOOP);
	assert_true(target_open(root, "/a/x", true, &err) < 0);
	close(root);
}

#define SCRATCH(test) cmocka_unit_test_setup_teardown(test, harness_scratch, harness_scratch_done)

TEST_MAIN(SCRATCH(a_dangling_link_is_completed_inside_the_root),
	SCRATCH(a_dangling_link_to_the_host_is_made_inside),
	SCRATCH(a_dangling_link_on_the_way_is_completed_too),
	SCRATCH(a_chain_without_end_is_an_error))
