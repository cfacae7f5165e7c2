/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chooses the decompressor and feeds it. Between gzip members and at the end zero bytes may stand
 * (tape padding, as gzip(1) allows); anything else there is refused: it would be content that one
 * client sees and another does not.
 */
#include "image/inflate.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "base/xalloc.h"

#define IN_SIZE ((size_t)256 << 10)

enum kind { KIND_PLAIN, KIND_GZIP, KIND_ZSTD };
static const char *const kind_names[] = { "uncompressed", "gzip", "zstd" };

struct inflate {
	int fd; /* borrowed */
	enum kind kind;
	struct gunzip *gunzip;
	struct unzstd *unzstd;
	unsigned char *buffer;
	const unsigned char *in;
	size_t in_len;
	int64_t consumed;
	bool eof;
	bool inside; /* a member has begun and not ended */
};

void inflate_free(struct inflate *f)
{
	if (!f)
		return;
	gunzip_free(f->gunzip);
	unzstd_free(f->unzstd);
	free(f->buffer);
	free(f);
}

void inflate_free_(struct inflate **f)
{
	inflate_free(*f);
}

int64_t inflate_consumed(const struct inflate *f)
{
	return f->consumed;
}

/* More input when there is none. */
static int refill(struct inflate *f, struct err *err)
{
	ssize_t n;

	if (f->in_len > 0 || f->eof)
		return 0;
	do {
		n = read(f->fd, f->buffer, IN_SIZE);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_sys(err, "read the layer");
	f->in = f->buffer;
	f->in_len = (size_t)n;
	f->consumed += n;
	f->eof = n == 0;
	return 0;
}

static bool ends(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && strcmp(s + n - m, end) == 0;
}

static enum kind kind_told(const char *media_type)
{
	if (ends(media_type, "gzip"))
		return KIND_GZIP;
	return ends(media_type, "zstd") ? KIND_ZSTD : KIND_PLAIN;
}

/* A zstd stream may begin with a skippable frame. */
static enum kind kind_seen(const unsigned char *p, size_t n)
{
	static const unsigned char zstd[] = { 0x28, 0xb5, 0x2f, 0xfd };

	if (n >= 2 && p[0] == 0x1f && p[1] == 0x8b)
		return KIND_GZIP;
	if (n >= 4 && memcmp(p, zstd, 4) == 0)
		return KIND_ZSTD;
	if (n >= 4 && (p[0] & 0xf0) == 0x50 && p[1] == 0x2a && p[2] == 0x4d && p[3] == 0x18)
		return KIND_ZSTD;
	return KIND_PLAIN;
}

int inflate_new(int fd, const char *media_type, struct inflate **ret, struct err *err)
{
	autoinflate struct inflate *f = xcalloc(1, sizeof(*f));
	enum kind seen;

	f->fd = fd;
	f->kind = kind_told(media_type);
	f->buffer = xmalloc(IN_SIZE);
	TRY(refill(f, err));
	seen = kind_seen(f->in, f->in_len);
	if (seen != f->kind)
		return err_set(err, -EBADMSG, "the layer is labelled %s (%s), but it is %s",
			kind_names[f->kind], media_type,
			seen == KIND_PLAIN ? "neither gzip nor zstd" : kind_names[seen]);
	if (f->kind == KIND_GZIP)
		TRY(gunzip_new(&f->gunzip, err));
	if (f->kind == KIND_ZSTD)
		TRY(unzstd_new(&f->unzstd, err));
	*ret = move_ptr(&f);
	return 0;
}

/* At the end of a member: 1 = nothing more, 0 = the next one begins. */
static int between_members(struct inflate *f, struct err *err)
{
	for (;;) {
		TRY(refill(f, err));
		if (f->in_len == 0)
			return 1;
		if (*f->in != 0 || f->kind != KIND_GZIP)
			break;
		f->in++;
		f->in_len--;
	}
	if (f->kind == KIND_GZIP) {
		if (*f->in != 0x1f)
			return err_set(err, -EBADMSG, "something follows the compressed data");
		gunzip_reset(f->gunzip);
	}
	f->inside = true;
	return 0;
}

static int step(struct inflate *f, struct codec_io *io, struct err *err)
{
	int r = f->kind == KIND_GZIP ? gunzip_step(f->gunzip, io, err)
				     : unzstd_step(f->unzstd, io, err);

	TRY(r);
	f->in = io->in;
	f->in_len = io->in_len;
	if (r == CODEC_END)
		f->inside = false;
	return 0;
}

static ssize_t read_plain(struct inflate *f, void *buf, size_t len, struct err *err)
{
	size_t n;

	TRY(refill(f, err));
	n = f->in_len < len ? f->in_len : len;
	memcpy(buf, f->in, n);
	f->in += n;
	f->in_len -= n;
	return (ssize_t)n;
}

ssize_t inflate_read(struct inflate *f, void *buf, size_t len, struct err *err)
{
	struct codec_io io = { .out = buf, .out_len = len };

	if (f->kind == KIND_PLAIN)
		return read_plain(f, buf, len, err);
	while (io.out_len > 0) {
		size_t before = io.out_len;
		int r = f->inside ? 0 : between_members(f, err);

		TRY(r);
		if (r == 1)
			break;
		TRY(refill(f, err));
		io.in = f->in;
		io.in_len = f->in_len;
		TRY(step(f, &io, err));
		if (f->inside && f->eof && io.out_len == before)
			return err_set(err, -EBADMSG, "the layer ends in the middle of its %s data",
				kind_names[f->kind]);
	}
	return (ssize_t)(len - io.out_len);
}
