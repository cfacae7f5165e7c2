/* SPDX-License-Identifier: Apache-2.0 */
/* The relay between a running process and its clients: for containers and, smaller, for `exec`. */
#ifndef SBX_PROCESS_MONITOR_H
#define SBX_PROCESS_MONITOR_H

#include "process/parent.h"

struct monitor_job {
	bool tty, open_stdin;
	bool stdin_once;         /* the first client whose stdin ends, ends the process's */
	bool launcher_in;        /* the launcher is such a client */
	const char *id, *name;   /* the container's, for its network */
	struct network *network; /* left as soon as the process has ended; NULL = none of its own */
	struct network_set *networks; /* further networks; NULL = none ever */
	const struct process_events *events;
	const struct health_job *health; /* NULL = none */
	int64_t timeout_ms;              /* then it is killed; 0 = never */
	int linger_ms; /* after the end, how long descendants may keep the output open */
	int (*start)(void *data, struct process *ret, struct err *err);
	void *data;
};

/* As process_monitor(), which is this for a container. Takes over client and listener. */
int monitor_run(const struct monitor_job *job, int client, int listener, struct err *err);

#endif
