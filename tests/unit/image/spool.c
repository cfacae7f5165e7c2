/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <unistd.h>

#include "fixture.h"
#include "image/parcel.h"

/* sha256 of "abc" */
#define ABC "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static void bytes_get_the_name_of_their_digest(void **state)
{
	struct fixture *fx = *state;
	struct err err = ERR_INIT;
	struct spool spool;
	char digest[DIGEST_MAX];
	int64_t have = -1;

	assert_int_equal(spool_begin(&spool, &fx->store, NULL, &err), 0);
	assert_int_equal(spool_write(&spool, "ab", 2, &err), 0);
	assert_int_equal(spool_write(&spool, "c", 1, &err), 0);
	assert_false(store_has_blob(&fx->store, ABC));
	assert_int_equal(spool_commit(&spool, digest, &err), 0);
	spool_done(&spool);
	assert_string_equal(digest, ABC);
	(void)close(store_open_blob(&fx->store, ABC, &have, &err));
	assert_int_equal(have, 3);
}

static void bytes_with_another_digest_are_refused_and_forgotten(void **state)
{
	struct fixture *fx = *state;
	struct err err = ERR_INIT;
	struct spool spool;
	char digest[DIGEST_MAX];
	int64_t have = -1;

	assert_int_equal(spool_begin(&spool, &fx->store, ABC, &err), 0);
	assert_int_equal(spool_write(&spool, "abd", 3, &err), 0);
	assert_int_equal(spool_commit(&spool, digest, &err), -EBADMSG);
	assert_string_equal(err.id, "E-DIGEST");
	spool_done(&spool);
	assert_false(store_has_blob(&fx->store, ABC));
	(void)close(store_partial_open(&fx->store, ABC, &have, &err));
	assert_int_equal(have, 0); /* nothing left that a pull would continue */
}

static void damaged_bytes_are_told_even_if_the_blob_is_here(void **state)
{
	struct fixture *fx = *state;
	struct err err = ERR_INIT;
	char digest[DIGEST_MAX];
	struct spool spool;

	fixture_put(fx, "abc", digest);
	assert_int_equal(spool_begin(&spool, &fx->store, ABC, &err), 0);
	assert_int_equal(spool_write(&spool, "abd", 3, &err), 0);
	assert_int_equal(spool_commit(&spool, digest, &err), -EBADMSG);
	spool_done(&spool);
	assert_true(store_has_blob(&fx->store, ABC));
}

static void a_blob_that_is_here_is_not_written_again(void **state)
{
	struct fixture *fx = *state;
	struct err err = ERR_INIT;
	char digest[DIGEST_MAX];
	struct spool spool;

	for (int i = 0; i < 2; i++) {
		assert_int_equal(spool_begin(&spool, &fx->store, ABC, &err), 0);
		assert_int_equal(spool.have, i);
		assert_int_equal(spool_write(&spool, "abc", 3, &err), 0);
		assert_int_equal(spool_commit(&spool, digest, &err), 0);
		spool_done(&spool);
	}
	assert_true(store_has_blob(&fx->store, ABC));
}

#define with(fn) cmocka_unit_test_setup_teardown(fn, fixture_setup, fixture_teardown)

TEST_MAIN(with(bytes_get_the_name_of_their_digest),
	with(bytes_with_another_digest_are_refused_and_forgotten),
	with(damaged_bytes_are_told_even_if_the_blob_is_here),
	with(a_blob_that_is_here_is_not_written_again))
