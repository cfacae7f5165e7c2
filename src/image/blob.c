/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The descriptor says how long the blob is and what its digest is; the server's word counts for
 * nothing. The first byte too many ends the transfer. A 206 must begin exactly where we asked.
 *
 * The partial file's lock is held from the first open until commit or the end; on damage the file is
 * emptied in place rather than replaced, so two pulls always take their locks in the same order
 * (fetch.c sorts) and cannot wait for each other.
 */
#include "image/blob.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/own.h"
#include "base/xalloc.h"

#define DAMAGES_MAX  3
#define REHASH_BYTES (256 << 10)
#define REWARD_BYTES (256 << 10)         /* so much progress forgives earlier failures */
#define BLOCK_BYTES  ((size_t)512 << 10) /* curl hands out 16 KB at a time */
#define PUSH_BYTES   (4 << 20)

int64_t monotonic_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void blob_init(struct blob *blob, const struct store *store, struct registry *registry,
	const struct descriptor *descriptor)
{
	*blob = (struct blob){
		.store = store,
		.registry = registry,
		.descriptor = descriptor,
		.server = registry->current,
		.fd = -EBADF,
	};
}

/* Workers that were forked meanwhile share the lock: closing alone would not release it. */
static void drop_file(struct blob *blob)
{
	if (blob->fd >= 0)
		(void)flock(blob->fd, LOCK_UN); /* of an open file: cannot fail */
	fd_drop(&blob->fd);
}

void blob_done(struct blob *blob)
{
	http_cancel(blob->transfer);
	blob->transfer = NULL;
	drop_file(blob);
	digester_free(blob->digester);
	blob->digester = NULL;
	http_reply_done(&blob->reply);
	free(blob->url);
	blob->url = NULL;
	free(blob->block);
	blob->block = NULL;
	blob->block_len = 0;
}

static struct server *server_of(struct blob *blob)
{
	return &blob->registry->servers[blob->server];
}

/* ---- the file ---- */

static int restart_digest(struct blob *blob, struct err *err)
{
	digester_free(blob->digester);
	blob->digester = NULL;
	return digester_new(blob->descriptor->digest, &blob->digester, err);
}

/* Forgets what is there. Only files that are not committed yet get here. */
static int empty(struct blob *blob, struct err *err)
{
	if (ftruncate(blob->fd, 0) < 0 || lseek(blob->fd, 0, SEEK_SET) < 0)
		return err_sys(err, "empty the download of %s", blob->descriptor->digest);
	blob->have = blob->pushed = 0;
	blob->block_len = 0;
	blob->restarts++;
	blob->rewarded = 0;
	return restart_digest(blob, err);
}

/* Hashes what an earlier download left. */
static int rehash(struct blob *blob, struct err *err)
{
	autofree char *bytes = malloc(REHASH_BYTES);
	int64_t at = 0;

	if (!bytes)
		return err_set(err, -ENOMEM, "out of memory");
	TRY(restart_digest(blob, err));
	while (at < blob->have) {
		ssize_t n = pread(blob->fd, bytes, REHASH_BYTES, at);

		if (n < 0)
			return err_sys(err, "read the download of %s", blob->descriptor->digest);
		if (n == 0)
			return err_set(
				err, -EIO, "the download of %s shrinks", blob->descriptor->digest);
		digester_update(blob->digester, bytes, (size_t)n);
		at += n;
	}
	if (lseek(blob->fd, blob->have, SEEK_SET) < 0)
		return err_sys(err, "read the download of %s", blob->descriptor->digest);
	return 0;
}

static int open_file(struct blob *blob, struct err *err)
{
	int fd;

	if (blob->fd >= 0)
		return 0;
	fd = store_partial_open(blob->store, blob->descriptor->digest, &blob->have, err);
	TRY(fd);
	blob->fd = fd;
	if (blob->have > blob->descriptor->size)
		return empty(blob, err);
	if (blob->have)
		log_msg(LOG_DEBUG, "%s: continued at byte %lld", blob->descriptor->digest,
			(long long)blob->have);
	blob->rewarded = blob->pushed = blob->have;
	return rehash(blob, err);
}

/* ---- callbacks of the transfer ---- */

static int too_long(const struct blob *blob, struct err *err)
{
	return err_id(err, -EBADMSG, "E-DIGEST",
		"layer %s: the server sends more than the %lld bytes that the manifest announces: refused",
		blob->descriptor->digest, (long long)blob->descriptor->size);
}

static int check_range(const struct blob *blob, const struct http_reply *head, struct err *err)
{
	const char *range = http_reply_header(head, "content-range");
	long long first = -1, total = -1;

	if (range && sscanf(range, "bytes %lld-%*d/%lld", &first, &total) >= 1 &&
		first == blob->have && (total < 0 || total == blob->descriptor->size))
		return 0;
	return err_set(err, -ERANGE,
		"layer %s: asked for the bytes from %lld on, the server sent '%.60s'",
		blob->descriptor->digest, (long long)blob->have, range ? range : "no range");
}

static int on_begin(void *data, const struct http_reply *head, struct err *err)
{
	struct blob *blob = data;
	const char *length = http_reply_header(head, "content-length");

	if (head->status == 206)
		TRY(check_range(blob, head, err));
	else if (blob->have > 0)
		TRY(empty(blob, err)); /* it begins at the beginning */
	if (length && strtoll(length, NULL, 10) > blob->descriptor->size - blob->have)
		return too_long(blob, err);
	return 0;
}

/* The sync before the blob gets its name stops everything else here: little may be left to it. */
static void push(struct blob *blob)
{
	if (blob->have - blob->pushed < PUSH_BYTES || !store_synced())
		return;
	(void)sync_file_range(blob->fd, blob->pushed, blob->have - blob->pushed,
		SYNC_FILE_RANGE_WRITE); /* a hint */
	blob->pushed = blob->have;
}

static int flush(struct blob *blob, struct err *err)
{
	size_t len = blob->block_len;

	if (len == 0)
		return 0;
	blob->block_len = 0;
	TRY(fs_write_all(blob->fd, blob->block, len, err));
	digester_update(blob->digester, blob->block, len);
	blob->have += (int64_t)len;
	if (blob->have - blob->rewarded >= REWARD_BYTES) {
		blob->attempt.failures = 0;
		blob->rewarded = blob->have;
	}
	push(blob);
	return 0;
}

int blob_flush(struct blob *blob, struct err *err)
{
	int r = flush(blob, err);

	return r < 0 ? err_wrap(err, "layer %.19s", blob->descriptor->digest) : 0;
}

static int on_bytes(void *data, const void *bytes, size_t len, struct err *err)
{
	struct blob *blob = data;

	if ((int64_t)(blob->block_len + len) > blob->descriptor->size - blob->have)
		return too_long(blob, err);
	if (!blob->block)
		blob->block = xmalloc(BLOCK_BYTES);
	for (const char *at = bytes; len > 0;) {
		size_t room = BLOCK_BYTES - blob->block_len;
		size_t n = len < room ? len : room;

		memcpy(blob->block + blob->block_len, at, n);
		blob->block_len += n;
		at += n;
		len -= n;
		if (blob->block_len == BLOCK_BYTES)
			TRY(flush(blob, err)); /* give_up() says of what */
	}
	return 0;
}

static void on_done(void *data, struct http_reply *reply, int result, const struct err *err)
{
	struct blob *blob = data;

	blob->ended = true;
	blob->result = result;
	blob->err = *err;
	blob->transfer = NULL;
	http_reply_done(&blob->reply);
	blob->reply = *reply;
	*reply = (struct http_reply){ 0 };
}

/* ---- verdicts ---- */

static int retry_in(struct blob *blob, int ms)
{
	blob->state = BLOB_WAITING;
	blob->retry_at = monotonic_ms() + ms;
	return 0;
}

static const char *proxy_note(void)
{
	const char *proxy = getenv("https_proxy");

	return proxy && *proxy ? ", a proxy is configured" : "";
}

static bool next_server(struct blob *blob)
{
	if (blob->server + 1 >= blob->registry->endpoints.n)
		return false;
	log_msg(LOG_WARN, "mirror %s: %s", server_of(blob)->base, blob->err.text);
	blob->server++;
	blob->attempt = (struct attempt){ 0 };
	return true;
}

/* Emptied and tried again, from the next server in the end; then given up. */
static int damaged(struct blob *blob, const char *digest, struct err *err)
{
	(void)err_id(&blob->err, -EBADMSG, "E-DIGEST",
		"layer %s arrived damaged (%lld of %lld bytes, digest %.19s…%s). Kept nothing, tried %d times",
		blob->descriptor->digest, (long long)blob->have, (long long)blob->descriptor->size,
		digest, proxy_note(), DAMAGES_MAX);
	TRY(empty(blob, err));
	if (++blob->damages < DAMAGES_MAX || next_server(blob))
		return retry_in(blob, 0);
	*err = blob->err;
	(void)store_partial_discard(blob->store, blob->descriptor->digest, &(struct err)ERR_INIT);
	return err->code; /* the damage is the error to tell, not an empty file left behind */
}

static int finish(struct blob *blob, struct err *err)
{
	char digest[DIGEST_MAX];

	digester_final(blob->digester, digest);
	if (strcmp(digest, blob->descriptor->digest) != 0)
		return damaged(blob, digest, err);
	TRY(store_partial_commit(blob->store, blob->descriptor->digest, blob->fd, err));
	drop_file(blob);
	server_of(blob)->accepted = true;
	login_tell_stale(server_of(blob));
	blob->state = BLOB_COMPLETE;
	return 0;
}

int blob_start(struct blob *blob, struct err *err)
{
	struct http_request request = {
		.begin = on_begin, .sink = on_bytes, .done = on_done, .data = blob
	};

	TRY(open_file(blob, err));
	if (blob->have == blob->descriptor->size)
		return finish(blob, err);
	free(blob->url);
	blob->url = registry_url(
		blob->registry, server_of(blob), "blobs", blob->descriptor->digest);
	request.url = blob->url;
	request.offset = blob->have;
	registry_prepare(server_of(blob), &blob->attempt, &request);
	blob->ended = false;
	TRY(http_start(blob->registry->http, &request, &blob->transfer, err));
	blob->state = BLOB_RUNNING;
	return 0;
}

static int give_up(struct blob *blob, struct err *err)
{
	blob->err = *err;
	if (next_server(blob))
		return retry_in(blob, 0);
	*err = blob->err;
	return err_wrap(err, "layer %.19s", blob->descriptor->digest);
}

/* A body that did not fit what was announced. */
static int misfit(struct blob *blob, struct err *err)
{
	TRY(empty(blob, err));
	if (++blob->damages < DAMAGES_MAX || next_server(blob))
		return retry_in(blob, 0);
	*err = blob->err;
	return err->code;
}

int blob_settle(struct blob *blob, struct err *err)
{
	bool has_body = blob->result == 0 &&
			(blob->reply.status == 200 || blob->reply.status == 206);
	int ms;

	blob->ended = false;
	TRY(blob_flush(blob, err));
	if (blob->result == -EBADMSG || blob->result == -ERANGE)
		return misfit(blob, err);
	if (has_body && blob->have == blob->descriptor->size)
		return finish(blob, err);
	if (blob->result == 0 && blob->reply.status == 416) {
		(void)err_set(&blob->err, -ERANGE, "layer %s: the server has no bytes from %lld on",
			blob->descriptor->digest, (long long)blob->have);
		return misfit(blob, err);
	}
	*err = blob->err;
	if (has_body) { /* it ended early without a broken connection */
		(void)err_id(err, -ECONNRESET, "E-DIGEST", "the server sent %lld of %lld bytes",
			(long long)blob->have, (long long)blob->descriptor->size);
		blob->result = err->code;
	}
	ms = registry_react(blob->registry, server_of(blob), &blob->attempt,
		blob->result < 0 ? NULL : &blob->reply, err);
	if (ms < 0)
		return give_up(blob, err);
	if (ms > 0)
		log_msg(LOG_DEBUG, "%s: again in %d ms: %s", blob->descriptor->digest, ms,
			err->text);
	return retry_in(blob, ms);
}
