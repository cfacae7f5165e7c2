/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decompression and the digest of what comes out run in threads of their own, a few pieces ahead of
 * parsing and writing: each of the three takes about as long as the others, so that a layer that is
 * alone keeps two processors busy. One producer and two consumers; a piece belongs to the parser from
 * ring_next() to the next ring_next(), and is made anew when both have done with it.
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
	struct digester *digester;
	const struct layer_job *job;
	struct slot slots[SLOTS];
	pthread_t producer, hasher; /* 0 = not there */
	pthread_mutex_t lock;
	pthread_cond_t filled, freed;
	unsigned made, taken, hashed; /* pieces ever; never more than SLOTS apart */
	bool holding;                 /* the parser uses piece `taken` */
	bool stop;
	struct err err; /* valid when a piece has len < 0 */
};

static bool is_full(const struct ring *r)
{
	return r->made - r->taken == SLOTS || r->made - r->hashed == SLOTS;
}

/* False when the parser is gone. */
static bool wait_for_room(struct ring *r)
{
	bool go;

	(void)pthread_mutex_lock(&r->lock);
	while (is_full(r) && !r->stop)
		(void)pthread_cond_wait(&r->freed, &r->lock);
	go = !r->stop;
	(void)pthread_mutex_unlock(&r->lock);
	return go;
}

static void publish(struct ring *r)
{
	(void)pthread_mutex_lock(&r->lock);
	r->made++;
	(void)pthread_cond_broadcast(&r->filled);
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

/* NULL when there is nothing more to hash. */
static const struct slot *next_to_hash(struct ring *r)
{
	const struct slot *slot = &r->slots[r->hashed % SLOTS];
	bool go;

	(void)pthread_mutex_lock(&r->lock);
	while (r->made == r->hashed && !r->stop)
		(void)pthread_cond_wait(&r->filled, &r->lock);
	go = !r->stop && slot->len > 0;
	(void)pthread_mutex_unlock(&r->lock);
	return go ? slot : NULL;
}

static void *hash(void *data)
{
	struct ring *r = data;
	const struct slot *slot;

	while ((slot = next_to_hash(r))) {
		digester_update(r->digester, slot->data, (size_t)slot->len);
		(void)pthread_mutex_lock(&r->lock);
		r->hashed++;
		(void)pthread_cond_signal(&r->freed);
		(void)pthread_mutex_unlock(&r->lock);
	}
	return NULL;
}

static int start(struct ring *r, pthread_t *ret, void *(*run)(void *), struct err *err)
{
	int failed = pthread_create(ret, NULL, run, r);

	if (!failed)
		return 0;
	*ret = 0;
	errno = failed;
	return err_sys(err, "start a thread for unpacking");
}

int ring_new(struct inflate *inflate, struct digester *digester, const struct layer_job *job,
	struct ring **ret, struct err *err)
{
	autoring struct ring *r = xcalloc(1, sizeof(*r));

	r->inflate = inflate;
	r->digester = digester;
	r->job = job;
	for (size_t i = 0; i < SLOTS; i++)
		r->slots[i].data = xmalloc(SLOT_SIZE);
	(void)pthread_mutex_init(&r->lock, NULL);
	(void)pthread_cond_init(&r->filled, NULL);
	(void)pthread_cond_init(&r->freed, NULL);
	TRY(start(r, &r->producer, produce, err));
	TRY(start(r, &r->hasher, hash, err));
	*ret = move_ptr(&r);
	return 0;
}

ssize_t ring_next(void *ring, const void **ret, struct err *err)
{
	struct ring *r = ring;
	const struct slot *slot;

	(void)pthread_mutex_lock(&r->lock);
	if (r->holding && r->slots[r->taken % SLOTS].len > 0) {
		r->taken++;
		(void)pthread_cond_signal(&r->freed);
	}
	while (r->made == r->taken)
		(void)pthread_cond_wait(&r->filled, &r->lock);
	r->holding = true;
	(void)pthread_mutex_unlock(&r->lock);
	slot = &r->slots[r->taken % SLOTS];
	if (slot->len < 0)
		*err = r->err;
	*ret = slot->data;
	return slot->len;
}

void ring_finish(struct ring *r)
{
	if (r->hasher)
		(void)pthread_join(r->hasher, NULL);
	r->hasher = 0;
}

void ring_free(struct ring *r)
{
	if (!r)
		return;
	(void)pthread_mutex_lock(&r->lock);
	r->stop = true;
	(void)pthread_cond_broadcast(&r->freed);
	(void)pthread_cond_broadcast(&r->filled);
	(void)pthread_mutex_unlock(&r->lock);
	if (r->producer)
		(void)pthread_join(r->producer, NULL);
	ring_finish(r);
	(void)pthread_cond_destroy(&r->filled);
	(void)pthread_cond_destroy(&r->freed);
	(void)pthread_mutex_destroy(&r->lock);
	for (size_t i = 0; i < SLOTS; i++)
		free(r->slots[i].data);
	free(r);
}

void ring_free_(struct ring **r)
{
	ring_free(*r);
}
