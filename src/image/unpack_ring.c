/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decompression runs ahead in its own thread, a few pieces deep: it takes longer than parsing and
 * writing together, so on two cores unpacking costs little more than it. One producer, one consumer,
 * one mutex; a piece belongs to the consumer from ring_next() to the next ring_next().
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "image/unpack.h"

#define SLOTS     8
#define SLOT_SIZE ((size_t)256 << 10)

struct slot {
	unsigned char *data;
	ssize_t len; /* as inflate_read() */
};

struct ring {
	struct inflate *inflate;
	const struct layer_job *job;
	struct slot slots[SLOTS];
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned made, taken; /* pieces ever; made - taken ≤ SLOTS */
	bool holding;         /* the consumer uses piece `taken` */
	bool stop;
	struct err err; /* valid when a piece has len < 0 */
};

/* False when the consumer is gone. */
static bool wait_for_room(struct ring *r)
{
	bool go;

	(void)pthread_mutex_lock(&r->lock);
	while (r->made - r->taken == SLOTS && !r->stop)
		(void)pthread_cond_wait(&r->changed, &r->lock);
	go = !r->stop;
	(void)pthread_mutex_unlock(&r->lock);
	return go;
}

static void publish(struct ring *r)
{
	(void)pthread_mutex_lock(&r->lock);
	r->made++;
	(void)pthread_cond_signal(&r->changed);
	(void)pthread_mutex_unlock(&r->lock);
}

static void *produce(void *data)
{
	struct ring *r = data;
	ssize_t n;

	do {
		struct slot *slot = &r->slots[r->made % SLOTS];

		if (!wait_for_room(r))
			return NULL;
		n = inflate_read(r->inflate, slot->data, SLOT_SIZE, &r->err);
		slot->len = n;
		publish(r);
		if (r->job && r->job->progress)
			r->job->progress(r->job->data, inflate_consumed(r->inflate));
	} while (n > 0);
	return NULL;
}

int ring_new(
	struct inflate *inflate, const struct layer_job *job, struct ring **ret, struct err *err)
{
	struct ring *r = xcalloc(1, sizeof(*r));
	int failed;

	r->inflate = inflate;
	r->job = job;
	for (size_t i = 0; i < SLOTS; i++)
		r->slots[i].data = xmalloc(SLOT_SIZE);
	(void)pthread_mutex_init(&r->lock, NULL);
	(void)pthread_cond_init(&r->changed, NULL);
	failed = pthread_create(&r->thread, NULL, produce, r);
	if (failed) {
		r->thread = 0;
		ring_free(r);
		errno = failed;
		return err_sys(err, "start the decompression thread");
	}
	*ret = r;
	return 0;
}

ssize_t ring_next(void *ring, const void **ret, struct err *err)
{
	struct ring *r = ring;
	const struct slot *slot;

	(void)pthread_mutex_lock(&r->lock);
	if (r->holding && r->slots[r->taken % SLOTS].len > 0) {
		r->taken++;
		(void)pthread_cond_signal(&r->changed);
	}
	while (r->made == r->taken)
		(void)pthread_cond_wait(&r->changed, &r->lock);
	r->holding = true;
	(void)pthread_mutex_unlock(&r->lock);
	slot = &r->slots[r->taken % SLOTS];
	if (slot->len < 0)
		*err = r->err;
	*ret = slot->data;
	return slot->len;
}

void ring_free(struct ring *r)
{
	if (!r)
		return;
	if (r->thread) {
		(void)pthread_mutex_lock(&r->lock);
		r->stop = true;
		(void)pthread_cond_signal(&r->changed);
		(void)pthread_mutex_unlock(&r->lock);
		(void)pthread_join(r->thread, NULL);
	}
	(void)pthread_cond_destroy(&r->changed);
	(void)pthread_mutex_destroy(&r->lock);
	for (size_t i = 0; i < SLOTS; i++)
		free(r->slots[i].data);
	free(r);
}

void ring_free_(struct ring **r)
{
	ring_free(*r);
}
