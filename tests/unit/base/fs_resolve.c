/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"

static int root_of(const struct scratch *dir)
{
	int root;

	scratch_mkdir(dir, "root");
	scratch_mkdir(dir, "root/a");
	scratch_mkdir(dir, "root/a/b");
	root = openat(dir->fd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(root >= 0);
	assert_int_equal(symlinkat("/none/./there", root, "abs"), 0);
	assert_int_equal(symlinkat("../../x", root, "a/b/up"), 0);
	assert_int_equal(symlinkat("loop", root, "loop"), 0);
	assert_int_equal(symlinkat("a/b", root, "in"), 0);
	return root;
}

static void every_link_is_followed_inside_the_root(void **state)
{
	static const char *const cases[][2] = {
		{ "/", "/" },
		{ "", "/" },
		{ "..//../.", "/" },
		{ "/a/./b/../c", "/a/c" },
		{ "/abs/y", "/none/there/y" },
		{ "/in/up/y/", "/x/y" },
		{ "/in/../b", "/a/b" },
		{ "/new/../new/z", "/new/z" },
		{ "/abs/../../../../z", "/z" },
	};
	struct err err = ERR_INIT;
	int root = root_of(*state);
	char end[PATH_MAX];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(fs_resolve_in(root, cases[i][0], end, &err), 0);
		assert_string_equal(end, cases[i][1]);
	}
	close(root);
}

static void loops_and_endless_names_are_refused(void **state)
{
	struct err err = ERR_INIT;
	int root = root_of(*state);
	char end[PATH_MAX], endless[PATH_MAX + 10];

	memset(endless, 'x', sizeof(endless) - 1);
	endless[sizeof(endless) - 1] = '\0';
	assert_int_equal(fs_resolve_in(root, "/loop/x", end, &err), -ELOOP);
	assert_int_equal(fs_resolve_in(root, endless, end, &err), -ENAMETOOLONG);
	close(root);
}

#define SCRATCH(test) cmocka_unit_test_setup_teardown(test, harness_scratch, harness_scratch_done)

TEST_MAIN(SCRATCH(every_link_is_followed_inside_the_root),
	SCRATCH(loops_and_endless_names_are_refused))
