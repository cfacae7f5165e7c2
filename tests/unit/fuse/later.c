/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"

#include "fuse/later.h"

struct note {
	struct later_job job;
	int number;
	int *seen, *n_seen;
};

static void write_down(struct later_job *job)
{
	struct note *note = (struct note *)job;

	note->seen[(*note->n_seen)++] = note->number;
}

static void jobs_are_done_in_the_order_they_were_given(void **state)
{
	int seen[100], n_seen = 0;
	struct note notes[100];
	struct later later;

	(void)state;
	later_init(&later);
	for (int i = 0; i < 100; i++) {
		notes[i] = (struct note){ { write_down, NULL }, i, seen, &n_seen };
		assert_int_equal(later_do(&later, &notes[i].job), 0);
	}
	later_done(&later);
	assert_int_equal(n_seen, 100);
	for (int i = 0; i < 100; i++)
		assert_int_equal(seen[i], i);
}

static void without_jobs_there_is_no_thread(void **state)
{
	struct later later;

	(void)state;
	later_init(&later);
	assert_false(later.started);
	later_done(&later);
	later_done(&later);
}

TEST_MAIN(cmocka_unit_test(jobs_are_done_in_the_order_they_were_given),
	cmocka_unit_test(without_jobs_there_is_no_thread))
