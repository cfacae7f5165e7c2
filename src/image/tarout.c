/* SPDX-License-Identifier: Apache-2.0 */
#include "image/tarout.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/xalloc.h"

#define BLOCK       512
#define BUFFER_SIZE ((size_t)512 << 10) /* a multiple of BLOCK */
#define OCTAL7_MAX  07777777LL
#define OCTAL11_MAX 077777777777LL

struct head { /* POSIX.1-1988 ustar */
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], sum[8], type, link[100];
	char magic[6], version[2], uname[32], gname[32], major[8], minor[8], prefix[155], pad[12];
};
_Static_assert(sizeof(struct head) == BLOCK, "a tar header is one block");

void tar_out_init(struct tar_out *out, int fd, struct digester *digester)
{
	*out = (struct tar_out){
		.fd = fd, .digester = digester, .buffer = xmalloc(BUFFER_SIZE), .copy = -EBADF
	};
}

void tar_out_done(struct tar_out *out)
{
	free(out->buffer);
	*out = (struct tar_out){ .fd = -EBADF };
}

static int flush(struct tar_out *out, struct err *err)
{
	size_t used = out->used;

	out->used = 0;
	if (out->digester)
		digester_update(out->digester, out->buffer, used);
	return fs_write_all(out->fd, out->buffer, used, err);
}

int tar_out_data(struct tar_out *out, const void *data, size_t len, struct err *err)
{
	const unsigned char *p = data;

	out->total += (int64_t)len;
	while (len > 0) {
		size_t n = BUFFER_SIZE - out->used < len ? BUFFER_SIZE - out->used : len;

		memcpy(out->buffer + out->used, p, n);
		out->used += n;
		p += n;
		len -= n;
		if (out->used == BUFFER_SIZE)
			TRY(flush(out, err));
	}
	return 0;
}

static int zeros(struct tar_out *out, int64_t len, struct err *err)
{
	static const char none[BLOCK * 8];

	for (; len > (int64_t)sizeof(none); len -= (int64_t)sizeof(none))
		TRY(tar_out_data(out, none, sizeof(none), err));
	return tar_out_data(out, none, (size_t)len, err);
}

int tar_out_pad(struct tar_out *out, struct err *err)
{
	return zeros(out, (BLOCK - out->total % BLOCK) % BLOCK, err);
}

/* "LEN key=value\n" where LEN counts itself. */
void tar_pax_add(struct buf *records, const char *key, const void *value, size_t len)
{
	size_t body = strlen(key) + len + 3, digits = 1;
	char number[24];

	while ((size_t)snprintf(number, sizeof(number), "%zu", body + digits) > digits)
		digits++;
	buf_addf(records, "%s %s=", number, key);
	buf_add(records, value, len);
	buf_addc(records, '\n');
}

/* Fields that hold all they can need no end; a shorter text ends with NUL. */
static void put(char *field, size_t size, const char *text, size_t len)
{
	memcpy(field, text, len < size ? len : size);
}

static void octal(char *field, size_t size, int64_t n)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%0*llo", (int)size - 1, (unsigned long long)n);
	put(field, size - 1, text, strlen(text));
}

static void number(char *field, size_t size, int64_t n, const char *key, struct buf *pax)
{
	char text[32];

	if (n >= 0 && n <= (size == 12 ? OCTAL11_MAX : OCTAL7_MAX)) {
		octal(field, size, n);
		return;
	}
	octal(field, size, 0);
	(void)snprintf(text, sizeof(text), "%lld", (long long)n);
	tar_pax_add(pax, key, text, strlen(text));
}

static void string(char *field, size_t size, const char *text, const char *key, struct buf *pax)
{
	size_t len = strlen(text);

	put(field, size, text, len);
	if (len > size)
		tar_pax_add(pax, key, text, len);
}

static int write_head(struct tar_out *out, struct head *h, struct err *err)
{
	unsigned sum = 0;

	memcpy(h->magic, "ustar", 6);
	memcpy(h->version, "00", 2);
	memset(h->sum, ' ', sizeof(h->sum));
	for (size_t i = 0; i < sizeof(*h); i++)
		sum += ((const unsigned char *)h)[i];
	(void)snprintf(h->sum, sizeof(h->sum), "%06o", sum);
	h->sum[7] = ' ';
	return tar_out_data(out, h, sizeof(*h), err);
}

static int write_pax(struct tar_out *out, const struct buf *records, struct err *err)
{
	struct head h = { .type = 'x' };

	if (records->len == 0)
		return 0;
	put(h.name, sizeof(h.name), "PaxHeader", strlen("PaxHeader"));
	octal(h.mode, sizeof(h.mode), 0644);
	octal(h.uid, sizeof(h.uid), 0);
	octal(h.gid, sizeof(h.gid), 0);
	octal(h.size, sizeof(h.size), (int64_t)records->len);
	octal(h.mtime, sizeof(h.mtime), 0);
	TRY(write_head(out, &h, err));
	TRY(tar_out_data(out, records->data, records->len, err));
	return tar_out_pad(out, err);
}

int tar_out_member(struct tar_out *out, const struct tar_member *m, struct err *err)
{
	autofree char *slashed = m->type == TAR_DIR ? xasprintf("%s/", m->path) : NULL;
	struct head h = { .type = (char)m->type };
	autobuf struct buf pax = BUF_INIT;

	string(h.name, sizeof(h.name), slashed ? slashed : m->path, "path", &pax);
	string(h.link, sizeof(h.link), m->link ? m->link : "", "linkpath", &pax);
	octal(h.mode, sizeof(h.mode), m->mode & 07777);
	number(h.uid, sizeof(h.uid), m->uid, "uid", &pax);
	number(h.gid, sizeof(h.gid), m->gid, "gid", &pax);
	number(h.size, sizeof(h.size), m->type == TAR_FILE ? m->size : 0, "size", &pax);
	number(h.mtime, sizeof(h.mtime), m->mtime, "mtime", &pax);
	octal(h.major, sizeof(h.major), m->major & OCTAL7_MAX);
	octal(h.minor, sizeof(h.minor), m->minor & OCTAL7_MAX);
	if (m->pax)
		buf_add(&pax, m->pax->data, m->pax->len);
	TRY(write_pax(out, &pax, err));
	return write_head(out, &h, err);
}

static int pwrite_all(int fd, const unsigned char *data, size_t len, int64_t at, struct err *err)
{
	while (len > 0) {
		ssize_t n = pwrite(fd, data, len, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fs_err(err, fd, "write a file of the layer");
		data += n;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

static bool is_zero(const unsigned char *data, size_t len)
{
	return len > 0 && data[0] == 0 && memcmp(data, data + 1, len - 1) == 0;
}

static int put_copy(
	const struct tar_out *out, const void *data, size_t len, int64_t at, struct err *err)
{
	if (out->copy < 0 || (out->sparse && is_zero(data, len)))
		return 0;
	return pwrite_all(out->copy, data, len, at, err);
}

int tar_out_copy(
	struct tar_out *out, int fd, int64_t size, struct digester *digester, struct err *err)
{
	int64_t left = size;

	out->total += size;
	while (left > 0) {
		size_t room = BUFFER_SIZE - out->used;
		size_t want = (int64_t)room < left ? room : (size_t)left;
		ssize_t n = read(fd, out->buffer + out->used, want);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, "read a file for the archive");
		if (n == 0)
			break;
		if (digester)
			digester_update(digester, out->buffer + out->used, (size_t)n);
		TRY(put_copy(out, out->buffer + out->used, (size_t)n, size - left, err));
		out->used += (size_t)n;
		left -= n;
		if (out->used == BUFFER_SIZE)
			TRY(flush(out, err));
	}
	out->total -= left;
	TRY(zeros(out, left, err));
	TRY(tar_out_pad(out, err));
	return left > 0 ? 1 : 0;
}

int tar_out_text(
	struct tar_out *out, const struct tar_member *m, const struct buf *text, struct err *err)
{
	struct tar_member member = *m;

	member.size = (int64_t)text->len;
	TRY(tar_out_member(out, &member, err));
	TRY(tar_out_data(out, text->data, text->len, err));
	return tar_out_pad(out, err);
}

int tar_out_end(struct tar_out *out, struct err *err)
{
	TRY(zeros(out, 2 * (int64_t)BLOCK, err));
	return flush(out, err);
}
