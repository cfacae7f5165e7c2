/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Diagnostics on stderr. Errors are values (err.h) and reach the terminal through main; this is
 * for what is said beside them: notices, warnings, and --debug traces. One line per call, written
 * with a single write(2), control bytes escaped. Async-signal unsafe; fork safe.
 */
#ifndef SBX_BASE_LOG_H
#define SBX_BASE_LOG_H

#include "base/err.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

void log_init(const char *program, enum log_level level);   /* "sbx", "sbx-fuse"; borrowed */
void log_to(int fd);                                        /* default 2; borrowed */
int log_parse_level(const char *name, enum log_level *ret); /* -EINVAL if unknown */

/* "sbx: text\n" when level is enabled. */
void log_msg(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A notice in Docker's words, without "sbx: " in front; shown from LOG_INFO up. */
void log_plain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* "sbx: E-ID: text\n": how a main file shows an error; nothing when it was told already. */
void log_err(const struct err *err);

#endif
