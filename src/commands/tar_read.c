/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/tar.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/xalloc.h"

#define BLOCK    512
#define META_MAX (1 << 20) /* pax records and long names */

/* Field positions of a header; pax(1). */
enum {
	NAME = 0,
	MODE = 100,
	UID = 108,
	GID = 116,
	SIZE = 124,
	MTIME = 136,
	SUM = 148,
	TYPE = 156,
	LINK = 157,
	MAGIC = 257,
	PREFIX = 345
};

/* What a pax or GNU entry says about the next one; unset numbers are -1. */
struct extra {
	char *path, *link;
	int64_t size, uid, gid;
	struct timespec mtime;
	bool has_mtime;
};

static void extra_done(struct extra *x)
{
	free(x->path);
	free(x->link);
}

static int damaged(struct err *err)
{
	return err_set(err, -EPROTO, "this is not a tar archive, or it is damaged");
}

/* 0 at a clean end, len when full. */
static ssize_t read_full(struct tar_reader *r, void *data, size_t len, struct err *err)
{
	size_t got = 0;

	while (got < len) {
		ssize_t n = read(r->in, (char *)data + got, len - got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, "read the archive");
		if (n == 0)
			break;
		got += (size_t)n;
	}
	r->total += (int64_t)got;
	if (got && got < len)
		return err_set(err, -EPROTO, "the archive ends in the middle of an entry");
	return (ssize_t)got;
}

static int skip(struct tar_reader *r, struct err *err)
{
	char block[65536];

	for (int64_t left = r->left + r->pad; left > 0;) {
		size_t want = left < (int64_t)sizeof(block) ? (size_t)left : sizeof(block);
		ssize_t n = read_full(r, block, want, err);

		TRY((int)n);
		if (n == 0)
			return err_set(err, -EPROTO, "the archive ends in the middle of an entry");
		left -= n;
	}
	r->left = r->pad = 0;
	return 0;
}

/* Octal digits, or GNU's binary form for large numbers. */
static int64_t number(const unsigned char *field, size_t size)
{
	int64_t value = 0;

	if (field[0] & 0x80) {
		for (size_t i = size > 8 ? size - 8 : 1; i < size; i++)
			value = (int64_t)((uint64_t)value << 8 | field[i]);
		return value < 0 ? 0 : value;
	}
	for (size_t i = 0; i < size && field[i]; i++) {
		if (field[i] == ' ')
			continue;
		if (field[i] < '0' || field[i] > '7')
			return -1;
		value = value << 3 | (field[i] - '0');
	}
	return value;
}

static bool sum_is_right(const unsigned char *h)
{
	int64_t sum = 0;

	for (size_t i = 0; i < BLOCK; i++)
		sum += i >= SUM && i < SUM + 8 ? ' ' : h[i];
	return sum == number(h + SUM, 8);
}

static char *field_text(const unsigned char *field, size_t size)
{
	return xstrndup((const char *)field, strnlen((const char *)field, size));
}

static int read_meta(struct tar_reader *r, char **ret, struct err *err)
{
	autofree char *data = NULL;

	if (r->left > META_MAX)
		return damaged(err);
	data = xmalloc((size_t)r->left + 1);
	if (read_full(r, data, (size_t)r->left, err) < 0)
		return err->code;
	data[r->left] = '\0';
	r->left = 0;
	TRY(skip(r, err));
	*ret = move_ptr(&data);
	return 0;
}

static void set_time(struct extra *x, const char *value)
{
	char *end;
	long scale = 100000000;

	x->mtime.tv_sec = strtoll(value, &end, 10);
	x->mtime.tv_nsec = 0;
	for (const char *s = *end == '.' ? end + 1 : ""; *s >= '0' && *s <= '9' && scale; s++) {
		x->mtime.tv_nsec += (*s - '0') * scale;
		scale /= 10;
	}
	x->has_mtime = x->mtime.tv_sec >= 0;
}

static void set_text(char **slot, const char *value)
{
	free(*slot);
	*slot = xstrdup(value);
}

static void set_record(struct extra *x, const char *key, const char *value)
{
	if (strcmp(key, "path") == 0)
		set_text(&x->path, value);
	else if (strcmp(key, "linkpath") == 0)
		set_text(&x->link, value);
	else if (strcmp(key, "size") == 0)
		x->size = strtoll(value, NULL, 10);
	else if (strcmp(key, "uid") == 0)
		x->uid = strtoll(value, NULL, 10);
	else if (strcmp(key, "gid") == 0)
		x->gid = strtoll(value, NULL, 10);
	else if (strcmp(key, "mtime") == 0)
		set_time(x, value);
}

static int read_pax(struct tar_reader *r, struct extra *x, struct err *err)
{
	autofree char *data = NULL;
	size_t left = (size_t)r->left;

	TRY(read_meta(r, &data, err));
	for (char *s = data; left > 0;) {
		char *end, *value;
		unsigned long long len = strtoull(s, &end, 10);

		if (end == s || *end != ' ' || len > left || s + len <= end + 1 ||
			s[len - 1] != '\n')
			return damaged(err);
		s[len - 1] = '\0';
		value = strchr(end, '=');
		if (!value || strlen(end) != (size_t)(s + len - 1 - end))
			return damaged(err);
		*value = '\0';
		set_record(x, end + 1, value + 1);
		s += len;
		left -= len;
	}
	return 0;
}

static enum tar_type type_of(char c)
{
	switch (c) {
	case '\0':
	case '0':
	case '7':
		return TAR_FILE;
	case '1':
		return TAR_HARDLINK;
	case '2':
		return TAR_SYMLINK;
	case '5':
		return TAR_DIR;
	default:
		return TAR_OTHER;
	}
}

static char *name_of(const unsigned char *h)
{
	autofree char *name = field_text(h + NAME, 100);
	autofree char *prefix = NULL;

	if (memcmp(h + MAGIC, "ustar\0", 6) != 0 || !h[PREFIX])
		return move_ptr(&name);
	prefix = field_text(h + PREFIX, 155);
	return xasprintf("%s/%s", prefix, name);
}

static int fill(const unsigned char *h, struct extra *x, struct tar_entry *ret, struct err *err)
{
	*ret = (struct tar_entry){
		.type = type_of((char)h[TYPE]),
		.path = x->path ? move_ptr(&x->path) : name_of(h),
		.link = x->link ? move_ptr(&x->link) : field_text(h + LINK, 100),
		.size = x->size >= 0 ? x->size : number(h + SIZE, 12),
		.uid = x->uid >= 0 ? x->uid : number(h + UID, 8),
		.gid = x->gid >= 0 ? x->gid : number(h + GID, 8),
		.mode = (mode_t)number(h + MODE, 8) & 07777,
		.mtime = { .tv_sec = number(h + MTIME, 12) },
	};
	if (x->has_mtime)
		ret->mtime = x->mtime;
	if (ret->type == TAR_FILE && ret->path[0] && ret->path[strlen(ret->path) - 1] == '/')
		ret->type = TAR_DIR; /* before POSIX */
	if (ret->type != TAR_FILE && ret->type != TAR_OTHER)
		ret->size = 0;
	if (ret->size < 0 || ret->uid < 0 || ret->gid < 0 || ret->size > INT64_MAX - BLOCK) {
		tar_entry_done(ret);
		return damaged(err);
	}
	return 1;
}

static bool all_zero(const unsigned char *block)
{
	for (size_t i = 0; i < BLOCK; i++)
		if (block[i])
			return false;
	return true;
}

static int set_left(struct tar_reader *r, int64_t size, struct err *err)
{
	if (size < 0 || size > INT64_MAX - BLOCK)
		return damaged(err);
	r->left = size;
	r->pad = (BLOCK - size % BLOCK) % BLOCK;
	return 0;
}

/* 1: an entry's header; 0: it was about the next one; -EPROTO */
static int header(struct tar_reader *r, const unsigned char *h, struct extra *x, struct err *err)
{
	if (!sum_is_right(h))
		return damaged(err);
	TRY(set_left(r, number(h + SIZE, 12), err));
	switch (h[TYPE]) {
	case 'x':
		return read_pax(r, x, err);
	case 'g':
		return skip(r, err);
	case 'L':
		free(x->path);
		x->path = NULL;
		return read_meta(r, &x->path, err);
	case 'K':
		free(x->link);
		x->link = NULL;
		return read_meta(r, &x->link, err);
	default:
		return 1;
	}
}

int tar_read_entry(struct tar_reader *r, struct tar_entry *ret, struct err *err)
{
	__attribute__((cleanup(extra_done))) struct extra x = { .size = -1, .uid = -1, .gid = -1 };
	unsigned char h[BLOCK];
	int got;

	TRY(skip(r, err));
	do {
		ssize_t n = read_full(r, h, sizeof(h), err);

		TRY((int)n);
		if (n == 0)
			return err_set(err, -EPROTO, "the archive has no end");
		if (all_zero(h))
			return 0;
		got = header(r, h, &x, err);
		TRY(got);
	} while (got == 0);
	TRY(fill(h, &x, ret, err));
	return set_left(r, ret->size, err) < 0 ? err->code : 1;
}

static bool is_zero(const char *data, size_t len)
{
	return len > 0 && data[0] == 0 && memcmp(data, data + 1, len - 1) == 0;
}

int tar_read_data(struct tar_reader *r, int out, struct err *err)
{
	char block[65536];
	int64_t at = 0;

	while (r->left > 0) {
		size_t want = r->left < (int64_t)sizeof(block) ? (size_t)r->left : sizeof(block);
		ssize_t n = read_full(r, block, want, err);

		TRY((int)n);
		if (n == 0)
			return err_set(err, -EPROTO, "the archive ends in the middle of a file");
		if (n == sizeof(block) && is_zero(block, sizeof(block))) {
			if (lseek(out, n, SEEK_CUR) < 0)
				return err_sys(err, "seek");
		} else {
			TRY(fs_write_all(out, block, (size_t)n, err));
		}
		r->left -= n;
		at += n;
	}
	return ftruncate(out, at) < 0 ? err_sys(err, "set the size of a file") : 0;
}

int tar_drain(struct tar_reader *r, struct err *err)
{
	char block[65536];

	for (;;) {
		ssize_t n = read(r->in, block, sizeof(block));

		if (n < 0 && errno != EINTR)
			return err_sys(err, "read the archive");
		if (n == 0)
			return 0;
		r->total += n > 0 ? n : 0;
	}
}
