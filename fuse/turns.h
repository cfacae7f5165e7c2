/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which thread reads requests. One leads: it alone reads, and handles the short ones itself, so that
 * a requester finds the same warm thread each time; when an operation is going to take long, another
 * thread takes over the reading. With all of them reading, the kernel would wake them in turn, each on
 * another processor: measured, small requests then cost three times as much.
 */
#ifndef SBX_FUSE_TURNS_H
#define SBX_FUSE_TURNS_H

#include <pthread.h>
#include <stdbool.h>

struct turns {
	pthread_mutex_t lock;
	pthread_cond_t free;
	pthread_t leader;
	bool led, over;
};

void turns_init(struct turns *turns);
bool turns_lead(struct turns *turns); /* waits for the lead; false: it is all over */
bool turns_is_leading(struct turns *turns);
void turns_pass_on(struct turns *turns); /* nothing happens unless the caller leads */
void turns_end(struct turns *turns);     /* for all threads */

#endif
