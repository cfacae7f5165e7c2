/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"

#include <time.h>

#include "base/awake.h"

enum { US = 1000 };

/* A machine on which a request takes `sleeping` ns, and `spinning` while processors are kept awake. */
struct machine {
	struct awake_plan plan;
	uint64_t now, sleeping, spinning;
	bool spins;
	unsigned requests, spun;
};

static void run(struct machine *m, unsigned requests)
{
	for (unsigned i = 0; i < requests; i++) {
		m->now += m->spins ? m->spinning : m->sleeping;
		m->spins = awake_plan_saw(&m->plan, m->now);
		m->requests++;
		m->spun += m->spins;
	}
}

static void a_machine_that_wakes_slowly_is_kept_awake(void **state)
{
	struct machine m = { .now = 1, .sleeping = 80 * US, .spinning = 20 * US };

	(void)state;
	run(&m, 2000);
	assert_int_equal(m.plan.state, AWAKE_ON);
	assert_true(m.spun > 1700);
}

static void a_machine_that_wakes_fast_sleeps(void **state)
{
	struct machine m = { .now = 1, .sleeping = 10 * US, .spinning = 9 * US };

	(void)state;
	run(&m, 200000); /* two seconds */
	assert_int_equal(m.plan.state, AWAKE_RESTING);
	assert_true(m.spun < m.requests / 100);
}

static void requests_far_apart_are_not_spun_for(void **state)
{
	struct machine m = { .now = 1, .sleeping = AWAKE_WINDOW + 1, .spinning = 20 * US };

	(void)state;
	run(&m, 2000);
	assert_int_equal(m.spun, 0);
	assert_int_equal(m.plan.state, AWAKE_RESTING);
}

static void the_first_requests_after_a_pause_are_not_spun_for(void **state)
{
	struct machine m = { .now = 1, .sleeping = 80 * US, .spinning = 20 * US };

	(void)state;
	run(&m, 1000);
	assert_true(m.spins);
	m.now += 10 * AWAKE_WINDOW;
	run(&m, 1);
	assert_false(m.spins);
	run(&m, 14);
	assert_false(m.spins);
	run(&m, 2);
	assert_true(m.spins);
}

static void a_gain_is_looked_at_again(void **state)
{
	struct machine m = { .now = 1, .sleeping = 80 * US, .spinning = 20 * US };

	(void)state;
	run(&m, 1000);
	assert_int_equal(m.plan.state, AWAKE_ON);
	m.sleeping = m.spinning = 50 * US; /* others came and keep the processors busy */
	run(&m, 21000);                    /* a second, and a trial */
	assert_int_equal(m.plan.state, AWAKE_RESTING);
}

static void longer_gaps_end_a_rest(void **state)
{
	struct machine m = { .now = 1, .sleeping = 10 * US, .spinning = 10 * US };
	uint64_t before;

	(void)state;
	run(&m, 3000);
	assert_int_equal(m.plan.state, AWAKE_RESTING);
	before = m.plan.until;
	m.sleeping = 80 * US;
	run(&m, 1000);
	assert_true(m.now < before); /* the rest would have gone on */
	assert_int_equal(m.plan.state, AWAKE_ON);
}

static void rests_become_longer_and_not_for_ever(void **state)
{
	struct machine m = { .now = 1, .sleeping = 10 * US, .spinning = 10 * US };
	uint64_t longest = 0;

	(void)state;
	for (int i = 0; i < 60; i++) {
		run(&m, 100000);
		if (m.plan.until - m.plan.since > longest)
			longest = m.plan.until - m.plan.since;
	}
	assert_int_equal(longest, UINT64_C(8000000000));
}

static void spinning_ends_with_its_owner_and_by_itself(void **state)
{
	struct awake *awake = awake_new();

	(void)state;
	for (int i = 0; i < 2000; i++) { /* NULL with one processor */
		const struct timespec pause = { .tv_nsec = 30 * US };

		awake_saw(awake);
		(void)nanosleep(&pause, NULL);
	}
	awake_free(awake);
	awake_free(NULL);
}

TEST_MAIN(cmocka_unit_test(a_machine_that_wakes_slowly_is_kept_awake),
	cmocka_unit_test(a_machine_that_wakes_fast_sleeps),
	cmocka_unit_test(requests_far_apart_are_not_spun_for),
	cmocka_unit_test(the_first_requests_after_a_pause_are_not_spun_for),
	cmocka_unit_test(a_gain_is_looked_at_again), cmocka_unit_test(longer_gaps_end_a_rest),
	cmocka_unit_test(rests_become_longer_and_not_for_ever),
	cmocka_unit_test(spinning_ends_with_its_owner_and_by_itself))
