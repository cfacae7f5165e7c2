/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Volumes: what `run -v NAME:/path` uses and the volume commands manage. Part of state.h.
 *
 *	<root>/volumes/<name>/_data         the files; may belong to sub-ids. A symlink with -o o=bind
 *	<root>/volumes/<name>/volume.json   labels, options, time; missing when `run` made the volume
 *
 * Names follow state_name_valid(), so no name leads out of the folder.
 */
#ifndef SBX_STATE_VOLUME_H
#define SBX_STATE_VOLUME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
#include "base/strv.h"
#include "options/options.h"

struct container;

struct stored_volume {
	char *name;
	char *path;           /* of _data */
	int64_t created;      /* ns since the epoch */
	struct json *labels;  /* string to string; NULL when there are none */
	struct json *options; /* as given with -o; NULL when there are none */
	bool anonymous;
};
void stored_volume_done(struct stored_volume *v);
#define autovolume __attribute__((cleanup(stored_volume_done)))

/* Makes a volume, or opens the one of that name. name NULL: an anonymous one. labels and options may be
 * NULL. -EINVAL: a bad name or option. */
int state_volume_create(const struct globals *globals, const char *name, struct json *labels,
	struct json *options, struct stored_volume *ret, struct err *err);

/* -ENOENT: "get NAME: no such volume" */
int state_volume_open(const struct globals *globals, const char *name, struct stored_volume *ret,
	struct err *err);

/* All of them by name; also finishes what killed commands left. Caller: state_volume_list_free(). */
int state_volume_list(
	const struct globals *globals, struct stored_volume **ret, size_t *ret_n, struct err *err);
void state_volume_list_free(struct stored_volume *list, size_t n);

/* Appends the ids of the containers of the list that mount it. Pure. */
void state_volume_users(
	const struct container *list, size_t n, const char *volume, struct strv *ret);

/* -EBUSY names the containers that mount it; -ENOENT as state_volume_open(). */
int state_volume_remove(const struct globals *globals, const char *name, struct err *err);

#endif
