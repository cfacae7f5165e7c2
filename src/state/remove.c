/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Removing a container and all that belongs to it, so that a kill half-way never leaves a container
 * that looks whole: config.json is renamed away first, which takes the container out of every listing;
 * then its files go, the name, and that record last. What a killed remover leaves is a directory without config.json,
 * and the next listing finishes its work (collect_half()).
 *
 * Files that belong to sub-ids cannot be removed by the caller himself; they are removed by uid 0 of
 * a user namespace with the caller's id map. fs_remove_tree() neither follows symlinks nor crosses
 * mounts, so a bind mount left behind is refused and its data survive.
 */
#include "state/internal.h"

#include <dirent.h>
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

void name_release(int names, const char *name, const char *id)
{
	char holder[ID_LEN + 2];
	ssize_t n = state_name_valid(name) ? readlinkat(names, name, holder, sizeof(holder) - 1)
					   : -1;

	if (n != ID_LEN || memcmp(holder, id, ID_LEN) != 0)
		return;
	(void)unlinkat(names, name, 0); /* a claim that stays is dead and will be taken over */
}

static int empty_but_record(void *data, struct err *err)
{
	const struct container *c = data;
	int again = openat(c->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	autodir DIR *stream = again < 0 ? NULL : fdopendir(again); /* takes again over */

	if (!stream)
		return err_sys(err, "list container %.12s", c->id);
	for (struct dirent *e = readdir(stream); e; e = readdir(stream))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
			strcmp(e->d_name, DEAD_NAME) != 0)
			TRY(fs_remove_tree(c->dir, e->d_name, err));
	return 0;
}

/* The record goes after all that it speaks of, and after the name: whoever finds it knows what is left to
 * do, and whoever finds a directory without one has no name to give back. */
static int remove_files(const struct state_dirs *dirs, struct container *c, struct err *err)
{
	struct err first = ERR_INIT;
	struct idmap map = { 0 };
	int r = empty_but_record(c, &first);

	if (r == -EACCES || r == -EPERM) {
		TRY(idmap_detect(&map, err));
		TRY(userns_run(&map, 0, empty_but_record, c, err));
	} else if (r < 0) {
		*err = first;
		return r;
	}
	name_release(dirs->names, c->name, c->id);
	return remove_tree(dirs->containers, c->id, err);
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
	r = remove_files(&dirs, c, err);
	if (r < 0) {
		/* Shown again, so that the user can see and retry; gone if it went with the rest. */
		(void)renameat(c->dir, DEAD_NAME, c->dir, CONFIG_NAME);
		return err_wrap(err, "remove container %s", c->name);
	}
	event_container(globals, c, "destroy", NULL, NULL);
	return volumes ? remove_volumes(globals, c, err) : 0;
}

/* ---- what killed commands left ---- */

static bool is_empty(int dir)
{
	int again = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	autodir DIR *stream = again < 0 ? NULL : fdopendir(again); /* takes again over */
	size_t n = 0;

	if (!stream)
		return true; /* or gone: nothing to do here */
	while (readdir(stream))
		n++;
	return n <= 2;
}

/* Its maker may just be about to lock it. What it writes there it writes with the lock. */
static bool is_young(int dir)
{
	struct timespec now;
	struct stat st;

	if (fstat(dir, &st) < 0 || clock_gettime(CLOCK_REALTIME, &now) < 0)
		return true; /* gone */
	return now.tv_sec >= st.st_mtim.tv_sec && now.tv_sec - st.st_mtim.tv_sec < HALF_MADE_AGE &&
	       is_empty(dir);
}

/* No config.json yet. Its maker has no lock between mkdir and flock, hence the age. */
static void collect_unmade(int containers, int dir, const char *id)
{
	struct err err = ERR_INIT;

	if (is_young(dir))
		return;
	if (lock_try(dir, &err) < 0 || faccessat(dir, CONFIG_NAME, F_OK, 0) == 0)
		return; /* its maker lives */
	if (remove_tree(containers, id, &err) < 0)
		log_msg(LOG_DEBUG, "left over container %.12s: %s", id, err.text);
}

/* Locked, and no remover lives. */
static void finish_removal(
	const struct globals *globals, const struct state_dirs *dirs, struct container *c)
{
	bool auto_remove = json_bool(json_get(c->config, "autoRemove"), false);
	struct err err = ERR_INIT;

	if (record_has_monitor(c)) {
		/* with --rm it removes itself; else the remover died before it could see that this runs */
		if (!auto_remove)
			(void)renameat(c->dir, DEAD_NAME, c->dir, CONFIG_NAME);
		return;
	}
	remove_run_dir(c);
	if (remove_files(dirs, c, &err) < 0) {
		log_msg(LOG_DEBUG, "left over container %.12s: %s", c->id, err.text);
		return;
	}
	event_container(globals, c, "destroy", NULL, NULL);
	if (auto_remove && remove_volumes(globals, c, &err) < 0)
		log_msg(LOG_DEBUG, "volumes of container %.12s: %s", c->id, err.text);
}

void collect_half(const struct globals *globals, const struct state_dirs *dirs, const char *id)
{
	autocontainer struct container c = CONTAINER_INIT;
	struct err ignored = ERR_INIT;

	c.dir = openat(dirs->containers, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (c.dir < 0)
		return; /* gone */
	if (faccessat(c.dir, DEAD_NAME, F_OK, 0) < 0) {
		collect_unmade(dirs->containers, c.dir, id);
		return;
	}
	if (lock_try(c.dir, &ignored) < 0 || faccessat(c.dir, CONFIG_NAME, F_OK, 0) == 0)
		return; /* its remover lives, or has given up */
	snprintf(c.id, sizeof(c.id), "%s", id);
	c.path = xasprintf("%s/containers/%s", globals->root, id);
	c.run_path = xasprintf("%s/%s", globals->runroot, id);
	if (json_read_at(c.dir, DEAD_NAME, RECORD_MAX, &c.config, &ignored) < 0)
		c.config = json_new_map(); /* damaged, which takes nothing from removing it */
	c.name = xstrdup(json_str(json_get(c.config, "name"), id));
	if (record_reload(&c, &ignored) == 0)
		finish_removal(globals, dirs, &c);
}
