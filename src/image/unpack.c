/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libarchive reads the tar and nothing else of it is used: no filter (it would run programs found in
 * PATH for some magics and stack 25 levels), no other format (a layer that is a zip is an error), no
 * writing to disk. It sees a stream of bytes and hands out entries; what follows the end of the archive
 * is read, too, for it counts in the digest.
 */
#include "image/unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"
#include "base/xalloc.h"

#define FILE_BLOCK  ((size_t)1 << 20)
#define TAR_BLOCK   512

#define TAR_SUM_AT  148 /* in a header */
#define TAR_SUM_LEN 8
#define TAR_TYPE_AT 156

struct reader {
	const struct tar_source *source;
	struct err err; /* of the source; it explains libarchive's failure */
	int64_t total;
	int64_t last; /* size of the last file */
	bool padded;
	const unsigned char *block; /* what libarchive has, and the bytes before it */
	size_t block_len;
	unsigned char before[TAR_BLOCK];
};

/* umoci ends a layer right after the last byte of the last file; Go's readers do not mind. */
static ssize_t pad(struct reader *r, const void **ret)
{
	static const char zeros[TAR_BLOCK];

	if (r->padded || r->total % TAR_BLOCK == 0)
		return 0;
	r->padded = true;
	*ret = zeros;
	return TAR_BLOCK - r->total % TAR_BLOCK;
}

/* Before the block goes back to its owner: a header may straddle two. */
static void keep_tail(struct reader *r)
{
	size_t n = r->block_len < TAR_BLOCK ? r->block_len : TAR_BLOCK;

	if (n == 0)
		return;
	memmove(r->before, r->before + n, TAR_BLOCK - n);
	memcpy(r->before + TAR_BLOCK - n, r->block + r->block_len - n, n);
	r->block_len = 0;
}

static ssize_t feed(struct archive *a, void *data, const void **ret)
{
	struct reader *r = data;
	ssize_t n;

	(void)a;
	keep_tail(r);
	n = r->source->next(r->source->data, ret, &r->err);
	if (n < 0) {
		archive_set_error(a, EIO, "%s", r->err.text);
		return -1;
	}
	if (n == 0)
		return pad(r, ret);
	r->total += n;
	r->block = *ret;
	r->block_len = (size_t)n;
	return n;
}

static int archive_failed(struct archive *a, const struct reader *r, struct err *err)
{
	const char *why = archive_error_string(a);

	if (r->err.code < 0) {
		*err = r->err;
		return err->code;
	}
	if (why && strstr(why, "Unrecognized archive format"))
		why = "it is not a tar archive";
	return err_set(err, -EBADMSG, "the layer is malformed: %s", why ? why : "unknown reason");
}

static int entry_type(const struct archive_entry *ae, enum unpack_type *ret)
{
	if (archive_entry_hardlink((struct archive_entry *)ae)) {
		*ret = UNPACK_HARDLINK;
		return 0;
	}
	switch (archive_entry_filetype((struct archive_entry *)ae)) {
	case AE_IFREG:
		*ret = UNPACK_FILE;
		return 0;
	case AE_IFDIR:
		*ret = UNPACK_DIR;
		return 0;
	case AE_IFLNK:
		*ret = UNPACK_SYMLINK;
		return 0;
	case AE_IFIFO:
		*ret = UNPACK_FIFO;
		return 0;
	case AE_IFCHR:
	case AE_IFBLK:
		*ret = UNPACK_DEVICE;
		return 0;
	default:
		return -EINVAL;
	}
}

static bool is_header(const unsigned char *block)
{
	unsigned long sum = 0, said;
	char text[TAR_SUM_LEN + 1] = { 0 };

	memcpy(text, block + TAR_SUM_AT, TAR_SUM_LEN);
	said = strtoul(text, NULL, 8);
	for (int i = 0; i < TAR_BLOCK; i++)
		sum += i >= TAR_SUM_AT && i < TAR_SUM_AT + TAR_SUM_LEN ? ' ' : block[i];
	return sum == said;
}

/* libarchive makes a regular file of a type it has never heard of, and of a part of a file of many
 * volumes. The header it has read last tells; after a sparse file's map that is no header. */
static int check_type(
	struct archive *a, const struct reader *r, struct archive_entry *ae, struct err *err)
{
	int64_t back = r->total - archive_filter_bytes(a, 0) + TAR_BLOCK;
	unsigned char header[TAR_BLOCK];
	size_t split;

	if (archive_entry_filetype(ae) != AE_IFREG || archive_entry_hardlink(ae) ||
		back < TAR_BLOCK || (uint64_t)back > r->block_len + TAR_BLOCK)
		return 0;
	split = (size_t)back > r->block_len ? (size_t)back - r->block_len : 0;
	memcpy(header, r->before + TAR_BLOCK - split, split);
	memcpy(header + split, r->block + r->block_len - ((size_t)back - split), TAR_BLOCK - split);
	if (!is_header(header) || memchr("0\0"
					 "7S",
					  header[TAR_TYPE_AT], 4))
		return 0;
	return err_set(err, -EBADMSG, "'%.200s' has a type that layers cannot hold (0x%02x)",
		archive_entry_pathname(ae) ? archive_entry_pathname(ae) : "", header[TAR_TYPE_AT]);
}

static void read_xattrs(struct archive_entry *ae, struct unpack_entry *e)
{
	int n = archive_entry_xattr_reset(ae);

	if (n <= 0)
		return;
	e->xattrs = xcalloc((size_t)n, sizeof(*e->xattrs));
	for (int i = 0; i < n; i++) {
		struct unpack_xattr *x = &e->xattrs[e->n_xattrs];

		if (archive_entry_xattr_next(ae, &x->name, &x->value, &x->len) != ARCHIVE_OK)
			return;
		if (x->name)
			e->n_xattrs++;
	}
}

/* The strings belong to libarchive's entry, the xattr list to the caller. */
static int convert(struct archive_entry *ae, struct unpack_entry *e, struct err *err)
{
	*e = (struct unpack_entry){
		.path = archive_entry_pathname(ae),
		.uid = archive_entry_uid(ae),
		.gid = archive_entry_gid(ae),
		.size = archive_entry_size(ae),
		.mode = archive_entry_perm(ae) & 07777,
		.mtime = { archive_entry_mtime(ae), archive_entry_mtime_nsec(ae) },
	};
	if (!e->path)
		return err_set(err, -EBADMSG, "the layer has an entry without a name");
	if (entry_type(ae, &e->type) < 0)
		return err_set(
			err, -EBADMSG, "'%.200s' has a type that layers cannot hold", e->path);
	if (e->type == UNPACK_HARDLINK)
		e->link = archive_entry_hardlink(ae);
	if (e->type == UNPACK_SYMLINK)
		e->link = archive_entry_symlink(ae);
	if ((e->type == UNPACK_HARDLINK || e->type == UNPACK_SYMLINK) && (!e->link || !e->link[0]))
		return err_set(err, -EBADMSG, "'%.200s' is a link to nothing", e->path);
	read_xattrs(ae, e);
	return 0;
}

static int copy_data(struct archive *a, const struct reader *r, const struct unpack_entry *e,
	int fd, struct err *err)
{
	int64_t end = 0, offset;
	const void *data;
	size_t len;
	int got;

	while ((got = archive_read_data_block(a, &data, &len, &offset)) == ARCHIVE_OK) {
		if (offset < 0 || offset < end)
			return err_set(
				err, -EBADMSG, "'%.200s' has a map that goes backwards", e->path);
		TRY(writer_data(fd, e, data, len, offset, err));
		end = offset + (int64_t)len;
	}
	if (got != ARCHIVE_EOF)
		return archive_failed(a, r, err);
	if (e->size > end && ftruncate(fd, e->size) < 0)
		return err_sys(err, "'%.200s' of %lld bytes", e->path, (long long)e->size);
	return 0;
}

static int one_entry(struct archive *a, const struct reader *r, struct archive_entry *ae,
	struct writer *w, struct err *err)
{
	autofd int fd = -EBADF;
	struct unpack_entry e;
	int result = convert(ae, &e, err);

	if (result == 0)
		result = writer_entry(w, &e, &fd, err);
	if (result == 0 && fd >= 0)
		result = copy_data(a, r, &e, fd, err);
	if (result == 0 && fd >= 0)
		result = writer_end_file(w, &e, fd, err);
	free(e.xattrs);
	return result;
}

/* Bytes of names are kept as they are, so a complaint about their character set is none. */
static bool only_charset(struct archive *a)
{
	const char *why = archive_error_string(a);

	return why && strstr(why, "can't be converted");
}

/* Padding may be missing, data may not: they begin at a block's begin. */
static int check_end(const struct reader *r, struct err *err)
{
	if (!r->padded || r->total % TAR_BLOCK >= r->last % TAR_BLOCK)
		return 0;
	return err_set(err, -EBADMSG, "the layer is malformed: it ends within its last file");
}

static int read_entries(struct archive *a, struct reader *r, struct writer *w, struct err *err)
{
	struct archive_entry *ae;

	for (;;) {
		int got = archive_read_next_header(a, &ae);

		if (got == ARCHIVE_EOF)
			return check_end(r, err);
		if (got != ARCHIVE_OK && !(got == ARCHIVE_WARN && only_charset(a)))
			return archive_failed(a, r, err);
		r->last = archive_entry_size(ae);
		TRY(check_type(a, r, ae, err));
		TRY(one_entry(a, r, ae, w, err));
	}
}

static int drain(struct reader *r, struct err *err)
{
	const void *data;
	ssize_t n;

	while ((n = r->source->next(r->source->data, &data, err)) > 0)
		r->total += n;
	return n < 0 ? (int)n : 0;
}

int unpack_stream(const struct tar_source *source, struct writer *w, struct err *err)
{
	struct reader r = { .source = source };
	struct archive *a = archive_read_new();
	int result;

	if (!a || archive_read_support_format_tar(a) != ARCHIVE_OK) {
		(void)archive_read_free(a);
		return err_set(err, -ENOMEM, "libarchive could not start");
	}
	if (archive_read_open(a, &r, NULL, feed, NULL) == ARCHIVE_OK)
		result = read_entries(a, &r, w, err);
	else
		result = archive_failed(a, &r, err);
	/* No bytes at all are an archive without entries, as for tar(1). */
	if (result < 0 && r.total == 0 && r.err.code == 0)
		result = 0;
	(void)archive_read_free(a);
	TRY(result);
	TRY(drain(&r, err));
	return writer_finish(w, err);
}

/* ---- whole archives: load and import ---- */

struct file_reader {
	int fd;
	char *block;
	struct err err; /* explains libarchive's failure */
};

static ssize_t feed_file(struct archive *a, void *data, const void **ret)
{
	struct file_reader *r = data;
	ssize_t n;

	do {
		n = read(r->fd, r->block, FILE_BLOCK);
	} while (n < 0 && errno == EINTR);
	if (n < 0) {
		(void)err_sys(&r->err, "read the archive");
		archive_set_error(a, EIO, "%s", r->err.text);
	}
	*ret = r->block;
	return n;
}

static int visit_failed(struct archive *a, const struct file_reader *r, struct err *err)
{
	const char *why = archive_error_string(a);

	if (r->err.code < 0) {
		*err = r->err;
		return err->code;
	}
	if (why && strstr(why, "Unrecognized archive format"))
		why = "it is not a tar archive";
	return err_set(err, -EBADMSG, "the archive is damaged: %s", why ? why : "unknown reason");
}

/* Those that libarchive has built in; for others it would start programs. */
static void allow_compressions(struct archive *a)
{
	(void)archive_read_support_filter_gzip(a);
	(void)archive_read_support_filter_bzip2(a);
	(void)archive_read_support_filter_xz(a);
	(void)archive_read_support_filter_zstd(a);
}

static int visit_data(struct archive *a, const struct file_reader *r, const struct unpack_entry *e,
	const struct tar_visitor *v, struct err *err)
{
	int64_t end = 0, offset;
	const void *data;
	size_t len;
	int got;

	while ((got = archive_read_data_block(a, &data, &len, &offset)) == ARCHIVE_OK) {
		if (offset != end || (int64_t)len > e->size - end)
			return err_set(err, -EBADMSG, "'%.150s' of the archive is sparse: refused",
				e->path);
		TRY(v->piece(v->data, data, len, err));
		end += (int64_t)len;
	}
	if (got != ARCHIVE_EOF)
		return visit_failed(a, r, err);
	if (end != e->size)
		return err_set(err, -EBADMSG, "'%.150s' of the archive is not complete", e->path);
	return v->end(v->data, err);
}

static int visit_entry(struct archive *a, const struct file_reader *r, struct archive_entry *ae,
	const struct tar_visitor *v, struct err *err)
{
	struct unpack_entry e;
	int result = convert(ae, &e, err);

	if (result == 0)
		result = v->member(v->data, &e, err);
	if (result == 1)
		result = visit_data(a, r, &e, v, err);
	free(e.xattrs);
	return result;
}

static int visit_all(
	struct archive *a, struct file_reader *r, const struct tar_visitor *v, struct err *err)
{
	struct archive_entry *ae;

	if (archive_read_open(a, r, NULL, feed_file, NULL) != ARCHIVE_OK)
		return visit_failed(a, r, err);
	for (;;) {
		int got = archive_read_next_header(a, &ae);

		if (got == ARCHIVE_EOF)
			return 0;
		if (got != ARCHIVE_OK && !(got == ARCHIVE_WARN && only_charset(a)))
			return visit_failed(a, r, err);
		TRY(visit_entry(a, r, ae, v, err));
	}
}

int tar_visit(int fd, const struct tar_visitor *visitor, struct err *err)
{
	autofree char *block = xmalloc(FILE_BLOCK);
	struct file_reader r = { .fd = fd, .block = block };
	struct archive *a = archive_read_new();
	int result;

	if (!a || archive_read_support_format_tar(a) != ARCHIVE_OK) {
		(void)archive_read_free(a);
		return err_set(err, -ENOMEM, "libarchive could not start");
	}
	allow_compressions(a);
	result = visit_all(a, &r, visitor, err);
	(void)archive_read_free(a);
	return result;
}

static int64_t inflate_all(
	struct archive *a, struct file_reader *r, const struct tar_visitor *v, struct err *err)
{
	struct archive_entry *ae;
	int64_t total = 0, offset;
	const void *data;
	size_t len;
	int got;

	if (archive_read_open(a, r, NULL, feed_file, NULL) != ARCHIVE_OK)
		return visit_failed(a, r, err);
	got = archive_read_next_header(a, &ae);
	if (got == ARCHIVE_EOF)
		return 0;
	if (got != ARCHIVE_OK)
		return visit_failed(a, r, err);
	while ((got = archive_read_data_block(a, &data, &len, &offset)) == ARCHIVE_OK) {
		TRY(v->piece(v->data, data, len, err));
		total += (int64_t)len;
	}
	return got == ARCHIVE_EOF ? total : visit_failed(a, r, err);
}

int64_t tar_inflate(int fd, const struct tar_visitor *visitor, struct err *err)
{
	autofree char *block = xmalloc(FILE_BLOCK);
	struct file_reader r = { .fd = fd, .block = block };
	struct archive *a = archive_read_new();
	int64_t result;

	if (!a || archive_read_support_format_raw(a) != ARCHIVE_OK ||
		archive_read_support_format_empty(a) != ARCHIVE_OK) {
		(void)archive_read_free(a);
		return err_set(err, -ENOMEM, "libarchive could not start");
	}
	allow_compressions(a);
	result = inflate_all(a, &r, visitor, err);
	(void)archive_read_free(a);
	return result;
}
