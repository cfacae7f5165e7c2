/* SPDX-License-Identifier: Apache-2.0 */
/* gzip by zlib, where there is no ISA-L. */
#include <errno.h>
#include <stdlib.h>
#include <zlib.h>

#include "base/xalloc.h"
#include "image/inflate.h"

struct gunzip {
	z_stream z;
};

int gunzip_new(struct gunzip **ret, struct err *err)
{
	struct gunzip *g = xcalloc(1, sizeof(*g));

	if (inflateInit2(&g->z, 16 + MAX_WBITS) != Z_OK) {
		free(g);
		return err_set(err, -ENOMEM, "zlib could not start");
	}
	*ret = g;
	return 0;
}

void gunzip_reset(struct gunzip *g)
{
	(void)inflateReset(&g->z); /* fails only for a state that was never initialised */
}

int gunzip_step(struct gunzip *g, struct codec_io *io, struct err *err)
{
	z_stream *z = &g->z;
	int r;

	z->next_in = (unsigned char *)io->in;
	z->avail_in = (unsigned)io->in_len;
	z->next_out = io->out;
	z->avail_out = (unsigned)io->out_len;
	r = inflate(z, Z_NO_FLUSH);
	io->in = z->next_in;
	io->in_len = z->avail_in;
	io->out = z->next_out;
	io->out_len = z->avail_out;
	if (r == Z_STREAM_END)
		return CODEC_END;
	if (r != Z_OK && r != Z_BUF_ERROR)
		return err_set(err, -EBADMSG, "gzip: %s", z->msg ? z->msg : "damaged data");
	return CODEC_MORE;
}

void gunzip_free(struct gunzip *g)
{
	if (!g)
		return;
	(void)inflateEnd(&g->z);
	free(g);
}
