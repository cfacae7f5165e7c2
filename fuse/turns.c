/* SPDX-License-Identifier: Apache-2.0 */
/* Locking a plain mutex and using a condition cannot fail; their results are not looked at. */
#include "turns.h"

void turns_init(struct turns *turns)
{
	*turns = (struct turns){ .led = false };
	(void)pthread_mutex_init(&turns->lock, NULL);
	(void)pthread_cond_init(&turns->free, NULL);
}

bool turns_lead(struct turns *turns)
{
	bool over;

	(void)pthread_mutex_lock(&turns->lock);
	while (turns->led && !turns->over)
		(void)pthread_cond_wait(&turns->free, &turns->lock);
	over = turns->over;
	turns->led = true;
	turns->leader = pthread_self();
	(void)pthread_mutex_unlock(&turns->lock);
	return !over;
}

static bool leads(const struct turns *turns)
{
	return turns->led && pthread_equal(turns->leader, pthread_self());
}

bool turns_is_leading(struct turns *turns)
{
	bool leading;

	(void)pthread_mutex_lock(&turns->lock);
	leading = leads(turns);
	(void)pthread_mutex_unlock(&turns->lock);
	return leading;
}

void turns_pass_on(struct turns *turns)
{
	(void)pthread_mutex_lock(&turns->lock);
	if (leads(turns)) {
		turns->led = false;
		(void)pthread_cond_signal(&turns->free);
	}
	(void)pthread_mutex_unlock(&turns->lock);
}

void turns_end(struct turns *turns)
{
	(void)pthread_mutex_lock(&turns->lock);
	turns->over = true;
	(void)pthread_cond_broadcast(&turns->free);
	(void)pthread_mutex_unlock(&turns->lock);
}
