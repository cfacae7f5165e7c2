/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happened: one JSON line per event, in Docker's shape, appended to <runroot>/events.log by whoever
 * did it, since there is no daemon that would know. At EVENTS_MAX bytes the file becomes events.log.1.
 * Telling is never worth a failure: what cannot be written is lost, and said at --log-level debug.
 */
#ifndef SBX_STATE_EVENTS_H
#define SBX_STATE_EVENTS_H

#include "base/err.h"
#include "base/json.h"
#include "options/options.h"

#define EVENTS_NAME "events.log"
#define EVENTS_OLD  EVENTS_NAME ".1"
#define EVENTS_MAX  (1 << 20)

/* type: "container", "image", "network", "volume". attributes: map of strings, or NULL; borrowed. */
void event_tell(const struct globals *globals, const char *type, const char *action, const char *id,
	const struct json *attributes);

/* The same with one attribute: its name, or for a volume (name NULL), which is named by its id, the driver. */
void event_tell_named(const struct globals *globals, const char *type, const char *action,
	const char *id, const char *name);

/* Of a container: its labels, image and name, and at most one more attribute. */
struct container;
void event_container(const struct globals *globals, const struct container *c, const char *action,
	const char *key, const char *value);
/* `more` is a map of further attributes; taken. */
void event_container_with(const struct globals *globals, const struct container *c,
	const char *action, struct json *more);

#endif
