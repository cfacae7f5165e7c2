/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

static void the_live_state_survives_saving(void **state)
{
	struct fixture *f = *state;
	autocontainer struct container c = CONTAINER_INIT, d = CONTAINER_INIT;

	assert_int_equal(make(f, "c1", &c), 0);
	c.status = STATUS_RUNNING;
	c.monitor = getpid();
	c.monitor_start = state_pid_start(getpid());
	c.pid = getpid();
	c.pid_start = c.monitor_start;
	c.started = state_now();
	c.network = json_new_map();
	json_put_string(c.network, "ip", "10.88.0.2");
	assert_int_equal(state_save(&c, &f->err), 0);
	assert_int_equal(state_open(&f->globals, "c1", &d, &f->err), 0);
	assert_int_equal(d.status, STATUS_RUNNING);
	assert_int_equal(d.pid, getpid());
	assert_true(d.started == c.started);
	assert_string_equal(json_str(json_get(d.network, "ip"), ""), "10.88.0.2");
}

/* A pid that ended: of a reaped child. */
static pid_t dead_pid(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	return pid;
}

static void run_with_dead_monitor(struct fixture *f, struct container *c)
{
	c->status = STATUS_RUNNING;
	c->monitor = dead_pid();
	c->monitor_start = 12345;
	c->started = state_now();
	assert_int_equal(state_run_dir(c, &f->globals, &f->err), 0);
	assert_int_equal(state_save(c, &f->err), 0);
}

static void a_container_whose_monitor_died_is_marked_exited(void **state)
{
	struct fixture *f = *state;
	autocontainer struct container c = CONTAINER_INIT, d = CONTAINER_INIT, e = CONTAINER_INIT;

	assert_int_equal(make(f, "c1", &c), 0);
	run_with_dead_monitor(f, &c);
	assert_true(exists(f, "run/", c.id));
	assert_int_equal(state_open(&f->globals, "c1", &d, &f->err), 0);
	assert_int_equal(d.status, STATUS_EXITED);
	assert_int_equal(d.exit_code, 137);
	assert_string_equal(d.error, "monitor was killed");
	assert_true(d.finished >= d.started);
	assert_false(exists(f, "run/", c.id));
	assert_int_equal(state_open(&f->globals, "c1", &e, &f->err), 0); /* and it is on disk */
	assert_true(e.finished == d.finished);
}

static void a_throw_away_container_whose_monitor_died_is_removed(void **state)
{
	struct fixture *f = *state;
	autocontainer struct container c = CONTAINER_INIT, d = CONTAINER_INIT;
	struct json *config = json_new_map();

	json_put_bool(config, "autoRemove", true);
	assert_int_equal(make_with(f, "c1", config, &c), 0);
	run_with_dead_monitor(f, &c);
	assert_int_equal(count(f), 0);
	assert_false(exists(f, "root/containers/", c.id));
	assert_false(exists(f, "root/names/", "c1"));
	assert_int_equal(make(f, "c1", &d), 0);
}

static void a_reused_pid_is_not_the_monitor(void **state)
{
	struct fixture *f = *state;
	autocontainer struct container c = CONTAINER_INIT, d = CONTAINER_INIT;

	assert_int_equal(make(f, "c1", &c), 0);
	c.status = STATUS_RUNNING;
	c.monitor = getpid(); /* lives, but began at another time */
	c.monitor_start = state_pid_start(getpid()) - 1;
	c.pid = getpid();
	c.pid_start = c.monitor_start;
	assert_int_equal(state_save(&c, &f->err), 0);
	assert_int_equal(state_open(&f->globals, "c1", &d, &f->err), 0); /* and we are not killed */
	assert_int_equal(d.status, STATUS_EXITED);
}

static void a_reboot_ends_every_container(void **state)
{
	struct fixture *f = *state;
	autocontainer struct container c = CONTAINER_INIT, d = CONTAINER_INIT;
	autojson struct json *doc = NULL;
	autobuf struct buf text = BUF_INIT;
	autofree char *path = NULL;

	assert_int_equal(make(f, "c1", &c), 0);
	c.status = STATUS_RUNNING;
	c.monitor = c.pid = getpid();
	c.monitor_start = c.pid_start = state_pid_start(getpid());
	c.started = 5;
	assert_int_equal(state_save(&c, &f->err), 0);
	assert_int_equal(json_read_at(c.dir, "state.json", 1 << 20, &doc, &f->err), 0);
	json_put_string(doc, "bootId", "00000000-0000-0000-0000-000000000000");
	json_write(doc, 0, &text);
	path = xasprintf("root/containers/%s/state.json", c.id);
	scratch_write(f->scratch, path, text.data);
	assert_int_equal(state_open(&f->globals, "c1", &d, &f->err), 0);
	assert_int_equal(d.status, STATUS_EXITED);
	assert_int_equal(d.exit_code, 255);
	assert_string_equal(d.error, "the machine was restarted");
	assert_int_equal(d.pid, 0);
}

static void a_damaged_record_is_shown_and_can_be_removed(void **state)
{
	struct fixture *f = *state;
	const char *files[] = { "state.json", "config.json" };

	for (size_t i = 0; i < 2; i++) {
		autocontainer struct container c = CONTAINER_INIT, d = CONTAINER_INIT;
		autofree char *path = NULL;

		assert_int_equal(make(f, "c1", &c), 0);
		path = xasprintf("root/containers/%s/%s", c.id, files[i]);
		scratch_write(f->scratch, path, "{\"version\":1,");
		assert_int_equal(count(f), 1);
		assert_int_equal(state_open(&f->globals, c.id, &d, &f->err), 0);
		assert_int_equal(d.status, STATUS_EXITED);
		assert_string_not_equal(d.error, "");
		assert_int_equal(state_remove(&f->globals, &d, true, &f->err), 0);
		assert_int_equal(count(f), 0);
	}
}

TEST_MAIN(T(the_live_state_survives_saving), T(a_container_whose_monitor_died_is_marked_exited),
	T(a_throw_away_container_whose_monitor_died_is_removed), T(a_reused_pid_is_not_the_monitor),
	T(a_reboot_ends_every_container), T(a_damaged_record_is_shown_and_can_be_removed))
