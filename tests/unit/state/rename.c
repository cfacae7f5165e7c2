/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

static void the_new_name_finds_it_and_the_old_one_is_free(void **state)
{
	struct fixture *f = *state;
	autocontainer struct container c = CONTAINER_INIT, again = CONTAINER_INIT;
	autocontainer struct container other = CONTAINER_INIT;

	assert_int_equal(make(f, "old", &c), 0);
	assert_int_equal(state_rename(&f->globals, &c, "new", &f->err), 0);
	assert_string_equal(c.name, "new");
	assert_int_equal(state_open(&f->globals, "new", &again, &f->err), 0);
	assert_string_equal(again.id, c.id);
	assert_string_equal(again.name, "new");
	assert_false(exists(f, "root/names/", "old"));
	assert_int_equal(make(f, "old", &other), 0);
}

static void taken_equal_and_bad_names_are_refused(void **state)
{
	struct fixture *f = *state;
	autocontainer struct container a = CONTAINER_INIT, b = CONTAINER_INIT;

	assert_int_equal(make(f, "aa", &a), 0);
	assert_int_equal(make(f, "bb", &b), 0);
	assert_int_equal(state_rename(&f->globals, &a, "bb", &f->err), -EEXIST);
	assert_string_equal(f->err.id, "E-NAME");
	assert_int_equal(state_rename(&f->globals, &a, "aa", &f->err), -EINVAL);
	assert_int_equal(state_rename(&f->globals, &a, "../x", &f->err), -EINVAL);
	assert_int_equal(state_rename(&f->globals, &a, "", &f->err), -EINVAL);
	assert_true(exists(f, "root/names/", "aa"));
	assert_true(exists(f, "root/names/", "bb"));
}

static void who_opened_it_before_still_removes_all_of_it(void **state)
{
	struct fixture *f = *state;
	autocontainer struct container monitor = CONTAINER_INIT, c = CONTAINER_INIT;

	assert_int_equal(make(f, "old", &monitor), 0);
	assert_int_equal(state_open(&f->globals, "old", &c, &f->err), 0);
	assert_int_equal(state_rename(&f->globals, &c, "new", &f->err), 0);
	assert_int_equal(state_remove(&f->globals, &monitor, false, &f->err), 0);
	assert_false(exists(f, "root/names/", "new"));
	assert_false(exists(f, "root/names/", "old"));
}

static void who_opened_it_before_renames_the_present_name_away(void **state)
{
	struct fixture *f = *state;
	autocontainer struct container a = CONTAINER_INIT, b = CONTAINER_INIT;

	assert_int_equal(make(f, "one", &a), 0);
	assert_int_equal(state_open(&f->globals, "one", &b, &f->err), 0);
	assert_int_equal(state_rename(&f->globals, &a, "two", &f->err), 0);
	assert_int_equal(state_rename(&f->globals, &b, "three", &f->err), 0);
	assert_false(exists(f, "root/names/", "one"));
	assert_false(exists(f, "root/names/", "two"));
	assert_true(exists(f, "root/names/", "three"));
}

TEST_MAIN(T(the_new_name_finds_it_and_the_old_one_is_free),
	T(taken_equal_and_bad_names_are_refused), T(who_opened_it_before_still_removes_all_of_it),
	T(who_opened_it_before_renames_the_present_name_away))
