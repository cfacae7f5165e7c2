/* SPDX-License-Identifier: Apache-2.0 */
#include "image/pack_private.h"

#include <errno.h>
#include <stdio.h>
#include <sys/sysmacros.h>

#include "harness.h"

static void a_kept_owner_replaces_that_on_disk(void **state)
{
	struct stat st = { .st_mode = S_IFREG | 0600 };

	(void)state;
	assert_int_equal(pack_parse_stat("33:50:4755:0:0", &st), 0);
	assert_int_equal(st.st_uid, 33);
	assert_int_equal(st.st_gid, 50);
	assert_int_equal(st.st_mode, S_IFREG | 04755);
}

static void a_kept_device_has_its_type_and_number(void **state)
{
	struct stat st = { .st_mode = S_IFREG | 0600 };

	(void)state;
	assert_int_equal(pack_parse_stat("0:6:20660:1:3", &st), 0);
	assert_true(S_ISCHR(st.st_mode));
	assert_int_equal(st.st_rdev, makedev(1, 3));
}

static void nonsense_beside_a_file_is_ignored(void **state)
{
	static const char *const bad[] = { "", "1", "1:2:3", "1:2:755:0:0 ", "-1:0:755:0:0",
		"4294967295:0:755:0:0", "0:0:999:0:0", "0:0:40755:0:0", "0:0:755:0:0:0" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct stat st = { .st_mode = S_IFREG | 0600, .st_uid = 7 };

		assert_int_equal(pack_parse_stat(bad[i], &st), -EINVAL);
		assert_int_equal(st.st_uid, 7);
	}
}

static void the_first_path_of_a_file_is_remembered(void **state)
{
	struct pack_links *links = pack_links_new();
	char path[32];

	(void)state;
	for (unsigned i = 0; i < 5000; i++) { /* the table grows several times */
		struct stat st = { .st_dev = 1, .st_ino = i };

		(void)snprintf(path, sizeof(path), "file%u", i);
		assert_null(pack_links_find(links, &st, path));
	}
	for (unsigned i = 0; i < 5000; i++) {
		struct stat st = { .st_dev = 1, .st_ino = i };

		(void)snprintf(path, sizeof(path), "file%u", i);
		assert_string_equal(pack_links_find(links, &st, "other"), path);
	}
	assert_null(pack_links_find(links, &(struct stat){ .st_dev = 2, .st_ino = 1 }, "other"));
	pack_links_free(links);
}

TEST_MAIN(cmocka_unit_test(a_kept_owner_replaces_that_on_disk),
	cmocka_unit_test(a_kept_device_has_its_type_and_number),
	cmocka_unit_test(nonsense_beside_a_file_is_ignored),
	cmocka_unit_test(the_first_path_of_a_file_is_remembered))
