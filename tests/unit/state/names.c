/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

static void bad_names_are_refused(void **state)
{
	struct fixture *f = *state;
	const char *bad[] = { "", "-", "-ab", "_ab", "a b", "a/b", "..", "a\n", "a\x1b[31m", "äö",
		".ab" };
	char big[257];

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		autocontainer struct container c = CONTAINER_INIT;

		assert_int_equal(make(f, bad[i], &c), -EINVAL);
	}
	memset(big, 'a', sizeof(big));
	big[sizeof(big) - 1] = '\0';
	assert_false(state_name_valid(big));
	assert_true(state_name_valid("a"));
	assert_true(state_name_valid("a1"));
	assert_true(state_name_valid("Z.b_c-d"));
}

static void containers_without_a_name_get_different_ones(void **state)
{
	struct fixture *f = *state;
	autocontainer struct container a = CONTAINER_INIT, b = CONTAINER_INIT;

	assert_int_equal(make(f, NULL, &a), 0);
	assert_int_equal(make(f, NULL, &b), 0);
	assert_true(state_name_valid(a.name));
	assert_non_null(strchr(a.name, '_'));
	assert_string_not_equal(a.name, b.name);
}

TEST_MAIN(T(bad_names_are_refused), T(containers_without_a_name_get_different_ones))
