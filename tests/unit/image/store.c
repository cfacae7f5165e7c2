/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/own.h"

#define HEX "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static void only_canonical_digests_are_valid(void **state)
{
	static const char *const bad[] = { "", "sha256:", "sha256", HEX, "md5:" HEX, "SHA256:" HEX,
		"sha256:../../../etc/passwd", "sha256:" HEX "0", "sha512:" HEX, "sha256:aa+b",
		"sha256:Ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
		"sha256:a7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
		" sha256:" HEX, "sha256:" HEX "\n" };

	(void)state;
	assert_true(digest_valid("sha256:" HEX));
	assert_true(digest_valid("sha512:" HEX HEX));
	assert_false(digest_valid(NULL));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(digest_valid(bad[i]));
}

static void a_new_store_is_private_and_an_oci_layout(void **state)
{
	struct fixture *fx = *state;
	struct stat st;
	char *layout = scratch_read(fx->scratch, "root/images/oci-layout");
	char *index = scratch_read(fx->scratch, "root/images/index.json");

	assert_int_equal(fstat(fx->store.root, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_string_equal(layout, "{\"imageLayoutVersion\":\"1.0.0\"}");
	assert_non_null(strstr(index, "\"manifests\":[]"));
	free(index);
	free(layout);
}

static void a_missing_store_is_an_empty_one_for_readers(void **state)
{
	struct fixture *fx = *state;
	struct globals globals = { .root = (char *)"/nonexistent/store" };
	struct store store = STORE_INIT;
	struct err err = ERR_INIT;

	(void)fx;
	assert_int_equal(store_open(&globals, false, &store, &err), 0);
	assert_false(store_has_blob(&store, "sha256:" HEX));
	assert_false(store_has_layer(&store, HEX));
	assert_int_equal(store_open_blob(&store, "sha256:" HEX, NULL, &err), -ENOENT);
	store_done(&store);
	assert_int_not_equal(access("/nonexistent", F_OK), 0);
}

static void a_document_with_another_digest_is_refused(void **state)
{
	struct fixture *fx = *state;
	struct err err = ERR_INIT;
	struct buf back = BUF_INIT;

	assert_int_equal(store_put_blob(&fx->store, "sha256:" HEX, "abd", 3, &err), -EBADMSG);
	assert_string_equal(err.id, "E-DIGEST");
	assert_false(store_has_blob(&fx->store, "sha256:" HEX));
	assert_int_equal(store_put_blob(&fx->store, "sha256:" HEX, "abc", 3, &err), 0);
	assert_int_equal(store_read_blob(&fx->store, "sha256:" HEX, 10, &back, &err), 0);
	assert_string_equal(back.data, "abc");
	assert_int_equal(store_read_blob(&fx->store, "sha256:" HEX, 2, &back, &err), -EFBIG);
	buf_done(&back);
}

static void a_damaged_document_is_found_and_healed_by_writing_it_again(void **state)
{
	struct fixture *fx = *state;
	struct err err = ERR_INIT;
	struct buf back = BUF_INIT;

	assert_int_equal(store_put_blob(&fx->store, "sha256:" HEX, "abc", 3, &err), 0);
	scratch_write(fx->scratch, "root/images/blobs/sha256/" HEX, "abX");
	assert_int_equal(store_read_blob(&fx->store, "sha256:" HEX, 10, &back, &err), -EBADMSG);
	assert_string_equal(err.id, "E-DIGEST");
	assert_int_equal(store_put_blob(&fx->store, "sha256:" HEX, "abc", 3, &err), 0);
	assert_int_equal(store_read_blob(&fx->store, "sha256:" HEX, 10, &back, &err), 0);
	buf_done(&back);
}

static void a_blob_that_is_a_symlink_or_fifo_is_not_opened(void **state)
{
	struct fixture *fx = *state;
	struct err err = ERR_INIT;

	assert_int_equal(symlinkat("/etc/passwd", fx->store.blobs, HEX), 0);
	assert_true(store_open_blob(&fx->store, "sha256:" HEX, NULL, &err) < 0);
	assert_false(store_has_blob(&fx->store, "sha256:" HEX));
	assert_int_equal(unlinkat(fx->store.blobs, HEX, 0), 0);
	assert_int_equal(mkfifoat(fx->store.blobs, HEX, 0600), 0);
	assert_int_equal(store_open_blob(&fx->store, "sha256:" HEX, NULL, &err), -EINVAL);
}

static void a_layer_needs_its_directory_and_its_record(void **state)
{
	struct fixture *fx = *state;

	assert_int_equal(mkdirat(fx->store.layers, HEX, 0755), 0);
	assert_false(store_has_layer(&fx->store, HEX));
	scratch_write(fx->scratch, "root/layers/" HEX ".json", "");
	assert_false(store_has_layer(&fx->store, HEX));
	scratch_write(fx->scratch, "root/layers/" HEX ".json", "{}");
	assert_true(store_has_layer(&fx->store, HEX));
	assert_false(store_has_layer(&fx->store, "../layers"));
}

static void too_large_a_demand_names_what_does_not_fit(void **state)
{
	struct fixture *fx = *state;
	struct err err = ERR_INIT;

	assert_int_equal(store_check_space(&fx->store, "redis:latest", 4096, 10, &err), 0);
	assert_int_equal(
		store_check_space(&fx->store, "redis:latest", INT64_MAX / 2, 10, &err), -ENOSPC);
	assert_string_equal(err.id, "E-WONT-FIT");
	assert_non_null(strstr(err.text, "redis:latest needs 4611686018.43 GB, "));
	assert_int_equal(
		store_check_space(&fx->store, "redis:latest", 4096, INT64_MAX / 2, &err), -ENOSPC);
	assert_string_equal(err.id, "E-INODES");
}

TEST_MAIN(cmocka_unit_test(only_canonical_digests_are_valid),
	FIXTURE_TEST(a_new_store_is_private_and_an_oci_layout),
	FIXTURE_TEST(a_missing_store_is_an_empty_one_for_readers),
	FIXTURE_TEST(a_document_with_another_digest_is_refused),
	FIXTURE_TEST(a_damaged_document_is_found_and_healed_by_writing_it_again),
	FIXTURE_TEST(a_blob_that_is_a_symlink_or_fifo_is_not_opened),
	FIXTURE_TEST(a_layer_needs_its_directory_and_its_record),
	FIXTURE_TEST(too_large_a_demand_names_what_does_not_fit))
