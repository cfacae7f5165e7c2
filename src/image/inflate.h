/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A layer blob as the tar stream inside: gzip (all members), zstd (all frames) or plain. The media
 * type says which and the first bytes must agree. One level only: what comes out is never looked at
 * for a further compression.
 */
#ifndef SBX_IMAGE_INFLATE_H
#define SBX_IMAGE_INFLATE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct inflate;

/* Borrows fd, reads it from its current offset. */
int inflate_new(int fd, const char *media_type, struct inflate **ret, struct err *err);
/* Up to len bytes; 0 at the end of a stream that was whole. */
ssize_t inflate_read(struct inflate *f, void *buf, size_t len, struct err *err);
int64_t inflate_consumed(const struct inflate *f); /* compressed bytes read so far */
void inflate_free(struct inflate *f);              /* NULL ok */
void inflate_free_(struct inflate **f);
#define autoinflate __attribute__((cleanup(inflate_free_)))

/* ---- the decompressors behind it: gunzip_*.c (one of them is built) and unzstd.c ---- */

struct codec_io {
	const unsigned char *in;
	size_t in_len;
	unsigned char *out;
	size_t out_len;
};
enum codec_result { CODEC_MORE, CODEC_END }; /* END: a member or frame is complete and checked */

struct gunzip;
int gunzip_new(struct gunzip **ret, struct err *err);
void gunzip_reset(struct gunzip *g); /* before each further member */
int gunzip_step(struct gunzip *g, struct codec_io *io, struct err *err);
void gunzip_free(struct gunzip *g);

struct unzstd;
int unzstd_new(struct unzstd **ret, struct err *err);
int unzstd_step(struct unzstd *z, struct codec_io *io, struct err *err);
void unzstd_free(struct unzstd *z);

#endif
