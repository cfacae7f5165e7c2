/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"

#include "base/kept.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

static void a_kept_stat_is_parsed(void **state)
{
	struct stat st = { .st_mode = S_IFREG | 0600 };

	(void)state;
	assert_int_equal(kept_parse("33:44:104755:0:0", &st), 0);
	assert_int_equal(st.st_uid, 33);
	assert_int_equal(st.st_gid, 44);
	assert_int_equal(st.st_mode, S_IFREG | 04755);
	assert_int_equal(kept_parse("0:0:20666:1:3", &st), 0);
	assert_int_equal(st.st_mode, S_IFCHR | 0666);
	assert_int_equal(st.st_rdev, makedev(1, 3));
	assert_int_equal(kept_parse("1:1:755:0:0", &st), 0); /* no type: that of the object */
	assert_int_equal(st.st_mode, S_IFCHR | 0755);
}

static void anything_else_is_refused_and_changes_nothing(void **state)
{
	static const char *const bad[] = { "", ":", "1", "1:2:3", "1:2:3:4",
		"1:2:3:4:", "a:2:3:4:5", "1:2:9:4:5", "-1:2:3:4:5", "1:2:3:4:5:6",
		"4294967295:0:0:0:0", "1:2:1000000:0:0", " 1:2:3:4:5", "1:2:3:4:5 ", "0:0:999:0:0",
		"0:0:755:0:0:0", "99999999999999999999:0:0:0:0" };
	struct stat st = { .st_uid = 7 };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(kept_parse(bad[i], &st), -EINVAL);
		assert_int_equal(st.st_uid, 7);
	}
}

static void a_directory_stays_one_and_no_file_becomes_one(void **state)
{
	struct stat dir = { .st_mode = S_IFDIR | 0700 }, file = { .st_mode = S_IFREG | 0600 };

	(void)state;
	assert_int_equal(kept_parse("1:1:100644:0:0", &dir), -EINVAL);
	assert_int_equal(kept_parse("1:1:40755:0:0", &file), -EINVAL);
	assert_int_equal(kept_parse("1:1:40755:0:0", &dir), 0);
	assert_int_equal(dir.st_mode, S_IFDIR | 0755);
}

static void what_is_written_is_read_back(void **state)
{
	struct stat st = { .st_mode = S_IFREG }, want = { .st_mode = S_IFBLK | 04660,
		.st_uid = 4294967294U,
		.st_gid = 4294967294U,
		.st_rdev = makedev(4095, 1048575) };
	char text[KEPT_MAX];
	int n = kept_format(text, &want);

	(void)state;
	assert_int_equal(n, (int)strlen(text));
	assert_int_equal(kept_parse(text, &st), 0);
	assert_int_equal(st.st_mode, want.st_mode);
	assert_int_equal(st.st_uid, want.st_uid);
	assert_int_equal(st.st_rdev, want.st_rdev);
}

static void what_is_beside_a_file_replaces_its_own(void **state)
{
	const struct scratch *dir = *state;
	struct stat st;
	int fd;

	scratch_write(dir, "f", "");
	fd = openat(dir->fd, "f", O_RDWR | O_CLOEXEC);
	assert_int_equal(fchmod(fd, 0755), 0);
	if (fsetxattr(fd, KEPT_XATTR, "33:44:4755:0:0", 14, 0) < 0) {
		(void)close(fd);
		print_message("no user xattrs here\n");
		skip();
	}
	assert_int_equal(fstat(fd, &st), 0);
	kept_read(fd, &st);
	assert_int_equal(st.st_uid, 33);
	assert_int_equal(st.st_mode, S_IFREG | 04755);
	assert_int_equal(kept_own(fd, 7, 8), 0);
	assert_int_equal(fchmod(fd, 0640), 0); /* nothing beside the file hears of it */
	assert_int_equal(fstat(fd, &st), 0);
	kept_read(fd, &st);
	assert_int_equal(st.st_uid, 7);
	assert_int_equal(st.st_gid, 8);
	assert_int_equal(st.st_mode, S_IFREG | 0640);
	(void)close(fd);
}

TEST_MAIN(cmocka_unit_test(a_kept_stat_is_parsed),
	cmocka_unit_test(a_directory_stays_one_and_no_file_becomes_one),
	cmocka_unit_test(what_is_written_is_read_back),
	cmocka_unit_test_setup_teardown(
		what_is_beside_a_file_replaces_its_own, harness_scratch, harness_scratch_done),
	cmocka_unit_test(anything_else_is_refused_and_changes_nothing))
