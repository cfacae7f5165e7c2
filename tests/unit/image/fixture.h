/* SPDX-License-Identifier: Apache-2.0 */
/* A store in a scratch directory, and images made by hand. Failures fail the test. */
#ifndef SBX_TESTS_UNIT_IMAGE_FIXTURE_H
#define SBX_TESTS_UNIT_IMAGE_FIXTURE_H

#include "harness.h"

#include "image/store_private.h"

struct fixture {
	struct globals globals;
	struct store store; /* opened for writing */
	char root[300];
	struct scratch *scratch;
};
int fixture_setup(void **state); /* *state is a struct fixture */
int fixture_teardown(void **state);
#define FIXTURE_TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

/* Puts a document and tells its digest. */
void fixture_put(struct fixture *fx, const char *text, char ret_digest[DIGEST_MAX]);
/* A complete image whose layer is an empty directory; `seed` makes ids differ. ref may be NULL. */
void fixture_image(struct fixture *fx, const char *ref, const char *seed, char ret_id[DIGEST_MAX]);
/* The first layer's chain id of the image that fixture_image() makes of this seed. */
void fixture_chain(const char *seed, char ret[65]);
/* The same for the layer's compressed blob. */
void fixture_layer_digest(const char *seed, char ret[DIGEST_MAX]);

#endif
