/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing tar: ustar with pax headers where a value does not fit, nothing else, so that the same
 * members always give the same bytes. Times are whole seconds, as in Docker's layers.
 */
#ifndef SBX_IMAGE_TAROUT_H
#define SBX_IMAGE_TAROUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "image/digest.h"

enum tar_type {
	TAR_FILE = '0',
	TAR_HARDLINK = '1',
	TAR_SYMLINK = '2',
	TAR_CHAR = '3',
	TAR_BLOCK = '4',
	TAR_DIR = '5',
	TAR_FIFO = '6',
};

struct tar_member { /* all borrowed */
	enum tar_type type;
	const char *path; /* directories without the slash at the end */
	const char *link; /* of links, else NULL */
	mode_t mode;
	int64_t uid, gid, size, mtime;
	unsigned major, minor;
	const struct buf *pax; /* records made with tar_pax_add(), or NULL */
};

struct tar_out {
	int fd;                    /* borrowed */
	struct digester *digester; /* of every byte written; borrowed, NULL ok */
	unsigned char *buffer;
	size_t used;
	int64_t total; /* bytes of the archive so far */
	int copy; /* where tar_out_copy() puts a member's data, too; borrowed, -EBADF = nowhere */
	bool sparse; /* that copy gets holes where there are zeros */
};
void tar_out_init(struct tar_out *out, int fd, struct digester *digester);
void tar_out_done(struct tar_out *out);
#define autotarout __attribute__((cleanup(tar_out_done)))

/* The head of a member; exactly `size` bytes of data follow for TAR_FILE. */
int tar_out_member(struct tar_out *out, const struct tar_member *m, struct err *err);
int tar_out_data(struct tar_out *out, const void *data, size_t len, struct err *err);
int tar_out_pad(struct tar_out *out, struct err *err); /* after the last byte of a member */
/* A member's data from a file, and the padding. digester: of those bytes, NULL ok. Returns 1 when the
 * file was shorter and zeros stand for the rest. */
int tar_out_copy(
	struct tar_out *out, int fd, int64_t size, struct digester *digester, struct err *err);
int tar_out_end(struct tar_out *out, struct err *err); /* two zero blocks, everything written */

/* Head, data and padding of a small file. */
int tar_out_text(
	struct tar_out *out, const struct tar_member *m, const struct buf *text, struct err *err);

void tar_pax_add(struct buf *records, const char *key, const void *value, size_t len);

#endif
