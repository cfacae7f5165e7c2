/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The attach protocol, spoken between a container's monitor and any number of clients over
 * SOCK_SEQPACKET (the launcher's socketpair, or <runroot>/<id>/attach.sock). One datagram is one
 * byte of type and its payload, at most ATTACH_MAX bytes together.
 *
 * The monitor never waits for a slow client longer than its socket buffer lasts. A client that
 * closes is detached; the container goes on.
 */
#ifndef SBX_PROCESS_ATTACH_H
#define SBX_PROCESS_ATTACH_H

#include <stdbool.h>

#include "base/err.h"

#define ATTACH_MAX 32768

enum attach_type {
	/* client → monitor */
	ATTACH_STDIN = 'i',   /* bytes */
	ATTACH_EOF = 'I',     /* stdin ended */
	ATTACH_RESIZE = 'w',  /* struct winsize */
	ATTACH_SIGNAL = 's',  /* int: send to the payload */
	ATTACH_REQUEST = 'R', /* a wish in JSON; answered by ATTACH_ANSWER */
	/* monitor → client */
	ATTACH_ANSWER = 'A', /* struct err, code 0 = done */
	ATTACH_STDOUT = 'o',
	ATTACH_STDERR = 'e',
	ATTACH_STARTED = 'S', /* nothing: the payload has been executed */
	ATTACH_FAILED = 'E',  /* struct err: it has not, and never will */
	ATTACH_EXIT = 'x',    /* int: exit status; last message */
};

struct client_opts {
	int in, out, err; /* ours; in is -1 without -i. Borrowed */
	bool tty;         /* put `in` into raw mode, forward SIGWINCH */
	bool sig_proxy;   /* forward SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2 … */
	const char *detach_keys; /* NULL = "ctrl-p,ctrl-q" */
};

/* Serves the terminal until the container ends or the user detaches. Returns the exit status ≥ 0,
 * CLIENT_DETACHED, or -errno (the monitor's ATTACH_FAILED error comes back in err). The terminal is
 * always restored, also when killed by a signal that can be caught. */
#define CLIENT_DETACHED 1000
int client_run(int sock, const struct client_opts *opts, struct err *err);

/* Asks the monitor for something and waits for its answer, which comes back as if done here. */
int client_request(int sock, const char *text, struct err *err);

/* Parses "ctrl-p,ctrl-q" or "a,b" into bytes; returns the count or -EINVAL. Pure. */
int client_parse_keys(const char *text, unsigned char *ret, int max, struct err *err);

#endif
