/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The layer that a stream describes, made while the stream is written: by the writer that unpacks
 * layers, from the same members, so that it is what unpacking would give. Where the file system can
 * share blocks between files (FICLONE) the data are not copied.
 */
#include "image/pack_tee.h"

#include <errno.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/own.h"
#include "base/sha256.h"
#include "base/xalloc.h"
#include "image/pack.h"

#define XATTR_KEY "SCHILY.xattr."

int tee_begin(struct tee *tee, const struct store *store, const struct idmap *map, struct err *err)
{
	TRY(staging_begin(&tee->staging, store, map, err));
	writer_init(&tee->writer, tee->staging.root, map);
	tee->writer.write_early = store_synced();
	tee->on = true;
	return 0;
}

void tee_done(struct tee *tee)
{
	if (tee->on)
		writer_done(&tee->writer);
	staging_done(&tee->staging);
	free(tee->xattrs);
	strv_done(&tee->names);
	*tee = (struct tee)TEE_INIT;
}

/* The records are our own: "LENGTH SCHILY.xattr.NAME=VALUE\n". */
static void read_records(struct tee *tee, const struct buf *pax)
{
	const char *at = pax ? pax->data : NULL, *end = at ? at + pax->len : NULL;
	size_t n = 0;

	strv_done(&tee->names);
	free(tee->xattrs);
	tee->xattrs = NULL;
	while (at && at < end) {
		const char *key = strchr(at, ' ') + 1, *equals = strchr(key, '=');
		const char *next = at + strtoul(at, NULL, 10);

		tee->xattrs = xreallocarray(tee->xattrs, n + 1, sizeof(*tee->xattrs));
		key += strlen(XATTR_KEY);
		strv_adopt(&tee->names, xstrndup(key, (size_t)(equals - key)));
		tee->xattrs[n++] = (struct unpack_xattr){ .value = equals + 1,
			.len = (size_t)(next - 1 - (equals + 1)) };
		at = next;
	}
	for (size_t i = 0; i < n; i++)
		tee->xattrs[i].name = tee->names.v[i];
	tee->entry.xattrs = tee->xattrs;
	tee->entry.n_xattrs = n;
}

static enum unpack_type type_of(enum tar_type type)
{
	switch (type) {
	case TAR_FILE:
		return UNPACK_FILE;
	case TAR_HARDLINK:
		return UNPACK_HARDLINK;
	case TAR_SYMLINK:
		return UNPACK_SYMLINK;
	case TAR_DIR:
		return UNPACK_DIR;
	case TAR_FIFO:
		return UNPACK_FIFO;
	case TAR_CHAR:
	case TAR_BLOCK:
		break;
	}
	return UNPACK_DEVICE;
}

int tee_member(struct tee *tee, const struct tar_member *m, struct err *err)
{
	if (!tee->on)
		return 0;
	fd_drop(&tee->fd);
	tee->entry = (struct unpack_entry){ .type = type_of(m->type),
		.path = m->path,
		.link = m->link,
		.uid = m->uid,
		.gid = m->gid,
		.size = m->size,
		.mode = m->mode,
		.mtime = { .tv_sec = m->mtime } };
	read_records(tee, m->pax);
	TRY(writer_entry(&tee->writer, &tee->entry, &tee->fd, err));
	if (tee->fd >= 0 && m->size == 0)
		return tee_end(tee, err);
	return 0;
}

bool tee_clone(struct tee *tee, int source)
{
	return tee->fd >= 0 && ioctl(tee->fd, FICLONE, source) == 0;
}

int tee_end(struct tee *tee, struct err *err)
{
	if (tee->fd < 0)
		return 0;
	if (ftruncate(tee->fd, tee->entry.size) < 0) /* a hole at the end, or a clone that grew */
		return err_sys(err, "'%.200s'", tee->entry.path);
	TRY(writer_end_file(&tee->writer, &tee->entry, tee->fd, err));
	fd_drop(&tee->fd);
	return 0;
}

static void chain(const char *parent, const char *diff_id, char ret[65])
{
	autofree char *text = NULL;

	if (!parent) {
		(void)snprintf(ret, 65, "%s", diff_id + strlen("sha256:"));
		return;
	}
	text = xasprintf("sha256:%s %s", parent, diff_id);
	sha256_hex(text, strlen(text), ret);
}

int tee_commit(
	struct tee *tee, const char *parent, const char *diff_id, char ret[65], struct err *err)
{
	struct staged layer = { .diff_id = diff_id };

	if (!tee->on)
		return 0;
	TRY(writer_finish(&tee->writer, err));
	chain(parent, diff_id, ret);
	layer.chain_id = ret;
	layer.bytes = tee->writer.bytes;
	layer.inodes = tee->writer.inodes;
	layer.opaque_root = tee->writer.opaque_root;
	if (store_has_layer(tee->staging.store, ret))
		return 0;
	return staging_commit(&tee->staging, &layer, err);
}
