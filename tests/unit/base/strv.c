/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"

#include <string.h>

#include "base/strv.h"
#include "base/xalloc.h"

static void a_vector_stays_terminated(void **state)
{
	autostrv struct strv sv = STRV_INIT;

	(void)state;
	assert_false(strv_has(&sv, "a"));
	strv_add(&sv, "a");
	strv_adopt(&sv, xstrdup("b"));
	strv_addf(&sv, "%s%d", "c", 3);
	assert_int_equal(sv.n, 3);
	assert_null(sv.v[3]);
	assert_string_equal(sv.v[2], "c3");
	assert_true(strv_has(&sv, "b"));
}

static void set_replaces_even_by_its_own_items(void **state)
{
	autostrv struct strv sv = STRV_INIT;

	(void)state;
	strv_add(&sv, "a");
	strv_add(&sv, "b");
	strv_set(&sv, sv.v + 1);
	assert_int_equal(sv.n, 1);
	assert_string_equal(sv.v[0], "b");
	strv_set(&sv, NULL);
	assert_int_equal(sv.n, 0);
}

static void extending_copies(void **state)
{
	autostrv struct strv a = STRV_INIT, b = STRV_INIT;

	(void)state;
	strv_add(&b, "x");
	strv_extend(&a, &b);
	strv_done(&b);
	assert_int_equal(a.n, 1);
	assert_string_equal(a.v[0], "x");
}

static void the_last_assignment_wins_at_the_first_place(void **state)
{
	autostrv struct strv env = STRV_INIT;

	(void)state;
	strv_env_set(&env, "A=1");
	strv_env_set(&env, "AB=2");
	strv_env_set(&env, "A=3=4");
	assert_int_equal(env.n, 2);
	assert_string_equal(env.v[0], "A=3=4");
	assert_string_equal(strv_env_get(&env, "A"), "3=4");
	assert_string_equal(strv_env_get(&env, "AB"), "2");
	assert_null(strv_env_get(&env, "B"));
}

TEST_MAIN(cmocka_unit_test(a_vector_stays_terminated),
	cmocka_unit_test(set_replaces_even_by_its_own_items), cmocka_unit_test(extending_copies),
	cmocka_unit_test(the_last_assignment_wins_at_the_first_place))
