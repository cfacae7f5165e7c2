/* SPDX-License-Identifier: Apache-2.0 */
/* The layers of an image whose blobs are all here, unpacked side by side: each is a directory of its
 * own, and decompressing one keeps a processor busy. The first failure ends the others. */
#include "image/parcel.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "image/store_private.h"
#include "image/worker.h"

#define WORKERS_MAX 16
#define REPAINT_MS  100

struct unpacking {
	const struct store *store;
	const struct manifest *manifest;
	struct strv diff_ids, chains;
	struct worker_set workers; /* one slot per layer */
	struct progress *progress; /* NULL = silent */
	size_t first_row;
	size_t next, running, limit;
};

static void unpacking_done(struct unpacking *u)
{
	worker_set_done(&u->workers);
	strv_done(&u->diff_ids);
	strv_done(&u->chains);
}

static void show(struct unpacking *u, size_t at, enum progress_state state)
{
	if (u->progress)
		progress_set(u->progress, u->first_row + at, state);
}

/* Large first would be better still, but the order of layers is what people expect to see. */
static int start_next(struct unpacking *u, struct err *err)
{
	size_t at = u->next++;
	const struct descriptor *blob = &u->manifest->layers[at];
	struct layer_job job = { .blob_digest = blob->digest,
		.media_type = blob->media_type,
		.diff_id = u->diff_ids.v[at] };

	if (store_has_layer(u->store, u->chains.v[at])) {
		show(u, at, PROGRESS_EXISTS);
		return 0;
	}
	(void)snprintf(job.chain_id, sizeof(job.chain_id), "%s", u->chains.v[at]);
	TRY(worker_start(&u->workers, at, &job, -1, err));
	show(u, at, PROGRESS_EXTRACTING);
	u->running++;
	return 0;
}

static int hear(struct unpacking *u, size_t at, struct err *err)
{
	const struct descriptor *blob = &u->manifest->layers[at];
	struct report report;
	int r = worker_hear(&u->workers, at, &report, err);

	if (r < 0)
		return err_wrap(err, "unpack layer %.19s", blob->digest);
	if (r > 0 && !report.final && u->progress)
		progress_count(u->progress, u->first_row + at, report.consumed, blob->size);
	if (r == 0 || !report.final)
		return 0;
	u->running--;
	if (report.result < 0) {
		*err = report.err;
		return err->code;
	}
	show(u, at, PROGRESS_COMPLETE);
	return 0;
}

static int wait_and_hear(struct unpacking *u, struct err *err)
{
	struct pollfd fds[WORKERS_MAX];
	size_t layer[WORKERS_MAX];
	nfds_t n = 0;

	for (size_t i = 0; i < u->next && n < WORKERS_MAX; i++) {
		if (u->workers.list[i].pid == 0)
			continue;
		layer[n] = i;
		fds[n++] = (struct pollfd){ .fd = u->workers.list[i].reports, .events = POLLIN };
	}
	if (poll(fds, n, u->progress ? REPAINT_MS : -1) < 0 && errno != EINTR)
		return err_sys(err, "wait for the unpacking");
	for (nfds_t i = 0; i < n; i++)
		if (fds[i].revents)
			TRY(hear(u, layer[i], err));
	if (u->progress)
		progress_tick(u->progress);
	return 0;
}

static int run(struct unpacking *u, struct err *err)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	u->limit = processors < 1 ? 1 : processors > WORKERS_MAX ? WORKERS_MAX : (size_t)processors;
	while (u->next < u->chains.n || u->running > 0) {
		if (u->next < u->chains.n && u->running < u->limit)
			TRY(start_next(u, err));
		else
			TRY(wait_and_hear(u, err));
	}
	return 0;
}

int install_unpack(const struct store *store, const struct found *image, struct progress *progress,
	struct err *err)
{
	__attribute__((cleanup(unpacking_done))) struct unpacking u = {
		.store = store, .manifest = &image->manifest, .progress = progress
	};
	size_t n = image->manifest.n_layers;

	TRY(config_diff_ids(image->config, n, &u.diff_ids, err));
	TRY(config_check_history(image->config, n, err));
	chain_ids(&u.diff_ids, &u.chains);
	u.workers = (struct worker_set){
		.store = store, .list = xcalloc(n + 1, sizeof(*u.workers.list)), .n = n
	};
	for (size_t i = 0; i < n; i++) {
		u.workers.list[i] = (struct worker)WORKER_INIT;
		if (progress && i == 0)
			u.first_row = progress->n;
		if (progress)
			(void)progress_add(progress, image->manifest.layers[i].digest);
	}
	return run(&u, err);
}
