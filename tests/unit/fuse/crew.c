/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"

#include <stdatomic.h>

#include "fuse/crew.h"

static void *count(void *data)
{
	atomic_fetch_add((atomic_int *)data, 1);
	return NULL;
}

static void everyone_works_and_is_waited_for(void **state)
{
	struct err err = ERR_INIT;
	struct crew crew = { 0 };
	atomic_int done = 0;

	(void)state;
	crew_done(&crew);
	assert_int_equal(crew_start(&crew, 5, count, &done, &err), 0);
	assert_int_equal(crew.n, 5);
	crew_done(&crew);
	assert_int_equal(done, 5);
	assert_null(crew.threads);
}

TEST_MAIN(cmocka_unit_test(everyone_works_and_is_waited_for))
