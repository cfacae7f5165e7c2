/* SPDX-License-Identifier: Apache-2.0 */
/* gzip by ISA-L: about twice as fast as zlib. Built where libisal was found, else gunzip_zlib.c is. */
#include <errno.h>
#include <isa-l/igzip_lib.h>
#include <stdlib.h>

#include "base/xalloc.h"
#include "image/inflate.h"

struct gunzip {
	struct inflate_state state;
};

int gunzip_new(struct gunzip **ret, struct err *err)
{
	struct gunzip *g = xcalloc(1, sizeof(*g));

	isal_inflate_init(&g->state);
	g->state.crc_flag = ISAL_GZIP;
	*ret = g;
	return 0;
}

void gunzip_reset(struct gunzip *g)
{
	isal_inflate_reset(&g->state);
	g->state.crc_flag = ISAL_GZIP;
}

int gunzip_step(struct gunzip *g, struct codec_io *io, struct err *err)
{
	struct inflate_state *s = &g->state;
	int r;

	/* Both lengths are at most a buffer of ours, far below 4 GiB. */
	s->next_in = (unsigned char *)io->in;
	s->avail_in = (uint32_t)io->in_len;
	s->next_out = io->out;
	s->avail_out = (uint32_t)io->out_len;
	r = isal_inflate(s);
	io->in = s->next_in;
	io->in_len = s->avail_in;
	io->out = s->next_out;
	io->out_len = s->avail_out;
	if (r == ISAL_INCORRECT_CHECKSUM)
		return err_set(err, -EBADMSG, "gzip: wrong checksum");
	if (r < 0 || r == ISAL_NEED_DICT)
		return err_set(err, -EBADMSG, "gzip: damaged data (%d)", r);
	return s->block_state == ISAL_BLOCK_FINISH ? CODEC_END : CODEC_MORE;
}

void gunzip_free(struct gunzip *g)
{
	free(g);
}
