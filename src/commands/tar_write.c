/* SPDX-License-Identifier: Apache-2.0 */
/* pax(1), "ustar Interchange Format": what does not fit a header goes into a pax record before it. */
#include "commands/tar.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/own.h"

#define BLOCK 512

struct header {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], sum[8], type, link[100];
	char magic[8], user[32], group[32], major[8], minor[8], prefix[155], rest[12];
};
_Static_assert(sizeof(struct header) == BLOCK, "a tar header is one block");

void tar_entry_done(struct tar_entry *e)
{
	free(e->path);
	free(e->link);
	*e = (struct tar_entry){ 0 };
}

/* What does not fit is 0 here and right in the pax record. */
static void octal(char *field, size_t size, int64_t value)
{
	bool fits = value >= 0 && value < (int64_t)1 << (3 * (size - 1));
	char text[24];

	(void)snprintf(text, sizeof(text), "%0*llo", (int)size - 1,
		(unsigned long long)(fits ? value : 0));
	memcpy(field, text, size - 1);
}

static void text(char *field, size_t size, const char *value)
{
	size_t n = strlen(value);

	memcpy(field, value, n < size ? n : size);
}

static void seal(struct header *h)
{
	unsigned sum = 0;
	char digits[8];

	memset(h->sum, ' ', sizeof(h->sum));
	for (size_t i = 0; i < sizeof(*h); i++)
		sum += ((const unsigned char *)h)[i];
	(void)snprintf(digits, sizeof(digits), "%06o", sum & 0777777);
	memcpy(h->sum, digits, 7);
}

static int write_padded(int out, const void *data, size_t len, struct err *err)
{
	static const char zeros[BLOCK];
	size_t rest = len % BLOCK ? BLOCK - len % BLOCK : 0;

	TRY(fs_write_all(out, data, len, err));
	return fs_write_all(out, zeros, rest, err);
}

/* "27 path=…\n", where the number counts itself. */
static void record(struct buf *out, const char *key, const char *value)
{
	size_t body = strlen(key) + strlen(value) + 3, len = body + 1;
	char digits[24];

	for (;;) {
		size_t want = body + (size_t)snprintf(digits, sizeof(digits), "%zu", len);

		if (want == len)
			break;
		len = want;
	}
	buf_addf(out, "%zu %s=%s\n", len, key, value);
}

static void number(struct buf *out, const char *key, int64_t value)
{
	char digits[24];

	(void)snprintf(digits, sizeof(digits), "%lld", (long long)value);
	record(out, key, digits);
}

static int write_pax(int out, const struct tar_entry *e, struct err *err)
{
	struct header h = { .type = 'x' };
	autobuf struct buf body = BUF_INIT;
	char time[48];

	if (strlen(e->path) > sizeof(h.name))
		record(&body, "path", e->path);
	if (e->link && strlen(e->link) > sizeof(h.link))
		record(&body, "linkpath", e->link);
	if (e->size >= (int64_t)1 << 33)
		number(&body, "size", e->size);
	if (e->uid >= 1 << 21)
		number(&body, "uid", e->uid);
	if (e->gid >= 1 << 21)
		number(&body, "gid", e->gid);
	if (e->mtime.tv_nsec || e->mtime.tv_sec < 0) {
		(void)snprintf(time, sizeof(time), "%lld.%09ld", (long long)e->mtime.tv_sec,
			e->mtime.tv_nsec);
		if (e->mtime.tv_sec >= 0)
			record(&body, "mtime", time);
	}
	if (body.len == 0)
		return 0;
	text(h.name, sizeof(h.name), "pax");
	octal(h.mode, sizeof(h.mode), 0644);
	octal(h.size, sizeof(h.size), (int64_t)body.len);
	text(h.magic, sizeof(h.magic), "ustar");
	memcpy(h.magic + 6, "00", 2);
	seal(&h);
	TRY(fs_write_all(out, &h, sizeof(h), err));
	return write_padded(out, body.data, body.len, err);
}

int tar_write_entry(int out, const struct tar_entry *e, struct err *err)
{
	static const char types[] = {
		[TAR_FILE] = '0', [TAR_DIR] = '5', [TAR_SYMLINK] = '2', [TAR_HARDLINK] = '1'
	};
	struct header h = { .type = types[e->type] };

	TRY(write_pax(out, e, err));
	text(h.name, sizeof(h.name), e->path);
	octal(h.mode, sizeof(h.mode), e->mode & 07777);
	octal(h.uid, sizeof(h.uid), e->uid);
	octal(h.gid, sizeof(h.gid), e->gid);
	octal(h.size, sizeof(h.size), e->type == TAR_FILE ? e->size : 0);
	octal(h.mtime, sizeof(h.mtime), e->mtime.tv_sec);
	text(h.link, sizeof(h.link), e->link ? e->link : "");
	text(h.magic, sizeof(h.magic), "ustar");
	memcpy(h.magic + 6, "00", 2);
	seal(&h);
	return fs_write_all(out, &h, sizeof(h), err);
}

int tar_write_data(int out, int in, int64_t size, struct err *err)
{
	char block[65536];
	int64_t left = size;
	bool ended = false;

	while (left > 0) {
		size_t want = left < (int64_t)sizeof(block) ? (size_t)left : sizeof(block);
		ssize_t n = ended ? 0 : read(in, block, want);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, "read");
		if (n == 0) {
			ended = true;
			n = (ssize_t)want;
			memset(block, 0, want);
		}
		TRY(fs_write_all(out, block, (size_t)n, err));
		left -= n;
	}
	memset(block, 0, BLOCK);
	return fs_write_all(out, block, (size_t)((BLOCK - size % BLOCK) % BLOCK), err);
}

int tar_write_end(int out, struct err *err)
{
	static const char zeros[2 * BLOCK];

	return fs_write_all(out, zeros, sizeof(zeros), err);
}
