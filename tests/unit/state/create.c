/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

static void a_name_in_use_is_refused_with_the_owners_id(void **state)
{
	struct fixture *f = *state;
	autocontainer struct container a = CONTAINER_INIT, b = CONTAINER_INIT;

	assert_int_equal(make(f, "web", &a), 0);
	assert_int_equal(make(f, "web", &b), -EEXIST);
	assert_string_equal(f->err.id, "E-NAME");
	assert_non_null(strstr(f->err.text, a.id));
	assert_int_equal(count(f), 1);
}

static void a_half_made_container_is_invisible_and_its_name_is_free(void **state)
{
	struct fixture *f = *state;
	autocontainer struct container c = CONTAINER_INIT, d = CONTAINER_INIT;
	autofree char *config = NULL;
	struct timespec old[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };

	assert_int_equal(make(f, "c1", &c), 0);
	config = xasprintf("%s/config.json", c.path);
	assert_int_equal(unlink(config), 0);
	assert_int_equal(count(f), 0);
	assert_true(exists(f, "root/containers/", c.id)); /* young: its maker may live */
	assert_int_equal(make(f, "c1", &d), 0);
	assert_int_equal(utimensat(AT_FDCWD, c.path, old, 0), 0);
	assert_int_equal(count(f), 1);
	assert_false(exists(f, "root/containers/", c.id));
}

static void a_container_being_made_is_not_collected(void **state)
{
	struct fixture *f = *state;
	autocontainer struct container c = CONTAINER_INIT;
	autofree char *config = NULL;
	struct timespec old[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };

	assert_int_equal(make(f, "c1", &c), 0);
	config = xasprintf("%s/config.json", c.path);
	assert_int_equal(unlink(config), 0);
	assert_int_equal(utimensat(AT_FDCWD, c.path, old, 0), 0);
	assert_int_equal(flock(c.dir, LOCK_EX), 0); /* the maker lives */
	assert_int_equal(count(f), 0);
	assert_true(exists(f, "root/containers/", c.id));
}

static void of_many_claimants_of_a_name_one_wins(void **state)
{
	struct fixture *f = *state;
	int won = 0, status;

	for (int i = 0; i < 20; i++) {
		if (fork() == 0) {
			struct container c = CONTAINER_INIT;
			int r = make(f, "prize", &c);

			_exit(r == 0 ? 1 : r == -EEXIST ? 0 : 2);
		}
	}
	for (int i = 0; i < 20; i++) {
		assert_true(wait(&status) > 0);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) < 2);
		won += WEXITSTATUS(status);
	}
	assert_int_equal(won, 1);
	assert_int_equal(count(f), 1);
}

TEST_MAIN(T(a_name_in_use_is_refused_with_the_owners_id),
	T(a_half_made_container_is_invisible_and_its_name_is_free),
	T(a_container_being_made_is_not_collected), T(of_many_claimants_of_a_name_one_wins))
