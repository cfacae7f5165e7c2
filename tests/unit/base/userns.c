/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <stdbool.h>
#include <unistd.h>

#include "base/userns.h"

static int be_root(void *data, struct err *err)
{
	if (geteuid() != 0 || getegid() != 0)
		return err_set(err, -EPERM, "not root inside");
	return *(const int *)data;
}

static int complain(void *data, struct err *err)
{
	(void)data;
	return err_id(err, -EXDEV, "E-TEST", "from the child");
}

static int die(void *data, struct err *err)
{
	(void)data;
	(void)err;
	_exit(9);
}

static int chown_file(void *data, struct err *err)
{
	const char *path = data;

	return chown(path, 999, 998) < 0 ? err_sys(err, "chown") : 0;
}

static struct idmap detect(const char *wish)
{
	struct idmap map;
	struct err err = ERR_INIT;

	if (wish)
		assert_int_equal(setenv("SBX_USERNS", wish, 1), 0);
	else
		assert_int_equal(unsetenv("SBX_USERNS"), 0);
	assert_int_equal(idmap_detect(&map, &err), 0);
	return map;
}

static bool namespaces_work(void)
{
	struct idmap map = detect("single");
	struct err err = ERR_INIT;
	int value = 0;

	if (userns_run(&map, 0, be_root, &value, &err) == 0)
		return true;
	print_message("# SKIP no user namespaces here: %s\n", err.text);
	return false;
}

static void the_function_is_root_inside_and_its_value_returns(void **state)
{
	struct idmap map = detect("single");
	struct err err = ERR_INIT;
	int value = 42;

	(void)state;
	if (!namespaces_work())
		skip();
	assert_int_equal(userns_run(&map, 0, be_root, &value, &err), 42);
}

static void the_functions_error_returns_whole(void **state)
{
	struct idmap map = detect("single");
	struct err err = ERR_INIT;

	(void)state;
	if (!namespaces_work())
		skip();
	assert_int_equal(userns_run(&map, CLONE_NEWNS, complain, NULL, &err), -EXDEV);
	assert_string_equal(err.id, "E-TEST");
	assert_string_equal(err.text, "from the child");
}

static void a_dying_function_is_an_error(void **state)
{
	struct idmap map = detect("single");
	struct err err = ERR_INIT;

	(void)state;
	if (!namespaces_work())
		skip();
	assert_int_equal(userns_run(&map, 0, die, NULL, &err), -EPIPE);
	assert_non_null(strstr(err.text, "9"));
}

static void a_namespace_that_is_there_is_joined_as_often_as_wanted(void **state)
{
	struct idmap map = detect("single");
	struct err err = ERR_INIT;
	int value = 42, ns;

	(void)state;
	if (!namespaces_work())
		skip();
	ns = userns_open(&map, &err);
	assert_true(ns >= 0);
	assert_int_equal(userns_run_in(ns, 0, be_root, &value, &err), 42);
	assert_int_equal(userns_run_in(ns, CLONE_NEWNS, be_root, &value, &err), 42);
	assert_int_equal(userns_run_in(ns, CLONE_NEWNS, complain, NULL, &err), -EXDEV);
	assert_string_equal(err.text, "from the child");
	assert_int_equal(userns_run_in(ns, 0, die, NULL, &err), -EPIPE);
	assert_int_equal(close(ns), 0);
	assert_int_equal(userns_run_in(-1, 0, be_root, &value, &err), -EBADF);
}

static void sub_ids_own_files_outside(void **state)
{
	struct scratch *dir = *state;
	struct idmap map = detect(NULL);
	struct err err = ERR_INIT;
	char path[400];
	struct stat st;

	if (map.kind != IDMAP_SUBID) {
		print_message("# SKIP this user has no usable sub-ids: %s\n", map.notice);
		skip();
	}
	snprintf(path, sizeof(path), "%s/f", dir->path);
	scratch_write(dir, "f", "x");
	assert_int_equal(chmod(dir->path, 0755), 0);
	assert_int_equal(userns_run(&map, 0, chown_file, path, &err), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_uid, idmap_to_host(map.uid, map.n_uid, 999));
	assert_int_equal(st.st_gid, idmap_to_host(map.gid, map.n_gid, 998));
}

static void refusals_are_explained(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	assert_true(userns_explain(EPERM, &err) < 0);
	assert_true(strlen(err.text) > 20);
	assert_true(userns_explain(ENOSPC, &err) < 0);
	assert_true(strcmp(err.id, "E-USERNS-LIMIT") == 0 || strcmp(err.id, "E-USERNS-OFF") == 0);
}

TEST_MAIN(cmocka_unit_test(the_function_is_root_inside_and_its_value_returns),
	cmocka_unit_test(the_functions_error_returns_whole),
	cmocka_unit_test(a_dying_function_is_an_error),
	cmocka_unit_test(a_namespace_that_is_there_is_joined_as_often_as_wanted),
	cmocka_unit_test_setup_teardown(
		sub_ids_own_files_outside, harness_scratch, harness_scratch_done),
	cmocka_unit_test(refusals_are_explained))
