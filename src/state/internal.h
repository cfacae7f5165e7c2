/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this folder share and nobody else sees. */
#ifndef SBX_STATE_INTERNAL_H
#define SBX_STATE_INTERNAL_H

#include "state/state.h"

#define ID_LEN      64
#define CONFIG_NAME "config.json"
#define DEAD_NAME   "dead.json" /* what CONFIG_NAME is called while the container is being removed */
#define STATE_NAME  "state.json"
#define LAUNCH_NAME "launch.json"
#define RECORD_MAX  (64u << 20) /* ten times what execve takes of arguments and environment */

struct state_dirs { /* descriptors of <root>/containers and <root>/names */
	int containers;
	int names;
};
#define STATE_DIRS_INIT        \
	{                      \
		-EBADF, -EBADF \
	}
void state_dirs_done(struct state_dirs *dirs);
#define autostatedirs __attribute__((cleanup(state_dirs_done)))

/* create: make what is missing. Without it -ENOENT means that there are no containers. */
int state_dirs_open(
	const struct globals *globals, bool create, struct state_dirs *ret, struct err *err);

bool state_id_valid(const char *name); /* 64 lower-case hex digits */

/* Locks the directory behind fd (any open file description of its own). 0, -EWOULDBLOCK, -errno */
int lock_try(int fd, struct err *err);
int lock_wait(int fd, int64_t timeout_ms, struct err *err);

/* Makes names/<name> point to the id, exclusively; -EEXIST names the holder. */
int name_claim(const struct state_dirs *dirs, const char *name, const char *id, struct err *err);
void name_release(int names, const char *name, const char *id); /* only this id's own claim */
void name_random(char *ret, size_t size, unsigned attempt);

/* Reads containers/<id>; -ENOENT when it has no config.json. Does not repair. */
int record_load(const struct globals *globals, int containers, const char *id,
	struct container *ret, struct err *err);
/* Does state.json claim that it runs? Cheaper than loading all of it. */
bool record_claims_up(int containers, const char *id);
/* Runs, and under a monitor that lives. */
bool record_is_up(const struct container *c);
/* A living monitor, whatever the status. */
bool record_has_monitor(const struct container *c);
/* Again the live part, from state.json. */
int record_reload(struct container *c, struct err *err);
/* Corrects what a dead monitor or a reboot left. 1: the container was to be removed and is gone. */
int record_repair(const struct globals *globals, struct container *c, struct err *err);

/* Is there the note of state_set_paused()? */
bool request_is_paused(const struct container *c);

/* Removes dir/name recursively, in a user namespace when plain rights do not do. */
int remove_tree(int dir, const char *name, struct err *err);
/* A directory that has no config.json: finishes what its maker or remover began, if that one is dead. */
void collect_half(const struct globals *globals, const struct state_dirs *dirs, const char *id);
void remove_run_dir(const struct container *c);

/* ---- listing.c: what listings show of containers that do not run, remembered ---- */

#define LISTING_STAMP_MAX 160
struct listing;
struct listing *listing_open(const struct globals *globals); /* never NULL */
/* Does not run, certainly, and need not be looked at. */
bool listing_knows(struct listing *l, int containers, const char *id);
/* Without directory and paths, with the part of the configuration that ps shows. table: only "created", "image",
 * and all of "argv" in its first element, which takes a third of the time. */
bool listing_get(
	struct listing *l, int containers, const char *id, bool table, struct container *ret);
/* Of the record as it is now. Taken before it is read for listing_put(); false: too young to be remembered. */
bool listing_stamp(
	const struct listing *l, int containers, const char *id, char ret[LISTING_STAMP_MAX]);
void listing_put(struct listing *l, const struct container *c, const char *stamp_before);
void listing_close(struct listing *l); /* writes if enough is new */

/* ---- logattrs.c ---- */

struct json *log_attrs(const struct json *config); /* name to value; caller frees */

/* ---- journal.c ---- */

struct journal;
int journal_open(const struct container *c, struct journal **ret, struct err *err);
/* A line with its newline, or a piece of one. */
void journal_write(struct journal *j, int stream, const char *text, size_t len); /* NULL ok */
void journal_free(struct journal *j);                                            /* NULL ok */

#endif
