/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One layer blob on its way into the store: downloaded into a partial file, hashed while it streams,
 * continued where a broken or killed download ended, and committed only when size and digest are
 * those of its descriptor. Driven from outside: start, http_poll(), and settle once `ended` is set.
 */
#ifndef SBX_IMAGE_BLOB_H
#define SBX_IMAGE_BLOB_H

#include "image/digest.h"
#include "image/registry.h"
#include "image/store.h"

enum blob_state {
	BLOB_WAITING, /* for its turn, or for retry_at */
	BLOB_RUNNING,
	BLOB_COMPLETE, /* in the store */
};

struct blob {
	const struct store *store; /* borrowed, like the next two */
	struct registry *registry;
	const struct descriptor *descriptor; /* trusted: it comes from a verified manifest */
	enum blob_state state;
	size_t server;        /* index of the server in use */
	int fd;               /* the locked partial file */
	int64_t have;         /* bytes in it */
	unsigned char *block; /* the next ones, on their way into it */
	size_t block_len;
	int64_t pushed;            /* so many of them are on their way to the disk */
	int64_t rewarded;          /* have when the failures were last forgiven */
	int64_t retry_at;          /* ms, monotonic */
	struct digester *digester; /* over those bytes */
	struct attempt attempt;
	unsigned damages;  /* complete but wrong */
	unsigned restarts; /* times that the file was emptied */
	char *url;
	struct http_transfer *transfer;
	bool ended; /* the transfer is over: call blob_settle() */
	int result;
	struct err err;
	struct http_reply reply;
};

void blob_init(struct blob *blob, const struct store *store, struct registry *registry,
	const struct descriptor *descriptor);
void blob_done(struct blob *blob); /* ends the transfer; the partial file stays */

/* Opens the partial file if need be and sends the request for what is missing. May complete at once,
 * when another process has brought the blob. */
int blob_start(struct blob *blob, struct err *err);

/* After `ended`: commits, or plans another try (state BLOB_WAITING), or gives up. */
int blob_settle(struct blob *blob, struct err *err);

/* Moves what has arrived into the file: `have` counts it from then on. */
int blob_flush(struct blob *blob, struct err *err);

int64_t monotonic_ms(void);

#endif
