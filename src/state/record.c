/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One container's files ↔ struct container, and the repair of what a crash left.
 *
 * Invariant: state.json is replaced as a whole, so a reader sees the old or the new state. A container
 * counts as running only while its monitor lives: same boot, same pid, same start time. Whoever finds
 * a dead monitor takes the container's lock, reads once more (the monitor may have written its last
 * word in between), and marks it exited.
 * A damaged file never hides a container: it is shown as exited with the damage as its error, so
 * that it can be removed.
 */
#include "state/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/own.h"
#include "base/xalloc.h"

#define BOOT_ID_MAX 64
#define NS          1000000000LL

static const char *const status_names[] = {
	[STATUS_CREATED] = "created",
	[STATUS_RUNNING] = "running",
	[STATUS_PAUSED] = "paused",
	[STATUS_RESTARTING] = "restarting",
	[STATUS_EXITED] = "exited",
};

const char *state_status_name(enum status status)
{
	return status_names[status];
}

static enum status status_from(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(status_names); i++)
		if (strcmp(name, status_names[i]) == 0)
			return (enum status)i;
	return STATUS_EXITED; /* a later version's word: certainly nothing we may signal */
}

/* Of ours, and for a moment: says nothing of what could not be looked at. */
static bool is_shortage(int r)
{
	return r == -EMFILE || r == -ENFILE || r == -ENOMEM;
}

/* "" where there is none. False: it cannot be told now. */
static bool boot_id(char ret[BOOT_ID_MAX])
{
	autofd int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -errno : read(fd, ret, BOOT_ID_MAX - 1);

	ret[n > 0 ? n : 0] = '\0';
	ret[strcspn(ret, "\n")] = '\0';
	return !is_shortage((int)n);
}

static void set_error(struct container *c, const char *text)
{
	free(c->error);
	c->error = xstrdup(text);
}

static bool alive(const struct container *c)
{
	return c->status == STATUS_RUNNING || c->status == STATUS_PAUSED ||
	       c->status == STATUS_RESTARTING;
}

int state_save(struct container *c, struct err *err)
{
	bool throw_away = json_bool(json_get(c->config, "autoRemove"), false);
	enum fs_sync sync = c->status == STATUS_EXITED && !throw_away ? FS_SYNC : FS_NOSYNC;
	autojson struct json *doc = json_new_map();
	autobuf struct buf text = BUF_INIT;
	char boot[BOOT_ID_MAX];

	if (!boot_id(boot))
		return err_set(err, -EMFILE, "record the state of container %.12s: %s", c->id,
			strerror(EMFILE));
	json_put_int(doc, "version", 1);
	json_put_string(doc, "status", status_names[c->status]);
	json_put_int(doc, "pid", c->pid);
	json_put_int(doc, "pidStart", (int64_t)c->pid_start);
	json_put_int(doc, "monitor", c->monitor);
	json_put_int(doc, "monitorStart", (int64_t)c->monitor_start);
	json_put_string(doc, "bootId", boot);
	json_put_int(doc, "started", c->started);
	json_put_int(doc, "finished", c->finished);
	json_put_int(doc, "exitCode", c->exit_code);
	json_put_int(doc, "restarts", c->restarts);
	json_put_bool(doc, "stopped", c->stopped);
	json_put_string(doc, "cgroup", c->cgroup ? c->cgroup : "");
	json_put_bool(doc, "oomKilled", c->oom_killed);
	json_put_string(doc, "error", c->error ? c->error : "");
	if (c->endpoints)
		json_put(doc, "endpoints", json_ref(c->endpoints));
	json_put(doc, "network", c->network ? json_ref(c->network) : json_new_null());
	json_write(doc, 0, &text);
	buf_addc(&text, '\n');
	if (fs_write_at(c->dir, STATE_NAME, text.data, text.len, sync, err) < 0)
		return err_wrap(err, "record the state of container %.12s", c->id);
	/* See state_remove(): it takes config.json away and looks here, we do the reverse; one notices. */
	if (alive(c) && faccessat(c->dir, CONFIG_NAME, F_OK, 0) < 0)
		return err_set(
			err, -ENOENT, "container %.12s was removed while it was starting", c->id);
	return 0;
}

static void read_live(struct container *c, const struct json *doc)
{
	char boot[BOOT_ID_MAX];

	c->status = status_from(json_str(json_get(doc, "status"), ""));
	if (c->status == STATUS_RUNNING && request_is_paused(c))
		c->status = STATUS_PAUSED;
	c->pid = (pid_t)json_int(json_get(doc, "pid"), 0);
	c->pid_start = (uint64_t)json_int(json_get(doc, "pidStart"), 0);
	c->monitor = (pid_t)json_int(json_get(doc, "monitor"), 0);
	c->monitor_start = (uint64_t)json_int(json_get(doc, "monitorStart"), 0);
	c->started = json_int(json_get(doc, "started"), 0);
	c->finished = json_int(json_get(doc, "finished"), 0);
	c->exit_code = (int)json_int(json_get(doc, "exitCode"), 0);
	c->restarts = (int)json_int(json_get(doc, "restarts"), 0);
	c->stopped = json_bool(json_get(doc, "stopped"), false);
	c->oom_killed = json_bool(json_get(doc, "oomKilled"), false);
	free(c->cgroup);
	c->cgroup = xstrdup(json_str(json_get(doc, "cgroup"), ""));
	set_error(c, json_str(json_get(doc, "error"), ""));
	json_free(c->endpoints);
	c->endpoints = json_kind(json_get(doc, "endpoints")) == JSON_LIST
			       ? json_ref(json_get(doc, "endpoints"))
			       : NULL;
	json_free(c->network);
	c->network = json_kind(json_get(doc, "network")) == JSON_MAP
			     ? json_ref(json_get(doc, "network"))
			     : NULL;
	if (!c->monitor && !c->pid)
		return;
	if (!boot_id(boot) || strcmp(boot, json_str(json_get(doc, "bootId"), "")) == 0)
		return;
	/* Before the last reboot: these pids mean other processes now. */
	c->pid = 0;
	c->monitor = 0;
	c->pid_start = 0;
	c->monitor_start = 0;
}

static void mark_damaged(struct container *c, const char *what)
{
	c->status = STATUS_EXITED;
	c->exit_code = 255;
	c->pid = 0;
	c->monitor = 0;
	set_error(c, what);
}

int record_reload(struct container *c, struct err *err)
{
	struct err why = ERR_INIT;
	autojson struct json *doc = NULL;
	int r = json_read_at(c->dir, STATE_NAME, RECORD_MAX, &doc, &why);

	if (r == -ENOENT)
		return 0; /* created, never started */
	if (is_shortage(r)) {
		*err = why;
		return r;
	}
	if (r < 0)
		mark_damaged(c, why.text);
	else
		read_live(c, doc);
	return 0;
}

bool record_claims_up(int containers, const char *id)
{
	char path[ID_LEN + sizeof("/" STATE_NAME)];
	autojson struct json *doc = NULL;
	struct container c = CONTAINER_INIT;
	struct err ignored = ERR_INIT;

	snprintf(path, sizeof(path), "%s/%s", id, STATE_NAME);
	if (json_read_at(containers, path, RECORD_MAX, &doc, &ignored) < 0)
		return false; /* created, being removed, or damaged: does not run */
	c.status = status_from(json_str(json_get(doc, "status"), ""));
	return alive(&c);
}

/* What can still be said of a container whose config.json is no JSON: enough to remove it. */
static struct json *stand_in_config(const char *id)
{
	struct json *config = json_new_map();
	char name[16];

	snprintf(name, sizeof(name), "%.12s", id);
	json_put_string(config, "id", id);
	json_put_string(config, "name", name);
	return config;
}

int record_load(const struct globals *globals, int containers, const char *id,
	struct container *ret, struct err *err)
{
	autocontainer struct container c = CONTAINER_INIT;
	struct err why = ERR_INIT;
	int r;

	c.dir = openat(containers, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (c.dir < 0)
		return err_sys(err, "open container %.12s", id);
	r = json_read_at(c.dir, CONFIG_NAME, RECORD_MAX, &c.config, &why);
	if (r == -ENOENT)
		return err_set(err, -ENOENT, "container %.12s is not complete", id);
	if (is_shortage(r)) {
		*err = why;
		return r;
	}
	snprintf(c.id, sizeof(c.id), "%s", id);
	c.path = xasprintf("%s/containers/%s", globals->root, id);
	c.run_path = xasprintf("%s/%s", globals->runroot, id);
	if (r < 0)
		c.config = stand_in_config(id);
	c.name = xstrdup(json_str(json_get(c.config, "name"), id));
	TRY(record_reload(&c, err));
	if (r < 0)
		mark_damaged(&c, why.text);
	*ret = c;
	c = (struct container)CONTAINER_INIT;
	return 0;
}

static bool monitor_lives(const struct container *c)
{
	return c->monitor > 0 && !state_pid_ended(c->monitor, c->monitor_start);
}

bool record_has_monitor(const struct container *c)
{
	return monitor_lives(c);
}

bool record_is_up(const struct container *c)
{
	return alive(c) && monitor_lives(c);
}

static int64_t boot_time(void)
{
	struct timespec up;

	(void)clock_gettime(CLOCK_BOOTTIME, &up); /* cannot fail with this clock */
	return state_now() - ((int64_t)up.tv_sec * NS + up.tv_nsec);
}

static void mark_dead(struct container *c)
{
	struct err ignored = ERR_INIT;
	bool rebooted = c->monitor == 0;

	/* Dies with its monitor by itself; this is for the one that was stopped or still on its way. */
	if (c->pid > 0)
		(void)state_signal(c->pid, c->pid_start, SIGKILL, &ignored);
	c->status = STATUS_EXITED;
	c->exit_code = rebooted ? 255 : 137;
	c->finished = rebooted ? boot_time() : state_now();
	if (c->finished < c->started)
		c->finished = c->started;
	set_error(c, rebooted ? "the machine was restarted" : "monitor was killed");
	c->pid = 0;
	c->pid_start = 0;
	c->monitor = 0;
	c->monitor_start = 0;
	json_free(c->network);
	c->network = NULL;
}

/* `run --rm` whose launcher died, and its monitor too, before anything ran. A monitor listens from
 * before its launcher may go. */
static bool abandoned(const struct container *c)
{
	pid_t launcher = (pid_t)json_int(json_get(c->config, "launcher"), 0);
	int64_t start = json_int(json_get(c->config, "launcherStart"), 0);
	autofd int monitor = -EBADF;
	struct err none = ERR_INIT;

	if (c->status != STATUS_CREATED || launcher <= 0 ||
		!json_bool(json_get(c->config, "autoRemove"), false) ||
		!state_pid_ended(launcher, (uint64_t)start))
		return false;
	monitor = state_connect(c, &none);
	return monitor == -ECONNREFUSED || monitor == -ENOENT;
}

static int collect_abandoned(const struct globals *globals, struct container *c, struct err *err)
{
	TRY(record_reload(c, err));
	if (!abandoned(c)) /* it has just begun to run */
		return 0;
	log_msg(LOG_DEBUG, "removing container %.12s, which nobody will start", c->id);
	TRY(state_remove(globals, c, true, err));
	return 1;
}

int record_repair(const struct globals *globals, struct container *c, struct err *err)
{
	autofd int lock = -EBADF;

	if (abandoned(c))
		return collect_abandoned(globals, c, err);
	if (!alive(c) || monitor_lives(c))
		return 0;
	lock = state_lock(c, err);
	TRY(lock);
	TRY(record_reload(c, err));
	if (!alive(c) || monitor_lives(c))
		return 0;
	mark_dead(c);
	remove_run_dir(c);
	event_container(globals, c, "die", "exitCode", c->exit_code == 255 ? "255" : "137");
	if (!json_bool(json_get(c->config, "autoRemove"), false))
		return state_save(c, err);
	fd_drop(&lock);
	log_msg(LOG_DEBUG, "removing container %.12s, whose monitor died", c->id);
	TRY(state_remove(globals, c, true, err));
	return 1;
}

int state_reload(struct container *c, struct err *err)
{
	if (faccessat(c->dir, CONFIG_NAME, F_OK, 0) < 0)
		return err_set(err, -ENOENT, "No such container: %s", c->name);
	return record_reload(c, err);
}

int state_refresh(const struct globals *globals, struct container *c, struct err *err)
{
	int r;

	TRY(state_reload(c, err));
	r = record_repair(globals, c, err);
	return r == 1 ? err_set(err, -ENOENT, "No such container: %s", c->name) : r;
}

int64_t state_created(const struct container *c)
{
	int64_t ns = 0;

	if (state_time_parse(json_str(json_get(c->config, "created"), ""), &ns) < 0)
		return 0;
	return ns;
}
