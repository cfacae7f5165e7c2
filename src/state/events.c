/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writers append whole lines under a shared lock and only to the file that has the name then; who rotates
 * has it alone. So after a rotation nothing is added to the old file, and a reader that has come to its
 * end has missed nothing.
 */
#include "state/events.h"
#include "state/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/own.h"

#define TRIES 5
#define NS    1000000000LL

/* Does the name still mean this file? */
static bool is_current(int dir, int fd)
{
	struct stat mine, named;

	return fstat(fd, &mine) == 0 &&
	       fstatat(dir, EVENTS_NAME, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	       mine.st_ino == named.st_ino && mine.st_dev == named.st_dev;
}

static int open_current(int dir, struct err *err)
{
	for (int i = 0; i < TRIES; i++) {
		autofd int fd = openat(dir, EVENTS_NAME,
			O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

		if (fd < 0 || flock(fd, LOCK_SH) < 0)
			return err_sys(err, "open %s", EVENTS_NAME);
		if (is_current(dir, fd))
			return move_fd(&fd);
	}
	return err_set(err, -EAGAIN, "%s is replaced again and again", EVENTS_NAME);
}

/* Skipped while somebody else writes: the next one will do it. */
static void rotate(int dir, int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || st.st_size < EVENTS_MAX || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return;
	if (is_current(dir, fd) && renameat(dir, EVENTS_NAME, dir, EVENTS_OLD) < 0)
		log_msg(LOG_DEBUG, "rotate %s: %s", EVENTS_NAME, strerror(errno));
}

static int append(const struct globals *globals, const struct buf *line, struct err *err)
{
	autofd int dir = fs_open_private_dir(globals->runroot, err);
	autofd int fd = -EBADF;

	TRY(dir);
	fd = open_current(dir, err);
	TRY(fd);
	TRY(fs_write_all(fd, line->data, line->len, err));
	rotate(dir, fd);
	return 0;
}

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct json_iter *)a)->key, ((const struct json_iter *)b)->key);
}

static struct json *sorted(const struct json *map)
{
	autofree struct json_iter *items = calloc(json_len(map) + 1, sizeof(*items));
	struct json *out = json_new_map();
	size_t n = 0;

	json_each (it, map)
		if (items)
			items[n++] = it;
	if (n)
		qsort(items, n, sizeof(*items), by_key);
	for (size_t i = 0; i < n; i++)
		json_put(out, items[i].key, json_ref(items[i].value));
	return out;
}

/* Docker's older keys (status, id, from) too: scripts use either. */
static struct json *message(
	const char *type, const char *action, const char *id, const struct json *attributes)
{
	struct json *doc = json_new_map(), *actor = json_new_map();
	int64_t now = state_now();

	if (strcmp(type, "container") == 0 || strcmp(type, "image") == 0) {
		json_put_string(doc, "status", action);
		json_put_string(doc, "id", id);
	}
	if (json_get(attributes, "image"))
		json_put_string(doc, "from", json_str(json_get(attributes, "image"), ""));
	json_put_string(doc, "Type", type);
	json_put_string(doc, "Action", action);
	json_put_string(actor, "ID", id);
	json_put(actor, "Attributes", sorted(attributes));
	json_put(doc, "Actor", actor);
	json_put_string(doc, "scope", "local");
	json_put_int(doc, "time", now / NS);
	json_put_int(doc, "timeNano", now);
	return doc;
}

void event_tell(const struct globals *globals, const char *type, const char *action, const char *id,
	const struct json *attributes)
{
	autojson struct json *doc = message(type, action, id, attributes);
	autobuf struct buf line = BUF_INIT;
	struct err err = ERR_INIT;

	json_write(doc, 0, &line);
	buf_addc(&line, '\n');
	if (append(globals, &line, &err) < 0)
		log_msg(LOG_DEBUG, "the event %s %s is lost: %s", type, action, err.text);
}

void event_tell_named(const struct globals *globals, const char *type, const char *action,
	const char *id, const char *name)
{
	autojson struct json *attributes = json_new_map();

	json_put_string(attributes, name ? "name" : "driver", name ? name : "local");
	event_tell(globals, type, action, id, attributes);
}

void event_container_with(const struct globals *globals, const struct container *c,
	const char *action, struct json *more)
{
	autojson struct json *attributes = more ? more : json_new_map();

	json_each (it, json_get(c->config, "labels"))
		json_put(attributes, it.key, json_ref(it.value));
	json_put_string(attributes, "image", json_str(json_get(c->config, "image"), ""));
	json_put_string(attributes, "name", c->name);
	event_tell(globals, "container", action, c->id, attributes);
}

void event_container(const struct globals *globals, const struct container *c, const char *action,
	const char *key, const char *value)
{
	struct json *more = json_new_map();

	if (key)
		json_put_string(more, key, value);
	event_container_with(globals, c, action, more);
}
