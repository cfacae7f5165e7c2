/* SPDX-License-Identifier: Apache-2.0 */
/* Work in a namespace that was made in advance, and work apart from the parent. */
#include "fixture.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

static int be_root(void *data, struct err *err)
{
	struct fixture *fx = data;
	struct stat st;

	(void)err;
	if (getuid() != 0 || getgid() != 0 || fstat(fx->store.root, &st) < 0)
		return -EINVAL;
	return st.st_uid == 0 ? 7 : -EPERM; /* the caller's files are root's in there */
}

static int refuse(void *data, struct err *err)
{
	return err_set(err, -EXDEV, "no %s today", (const char *)data);
}

static int die(void *data, struct err *err)
{
	(void)data;
	(void)err;
	return raise(SIGKILL);
}

static int lock_in(void *data, struct err *err)
{
	(void)data;
	(void)err;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

static void a_namespace_made_in_advance_is_joined_as_often_as_wanted(void **state)
{
	struct fixture *fx = *state;
	struct err err = ERR_INIT;

	if (store_inside(&fx->store, &err) < 0)
		fail_msg("%s", err.text);
	assert_non_null(fx->store.inside);
	assert_int_equal(store_inside(&fx->store, &err), 0); /* is there */
	for (int i = 0; i < 3; i++)
		assert_int_equal(store_run_inside(&fx->store, be_root, fx, &err), 7);
}

static void without_one_a_namespace_is_made_each_time(void **state)
{
	struct fixture *fx = *state;
	struct err err = ERR_INIT;

	assert_null(fx->store.inside);
	assert_int_equal(store_run_inside(&fx->store, be_root, fx, &err), 7);
}

static void it_can_still_be_joined_after_locking_in(void **state)
{
	struct fixture *fx = *state;
	struct err err = ERR_INIT;

	assert_int_equal(store_inside(&fx->store, &err), 0);
	assert_int_equal(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0); /* the last test: for good */
	assert_int_equal(store_run_inside(&fx->store, be_root, fx, &err), 7);
}

static void what_happens_apart_is_told_and_changes_nothing_here(void **state)
{
	struct err err = ERR_INIT;
	char what[] = "bread";

	(void)state;
	assert_int_equal(image_run_apart(refuse, what, &err), -EXDEV);
	assert_string_equal(err.text, "no bread today");
	assert_int_equal(image_run_apart(die, NULL, &err), -EPIPE);
	assert_int_equal(image_run_apart(lock_in, NULL, &err), 0);
	assert_int_equal(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 0);
}

TEST_MAIN(FIXTURE_TEST(a_namespace_made_in_advance_is_joined_as_often_as_wanted),
	FIXTURE_TEST(without_one_a_namespace_is_made_each_time),
	FIXTURE_TEST(what_happens_apart_is_told_and_changes_nothing_here),
	FIXTURE_TEST(it_can_still_be_joined_after_locking_in))
