/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <sys/resource.h>

#include "base/fs.h"
#include "state/internal.h"

#define MANY 20 /* more than listing.c keeps for the next time */

static struct json *parsed(const char *text)
{
	struct json *doc = NULL;
	struct err err = ERR_INIT;

	assert_int_equal(json_parse(text, strlen(text), &doc, &err), 0);
	return doc;
}

struct brief {
	struct container *list;
	size_t n;
};

static struct brief brief(struct fixture *f)
{
	struct brief b = { 0 };

	assert_int_equal(state_list_brief(&f->globals, false, &b.list, &b.n, &f->err), 0);
	return b;
}

static const struct container *named(const struct brief *b, const char *name)
{
	for (size_t i = 0; i < b->n; i++)
		if (strcmp(b->list[i].name, name) == 0)
			return &b->list[i];
	return NULL;
}

/* Until no file of the store is too young to be remembered. */
static void wait_until_old(struct fixture *f)
{
	autofree char *path = xasprintf("%s/containers", f->globals.root);
	autofd int containers = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct brief b = brief(f);

	for (size_t i = 0, tries = 0; i < b.n; tries++) {
		struct listing *l = listing_open(&f->globals);
		char stamp[LISTING_STAMP_MAX];

		i += listing_stamp(l, containers, b.list[i].id, stamp);
		listing_close(l);
		assert_true(tries < 3000);
		(void)usleep(10000);
	}
	state_list_free(b.list, b.n);
}

static void make_many(struct fixture *f)
{
	for (int i = 0; i < MANY; i++) {
		autocontainer struct container c = CONTAINER_INIT;
		autofree char *name = xasprintf("c%d", i);

		assert_int_equal(
			make_with(f, name,
				parsed("{\"image\":\"redis \\\"7\\\"\",\"argv\":[\"sh\",\"-c\",\"a\\n\\tb\"],\"env\":[\"A=1\"],"
				       "\"labels\":{\"a\":\"1\"},\"mounts\":[{\"name\":\"v\",\"rw\":true}],"
				       "\"endpoints\":[{\"network\":\"n1\",\"id\":\"x\"}]}"),
				&c),
			0);
	}
}

static void remember(struct fixture *f)
{
	struct brief b;

	wait_until_old(f);
	b = brief(f);
	state_list_free(b.list, b.n);
	assert_true(exists(f, "run/", "listing"));
}

static void what_does_not_run_is_told_without_its_files(void **state)
{
	struct fixture *f = *state;
	const struct container *c;
	struct brief b;

	make_many(f);
	remember(f);
	b = brief(f);
	assert_int_equal(b.n, MANY);
	c = named(&b, "c7");
	assert_non_null(c);
	assert_int_equal(c->dir, -EBADF);
	assert_int_equal(c->status, STATUS_CREATED);
	assert_string_equal(json_str(json_get(c->config, "image"), ""), "redis \"7\"");
	assert_string_equal(json_str(json_path(c->config, "labels", "a", NULL), ""), "1");
	assert_string_equal(
		json_str(json_get(json_at(json_get(c->config, "mounts"), 0), "name"), ""), "v");
	assert_string_equal(
		json_str(json_get(json_at(json_get(c->config, "endpoints"), 0), "network"), ""),
		"n1");
	assert_null(json_get(c->config, "env"));
	state_list_free(b.list, b.n);
	assert_int_equal(state_list_brief(&f->globals, true, &b.list, &b.n, &f->err), 0);
	c = named(&b, "c7");
	assert_string_equal(json_str(json_get(c->config, "image"), ""), "redis \"7\"");
	assert_string_equal(json_str(json_at(json_get(c->config, "argv"), 0), ""), "sh -c a\n\tb");
	assert_null(json_get(c->config, "labels"));
	for (size_t i = 1; i < b.n; i++)
		assert_true(state_created(&b.list[i - 1]) >= state_created(&b.list[i]));
	state_list_free(b.list, b.n);
}

static void whoever_changes_a_record_needs_not_know_of_it(void **state)
{
	struct fixture *f = *state;
	autocontainer struct container saved = CONTAINER_INIT, edited = CONTAINER_INIT,
				       removed = CONTAINER_INIT;
	const char *text = "{\"name\":\"by-hand\"}";
	autofd int fd = -EBADF;
	struct brief b;

	make_many(f);
	remember(f);
	assert_int_equal(state_open(&f->globals, "c1", &saved, &f->err), 0);
	saved.status = STATUS_EXITED;
	saved.exit_code = 3;
	assert_int_equal(state_save(&saved, &f->err), 0);
	assert_int_equal(state_open(&f->globals, "c2", &edited, &f->err), 0);
	fd = openat(edited.dir, "config.json", O_WRONLY | O_TRUNC | O_CLOEXEC); /* in place */
	assert_int_equal(fs_write_all(fd, text, strlen(text), &f->err), 0);
	assert_int_equal(state_open(&f->globals, "c3", &removed, &f->err), 0);
	assert_int_equal(state_remove(&f->globals, &removed, false, &f->err), 0);
	b = brief(f);
	assert_int_equal(b.n, MANY - 1);
	assert_int_equal(named(&b, "c1")->exit_code, 3);
	assert_non_null(named(&b, "by-hand"));
	assert_null(named(&b, "c3"));
	assert_int_equal(named(&b, "c4")->dir, -EBADF);
	state_list_free(b.list, b.n);
}

static void a_torn_listing_is_as_good_as_none(void **state)
{
	static const char *const texts[] = { "", "sbx listing 1\n", "sbx listing 2\nx\n",
		"sbx listing 1\n0123\n", "{}" };
	struct fixture *f = *state;
	autofree char *path = xasprintf("%s/listing", f->globals.runroot);
	struct brief b;

	make_many(f);
	remember(f);
	assert_int_equal(truncate(path, 3000), 0);
	b = brief(f);
	assert_int_equal(b.n, MANY);
	state_list_free(b.list, b.n);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		autofd int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

		assert_int_equal(fs_write_all(fd, texts[i], strlen(texts[i]), &f->err), 0);
		b = brief(f);
		assert_int_equal(b.n, MANY);
		assert_non_null(named(&b, "c0"));
		state_list_free(b.list, b.n);
	}
}

static void what_runs_or_changes_beside_its_record_is_not_remembered(void **state)
{
	struct fixture *f = *state;
	static const char *const configs[] = { "{\"autoRemove\":true}", "{\"health\":{}}", "{}" };
	struct brief b;

	make_many(f);
	for (size_t i = 0; i < ARRAY_SIZE(configs); i++) {
		autocontainer struct container c = CONTAINER_INIT;
		autofree char *name = xasprintf("special%zu", i);

		assert_int_equal(make_with(f, name, parsed(configs[i]), &c), 0);
		if (i < 2)
			continue;
		c.status = STATUS_RUNNING;
		c.monitor = getpid();
		c.monitor_start = state_pid_start(getpid());
		assert_int_equal(state_save(&c, &f->err), 0);
	}
	remember(f);
	b = brief(f);
	assert_int_equal(b.n, MANY + 3);
	assert_true(named(&b, "special0")->dir >= 0);
	assert_true(named(&b, "special1")->dir >= 0);
	assert_int_equal(named(&b, "special2")->status, STATUS_RUNNING);
	assert_int_equal(named(&b, "c0")->dir, -EBADF);
	state_list_free(b.list, b.n);
}

/* In a process of its own: limits do not come back. */
static int list_with(struct fixture *f, rlim_t soft, rlim_t hard)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		const struct rlimit few = { soft, hard };
		struct container *list = NULL;
		size_t n = 0;
		int r = setrlimit(RLIMIT_NOFILE, &few);

		r = r < 0 ? -errno : state_list(&f->globals, &list, &n, &f->err);
		_exit(r < 0 ? -r : n == MANY ? 0 : 255);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void a_listing_is_whole_or_an_error(void **state)
{
	struct fixture *f = *state;

	make_many(f);
	assert_int_equal(list_with(f, MANY, 200), 0);
	assert_int_equal(list_with(f, MANY, MANY), EMFILE);
}

TEST_MAIN(T(what_does_not_run_is_told_without_its_files),
	T(whoever_changes_a_record_needs_not_know_of_it), T(a_torn_listing_is_as_good_as_none),
	T(what_runs_or_changes_beside_its_record_is_not_remembered),
	T(a_listing_is_whole_or_an_error))
