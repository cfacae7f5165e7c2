/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One loop: the network and the workers' pipes. Unpacking is processor time, so each layer gets a
 * process while this one goes on receiving and hashing; it is fed while its blob is on the way, and
 * may only finish when the blob is verified. Large layers start first: the last one to arrive is then
 * the quickest to unpack.
 *
 * The order of downloads (size, then digest) is the same in every process; see blob.c for why that
 * matters to locks.
 */
#include "image/fetch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/own.h"
#include "base/xalloc.h"
#include "image/blob.h"
#include "image/worker.h"

#define DOWNLOADS_MAX 4
#define WORKERS_MAX   16
#define WAIT_MS       1000
#define TICK_MS       100
#define STREAM_BYTES  (256 << 10) /* smaller blobs are here before a worker is */

enum unpack_state { UNPACK_BLOCKED, UNPACK_READY, UNPACK_RUNNING, UNPACK_DONE };

struct unpack { /* one per layer */
	enum unpack_state state;
	struct blob *streamed; /* its worker is fed from this download; NULL = reads the store */
	unsigned restarts;     /* of that download when the worker started */
	bool patient;          /* streaming failed once: wait for the verified blob */
};

struct run {
	const struct fetch *fetch;
	/* One per distinct digest that is needed; their address is known to curl. */
	struct blob **blobs;
	size_t n_blobs;
	struct unpack *unpacks;
	struct worker_set workers;   /* one slot per layer */
	unsigned readers, streamers; /* workers that run */
	unsigned workers_max;        /* of each kind */
};

/* ---- workers ---- */

static int start_worker(struct run *run, size_t at, struct blob *stream, struct err *err)
{
	const struct layer *layer = &run->fetch->layers[at];
	struct unpack *unpack = &run->unpacks[at];
	struct layer_job job = { .blob_digest = layer->blob->digest,
		.media_type = layer->blob->media_type,
		.diff_id = layer->diff_id };

	(void)snprintf(job.chain_id, sizeof(job.chain_id), "%s", layer->chain_id);
	TRY(worker_start(&run->workers, at, &job, stream ? stream->fd : -1, err));
	unpack->state = UNPACK_RUNNING;
	unpack->streamed = stream;
	unpack->restarts = stream ? stream->restarts : 0;
	(*(stream ? &run->streamers : &run->readers))++;
	if (!stream)
		progress_set(run->fetch->progress, layer->row, PROGRESS_EXTRACTING);
	return 0;
}

/* The worker is gone: its slot is free. */
static void note_end(struct run *run, struct unpack *unpack, enum unpack_state state)
{
	(*(unpack->streamed ? &run->streamers : &run->readers))--;
	unpack->state = state;
	unpack->streamed = NULL;
}

static bool is_shared(const struct run *run, size_t at)
{
	const struct fetch *fetch = run->fetch;

	for (size_t i = 0; i < fetch->n; i++)
		if (i != at &&
			strcmp(fetch->layers[i].blob->digest, fetch->layers[at].blob->digest) == 0)
			return true;
	return false;
}

static struct blob *blob_of(struct run *run, const struct layer *layer)
{
	for (size_t i = 0; i < run->n_blobs; i++)
		if (strcmp(run->blobs[i]->descriptor->digest, layer->blob->digest) == 0)
			return run->blobs[i];
	return NULL;
}

static void add_blob(struct run *run, const struct layer *layer)
{
	struct blob *blob = xmalloc(sizeof(*blob));

	blob_init(blob, run->fetch->store, run->fetch->registry, layer->blob);
	run->blobs = xreallocarray(run->blobs, run->n_blobs + 1, sizeof(struct blob *));
	run->blobs[run->n_blobs++] = blob;
}

/* A blob of an earlier pull that has rotted on disk is fetched once again; store_unpack_layer() has
 * removed it. */
static int refetch(struct run *run, size_t at, struct err *err)
{
	const struct layer *layer = &run->fetch->layers[at];

	if (blob_of(run, layer) || store_has_blob(run->fetch->store, layer->blob->digest))
		return err_wrap(err, "layer %.19s", layer->blob->digest);
	log_msg(LOG_WARN, "layer %.19s was damaged on disk and is fetched again",
		layer->blob->digest);
	run->unpacks[at].state = UNPACK_BLOCKED;
	add_blob(run, layer);
	return 0;
}

/* What a fed worker thinks of bytes that nobody has verified does not count. */
static bool is_premature(const struct unpack *unpack)
{
	return unpack->streamed && unpack->streamed->state != BLOB_COMPLETE;
}

static int judge(struct run *run, size_t at, const struct report *report, struct err *err)
{
	struct unpack *unpack = &run->unpacks[at];
	const struct layer *layer = &run->fetch->layers[at];

	if (report->result < 0 && is_premature(unpack)) {
		unpack->patient = true;
		note_end(run, unpack, UNPACK_BLOCKED);
		return 0;
	}
	note_end(run, unpack, UNPACK_DONE);
	if (report->result < 0) {
		*err = report->err;
		return refetch(run, at, err);
	}
	if (run->fetch->progress->rows[layer->row].state != PROGRESS_DOWNLOADING)
		progress_set(run->fetch->progress, layer->row, PROGRESS_COMPLETE);
	return 0;
}

static int hear(struct run *run, size_t at, struct err *err)
{
	const struct layer *layer = &run->fetch->layers[at];
	struct progress *progress = run->fetch->progress;
	struct report report;
	int r = worker_hear(&run->workers, at, &report, err);

	if (r < 0)
		return err_wrap(err, "unpack layer %.19s", layer->blob->digest);
	if (r > 0 && report.final)
		return judge(run, at, &report, err);
	if (r > 0 && progress->rows[layer->row].state == PROGRESS_EXTRACTING)
		progress_count(progress, layer->row, report.consumed, layer->blob->size);
	return 0;
}

/* Gives a fed worker what has arrived; ends its feed when the blob is verified, and the worker itself
 * when the download starts anew. */
static int feed(struct run *run, size_t at, struct err *err)
{
	struct unpack *unpack = &run->unpacks[at];
	struct worker *worker = &run->workers.list[at];
	struct blob *blob = unpack->streamed;

	if (blob->restarts != unpack->restarts) {
		worker_kill(&run->workers, at);
		note_end(run, unpack, UNPACK_BLOCKED);
		return 0;
	}
	TRY(worker_feed(worker, blob->have, err));
	if (blob->state == BLOB_COMPLETE && worker->fed == blob->have)
		worker_end_feed(worker);
	return 0;
}

/* ---- what is to be done ---- */

static int by_size(const void *a, const void *b)
{
	const struct descriptor *x = (*(struct blob *const *)a)->descriptor;
	const struct descriptor *y = (*(struct blob *const *)b)->descriptor;

	if (x->size != y->size)
		return x->size < y->size ? 1 : -1;
	return strcmp(x->digest, y->digest);
}

static void plan(struct run *run)
{
	const struct fetch *fetch = run->fetch;

	run->unpacks = xcalloc(fetch->n, sizeof(*run->unpacks));
	run->workers.list = xcalloc(fetch->n, sizeof(*run->workers.list));
	run->workers.n = fetch->n;
	run->workers.store = fetch->store;
	run->workers.secret = fetch->registry->agent.sock;
	for (size_t i = 0; i < fetch->n; i++) {
		const struct layer *layer = &fetch->layers[i];
		bool here = store_has_blob(fetch->store, layer->blob->digest);

		run->workers.list[i] = (struct worker)WORKER_INIT;
		if (store_has_layer(fetch->store, layer->chain_id))
			run->unpacks[i].state = UNPACK_DONE;
		else if (here)
			run->unpacks[i].state = UNPACK_READY;
		if (!here && !blob_of(run, layer))
			add_blob(run, layer);
		progress_set(fetch->progress, layer->row,
			here && run->unpacks[i].state == UNPACK_DONE ? PROGRESS_EXISTS
								     : PROGRESS_WAITING);
	}
	if (run->n_blobs > 1)
		qsort(run->blobs, run->n_blobs, sizeof(*run->blobs), by_size);
}

/* A blob has arrived: its layers may be unpacked. */
static void release(struct run *run, const struct blob *blob)
{
	for (size_t i = 0; i < run->fetch->n; i++) {
		const struct layer *layer = &run->fetch->layers[i];

		if (strcmp(layer->blob->digest, blob->descriptor->digest) != 0)
			continue;
		progress_set(run->fetch->progress, layer->row, PROGRESS_DOWNLOADED);
		if (run->unpacks[i].state == UNPACK_BLOCKED)
			run->unpacks[i].state = UNPACK_READY;
		else if (run->unpacks[i].state == UNPACK_RUNNING)
			progress_set(run->fetch->progress, layer->row, PROGRESS_EXTRACTING);
		else if (run->unpacks[i].state == UNPACK_DONE)
			progress_set(run->fetch->progress, layer->row, PROGRESS_COMPLETE);
	}
}

static void show_download(struct run *run, const struct blob *blob)
{
	for (size_t i = 0; i < run->fetch->n; i++) {
		const struct layer *layer = &run->fetch->layers[i];

		if (strcmp(layer->blob->digest, blob->descriptor->digest) != 0)
			continue;
		progress_set(run->fetch->progress, layer->row, PROGRESS_DOWNLOADING);
		progress_count(
			run->fetch->progress, layer->row, blob->have, blob->descriptor->size);
	}
}

static int drive_blob(struct run *run, struct blob *blob, unsigned *running, struct err *err)
{
	if (blob->state == BLOB_RUNNING)
		TRY(blob_flush(blob, err));
	if (blob->state == BLOB_RUNNING && blob->ended)
		TRY(blob_settle(blob, err));
	else if (blob->state == BLOB_WAITING && *running < DOWNLOADS_MAX &&
		 monotonic_ms() >= blob->retry_at)
		TRY(blob_start(blob, err));
	if (blob->state == BLOB_RUNNING) {
		(*running)++;
		show_download(run, blob);
	}
	return 0;
}

static int drive_unpack(struct run *run, size_t at, struct err *err)
{
	struct unpack *unpack = &run->unpacks[at];
	struct blob *blob = blob_of(run, &run->fetch->layers[at]);

	if (unpack->state == UNPACK_READY && run->readers < run->workers_max)
		return start_worker(run, at, NULL, err);
	if (unpack->state == UNPACK_BLOCKED && blob && blob->state == BLOB_RUNNING &&
		blob->have >= STREAM_BYTES && !unpack->patient &&
		run->streamers < run->workers_max && !is_shared(run, at))
		TRY(start_worker(run, at, blob, err));
	return unpack->state == UNPACK_RUNNING && unpack->streamed ? feed(run, at, err) : 0;
}

/* Starts and ends what can be. *ret_left: is anything still to come? *ret_soon: without the network? */
static int drive(struct run *run, bool *ret_left, bool *ret_soon, struct err *err)
{
	unsigned running = 0;

	*ret_left = *ret_soon = false;
	for (size_t i = 0; i < run->n_blobs; i++) {
		struct blob *blob = run->blobs[i];
		bool was_complete = blob->state == BLOB_COMPLETE;

		TRY(drive_blob(run, blob, &running, err));
		if (blob->state == BLOB_COMPLETE && !was_complete)
			release(run, blob);
		*ret_left |= blob->state != BLOB_COMPLETE;
		*ret_soon |= blob->state == BLOB_WAITING;
	}
	for (size_t i = 0; i < run->fetch->n; i++) {
		TRY(drive_unpack(run, i, err));
		*ret_left |= run->unpacks[i].state != UNPACK_DONE;
	}
	return 0;
}

static int wait_and_hear(struct run *run, int ms, struct err *err)
{
	struct pollfd fds[4 * WORKERS_MAX];
	size_t layer[4 * WORKERS_MAX];
	unsigned n = 0;

	for (size_t i = 0; i < run->fetch->n && n + 2 <= ARRAY_SIZE(fds); i++) {
		const struct worker *worker = &run->workers.list[i];

		if (run->unpacks[i].state != UNPACK_RUNNING)
			continue;
		layer[n] = i;
		fds[n++] = (struct pollfd){ .fd = worker->reports, .events = POLLIN };
		if (worker->feed < 0 || worker->fed >= run->unpacks[i].streamed->have)
			continue;
		layer[n] = i;
		fds[n++] = (struct pollfd){ .fd = worker->feed,
			.events = POLLOUT }; /* drive() feeds */
	}
	TRY(http_poll(run->fetch->registry->http, ms, fds, n, err));
	for (unsigned i = 0; i < n; i++)
		if (fds[i].revents && fds[i].events == POLLIN)
			TRY(hear(run, layer[i], err));
	return 0;
}

static void finish(struct run *run)
{
	for (size_t i = 0; i < run->n_blobs; i++) {
		blob_done(run->blobs[i]);
		free(run->blobs[i]);
	}
	free(run->blobs);
	worker_set_done(&run->workers);
	free(run->unpacks);
}

static int run_to_end(struct run *run, struct err *err)
{
	bool left, soon;

	for (;;) {
		TRY(drive(run, &left, &soon, err));
		if (!left)
			return 0;
		progress_tick(run->fetch->progress);
		TRY(wait_and_hear(
			run, soon || run->fetch->progress->terminal ? TICK_MS : WAIT_MS, err));
	}
}

int fetch_layers(const struct fetch *fetch, struct err *err)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	struct run run = { .fetch = fetch };
	int r;

	run.workers_max = processors < 1             ? 1
			  : processors > WORKERS_MAX ? WORKERS_MAX
						     : (unsigned)processors;
	plan(&run);
	r = run_to_end(&run, err);
	finish(&run);
	return r;
}
