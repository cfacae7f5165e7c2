/* SPDX-License-Identifier: Apache-2.0 */
/* Growable byte string. data[len] is always NUL once anything was added. Uses xalloc. */
#ifndef SBX_BASE_BUF_H
#define SBX_BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>

struct buf {
	char *data;
	size_t len;
	size_t cap;
};

#define BUF_INIT  \
	{         \
		0 \
	}
#define autobuf __attribute__((cleanup(buf_done)))

void buf_done(struct buf *buf);
void buf_reset(struct buf *buf); /* length 0, keeps the memory */
void buf_add(struct buf *buf, const void *data, size_t len);
void buf_adds(struct buf *buf, const char *s);
void buf_addc(struct buf *buf, char c);
void buf_addf(struct buf *buf, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_vaddf(struct buf *buf, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
void buf_reserve(struct buf *buf, size_t more); /* room for `more` bytes after len */
char *buf_steal(struct buf *buf);               /* caller frees; never NULL; buf is empty after */

#endif
