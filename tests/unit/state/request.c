/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

static void a_wish_to_stop_is_kept_until_the_next_start(void **state)
{
	struct fixture *f = *state;
	autocontainer struct container c = CONTAINER_INIT;

	assert_int_equal(make(f, "c1", &c), 0);
	assert_int_equal(state_stop_asked(&c), STOP_NOT_ASKED);
	assert_int_equal(state_ask_stop(&f->globals, &c, false, &f->err), 0);
	assert_int_equal(state_stop_asked(&c), STOP_WANTED);
	assert_int_equal(state_ask_stop(&f->globals, &c, true, &f->err), 0);
	assert_int_equal(state_stop_asked(&c), STOP_KEEP);
	assert_int_equal(state_forget_stop(&c, &f->err), 0);
	assert_int_equal(state_stop_asked(&c), STOP_NOT_ASKED);
	assert_int_equal(state_forget_stop(&c, &f->err), 0);
}

static void without_a_monitor_there_is_nobody_to_reach(void **state)
{
	struct fixture *f = *state;
	autocontainer struct container c = CONTAINER_INIT;

	assert_int_equal(make(f, "c1", &c), 0);
	assert_int_equal(state_connect(&c, &f->err), -ENOENT);
}

/* `run --rm` whose launcher and monitor died before anything ran, and `create --rm`. */
static void an_abandoned_container_with_rm_is_collected(void **state)
{
	struct fixture *f = *state;
	autocontainer struct container waits = CONTAINER_INIT, left = CONTAINER_INIT,
				       mine = CONTAINER_INIT;
	struct json *config = json_new_map();

	json_put_bool(config, "autoRemove", true);
	assert_int_equal(make_with(f, "waits", json_ref(config), &waits), 0);
	json_free(config);
	config = json_new_map();
	json_put_bool(config, "autoRemove", true);
	json_put_int(config, "launcher", getpid());
	json_put_int(config, "launcherStart", (int64_t)state_pid_start(getpid()) + 1);
	assert_int_equal(make_with(f, "left", config, &left), 0);
	config = json_new_map();
	json_put_bool(config, "autoRemove", true);
	json_put_int(config, "launcher", getpid());
	json_put_int(config, "launcherStart", (int64_t)state_pid_start(getpid()));
	assert_int_equal(make_with(f, "mine", config, &mine), 0);
	assert_int_equal(count(f), 2);
	assert_true(exists(f, "root/names/", "waits"));
	assert_true(exists(f, "root/names/", "mine"));
	assert_false(exists(f, "root/names/", "left"));
}

static void the_bulk_is_kept_apart(void **state)
{
	struct fixture *f = *state;
	autocontainer struct container c = CONTAINER_INIT, again = CONTAINER_INIT;
	struct json *config = json_new_map(), *bulk = json_new_map();
	autojson struct json *read = NULL;

	json_put_int(bulk, "big", 7);
	json_put(config, "launch", bulk);
	assert_int_equal(make_with(f, "c1", config, &c), 0);
	assert_int_equal(state_open(&f->globals, "c1", &again, &f->err), 0);
	assert_null(json_get(again.config, "launch"));
	assert_int_equal(state_read_launch(&again, &read, &f->err), 0);
	assert_int_equal(json_int(json_get(read, "big"), 0), 7);
}

TEST_MAIN(T(a_wish_to_stop_is_kept_until_the_next_start),
	T(without_a_monitor_there_is_nobody_to_reach),
	T(an_abandoned_container_with_rm_is_collected), T(the_bulk_is_kept_apart))
