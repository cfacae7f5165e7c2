/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

static void a_new_container_is_found_by_id_name_and_prefix(void **state)
{
	struct fixture *f = *state;
	autocontainer struct container c = CONTAINER_INIT;
	char part[13];

	assert_int_equal(make(f, "redis1", &c), 0);
	snprintf(part, sizeof(part), "%s", c.id);
	for (size_t i = 0; i < 4; i++) {
		const char *by[] = { c.id, "redis1", part, "/redis1" };
		autocontainer struct container found = CONTAINER_INIT;

		assert_int_equal(state_open(&f->globals, by[i], &found, &f->err), 0);
		assert_string_equal(found.id, c.id);
		assert_string_equal(found.name, "redis1");
		assert_int_equal(found.status, STATUS_CREATED);
		assert_true(state_now() - state_created(&found) < 60000000000LL);
	}
	assert_int_equal(state_open(&f->globals, "redis2", &c, &f->err), -ENOENT);
	assert_string_equal(f->err.text, "No such container: redis2");
	assert_int_equal(state_open(&f->globals, "../redis1", &c, &f->err), -ENOENT);
	assert_int_equal(state_open(&f->globals, "", &c, &f->err), -ENOENT);
}

static void an_empty_store_has_no_containers(void **state)
{
	struct fixture *f = *state;
	autocontainer struct container c = CONTAINER_INIT;

	assert_int_equal(count(f), 0);
	assert_int_equal(state_open(&f->globals, "x1", &c, &f->err), -ENOENT);
}

static void an_ambiguous_prefix_is_refused(void **state)
{
	struct fixture *f = *state;
	bool ambiguous = false;

	/* 17 ids have two with the same first digit. */
	for (int i = 0; i < 17; i++) {
		autocontainer struct container c = CONTAINER_INIT;

		assert_int_equal(make(f, NULL, &c), 0);
	}
	for (int digit = 0; digit < 16; digit++) {
		autocontainer struct container c = CONTAINER_INIT;
		char prefix[2] = { "0123456789abcdef"[digit], '\0' };

		ambiguous |= state_open(&f->globals, prefix, &c, &f->err) == -ENOTUNIQ;
	}
	assert_true(ambiguous);
}

static void the_newest_container_is_listed_first(void **state)
{
	struct fixture *f = *state;
	struct container *list = NULL;
	size_t n = 0;

	for (int i = 0; i < 5; i++) {
		autocontainer struct container c = CONTAINER_INIT;
		char name[8];

		snprintf(name, sizeof(name), "c%d", i);
		assert_int_equal(make(f, name, &c), 0);
	}
	assert_int_equal(state_list(&f->globals, &list, &n, &f->err), 0);
	assert_int_equal(n, 5);
	for (int i = 0; i < 5; i++)
		assert_int_equal(list[i].name[1], '4' - i);
	state_list_free(list, n);
}

static void only_what_runs_is_in_the_short_list(void **state)
{
	struct fixture *f = *state;
	struct container *list = NULL;
	const enum status statuses[] = { STATUS_CREATED, STATUS_EXITED, STATUS_RUNNING,
		STATUS_PAUSED };
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
		autocontainer struct container c = CONTAINER_INIT;

		assert_int_equal(make(f, NULL, &c), 0);
		c.status = statuses[i];
		c.monitor = getpid();
		c.monitor_start = state_pid_start(getpid());
		assert_int_equal(state_save(&c, &f->err), 0);
	}
	{
		autocontainer struct container c = CONTAINER_INIT; /* its monitor is dead */

		assert_int_equal(make(f, NULL, &c), 0);
		c.status = STATUS_RUNNING;
		c.monitor = getpid();
		c.monitor_start = 1;
		assert_int_equal(state_save(&c, &f->err), 0);
	}
	assert_int_equal(state_list_up(&f->globals, &list, &n, &f->err), 0);
	assert_int_equal(n, 2);
	assert_int_equal(list[0].status, STATUS_PAUSED);
	assert_int_equal(list[1].status, STATUS_RUNNING);
	state_list_free(list, n);
}

TEST_MAIN(T(only_what_runs_is_in_the_short_list), T(a_new_container_is_found_by_id_name_and_prefix),
	T(an_empty_store_has_no_containers), T(an_ambiguous_prefix_is_refused),
	T(the_newest_container_is_listed_first))
