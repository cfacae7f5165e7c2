/* SPDX-License-Identifier: Apache-2.0 */
/* The stream that `cp -` reads: any bytes are entries or an error, never more data than they are. */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/own.h"
#include "commands/tar.h"

#define DATA_MAX (1 << 20) /* of an entry that is written out; a hole may be larger */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int memory(void)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd < 0)
		abort();
	return fd;
}

static void one(int in, size_t size)
{
	struct tar_reader reader = { .in = in };
	struct err err = ERR_INIT;

	for (;;) {
		autotarentry struct tar_entry entry = { 0 };
		autofd int out = memory();
		int r = tar_read_entry(&reader, &entry, &err);

		if (r < 0 && err.code != r)
			abort();
		if (r <= 0)
			return;
		if (!entry.path || entry.size < 0)
			abort();
		if (entry.type == TAR_FILE && entry.size <= DATA_MAX &&
			tar_read_data(&reader, out, &err) < 0)
			return;
		if (reader.total < 0 || (uint64_t)reader.total > size)
			abort(); /* read more than there was */
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	autofd int in = memory();

	if (write(in, data, size) != (ssize_t)size || lseek(in, 0, SEEK_SET) != 0)
		abort();
	one(in, size);
	return 0;
}
