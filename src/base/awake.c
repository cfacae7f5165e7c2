/* SPDX-License-Identifier: Apache-2.0 */
/* Locking a plain mutex and using a condition cannot fail; their results are not looked at. */
#include "base/awake.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/own.h"

enum {
	IN_A_ROW = 16, /* requests, before anything is measured or spun for */
	SETTLING = 16, /* gaps at the start of a part that are not measured */
	MEASURED = 32, /* gaps, in each part of a trial */
	SPINNERS = 2,  /* at most: the client's processor and the server's */
	TURN = 32      /* pauses between two looks at the clock: about 1 us */
};
#define SECOND        UINT64_C(1000000000)
#define SHORTEST_REST (SECOND / 50)
#define LONGEST_REST  (8 * SECOND)

static void plan_rest(struct awake_plan *plan, uint64_t now)
{
	uint64_t rest = SECOND / 4 << (plan->failed < 5 ? plan->failed : 5);

	plan->failed++;
	plan->state = AWAKE_RESTING;
	plan->since = now;
	plan->until = now + (rest < LONGEST_REST ? rest : LONGEST_REST);
	plan->judged = plan->sums[0] / (2 * MEASURED);
}

/* Also before the rest is over when the gaps are not those any more that the last trial was made of. */
static bool plan_is_rested(const struct awake_plan *plan, uint64_t now)
{
	return now >= plan->until ||
	       (plan->state == AWAKE_RESTING && now >= plan->since + SHORTEST_REST &&
		       plan->mean > plan->judged / 2 * 3);
}

static void plan_judge(struct awake_plan *plan, uint64_t now)
{
	if (plan->sums[1] > plan->sums[0] / 4 * 3) {
		plan_rest(plan, now);
		return;
	}
	plan->failed = 0;
	plan->state = AWAKE_ON;
	plan->until = now + SECOND;
}

static void plan_start_trial(struct awake_plan *plan)
{
	plan->state = AWAKE_TRIAL;
	plan->part = plan->gaps = 0;
	plan->sums[0] = plan->sums[1] = 0;
}

/* Parts 1 and 2 of a trial's four are those with spinning: what drifts meanwhile falls on both. */
static bool part_spins(unsigned part)
{
	return part == 1 || part == 2;
}

static void plan_measure(struct awake_plan *plan, uint64_t gap, uint64_t now)
{
	if (plan->gaps++ < SETTLING)
		return;
	plan->sums[part_spins(plan->part)] += gap;
	if (plan->gaps < SETTLING + MEASURED)
		return;
	plan->gaps = 0;
	if (++plan->part == 4)
		plan_judge(plan, now);
}

bool awake_plan_saw(struct awake_plan *plan, uint64_t now)
{
	uint64_t gap = now - plan->last;

	plan->last = now;
	if (gap > AWAKE_WINDOW) { /* this one does not follow from the one before */
		plan->row = 0;
		if (plan->state == AWAKE_TRIAL)
			plan->state = AWAKE_RESTING;
		return false;
	}
	plan->mean += gap / 16 - plan->mean / 16;
	if (++plan->row < IN_A_ROW)
		return false;
	if (plan->state == AWAKE_TRIAL)
		plan_measure(plan, gap, now);
	else if (plan_is_rested(plan, now))
		plan_start_trial(plan);
	return plan->state == AWAKE_ON || (plan->state == AWAKE_TRIAL && part_spins(plan->part));
}

struct awake {
	struct awake_plan plan; /* of the thread that calls awake_saw() */
	/* atomic */
	uint64_t last; /* ns */
	bool wanted, over;
	unsigned parked; /* spinners that wait below */
	pthread_mutex_t lock;
	pthread_cond_t go;
	unsigned n;
	struct spinner {
		struct awake *awake;
		pthread_t thread;
		unsigned index;
	} spinners[SPINNERS];
	bool tried; /* to start them */
	cpu_set_t allowed;
	int cpu; /* atomic: where requests are answered */
};

static uint64_t now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t); /* a clock that every kernel has */
	return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

static void spin_a_turn(void)
{
	for (int i = 0; i < TURN; i++)
#if defined(__x86_64__) || defined(__i386__)
		__builtin_ia32_pause();
#elif defined(__aarch64__)
		__asm__ volatile("yield");
#else
		__atomic_signal_fence(__ATOMIC_SEQ_CST);
#endif
}

static bool spins(struct awake *awake)
{
	return __atomic_load_n(&awake->wanted, __ATOMIC_RELAXED) &&
	       now_ns() - __atomic_load_n(&awake->last, __ATOMIC_RELAXED) < AWAKE_WINDOW;
}

/* The nth processor of a set. */
static int nth(const cpu_set_t *set, unsigned n)
{
	int cpu = 0;

	while (!CPU_ISSET((size_t)cpu, set) || n-- > 0)
		cpu++;
	return cpu;
}

/*
 * Of two processors each has its spinner. Of more only the one where requests are answered is known, and
 * that one is kept awake: the client's wakes up as it would.
 */
static void take_place(const struct spinner *spinner)
{
	const struct awake *awake = spinner->awake;
	int cpu = CPU_COUNT(&awake->allowed) == 2 ? nth(&awake->allowed, spinner->index)
						  : __atomic_load_n(&awake->cpu, __ATOMIC_RELAXED);
	cpu_set_t set;

	if (cpu < 0 || cpu >= CPU_SETSIZE)
		return; /* it spins where the kernel puts it */
	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		log_msg(LOG_DEBUG, "choose a processor to spin on: %s", strerror(errno));
}

static void *work(void *data)
{
	const struct sched_param none = { 0 };
	struct spinner *spinner = data;
	struct awake *awake = spinner->awake;

	if (sched_setscheduler(0, SCHED_IDLE, &none) < 0) {
		log_msg(LOG_WARN, "cannot spin at the lowest priority: %s", strerror(errno));
		return NULL;
	}
	(void)pthread_mutex_lock(&awake->lock);
	while (!awake->over) {
		if (!spins(awake)) {
			(void)__atomic_add_fetch(&awake->parked, 1, __ATOMIC_RELAXED);
			(void)pthread_cond_wait(&awake->go, &awake->lock);
			(void)__atomic_sub_fetch(&awake->parked, 1, __ATOMIC_RELAXED);
			continue;
		}
		(void)pthread_mutex_unlock(&awake->lock);
		take_place(spinner);
		while (spins(awake))
			spin_a_turn();
		(void)pthread_mutex_lock(&awake->lock);
	}
	(void)pthread_mutex_unlock(&awake->lock);
	return NULL;
}

struct awake *awake_new(void)
{
	struct awake *awake = calloc(1, sizeof(*awake));

	if (awake && (sched_getaffinity(0, sizeof(awake->allowed), &awake->allowed) < 0 ||
			     CPU_COUNT(&awake->allowed) < 2)) {
		free(awake);
		return NULL;
	}
	if (!awake)
		return NULL;
	(void)pthread_mutex_init(&awake->lock, NULL);
	(void)pthread_cond_init(&awake->go, NULL);
	return awake;
}

static void start(struct awake *awake)
{
	unsigned want = CPU_COUNT(&awake->allowed) == 2 ? 2 : 1;
	int r = 0;

	awake->tried = true;
	while (awake->n < want && r == 0) {
		struct spinner *spinner = &awake->spinners[awake->n];

		*spinner = (struct spinner){ .awake = awake, .index = awake->n };
		r = pthread_create(&spinner->thread, NULL, work, spinner);
		awake->n += r == 0;
	}
	if (r)
		log_msg(LOG_WARN, "start a thread: %s", strerror(r));
}

void awake_saw(struct awake *awake)
{
	bool wanted;
	uint64_t now;

	if (!awake)
		return;
	now = now_ns();
	wanted = awake_plan_saw(&awake->plan, now);
	__atomic_store_n(&awake->last, now, __ATOMIC_RELAXED);
	if (__atomic_load_n(&awake->wanted, __ATOMIC_RELAXED) != wanted)
		__atomic_store_n(&awake->wanted, wanted, __ATOMIC_RELAXED);
	if (!wanted)
		return;
	if (!awake->tried)
		start(awake);
	if (__atomic_load_n(&awake->parked, __ATOMIC_RELAXED)) {
		__atomic_store_n(&awake->cpu, sched_getcpu(), __ATOMIC_RELAXED);
		(void)pthread_mutex_lock(&awake->lock);
		(void)pthread_cond_broadcast(&awake->go);
		(void)pthread_mutex_unlock(&awake->lock);
	}
}

void awake_free(struct awake *awake)
{
	if (!awake)
		return;
	(void)pthread_mutex_lock(&awake->lock);
	awake->over = true;
	__atomic_store_n(&awake->wanted, false, __ATOMIC_RELAXED);
	(void)pthread_cond_broadcast(&awake->go);
	(void)pthread_mutex_unlock(&awake->lock);
	for (unsigned i = 0; i < awake->n; i++)
		(void)pthread_join(
			awake->spinners[i].thread, NULL); /* only fails for a thread not ours */
	(void)pthread_cond_destroy(&awake->go);
	(void)pthread_mutex_destroy(&awake->lock);
	free(awake);
}
