/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include "state/internal.h"

static void a_held_lock_is_waited_for_and_then_given_up(void **state)
{
	struct fixture *f = *state;
	autocontainer struct container c = CONTAINER_INIT;
	autofd int lock = -EBADF, other = -EBADF;
	int64_t began;

	assert_int_equal(make(f, "c1", &c), 0);
	lock = state_lock(&c, &f->err);
	assert_true(lock >= 0);
	other = openat(c.dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(lock_try(other, &f->err), -EWOULDBLOCK);
	began = state_now();
	assert_int_equal(lock_wait(other, 30, &f->err), -ETIMEDOUT);
	assert_true(state_now() - began >= 25000000);
	fd_drop(&lock);
	assert_int_equal(lock_wait(other, 0, &f->err), 0);
}

static void the_maker_of_a_container_keeps_no_lock(void **state)
{
	struct fixture *f = *state;
	autocontainer struct container c = CONTAINER_INIT;
	autofd int other = -EBADF;

	assert_int_equal(make(f, "c1", &c), 0);
	other = openat(c.dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(lock_try(other, &f->err), 0);
}

TEST_MAIN(T(a_held_lock_is_waited_for_and_then_given_up), T(the_maker_of_a_container_keeps_no_lock))
