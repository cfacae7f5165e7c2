/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"

#include "fuse/turns.h"

struct follower {
	struct turns *turns;
	bool led;
};

static void *follow(void *data)
{
	struct follower *f = data;

	f->led = turns_lead(f->turns);
	return data;
}

static void the_lead_goes_to_who_waits_for_it(void **state)
{
	struct turns turns;
	struct follower f = { &turns, false };
	pthread_t thread;

	(void)state;
	turns_init(&turns);
	assert_false(turns_is_leading(&turns));
	assert_true(turns_lead(&turns));
	assert_true(turns_is_leading(&turns));
	assert_int_equal(pthread_create(&thread, NULL, follow, &f), 0);
	turns_pass_on(&turns);
	assert_false(turns_is_leading(&turns));
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(f.led);
	turns_pass_on(&turns); /* not ours to pass on any more */
	assert_false(turns_is_leading(&turns));
}

static void nobody_waits_once_it_is_over(void **state)
{
	struct turns turns;
	struct follower f = { &turns, true };
	pthread_t thread;

	(void)state;
	turns_init(&turns);
	assert_true(turns_lead(&turns));
	assert_int_equal(pthread_create(&thread, NULL, follow, &f), 0);
	turns_end(&turns);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_false(f.led);
	assert_false(turns_lead(&turns));
}

TEST_MAIN(cmocka_unit_test(the_lead_goes_to_who_waits_for_it),
	cmocka_unit_test(nobody_waits_once_it_is_over))
