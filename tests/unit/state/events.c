/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include "base/fs.h"

/* The last line of <runroot>/<name>. */
static struct json *last(struct fixture *f, const char *name)
{
	autofree char *path = xasprintf("%s/%s", f->globals.runroot, name), *text = NULL;
	struct json *doc = NULL;
	size_t len;
	char *at;

	assert_int_equal(fs_read_at(AT_FDCWD, path, 4 << 20, &text, &len, &f->err), 0);
	assert_true(len > 0 && text[len - 1] == '\n');
	text[len - 1] = '\0';
	at = strrchr(text, '\n');
	at = at ? at + 1 : text;
	assert_int_equal(json_parse(at, strlen(at), &doc, &f->err), 0);
	return doc;
}

static void an_event_has_docker_s_keys_and_sorted_attributes(void **state)
{
	struct fixture *f = *state;
	autocontainer struct container c = CONTAINER_INIT;
	struct json *config = json_new_map(), *labels = json_new_map();
	autojson struct json *doc = NULL;
	autobuf struct buf text = BUF_INIT;

	json_put_string(labels, "zone", "b");
	json_put(config, "labels", labels);
	json_put_string(config, "image", "redis");
	assert_int_equal(make_with(f, "c1", config, &c), 0);
	event_container(&f->globals, &c, "kill", "signal", "15");
	doc = last(f, EVENTS_NAME);
	json_write(json_path(doc, "Actor", "Attributes", NULL), 0, &text);
	assert_string_equal(text.data,
		"{\"image\":\"redis\",\"name\":\"c1\",\"signal\":\"15\",\"zone\":\"b\"}");
	assert_string_equal(json_str(json_get(doc, "Type"), ""), "container");
	assert_string_equal(json_str(json_get(doc, "status"), ""), "kill");
	assert_string_equal(json_str(json_get(doc, "id"), ""), c.id);
	assert_string_equal(json_str(json_get(doc, "from"), ""), "redis");
	assert_true(json_int(json_get(doc, "timeNano"), 0) / 1000000000 ==
		    json_int(json_get(doc, "time"), -1));
}

static void a_full_log_becomes_the_old_one(void **state)
{
	struct fixture *f = *state;
	autofree char *path = xasprintf("%s/" EVENTS_NAME, f->globals.runroot);
	autojson struct json *new = NULL;

	event_tell_named(&f->globals, "volume", "create", "v1", NULL);
	assert_int_equal(truncate(path, EVENTS_MAX), 0);
	event_tell_named(&f->globals, "volume", "create", "v2", NULL);
	event_tell_named(&f->globals, "volume", "create", "v3", NULL);
	new = last(f, EVENTS_NAME);
	assert_string_equal(json_str(json_path(new, "Actor", "ID", NULL), ""), "v3");
	assert_true(exists(f, "run/", EVENTS_OLD));
}

static void what_cannot_be_told_is_no_failure(void **state)
{
	struct fixture *f = *state;
	autofree char *dir = xasprintf("%s/" EVENTS_NAME, f->globals.runroot);

	assert_int_equal(mkdir(f->globals.runroot, 0700), 0);
	assert_int_equal(mkdir(dir, 0700), 0);
	event_tell_named(&f->globals, "volume", "create", "v1", NULL);
}

static void a_note_makes_a_running_container_a_paused_one(void **state)
{
	struct fixture *f = *state;
	autocontainer struct container c = CONTAINER_INIT;

	assert_int_equal(make(f, "c1", &c), 0);
	c.status = STATUS_RUNNING;
	c.monitor = c.pid = getpid();
	c.monitor_start = c.pid_start = state_pid_start(getpid());
	assert_int_equal(state_save(&c, &f->err), 0);
	assert_int_equal(state_set_paused(&f->globals, &c, true, &f->err), 0);
	assert_int_equal(state_reload(&c, &f->err), 0);
	assert_int_equal(c.status, STATUS_PAUSED);
	assert_int_equal(state_set_paused(&f->globals, &c, false, &f->err), 0);
	assert_int_equal(state_reload(&c, &f->err), 0);
	assert_int_equal(c.status, STATUS_RUNNING);
	assert_int_equal(state_set_paused(&f->globals, &c, true, &f->err), 0);
	assert_int_equal(state_forget_stop(&c, &f->err), 0);
	assert_int_equal(state_reload(&c, &f->err), 0);
	assert_int_equal(c.status, STATUS_RUNNING);
}

TEST_MAIN(T(an_event_has_docker_s_keys_and_sorted_attributes), T(a_full_log_becomes_the_old_one),
	T(what_cannot_be_told_is_no_failure), T(a_note_makes_a_running_container_a_paused_one))
