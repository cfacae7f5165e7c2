/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/own.h"
#include "image/unpack.h"

static void names_say_what_they_mean(void **state)
{
	static const struct {
		const char *path;
		enum unpack_type type;
		int result;
		enum whiteout what;
		const char *name;
	} rows[] = {
		{ "etc/passwd", UNPACK_FILE, 0, WHITEOUT_NONE, NULL },
		{ "etc/.wh.passwd", UNPACK_FILE, 0, WHITEOUT_NAME, "passwd" },
		{ ".wh.x", UNPACK_HARDLINK, 0, WHITEOUT_NAME, "x" },
		{ ".wh..x", UNPACK_FILE, 0, WHITEOUT_NAME, ".x" },
		{ "d/.wh..wh..opq", UNPACK_FILE, 0, WHITEOUT_OPAQUE, ".wh..opq" },
		{ ".wh..wh.plnk", UNPACK_DIR, 0, WHITEOUT_IGNORE, NULL },
		{ ".wh..wh.plnk/7.8", UNPACK_FILE, 0, WHITEOUT_IGNORE, NULL },
		{ "a.wh.b", UNPACK_FILE, 0, WHITEOUT_NONE, NULL },
		{ ".whx", UNPACK_DIR, 0, WHITEOUT_NONE, NULL },
		{ ".wh.", UNPACK_FILE, -EINVAL, WHITEOUT_NONE, NULL },
		{ ".wh..", UNPACK_FILE, -EINVAL, WHITEOUT_NONE, NULL },
		{ ".wh...", UNPACK_FILE, -EINVAL, WHITEOUT_NONE, NULL },
		{ ".wh.x", UNPACK_DIR, -EINVAL, WHITEOUT_NONE, NULL },
		{ ".wh.x/y", UNPACK_FILE, -EINVAL, WHITEOUT_NONE, NULL },
		{ ".wh..wh..opq", UNPACK_SYMLINK, -EINVAL, WHITEOUT_NONE, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *name = NULL;
		struct err err = ERR_INIT;
		enum whiteout what;

		assert_int_equal(whiteout_parse(rows[i].path, rows[i].type, &what, &name, &err),
			rows[i].result);
		if (rows[i].result < 0)
			continue;
		assert_int_equal(what, rows[i].what);
		if (rows[i].name)
			assert_string_equal(name, rows[i].name);
	}
}

/* What kernels and file systems get that refuse mknod: the form of Linux 6.7. */
static void without_mknod_whiteouts_are_marked_files(void **state)
{
	struct scratch *dir = *state;
	struct writer w;
	struct err err = ERR_INIT;
	struct stat st;
	char value = 0;

	writer_init(&w, dir->fd, &(struct idmap){ .kind = IDMAP_SINGLE });
	w.no_mknod = true;
	assert_int_equal(whiteout_name(&w, dir->fd, "gone", &err), 0);
	assert_int_equal(fstatat(dir->fd, "gone", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_true(S_ISREG(st.st_mode) && st.st_size == 0);
	assert_true(whiteout_is(&w, dir->fd, "gone"));
	assert_int_equal(fgetxattr(dir->fd, "user.overlay.opaque", &value, 1), 1);
	assert_int_equal(value, 'x');
	scratch_write(dir, "own", "");
	assert_false(whiteout_is(&w, dir->fd, "own"));
	assert_int_equal(whiteout_name(&w, dir->fd, "own", &err), 0);
	assert_false(whiteout_is(&w, dir->fd, "own"));
	assert_int_equal(whiteout_opaque(&w, dir->fd, &err), 0);
	assert_int_equal(whiteout_name(&w, dir->fd, "late", &err), 0);
	assert_int_not_equal(faccessat(dir->fd, "late", F_OK, 0), 0); /* an opaque one needs none */
	writer_done(&w);
}

TEST_MAIN(cmocka_unit_test(names_say_what_they_mean),
	cmocka_unit_test_setup_teardown(
		without_mknod_whiteouts_are_marked_files, harness_scratch, harness_scratch_done))
