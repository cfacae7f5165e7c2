/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One loop: the network and the workers' pipes. Unpacking is processor time, so each layer gets a
 * process (at most one per processor) while this one goes on receiving and hashing. Large layers
 * start first: the last one to arrive is then the quickest to unpack.
 *
 * The order of downloads (size, then digest) is the same in every process; see blob.c for why that
 * matters to locks.
 */
#include "image/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/own.h"
#include "base/xalloc.h"
#include "image/blob.h"
#include "image/store_private.h"

#define DOWNLOADS_MAX 4
#define WORKERS_MAX   16
#define WAIT_MS       1000
#define TICK_MS       100
#define READ_BYTES    (256 << 10)

enum unpack_state { UNPACK_BLOCKED, UNPACK_READY, UNPACK_RUNNING, UNPACK_DONE };

struct unpack { /* one per layer */
	enum unpack_state state;
	pid_t pid;
	int pipe;
};

struct run {
	const struct fetch *fetch;
	struct blob *
		*blobs; /* one per distinct digest that is needed; their address is known to curl */
	size_t n_blobs;
	struct unpack *unpacks;
	unsigned workers, workers_max;
};

/* What a worker says; shorter than PIPE_BUF, so never torn. */
struct message {
	bool final;
	int result;
	int64_t consumed;
	struct err err;
};

/* ---- workers ---- */

static void tell(void *data, int64_t consumed)
{
	struct message message = { .consumed = consumed };
	int pipe = *(int *)data;

	if (write(pipe, &message, sizeof(message)) < 0)
		return; /* the pipe is full: the next count will do */
}

/* The child. Its last message must get through, so the pipe blocks again for it. */
static void work(const struct store *store, const struct layer *layer, int pipe)
{
	struct layer_job job = { .blob_digest = layer->blob->digest,
		.media_type = layer->blob->media_type,
		.diff_id = layer->diff_id,
		.progress = tell,
		.data = &pipe };
	struct message message = { .final = true };

	(void)snprintf(job.chain_id, sizeof(job.chain_id), "%s", layer->chain_id);
	message.result = store_unpack_layer(store, &job, &message.err);
	if (fcntl(pipe, F_SETFL, 0) < 0 || write(pipe, &message, sizeof(message)) < 0)
		_exit(1);
	_exit(0);
}

static int start_worker(struct run *run, size_t at, struct err *err)
{
	struct unpack *unpack = &run->unpacks[at];
	autofd int read_end = -EBADF, write_end = -EBADF;
	pid_t parent = getpid();
	int ends[2];

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return err_sys(err, "pipe");
	read_end = ends[0];
	write_end = ends[1];
	unpack->pid = fork();
	if (unpack->pid < 0)
		return err_sys(err, "fork");
	if (unpack->pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* cannot fail for a valid signal */
		if (getppid() != parent)
			_exit(1);
		work(run->fetch->store, &run->fetch->layers[at], write_end);
	}
	unpack->pipe = move_fd(&read_end);
	unpack->state = UNPACK_RUNNING;
	run->workers++;
	progress_set(run->fetch->progress, run->fetch->layers[at].row, PROGRESS_EXTRACTING);
	return 0;
}

static void end_worker(struct run *run, struct unpack *unpack)
{
	while (waitpid(unpack->pid, NULL, 0) < 0 && errno == EINTR)
		;
	fd_drop(&unpack->pipe);
	unpack->pid = 0;
	run->workers--;
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

/* Does the stored blob still have its digest? */
static bool is_rotten(const struct store *store, const char *digest)
{
	autodigester struct digester *digester = NULL;
	autofree char *bytes = xmalloc(READ_BYTES);
	autofd int fd = -EBADF;
	struct err ignored = ERR_INIT;
	char found[DIGEST_MAX];
	int64_t size;
	ssize_t n;

	fd = store_open_blob(store, digest, &size, &ignored);
	if (fd < 0 || digester_new(digest, &digester, &ignored) < 0)
		return false;
	while ((n = read(fd, bytes, READ_BYTES)) > 0)
		digester_update(digester, bytes, (size_t)n);
	digester_final(digester, found);
	return n < 0 || strcmp(found, digest) != 0;
}

static int drop_blob(const struct store *store, const char *digest, struct err *err)
{
	char path[BLOB_PATH_MAX];

	TRY(blob_path(digest, path, err));
	if (unlinkat(store->blobs, path, 0) < 0)
		return err_sys(err, "remove the damaged blob %s", digest);
	return 0;
}

/* A blob of an earlier pull that has rotted on disk is fetched once again. */
static int refetch(struct run *run, size_t at, struct err *err)
{
	const struct layer *layer = &run->fetch->layers[at];

	if (blob_of(run, layer) || !is_rotten(run->fetch->store, layer->blob->digest))
		return err_wrap(err, "unpack layer %.19s", layer->blob->digest);
	TRY(drop_blob(run->fetch->store, layer->blob->digest, err));
	log_msg(LOG_WARN, "layer %.19s was damaged on disk and is fetched again",
		layer->blob->digest);
	run->unpacks[at].state = UNPACK_BLOCKED;
	add_blob(run, layer);
	return 0;
}

static int hear(struct run *run, size_t at, struct err *err)
{
	struct unpack *unpack = &run->unpacks[at];
	const struct layer *layer = &run->fetch->layers[at];
	struct message message;
	ssize_t n = read(unpack->pipe, &message, sizeof(message));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n == (ssize_t)sizeof(message) && !message.final) {
		progress_count(
			run->fetch->progress, layer->row, message.consumed, layer->blob->size);
		return 0;
	}
	end_worker(run, unpack);
	if (n != (ssize_t)sizeof(message))
		return err_set(err, -ECHILD, "the process that unpacked layer %.19s was killed",
			layer->blob->digest);
	if (message.result < 0) {
		*err = message.err;
		return refetch(run, at, err);
	}
	unpack->state = UNPACK_DONE;
	progress_set(run->fetch->progress, layer->row, PROGRESS_COMPLETE);
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
	for (size_t i = 0; i < fetch->n; i++) {
		const struct layer *layer = &fetch->layers[i];
		bool here = store_has_blob(fetch->store, layer->blob->digest);

		run->unpacks[i].pipe = -EBADF;
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
		if (run->unpacks[i].state == UNPACK_READY && run->workers < run->workers_max)
			TRY(start_worker(run, i, err));
		*ret_left |= run->unpacks[i].state != UNPACK_DONE;
	}
	return 0;
}

static int wait_and_hear(struct run *run, int ms, struct err *err)
{
	struct pollfd fds[WORKERS_MAX];
	size_t layer[WORKERS_MAX];
	unsigned n = 0;

	for (size_t i = 0; i < run->fetch->n && n < ARRAY_SIZE(fds); i++) {
		if (run->unpacks[i].state != UNPACK_RUNNING)
			continue;
		fds[n] = (struct pollfd){ .fd = run->unpacks[i].pipe, .events = POLLIN };
		layer[n++] = i;
	}
	TRY(http_poll(run->fetch->registry->http, ms, fds, n, err));
	for (unsigned i = 0; i < n; i++)
		if (fds[i].revents)
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
	for (size_t i = 0; run->unpacks && i < run->fetch->n; i++) {
		if (run->unpacks[i].pid <= 0)
			continue;
		(void)kill(run->unpacks[i].pid, SIGKILL); /* ours and not waited for: exists */
		end_worker(run, &run->unpacks[i]);
	}
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
