/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tar streams for `cp`: writes POSIX pax archives, reads those, plain ustar and GNU's long names. One
 * entry at a time, nothing is kept. What is read is foreign data: sizes and checksums are verified here,
 * names are the unpacker's business.
 */
#ifndef SBX_COMMANDS_TAR_H
#define SBX_COMMANDS_TAR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

#include "base/err.h"

enum tar_type { TAR_FILE, TAR_DIR, TAR_SYMLINK, TAR_HARDLINK, TAR_OTHER };

struct tar_entry {
	enum tar_type type;
	char *path, *link; /* owned by who filled it */
	int64_t size, uid, gid;
	mode_t mode; /* permissions and set-id bits */
	struct timespec mtime;
};
void tar_entry_done(struct tar_entry *e);
#define autotarentry __attribute__((cleanup(tar_entry_done)))

int tar_write_entry(int out, const struct tar_entry *e, struct err *err);
/* Exactly `size` bytes of `in`, then padding; a file that has become shorter is filled with zeros. */
int tar_write_data(int out, int in, int64_t size, struct err *err);
int tar_write_end(int out, struct err *err);

struct tar_reader {
	int in;       /* borrowed */
	int64_t left; /* data and padding of the present entry, not yet read */
	int64_t pad;
	int64_t total; /* bytes read so far */
};
/* The next entry: 1, or 0 at the end of the archive. A stream that just stops is -EPROTO. What is left of
 * the one before is skipped. */
int tar_read_entry(struct tar_reader *r, struct tar_entry *ret, struct err *err);
/* The entry's data into out; long runs of zeros become holes. */
int tar_read_data(struct tar_reader *r, int out, struct err *err);
/* Reads on to the end of the stream, so that its writer does not fail. */
int tar_drain(struct tar_reader *r, struct err *err);

#endif
