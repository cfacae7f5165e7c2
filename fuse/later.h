/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Jobs that wait for the kernel while the kernel may need the other threads to go on: they are done one
 * after the other by a thread that serves nothing else. It is started with the first job.
 */
#ifndef SBX_FUSE_LATER_H
#define SBX_FUSE_LATER_H

#include <pthread.h>
#include <stdbool.h>

struct later_job {
	void (*run)(struct later_job *job); /* the job is its own to free from here on */
	struct later_job *next;
};

struct later {
	pthread_mutex_t lock;
	pthread_cond_t more;
	pthread_t thread;
	struct later_job *first, **last;
	bool started, over;
};

void later_init(struct later *later);
int later_do(struct later *later, struct later_job *job); /* -EAGAIN: no thread, not taken */
void later_done(struct later *later);                     /* when all jobs given are done */

#endif
