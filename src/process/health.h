/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Health checks, run by the container's monitor. Each probe is a process of its own that enters the
 * container like `exec`, so that a container that hangs can never hold the monitor up.
 */
#ifndef SBX_PROCESS_HEALTH_H
#define SBX_PROCESS_HEALTH_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/loop.h"
#include "base/strv.h"
#include "process/exec.h"

#define HEALTH_OUTPUT 4096

struct health_spec {
	struct strv test; /* what is executed; empty = no health check */
	int64_t interval_ms, timeout_ms, start_period_ms, start_interval_ms;
	int retries;
};

enum health_status { HEALTH_STARTING, HEALTH_HEALTHY, HEALTH_UNHEALTHY };

struct health_result {
	int64_t start, end; /* ns since the epoch */
	int exit_code;      /* -1: it ran out of time, or could not be run */
	uint32_t len;
	char output[HEALTH_OUTPUT];
};

struct health_state {
	enum health_status status;
	int streak; /* failures in a row */
};

/* Docker's rules. starting: the start period is not over, so that failures do not count. Pure. */
void health_judge(
	struct health_state *state, const struct health_spec *spec, bool ok, bool starting);

/* How long until the next probe. Pure. */
int64_t health_next_ms(const struct health_spec *spec, enum health_status status, int64_t up_ms);

/* Runs a check once and waits for it, no longer than its time. An error: it could not be started. The
 * caller is not dumpable (PR_SET_DUMPABLE). */
int health_run(const struct exec_spec *spec, int64_t timeout_ms, struct health_result *ret,
	struct err *err);

struct health_job {
	const struct health_spec *spec;
	const struct exec_spec *exec;  /* but pid, pidfd and cgroup */
	bool (*may_probe)(void *data); /* false: it is paused */
	void (*probed)(
		void *data, const struct health_state *state, const struct health_result *result);
	void *data;
};

/* One container's; lives in the monitor. */
struct health {
	const struct health_job *job; /* NULL: none */
	struct loop *loop;
	struct loop_source *timer, *source;
	pid_t pid; /* of the container */
	int pidfd;
	const char *cgroup; /* borrowed; NULL = none */
	pid_t prober;
	int answer; /* the prober's pipe */
	size_t have;
	int64_t began; /* monotonic ms */
	struct health_state state;
	struct health_result result;
};
#define HEALTH_INIT                               \
	{                                         \
		.pidfd = -EBADF, .answer = -EBADF \
	}

int health_start(struct health *health, const struct health_job *job, struct loop *loop, pid_t pid,
	int pidfd, struct err *err);
void health_stop(struct health *health);

#endif
