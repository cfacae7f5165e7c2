/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors as values: one flat struct that crosses fork, pipe and socket as it is.
 *
 * Every fallible function returns 0 or positive on success and -errno on failure, with
 * "struct err *err" as its last parameter. Only the main files print one, once:
 *
 *	sbx: E-PORT-USED: run redis: port 8080 is held by node (pid 4711). ...
 *
 * `err` is never NULL. A function that fails has always filled it; one that succeeds has not
 * touched it.
 */
#ifndef SBX_BASE_ERR_H
#define SBX_BASE_ERR_H

#include <stddef.h>

struct err {
	int code;       /* -errno; 0 = no error */
	int exit;       /* exit status main must use; 0 = the command's default (125 or 1) */
	char id[24];    /* "E-PORT-USED" or "": a row of docs/errors.md */
	char text[480]; /* what happened, why, what to do; no newline at the end */
};

#define ERR_INIT  \
	{         \
		0 \
	}

/* Failed system call: appends strerror(errno) to the text, returns -errno. */
int err_sys(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Our own verdict: returns code, which must be negative. */
int err_set(struct err *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Like err_set() for a message of the table in docs/errors.md. */
int err_id(struct err *err, int code, const char *id, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Prefixes context ("mount overlay: ") to a filled error; returns err->code. */
int err_wrap(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The user has been told already (a helper printed its own error): main only exits with `status`. */
int err_told(struct err *err, int code, int status);

/* Sets the exit status that main will use; returns err->code. */
int err_exit(struct err *err, int status);

/* Copies src into dst with control bytes and invalid UTF-8 written as \xHH, so that foreign names
 * cannot drive the terminal. Always terminates; returns dst. err_* do this themselves to the whole
 * text when it is printed. */
char *err_escape(char *dst, size_t size, const char *src);

#endif
