/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"

#include <errno.h>
#include <string.h>

#include "base/own.h"
#include "image/digest.h"

static void hash(const char *like, const char *text, char ret[DIGEST_MAX])
{
	autodigester struct digester *d = NULL;
	struct err err = ERR_INIT;

	assert_int_equal(digester_new(like, &d, &err), 0);
	for (const char *c = text; *c; c++)
		digester_update(d, c, 1);
	digester_final(d, ret);
}

/* FIPS 180-4's own example. */
static void both_algorithms_give_the_standards_vectors(void **state)
{
	char got[DIGEST_MAX];

	(void)state;
	hash(NULL, "abc", got);
	assert_string_equal(
		got, "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	hash("sha512:", "abc", got);
	assert_string_equal(got,
		"sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
		"2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
	hash("sha256:", "", got);
	assert_string_equal(
		got, "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void other_algorithms_are_refused(void **state)
{
	struct digester *d = NULL;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(digester_new("md5:00", &d, &err), -EINVAL);
	assert_null(d);
}

TEST_MAIN(cmocka_unit_test(both_algorithms_give_the_standards_vectors),
	cmocka_unit_test(other_algorithms_are_refused))
