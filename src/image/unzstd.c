/* SPDX-License-Identifier: Apache-2.0 */
/* zstd. The window is limited, because the archive chooses how much memory decoding it takes. */
#include <errno.h>
#include <stdlib.h>
#include <zstd.h>

#include "base/xalloc.h"
#include "image/inflate.h"

#define WINDOW_LOG_MAX 27 /* 128 MiB: what zstd -22 asks for and the default limit of its tools */

struct unzstd {
	ZSTD_DStream *stream;
};

int unzstd_new(struct unzstd **ret, struct err *err)
{
	struct unzstd *z = xcalloc(1, sizeof(*z));

	z->stream = ZSTD_createDStream();
	if (!z->stream || ZSTD_isError(ZSTD_DCtx_setParameter(
				  z->stream, ZSTD_d_windowLogMax, WINDOW_LOG_MAX))) {
		unzstd_free(z);
		return err_set(err, -ENOMEM, "zstd could not start");
	}
	*ret = z;
	return 0;
}

int unzstd_step(struct unzstd *z, struct codec_io *io, struct err *err)
{
	ZSTD_inBuffer in = { io->in, io->in_len, 0 };
	ZSTD_outBuffer out = { io->out, io->out_len, 0 };
	size_t r = ZSTD_decompressStream(z->stream, &out, &in);

	io->in += in.pos;
	io->in_len -= in.pos;
	io->out += out.pos;
	io->out_len -= out.pos;
	if (ZSTD_isError(r))
		return err_set(err, -EBADMSG, "zstd: %s", ZSTD_getErrorName(r));
	return r == 0 ? CODEC_END : CODEC_MORE;
}

void unzstd_free(struct unzstd *z)
{
	if (!z)
		return;
	(void)ZSTD_freeDStream(z->stream); /* always 0 */
	free(z);
}
