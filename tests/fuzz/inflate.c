/* SPDX-License-Identifier: Apache-2.0 */
/* A compressed layer: any bytes come out as some or are an error. The first byte chooses the media
 * type. */
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/own.h"
#include "image/inflate.h"

#define OUT_MAX (8 << 20) /* enough of a bomb */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const types[] = { "application/vnd.oci.image.layer.v1.tar",
		"application/vnd.oci.image.layer.v1.tar+gzip",
		"application/vnd.oci.image.layer.v1.tar+zstd",
		"application/vnd.docker.image.rootfs.diff.tar.gzip" };
	autofd int fd = memfd_create("fuzz", MFD_CLOEXEC);
	autoinflate struct inflate *inflate = NULL;
	struct err err = ERR_INIT;
	static char out[65536];
	ssize_t n = 1;

	if (size < 1)
		return 0;
	if (fd < 0 || write(fd, data + 1, size - 1) != (ssize_t)size - 1 || lseek(fd, 0, SEEK_SET))
		abort();
	if (inflate_new(fd, types[data[0] & 3], &inflate, &err) < 0)
		return 0;
	for (ssize_t total = 0; n > 0 && total < OUT_MAX; total += n)
		n = inflate_read(inflate, out, sizeof(out), &err);
	if (n < 0 && !*err.text)
		abort();
	if (inflate_consumed(inflate) < 0 || (size_t)inflate_consumed(inflate) > size)
		abort();
	return 0;
}
