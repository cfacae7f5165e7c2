/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Removing a container and all that belongs to it, so that a kill half-way never leaves a container
 * that looks whole: config.json is renamed away first, which takes the container out of every listing;
 * then the tree goes, the name last. What a killed remover leaves is a directory without config.json,
 * and remove_half_made() finishes its work.
 *
 * Files that belong to sub-ids cannot be removed by the caller himself; they are removed by uid 0 of
 * a user namespace with the caller's id map. fs_remove_tree() neither follows symlinks nor crosses
 * mounts, so a bind mount left behind is refused and its data survive.
 */
#include "state/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/own.h"
#include "base/userns.h"
#include "base/xalloc.h"

#define HALF_MADE_AGE 10 /* s: longer than a creator needs between mkdir and its lock */

struct victim {
	int dir;
	const char *name;
};

static int remove_in_userns(void *data, struct err *err)
{
	const struct victim *victim = data;

	return fs_remove_tree(victim->dir, victim->name, err);
}

int remove_tree(int dir, const char *name, struct err *err)
{
	struct victim victim = { dir, name };
	struct err first = ERR_INIT;
	struct idmap map = { 0 };
	int r = fs_remove_tree(dir, name, &first);

	if (r != -EACCES && r != -EPERM) {
		if (r < 0)
			*err = first;
		return r;
	}
	TRY(idmap_detect(&map, err));
	return userns_run(&map, 0, remove_in_userns, &victim, err);
}

/* <runroot>/<id> holds sockets and pid records of ours, never a container's files. */
void remove_run_dir(const struct container *c)
{
	autofree char *runroot =
		c->run_path
			? xstrndup(c->run_path, (size_t)(strrchr(c->run_path, '/') - c->run_path))
			: NULL;
	autofd int dir = runroot ? open(runroot, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -EBADF;
	struct err err = ERR_INIT;

	if (dir >= 0 && fs_remove_tree(dir, c->id, &err) < 0)
		log_msg(LOG_WARN, "container %.12s: %s", c->id, err.text);
}

void remove_half_made(int containers, const char *id)
{
	autofd int dir = openat(containers, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct err err = ERR_INIT;
	struct timespec now;
	struct stat st;

	if (dir < 0 || fstat(dir, &st) < 0 || clock_gettime(CLOCK_REALTIME, &now) < 0)
		return; /* gone */
	if (now.tv_sec >= st.st_mtim.tv_sec && now.tv_sec - st.st_mtim.tv_sec < HALF_MADE_AGE)
		return;
	if (lock_try(dir, &err) < 0 || faccessat(dir, CONFIG_NAME, F_OK, 0) == 0)
		return; /* its maker or remover lives */
	if (remove_tree(containers, id, &err) < 0)
		log_msg(LOG_DEBUG, "left over container %.12s: %s", id, err.text);
}

/* Does any container other than `except` mount this volume? On doubt yes. */
static bool volume_in_use(
	const struct container *list, size_t n, const char *except, const char *volume)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(list[i].id, except) == 0)
			continue;
		json_each (it, json_get(list[i].config, "mounts"))
			if (strcmp(json_str(json_get(it.value, "name"), ""), volume) == 0)
				return true;
	}
	return false;
}

static int remove_volume(const struct globals *globals, const char *name, struct err *err)
{
	autofree char *path = xasprintf("%s/volumes", globals->root);
	autofd int dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (dir < 0)
		return errno == ENOENT ? 0 : err_sys(err, "open '%s'", path);
	return remove_tree(dir, name, err);
}

/* Anonymous volumes bear 64 random digits, as Docker's do; nobody can mean one by its name. */
static int remove_volumes(const struct globals *globals, const struct container *c, struct err *err)
{
	struct container *list = NULL;
	size_t n = 0;
	int r = 0;

	json_each (it, json_get(c->config, "mounts")) {
		const char *name = json_str(json_get(it.value, "name"), "");

		if (!json_bool(json_get(it.value, "anonymous"), false) || !state_id_valid(name))
			continue;
		if (!list && (r = state_list(globals, &list, &n, err)) < 0)
			break;
		if (volume_in_use(list, n, c->id, name))
			continue;
		r = remove_volume(globals, name, err);
		if (r < 0)
			break;
	}
	state_list_free(list, n);
	return r;
}

void name_release(int names, const char *name, const char *id)
{
	char holder[ID_LEN + 2];
	ssize_t n = state_name_valid(name) ? readlinkat(names, name, holder, sizeof(holder) - 1)
					   : -1;

	if (n != ID_LEN || memcmp(holder, id, ID_LEN) != 0)
		return;
	(void)unlinkat(names, name, 0); /* a claim that stays is dead and will be taken over */
}

/* The container may have been renamed since it was opened. Its record is DEAD_NAME now. */
static void learn_name(struct container *c)
{
	autojson struct json *config = NULL;
	struct err ignored = ERR_INIT;
	const char *name;

	if (json_read_at(c->dir, DEAD_NAME, RECORD_MAX, &config, &ignored) < 0)
		return; /* damaged: the name it was opened by */
	name = json_str(json_get(config, "name"), "");
	if (state_name_valid(name) && strcmp(name, c->name) != 0) {
		free(c->name);
		c->name = xstrdup(name);
	}
}

int state_retire(const struct globals *globals, struct container *c, struct err *err)
{
	autostatedirs struct state_dirs dirs = STATE_DIRS_INIT;

	TRY(state_dirs_open(globals, false, &dirs, err));
	if (renameat(c->dir, CONFIG_NAME, c->dir, DEAD_NAME) < 0 && errno != ENOENT)
		return fs_err(err, c->dir, "remove the container");
	learn_name(c);
	name_release(dirs.names, c->name, c->id);
	return 0;
}

int state_remove(const struct globals *globals, struct container *c, bool volumes, struct err *err)
{
	autostatedirs struct state_dirs dirs = STATE_DIRS_INIT;
	autofd int lock = -EBADF;
	int r;

	TRY(state_dirs_open(globals, false, &dirs, err));
	lock = state_lock(c, err);
	TRY(lock);
	if (renameat(c->dir, CONFIG_NAME, c->dir, DEAD_NAME) < 0 && errno != ENOENT)
		return fs_err(err, c->dir, "remove the container");
	learn_name(c);
	/* It may have been started since the caller looked. The monitor of --rm still has itself on record. */
	TRY(record_reload(c, err));
	if (record_is_up(c) && c->monitor != getpid()) {
		(void)renameat(c->dir, DEAD_NAME, c->dir, CONFIG_NAME); /* or it is found as dead */
		return err_set(err, -EBUSY,
			"cannot remove container \"%s\": container is running: stop the container before "
			"removing or force remove",
			c->name);
	}
	remove_run_dir(c);
	r = remove_tree(dirs.containers, c->id, err);
	if (r < 0) {
		/* Shown again, so that the user can see and retry; gone if it went with the rest. */
		(void)renameat(c->dir, DEAD_NAME, c->dir, CONFIG_NAME);
		return err_wrap(err, "remove container %s", c->name);
	}
	name_release(dirs.names, c->name, c->id);
	event_container(globals, c, "destroy", NULL, NULL);
	return volumes ? remove_volumes(globals, c, err) : 0;
}
