/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making a container's record: directory, name, config.json; in this order.
 *
 * The name is a symlink to the id, made exclusively: whoever makes it has it, without a global lock.
 * The directory is locked before the name is claimed and until config.json is there, so a claim
 * whose container has no config.json and no lock holder is certainly a dead one and is taken over.
 * A kill at any moment leaves at most a directory without config.json, which nobody sees and the next
 * listing removes.
 */
#include "state/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/xalloc.h"

#define NAME_TRIES    12
#define CLAIM_WAIT_MS 5000

/* Armed at creation, disarmed by `keep`: removes a record that did not become whole. */
struct draft {
	const struct state_dirs *dirs;
	const char *id;
	const char *name;
	bool keep;
};

static void draft_done(struct draft *draft)
{
	struct err ignored = ERR_INIT;

	if (draft->keep || !draft->id)
		return;
	if (draft->name)
		(void)unlinkat(draft->dirs->names, draft->name, 0);      /* ours: we claimed it */
	(void)remove_tree(draft->dirs->containers, draft->id, &ignored); /* else collected later */
}

void state_new_id(char ret[ID_LEN + 1])
{
	unsigned char raw[ID_LEN / 2];

	while (getrandom(raw, sizeof(raw), 0) != (ssize_t)sizeof(raw))
		; /* interrupted before the pool was ready; cannot fail otherwise */
	for (size_t i = 0; i < sizeof(raw); i++)
		snprintf(ret + 2 * i, 3, "%02x", raw[i]);
}

/* Is the claim of `holder` dead? Waits for one that is just being made or removed. */
static int claim_is_dead(int containers, const char *holder, struct err *err)
{
	autofd int dir = openat(
		containers, holder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (dir < 0)
		return errno == ENOENT ? 1 : err_sys(err, "open container %.12s", holder);
	if (faccessat(dir, CONFIG_NAME, F_OK, 0) == 0)
		return 0;
	TRY(lock_wait(dir, CLAIM_WAIT_MS, err));
	return faccessat(dir, CONFIG_NAME, F_OK, 0) < 0;
}

/* Removes a dead claim. The lock on the folder of names keeps a second cleaner from removing the
 * claim that the first one has just made. */
static int drop_claim(int names, const char *name, const char *holder, struct err *err)
{
	autofd int lock = openat(names, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char now[ID_LEN + 2];
	ssize_t n;

	if (lock < 0)
		return err_sys(err, "open the folder of names");
	TRY(lock_wait(lock, CLAIM_WAIT_MS, err));
	n = readlinkat(names, name, now, sizeof(now) - 1);
	if (n < 0)
		return errno == ENOENT ? 0 : err_sys(err, "read the claim of name '%s'", name);
	now[n] = '\0';
	if (strcmp(now, holder) == 0 && unlinkat(names, name, 0) < 0 && errno != ENOENT)
		return err_sys(err, "release name '%s'", name);
	return 0;
}

static int name_taken(const char *name, const char *holder, struct err *err)
{
	return err_id(err, -EEXIST, "E-NAME",
		"the container name \"%s\" is already in use by container \"%s\". "
		"Remove that one (sbx rm %s), rename it, or use --replace",
		name, holder, name);
}

int name_claim(const struct state_dirs *dirs, const char *name, const char *id, struct err *err)
{
	char holder[ID_LEN + 2];

	for (int i = 0; i < 3; i++) {
		ssize_t n;
		int dead;

		if (symlinkat(id, dirs->names, name) == 0)
			return 0;
		if (errno != EEXIST)
			return fs_err(err, dirs->names, name);
		n = readlinkat(dirs->names, name, holder, sizeof(holder) - 1);
		if (n < 0 && errno == ENOENT)
			continue; /* given free just now */
		if (n < 0)
			return err_sys(err, "read the claim of name '%s'", name);
		holder[n] = '\0';
		dead = state_id_valid(holder) ? claim_is_dead(dirs->containers, holder, err) : 1;
		TRY(dead);
		if (!dead)
			return name_taken(name, holder, err);
		TRY(drop_claim(dirs->names, name, holder, err));
	}
	return name_taken(name, holder, err);
}

static int claim_any_name(const struct state_dirs *dirs, struct container *c, struct err *err)
{
	char name[64];
	int r = -EEXIST;

	for (unsigned i = 0; i < NAME_TRIES && r == -EEXIST; i++) {
		name_random(name, sizeof(name), i);
		r = name_claim(dirs, name, c->id, err);
	}
	TRY(r);
	c->name = xstrdup(name);
	return 0;
}

static int claim(
	const struct state_dirs *dirs, const char *name, struct container *c, struct err *err)
{
	if (!name)
		return claim_any_name(dirs, c, err);
	TRY(name_claim(dirs, name, c->id, err));
	c->name = xstrdup(name);
	return 0;
}

/* Not synced: after a power cut nothing runs that exec could enter, and start can do without. */
static int write_launch(struct container *c, struct err *err)
{
	autojson struct json *launch = json_ref(json_get(c->config, "launch"));
	autobuf struct buf text = BUF_INIT;

	if (!launch)
		return 0;
	json_del(c->config, "launch");
	json_write(launch, 0, &text);
	return fs_write_at(c->dir, LAUNCH_NAME, text.data, text.len, FS_NOSYNC, err);
}

int state_read_launch(const struct container *c, struct json **ret, struct err *err)
{
	if (json_read_at(c->dir, LAUNCH_NAME, RECORD_MAX, ret, err) < 0)
		return err_wrap(err, "container %.12s", c->id);
	return 0;
}

static int write_config(struct container *c, struct err *err)
{
	bool throw_away = json_bool(json_get(c->config, "autoRemove"), false);
	autobuf struct buf text = BUF_INIT;
	char now[STATE_TIME_MAX];

	state_time_format(state_now(), false, now);
	json_put_int(c->config, "version", 1);
	json_put_string(c->config, "id", c->id);
	json_put_string(c->config, "name", c->name);
	json_put_string(c->config, "created", now);
	json_write(c->config, 0, &text);
	buf_addc(&text, '\n');
	if (text.len > RECORD_MAX) /* never write what cannot be read again */
		return err_set(err, -E2BIG,
			"the container's options and environment make %zu MB; at most %u are kept",
			text.len >> 20, RECORD_MAX >> 20);
	return fs_write_at(
		c->dir, CONFIG_NAME, text.data, text.len, throw_away ? FS_NOSYNC : FS_SYNC, err);
}

static int make_dir(const struct state_dirs *dirs, struct container *c, struct err *err)
{
	if (mkdirat(dirs->containers, c->id, 0700) < 0)
		return fs_err(err, dirs->containers, "a new container");
	c->dir = openat(dirs->containers, c->id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (c->dir < 0)
		return err_sys(err, "open the new container's directory");
	return lock_try(c->dir, err);
}

int state_create(const struct globals *globals, const char *name, struct json *adopt_config,
	struct container *ret, struct err *err)
{
	autocontainer struct container c = CONTAINER_INIT;
	autostatedirs struct state_dirs dirs = STATE_DIRS_INIT;
	__attribute__((cleanup(draft_done))) struct draft draft = { .dirs = &dirs };
	const char *wish;

	c.config = adopt_config;
	if (name && !state_name_valid(name))
		return err_set(err, -EINVAL,
			"invalid container name (%s), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed",
			name);
	TRY(state_dirs_open(globals, true, &dirs, err));
	wish = json_str(json_get(c.config, "id"), "");
	if (state_id_valid(wish))
		memcpy(c.id, wish, sizeof(c.id));
	else
		state_new_id(c.id);
	draft.id = c.id;
	TRY(make_dir(&dirs, &c, err));
	TRY(claim(&dirs, name, &c, err));
	draft.name = c.name;
	TRY(write_launch(&c, err));
	TRY(write_config(&c, err));
	(void)flock(c.dir, LOCK_UN); /* a child that inherits c.dir must not hold it on */
	c.path = xasprintf("%s/containers/%s", globals->root, c.id);
	c.run_path = xasprintf("%s/%s", globals->runroot, c.id);
	c.error = xstrdup("");
	draft.keep = true;
	*ret = c;
	c = (struct container)CONTAINER_INIT;
	return 0;
}
