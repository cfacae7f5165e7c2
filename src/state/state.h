/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stage 7: what containers exist and how they are. One directory per container:
 *
 *	<root>/containers/<64 hex>/config.json    written once by create
 *	<root>/containers/<64 hex>/launch.json    the bulk that only start and exec need
 *	<root>/containers/<64 hex>/state.json     live state, one writer at a time (monitor, or repair)
 *	<root>/containers/<64 hex>/log            JSON lines in Docker's json-file form
 *	<root>/containers/<64 hex>/{upper,work}
 *	<root>/names/<name>                       symlink to the id: made exclusively = the claim
 *	<runroot>/events.log                      what happened (events.h)
 *	<runroot>/listing                         what listings remember (listing.c); never needed
 *	<runroot>/<64 hex>/paused                 its processes are held (state_set_paused)
 *	<runroot>/<64 hex>/attach.sock            the monitor's socket
 *	<runroot>/<64 hex>/{hosts,hostname,resolv.conf}   written at each start
 *
 * No daemon: a container is running when state.json says so, the boot id is today's, and the
 * monitor's pid still has the start time on record. state_open() and state_list() repair what a
 * crash left: a dead monitor's container becomes exited (137, "monitor was killed").
 * Field names are in docs/formats.md.
 */
#ifndef SBX_STATE_STATE_H
#define SBX_STATE_STATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/json.h"
#include "options/options.h"
#include "state/events.h"
#include "state/volume.h"

/* RESTARTING: has ended, and its monitor waits until its restart policy starts it again (pid 0). */
enum status { STATUS_CREATED, STATUS_RUNNING, STATUS_PAUSED, STATUS_RESTARTING, STATUS_EXITED };

struct container {
	char id[65];
	char *name;
	int dir;             /* <root>/containers/<id>, O_RDONLY|O_DIRECTORY */
	char *path;          /* the same, absolute */
	char *run_path;      /* <runroot>/<id>; made by state_run_dir() */
	struct json *config; /* config.json, immutable */
	/* live, mirrored in state.json */
	enum status status;
	pid_t pid, monitor;                /* 0 when not running */
	uint64_t pid_start, monitor_start; /* field 22 of /proc/PID/stat */
	int64_t started, finished;         /* ns since the epoch, 0 = never */
	int exit_code;
	int restarts; /* by its policy, since somebody started it */
	bool stopped; /* ended because somebody wished so: --restart unless-stopped */
	char *cgroup; /* absolute: of its own; "" or NULL = none */
	bool oom_killed;
	char *error;            /* "" or why it could not start */
	struct json *endpoints; /* the networks it is to be on, when that was changed; else NULL */
	struct json *
		network; /* {"ip","gateway","prefix","ip6","gateway6","mac","ports":[{"ip","hostPort","port","proto"}]} */
};
#define CONTAINER_INIT        \
	{                     \
		.dir = -EBADF \
	}
void container_done(struct container *c);
#define autocontainer __attribute__((cleanup(container_done)))

void state_new_id(char ret[65]); /* 64 random lower-case hex digits */

/* Makes the directory, claims the name (random adjective_surname when NULL). config is adopted; its
 * "id" is used (a new one is made when missing), name, created and version are put into it. What it
 * has under "launch" is kept apart, for state_read_launch(), so that listings need not read it.
 * -EEXIST: E-NAME with the owner's id. */
int state_create(const struct globals *globals, const char *name, struct json *adopt_config,
	struct container *ret, struct err *err);

/* What state_create() was given under "launch". -errno when it cannot be read (it is written without a
 * sync, so a power cut may take it). */
int state_read_launch(const struct container *c, struct json **ret, struct err *err);

/* By id, unique prefix, or name; repairs. -ENOENT "No such container: X"; -ENOTUNIQ ambiguous. */
int state_open(
	const struct globals *globals, const char *name, struct container *ret, struct err *err);

/* All containers, newest first, repaired. Caller frees with state_list_free(). An error where there are
 * fewer descriptors than containers: a listing that lacks some is none. */
int state_list(
	const struct globals *globals, struct container **ret, size_t *ret_n, struct err *err);
/* The same to look at only: what does not run may have neither dir nor paths, and of its configuration
 * only what `ps` shows (listing.c). table: of the configuration only created, image, and argv, perhaps as
 * one text. */
int state_list_brief(const struct globals *globals, bool table, struct container **ret,
	size_t *ret_n, struct err *err);
/* Only the running and paused ones; does not even read the configuration of the others. */
int state_list_up(
	const struct globals *globals, struct container **ret, size_t *ret_n, struct err *err);
void state_list_free(struct container *list, size_t n);

/* Reads the live fields again and repairs. -ENOENT: it has been removed. */
int state_refresh(const struct globals *globals, struct container *c, struct err *err);
/* The same without repairing, and so also while holding the container's lock. */
int state_reload(struct container *c, struct err *err);
int state_save(struct container *c, struct err *err); /* live fields → state.json, atomically */
int state_run_dir(struct container *c, const struct globals *globals, struct err *err);

/* Changes the record of a container whose lock the caller holds: change() gets what is on disk now. */
int state_change_config(struct container *c,
	int (*change)(void *data, struct json *config, struct err *err), void *data,
	struct err *err);

/* Removes everything that sbx keeps in its two trees. No container may run. */
int state_reset(const struct globals *globals, struct err *err);

/* Another name, also while it runs. -EEXIST: E-NAME; -EINVAL: no name, or the same. */
int state_rename(
	const struct globals *globals, struct container *c, const char *name, struct err *err);

/* The quick first half of state_remove() for --rm: the container is in no listing any more and its name
 * is free. state_remove() must follow; if it cannot, the next listing collects what is left. */
int state_retire(const struct globals *globals, struct container *c, struct err *err);

/* Removes directory, run directory, name, its anonymous volumes if asked. Files owned by sub-ids
 * included. -EBUSY: it runs, perhaps since a moment ago. */
int state_remove(const struct globals *globals, struct container *c, bool volumes, struct err *err);

/* A socket to the monitor, for process/attach.h. -ECONNREFUSED or -ENOENT: there is none. */
int state_connect(const struct container *c, struct err *err);

/* Written before a container is signalled: its end is wanted, so no restart policy brings it back; keep:
 * and --rm does not remove it. Forgotten by the next start. */
enum stop_wish { STOP_NOT_ASKED, STOP_WANTED, STOP_KEEP };
int state_ask_stop(const struct globals *globals, struct container *c, bool keep, struct err *err);
enum stop_wish state_stop_asked(const struct container *c);
int state_forget_stop(const struct container *c, struct err *err);

/* A running container with this note is STATUS_PAUSED for every reader. A note and no change of state.json,
 * because that has one writer, the monitor. Forgotten by the next start. */
int state_set_paused(const struct globals *globals, struct container *c, bool on, struct err *err);

/* Start time of a process (field 22 of /proc/PID/stat); 0 when it does not exist. */
uint64_t state_pid_start(pid_t pid);
/* Certainly not that process any more; false also when it cannot be looked at now. */
bool state_pid_ended(pid_t pid, uint64_t start);
/* A pidfd that is certainly the recorded process, or -ESRCH. */
int state_pidfd(pid_t pid, uint64_t start, struct err *err);
/* Signals the recorded process and no other; -ESRCH when it has ended. */
int state_signal(pid_t pid, uint64_t start, int signo, struct err *err);
/* Waits until the recorded process has ended; timeout_ms -1 = for ever. -ETIMEDOUT. */
int state_wait_gone(pid_t pid, uint64_t start, int64_t timeout_ms, struct err *err);

/* Serialises changes of one container (start, stop, rename, rm) between commands. Returns a
 * descriptor whose closing releases the lock; waits at most 30 s, then -ETIMEDOUT. */
int state_lock(const struct container *c, struct err *err);

/* [a-zA-Z0-9][a-zA-Z0-9_.-]* of at most 255 bytes, since it becomes a file name. Docker wants two
 * characters at least; containers of one letter are podman's, and everybody's in examples. Pure. */
bool state_name_valid(const char *name);

int64_t state_now(void); /* ns since the epoch */
/* "2026-11-22T08:51:00.123456789Z"; without `fixed` trailing zeros are left out, as Go does. */
#define STATE_TIME_MAX 40
void state_time_format(int64_t ns, bool fixed, char ret[STATE_TIME_MAX]);
int state_time_parse(const char *text, int64_t *ret); /* RFC 3339; -EINVAL. Pure. */
int64_t state_created(const struct container *c);     /* config's "created" in ns */
const char *state_status_name(enum status status);    /* "created", "running" … */

/* Container log, Docker's json-file form: {"log":"line\n","stream":"stdout","time":"RFC3339Nano"}. */
struct logger; /* splits bytes into lines, keeps the rest; one per container */
int logger_open(struct container *c, struct logger **ret, struct err *err);
int journal_check(struct err *err); /* E-JOURNAL: --log-driver journald cannot be had */
int logger_write(
	struct logger *log, int stream, const void *data, size_t len, struct err *err); /* 1, 2 */
void logger_free(struct logger *log); /* flushes partial lines */

#endif
