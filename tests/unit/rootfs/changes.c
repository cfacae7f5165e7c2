/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs/rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "harness.h"

static int add(void *data, char kind, const char *path, struct err *err)
{
	buf_addf(data, "%c %s;", kind, path);
	return 0;
}

/* Layers "low" and "high" under "c/upper"; what is told must be these lines, each once. */
static void assert_changes(const struct scratch *s, const char *const *want)
{
	struct buf told = BUF_INIT;
	struct strv layers = STRV_INIT;
	int dir = openat(s->fd, "c", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct rootfs_changes changes = {
		.layers = &layers, .container = dir, .fn = add, .data = &told
	};
	struct err err = ERR_INIT;
	size_t n = 0, len = 0;

	strv_addf(&layers, "%s/low", s->path);
	strv_addf(&layers, "%s/high", s->path);
	assert_int_equal(rootfs_changes(&changes, &err), 0);
	for (; want[n]; n++) {
		if (!told.data || !strstr(told.data, want[n]))
			fail_msg("no '%s' in: %s", want[n], told.data ? told.data : "");
		len += strlen(want[n]);
	}
	if (told.len != len)
		fail_msg("more than %zu lines: %s", n, told.data);
	buf_done(&told);
	strv_done(&layers);
	(void)close(dir);
}

#define CHANGES(s, ...) assert_changes(s, (const char *const[]){ __VA_ARGS__, NULL })

static int setup(void **state)
{
	const struct scratch *s;

	if (harness_scratch(state) != 0)
		return -1;
	s = *state;
	scratch_mkdir(s, "low");
	scratch_mkdir(s, "low/dir");
	scratch_write(s, "low/dir/one", "1");
	scratch_write(s, "low/dir/two", "2");
	scratch_mkdir(s, "high");
	scratch_mkdir(s, "high/dir");
	scratch_write(s, "high/dir/three", "3");
	scratch_mkdir(s, "c");
	scratch_mkdir(s, "c/upper");
	return 0;
}

static void whiteout(const struct scratch *s, const char *name)
{
	assert_int_equal(mknodat(s->fd, name, S_IFCHR, makedev(0, 0)), 0);
}

/* As a copy-up leaves it. */
static void same_time(const struct scratch *s, const char *from, const char *to)
{
	struct stat st;

	assert_int_equal(fstatat(s->fd, from, &st, 0), 0);
	assert_int_equal(utimensat(s->fd, to, (struct timespec[]){ st.st_atim, st.st_mtim }, 0), 0);
}

static void files_are_added_changed_and_deleted(void **state)
{
	const struct scratch *s = *state;

	scratch_mkdir(s, "c/upper/dir");
	scratch_write(s, "c/upper/dir/new", "");
	scratch_write(s, "c/upper/dir/one", "changed");
	whiteout(s, "c/upper/dir/three");
	whiteout(s, "c/upper/dir/never");
	scratch_mkdir(s, "c/upper/fresh");
	CHANGES(s, "C /dir;", "A /dir/new;", "C /dir/one;", "D /dir/three;", "A /fresh;");
}

static void a_directory_on_the_way_is_no_change(void **state)
{
	const struct scratch *s = *state;

	scratch_mkdir(s, "c/upper/dir");
	scratch_write(s, "c/upper/dir/one", "changed");
	same_time(s, "high/dir", "c/upper/dir");
	CHANGES(s, "C /dir/one;");
	assert_int_equal(fchmodat(s->fd, "c/upper/dir", 0700, 0), 0);
	CHANGES(s, "C /dir;", "C /dir/one;");
}

static void an_opaque_directory_deletes_what_it_has_not(void **state)
{
	const struct scratch *s = *state;
	autofree char *path = xasprintf("%s/c/upper/dir", s->path);

	scratch_mkdir(s, "c/upper/dir");
	scratch_write(s, "c/upper/dir/one", "again");
	if (setxattr(path, "user.overlay.opaque", "y", 1, 0) < 0)
		skip();
	CHANGES(s, "C /dir;", "C /dir/one;", "D /dir/two;", "D /dir/three;");
}

static void whiteouts_by_attribute_are_deletions(void **state)
{
	const struct scratch *s = *state;
	autofree char *dir = xasprintf("%s/c/upper/dir", s->path);
	autofree char *file = xasprintf("%s/one", dir);

	scratch_mkdir(s, "c/upper/dir");
	scratch_write(s, "c/upper/dir/one", "");
	if (setxattr(dir, "user.overlay.opaque", "x", 1, 0) < 0)
		skip();
	assert_int_equal(setxattr(file, "user.overlay.whiteout", "y", 1, 0), 0);
	CHANGES(s, "C /dir;", "D /dir/one;");
}

static void what_a_layer_hid_is_new_again(void **state)
{
	const struct scratch *s = *state;

	whiteout(s, "high/dir/two");
	scratch_mkdir(s, "c/upper/dir");
	scratch_write(s, "c/upper/dir/two", "");
	CHANGES(s, "C /dir;", "A /dir/two;");
}

static void targets_of_our_mounts_are_not_told(void **state)
{
	const struct scratch *s = *state;

	scratch_mkdir(s, "low/etc");
	for (const char *const *name = (const char *const[]){ "c/upper/proc", "c/upper/dev",
		     "c/upper/dev/shm", "c/upper/etc", NULL };
		*name; name++)
		scratch_mkdir(s, *name);
	scratch_write(s, "c/upper/etc/hosts", "");
	CHANGES(s, NULL);
	scratch_write(s, "c/upper/etc/mine", "");
	CHANGES(s, "C /etc;", "A /etc/mine;");
}

static void a_link_is_not_followed(void **state)
{
	const struct scratch *s = *state;

	assert_int_equal(symlinkat("/etc", s->fd, "c/upper/dir"), 0);
	CHANGES(s, "C /dir;");
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, harness_scratch_done)

TEST_MAIN(T(files_are_added_changed_and_deleted), T(a_directory_on_the_way_is_no_change),
	T(an_opaque_directory_deletes_what_it_has_not), T(whiteouts_by_attribute_are_deletions),
	T(what_a_layer_hid_is_new_again), T(targets_of_our_mounts_are_not_told),
	T(a_link_is_not_followed))
