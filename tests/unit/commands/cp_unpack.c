/* SPDX-License-Identifier: Apache-2.0 */
/* What arrives from a container, on the host's side. */
#include "commands/cp.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "commands/tar.h"
#include "harness.h"

/* Makes a stream of the entries, unpacks it at `name` in the scratch directory. */
static int unpack_as(const struct scratch *s, const char *name, bool stream,
	const struct tar_entry *list, size_t n)
{
	int fd = memfd_create("tar", MFD_CLOEXEC), in = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	autofree char *path = xasprintf("%s/%s", s->path, name);
	const struct cp_target target = {
		.path = path, .label = name, .stream = stream, .strip = true
	};
	struct err err = ERR_INIT;
	int64_t bytes = 0;
	int r;

	for (size_t i = 0; i < n; i++) {
		assert_int_equal(tar_write_entry(fd, &list[i], &err), 0);
		if (list[i].type == TAR_FILE)
			assert_int_equal(tar_write_data(fd, in, list[i].size, &err), 0);
	}
	assert_int_equal(tar_write_end(fd, &err), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	r = cp_unpack(&target, fd, &bytes, &err);
	(void)close(fd);
	(void)close(in);
	return r;
}

#define UNPACK(s, name, stream, ...)                                          \
	unpack_as(s, name, stream, (const struct tar_entry[]){ __VA_ARGS__ }, \
		ARRAY_SIZE(((const struct tar_entry[]){ __VA_ARGS__ })))
#define E(t, p, ...)                                                                            \
	{                                                                                       \
		.type = t, .path = (char *)(p), .mode = t == TAR_DIR ? 0755 : 0644, __VA_ARGS__ \
	}

static mode_t mode_of(const struct scratch *s, const char *name)
{
	struct stat st;

	return fstatat(s->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ? 0 : st.st_mode;
}

static void the_top_entry_gets_the_name_of_the_target(void **state)
{
	const struct scratch *s = *state;

	scratch_mkdir(s, "there");
	assert_int_equal(
		UNPACK(s, "new", false, E(TAR_DIR, "d/"), E(TAR_FILE, "d/f", .size = 3)), 0);
	assert_true(S_ISREG(mode_of(s, "new/f")));
	assert_int_equal(UNPACK(s, "there", false, E(TAR_DIR, "d/"), E(TAR_FILE, "d/f")), 0);
	assert_true(S_ISREG(mode_of(s, "there/d/f")));
	assert_int_equal(UNPACK(s, "there", false, E(TAR_FILE, "g")), 0);
	assert_true(S_ISREG(mode_of(s, "there/g")));
	assert_int_equal(UNPACK(s, "there/g", false, E(TAR_DIR, "d/")), -ENOTDIR);
	assert_int_equal(UNPACK(s, "none/x", false, E(TAR_FILE, "g")), -ENOENT);
	assert_int_equal(UNPACK(s, "none/", false, E(TAR_FILE, "g")), -ENOENT);
}

static void nothing_leads_out_of_the_target(void **state)
{
	const struct scratch *s = *state;

	scratch_mkdir(s, "outside");
	scratch_mkdir(s, "in");
	assert_int_equal(UNPACK(s, "in", true, E(TAR_FILE, "../outside/f")), -EPERM);
	assert_int_equal(UNPACK(s, "in", true, E(TAR_SYMLINK, "l", .link = (char *)"../outside"),
				 E(TAR_FILE, "l/f")),
		-ENOTDIR);
	assert_int_equal(
		UNPACK(s, "in", false, E(TAR_DIR, "d"),
			E(TAR_SYMLINK, "d/l", .link = (char *)"/etc"), E(TAR_DIR, "d/l/x")),
		-ENOTDIR);
	assert_int_equal(
		UNPACK(s, "in", true, E(TAR_HARDLINK, "h", .link = (char *)"../secret")), -EPERM);
	assert_int_equal(UNPACK(s, "in", true, E(TAR_FILE, "/abs")), 0);
	assert_true(S_ISREG(mode_of(s, "in/abs")));
	assert_int_equal(mode_of(s, "outside/f"), 0);
}

static void a_symlink_in_the_way_is_replaced_not_written_through(void **state)
{
	const struct scratch *s = *state;
	autofree char *text = NULL;

	scratch_mkdir(s, "in");
	scratch_write(s, "canary", "mine");
	assert_int_equal(symlinkat("../canary", s->fd, "in/f"), 0);
	assert_int_equal(UNPACK(s, "in", false, E(TAR_FILE, "f", .size = 4)), 0);
	assert_true(S_ISREG(mode_of(s, "in/f")));
	text = scratch_read(s, "canary");
	assert_string_equal(text, "mine");
}

static void set_id_bits_do_not_reach_the_host_and_directories_keep_their_mode(void **state)
{
	const struct scratch *s = *state;

	scratch_mkdir(s, "in");
	assert_int_equal(fchmodat(s->fd, "in", 0700, 0), 0);
	assert_int_equal(UNPACK(s, "in", true, E(TAR_DIR, "."),
				 { .type = TAR_FILE, .path = (char *)"su", .mode = 06755 },
				 { .type = TAR_DIR, .path = (char *)"ro", .mode = 0500 },
				 E(TAR_FILE, "ro/f")),
		0);
	assert_int_equal(mode_of(s, "in/su") & 07777, 0755);
	assert_int_equal(mode_of(s, "in") & 07777, 0700);
	assert_int_equal(mode_of(s, "in/ro") & 07777, 0500);
	assert_true(S_ISREG(mode_of(s, "in/ro/f")));
	assert_int_equal(fchmodat(s->fd, "in/ro", 0700, 0), 0);
}

static void files_and_directories_do_not_replace_each_other(void **state)
{
	const struct scratch *s = *state;

	scratch_mkdir(s, "in");
	scratch_mkdir(s, "in/d");
	scratch_write(s, "in/f", "");
	assert_int_equal(UNPACK(s, "in", true, E(TAR_FILE, "d")), -EISDIR);
	assert_int_equal(UNPACK(s, "in", true, E(TAR_DIR, "f")), -ENOTDIR);
	assert_int_equal(UNPACK(s, "in/f", true, E(TAR_FILE, "x")), -ENOTDIR);
}

static void names_of_operands_are_understood(void **state)
{
	static const char *const cases[][2] = { { "/a/b", "b" }, { "/a/b/", "b" },
		{ "/a/b/.", "b" }, { "b", "b" }, { "/", "." }, { ".", "." }, { "/a/..", "." },
		{ "./x//", "x" } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		autofree char *base = cp_base(cases[i][0]);

		assert_string_equal(base, cases[i][1]);
	}
	assert_true(cp_means_content("a/.") && cp_means_content("."));
	assert_false(cp_means_content("a/") || cp_means_content("a."));
}

#define T(name) cmocka_unit_test_setup_teardown(name, harness_scratch, harness_scratch_done)

TEST_MAIN(T(the_top_entry_gets_the_name_of_the_target), T(nothing_leads_out_of_the_target),
	T(a_symlink_in_the_way_is_replaced_not_written_through),
	T(set_id_bits_do_not_reach_the_host_and_directories_keep_their_mode),
	T(files_and_directories_do_not_replace_each_other),
	cmocka_unit_test(names_of_operands_are_understood))
