/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two processors kept from sleeping while a client and its server take turns.
 *
 * When each waits for the other, every message finds a sleeping processor and wakes it: 1 to 5 us on most
 * machines, 40 to 60 us in a virtual one that halts at once, ten times what the answer itself takes. Threads
 * of the class SCHED_IDLE (sched(7)) that spin meanwhile leave the processor to anything else that wants it.
 *
 * Spinning has a price, so it is only done where it is seen to pay: every so often the gaps between requests
 * are measured without and with it (awake_plan, pure), and it goes on only if they became a quarter shorter.
 * On a machine that is busy, or that wakes fast, they do not. Nothing spins longer than AWAKE_WINDOW after
 * the last request, and no thread exists before the first trial.
 */
#ifndef SBX_BASE_AWAKE_H
#define SBX_BASE_AWAKE_H

#include <stdbool.h>
#include <stdint.h>

/* ns: requests farther apart than this do not follow from each other; also how long one is spun for */
#define AWAKE_WINDOW 400000

enum awake_state {
	AWAKE_RESTING, /* a trial did not pay, or none was made yet */
	AWAKE_TRIAL,   /* measuring: without, with, with, without */
	AWAKE_ON
};

/* Zeroed: a first trial after the first requests that follow each other. */
struct awake_plan {
	enum awake_state state;
	unsigned row;                /* requests in a row, none AWAKE_WINDOW after the one before */
	unsigned part, gaps;         /* of the trial; gaps measured in this part */
	uint64_t sums[2];            /* ns, without and with */
	uint64_t last, since, until; /* ns of the monotonic clock: a rest, or what was gained */
	uint64_t mean, judged;       /* ns: the gaps now, and those of the trial that did not pay */
	unsigned failed;             /* trials in a row that did not pay: the rests become longer */
};

/* A request came at `now`. Returns whether processors are to be kept awake for the next. */
bool awake_plan_saw(struct awake_plan *plan, uint64_t now);

struct awake;

/* NULL without memory or with a single processor: all functions take it and do nothing. */
struct awake *awake_new(void);

/* A request has come. From one thread at a time. */
void awake_saw(struct awake *awake);

/* Ends its threads. NULL ok. */
void awake_free(struct awake *awake);

#endif
