/* SPDX-License-Identifier: Apache-2.0 */
/* Locking a plain mutex and using a condition cannot fail; their results are not looked at. */
#include "later.h"

#include <stddef.h>

void later_init(struct later *later)
{
	*later = (struct later){ .last = &later->first };
	(void)pthread_mutex_init(&later->lock, NULL);
	(void)pthread_cond_init(&later->more, NULL);
}

/* The next job, waited for; NULL when there will be none. */
static struct later_job *take(struct later *later)
{
	struct later_job *job;

	(void)pthread_mutex_lock(&later->lock);
	while (!later->first && !later->over)
		(void)pthread_cond_wait(&later->more, &later->lock);
	job = later->first;
	if (job) {
		later->first = job->next;
		if (!later->first)
			later->last = &later->first;
	}
	(void)pthread_mutex_unlock(&later->lock);
	return job;
}

static void *work(void *data)
{
	struct later_job *job;

	while ((job = take(data)))
		job->run(job);
	return NULL;
}

int later_do(struct later *later, struct later_job *job)
{
	int r = 0;

	(void)pthread_mutex_lock(&later->lock);
	if (!later->started)
		r = -pthread_create(&later->thread, NULL, work, later);
	if (r == 0) {
		later->started = true;
		job->next = NULL;
		*later->last = job;
		later->last = &job->next;
		(void)pthread_cond_signal(&later->more);
	}
	(void)pthread_mutex_unlock(&later->lock);
	return r;
}

void later_done(struct later *later)
{
	(void)pthread_mutex_lock(&later->lock);
	later->over = true;
	(void)pthread_cond_broadcast(&later->more);
	(void)pthread_mutex_unlock(&later->lock);
	if (later->started)
		(void)pthread_join(later->thread, NULL); /* only fails for a thread not ours */
	later->started = false;
}
