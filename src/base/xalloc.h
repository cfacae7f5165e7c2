/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Allocation that cannot fail: prints one line and exits 125 when memory is out. For the
 * short-lived programs under src/ only; fuse/ and netstack/ must return -ENOMEM instead (a lint
 * test keeps them from including this file, buf.h, strv.h and json.h).
 */
#ifndef SBX_BASE_XALLOC_H
#define SBX_BASE_XALLOC_H

#include <stddef.h>

void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *p, size_t size);
void *xreallocarray(void *p, size_t count, size_t size);
/* Room for one more in a list of n that only grows by this: its room is the next power of two, so n calls copy it
 * log n times. */
void *xgrow(void *list, size_t n, size_t size);
void *xmemdup(const void *p, size_t size);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
