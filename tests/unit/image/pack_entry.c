/* SPDX-License-Identifier: Apache-2.0 */
#include "image/pack_private.h"

#include <stdio.h>
#include <sys/sysmacros.h>

#include "harness.h"

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

TEST_MAIN(cmocka_unit_test(the_first_path_of_a_file_is_remembered))
