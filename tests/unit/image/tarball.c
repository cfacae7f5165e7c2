/* SPDX-License-Identifier: Apache-2.0 */
#include "tarball.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/xalloc.h"

#define BLOCK 512

struct header { /* POSIX.1-1988 ustar */
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], sum[8], type, link[100];
	char magic[6], version[2], uname[32], gname[32], major[8], minor[8], prefix[155], pad[12];
};
_Static_assert(sizeof(struct header) == BLOCK, "a tar header is one block");

static void put(char *field, size_t size, const char *text)
{
	size_t n = strlen(text);

	memcpy(field, text, n < size ? n : size);
}

static void octal(char *field, size_t size, unsigned long n)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%0*lo", (int)size - 1, n);
	put(field, size - 1, text);
}

static void add_header(struct buf *tar, struct header *h)
{
	unsigned sum = 0;

	memset(h->sum, ' ', sizeof(h->sum));
	for (size_t i = 0; i < sizeof(*h); i++)
		sum += ((const unsigned char *)h)[i];
	(void)snprintf(h->sum, sizeof(h->sum), "%06o", sum);
	h->sum[7] = ' ';
	buf_add(tar, h, sizeof(*h));
}

static void add_data(struct buf *tar, const void *data, size_t len)
{
	static const char zeros[BLOCK];

	buf_add(tar, data, len);
	buf_add(tar, zeros, (BLOCK - len % BLOCK) % BLOCK);
}

void tar_add(struct buf *tar, const struct member *m)
{
	struct header h = { 0 };
	size_t len = m->len ? m->len : (m->data ? strlen(m->data) : 0);
	unsigned mode = m->mode ? m->mode & 07777 : (m->type == '5' ? 0755 : 0644);

	put(h.name, sizeof(h.name), m->name);
	octal(h.mode, sizeof(h.mode), mode);
	octal(h.uid, sizeof(h.uid), (unsigned long)m->uid);
	octal(h.gid, sizeof(h.gid), (unsigned long)m->gid);
	octal(h.size, sizeof(h.size), len);
	octal(h.mtime, sizeof(h.mtime), (unsigned long)(m->mtime ? m->mtime : 1000000000));
	if (m->raw_uid)
		memcpy(h.uid, m->raw_uid, sizeof(h.uid));
	h.type = m->type ? m->type : '0';
	put(h.link, sizeof(h.link), m->link ? m->link : "");
	memcpy(h.magic, "ustar", 6);
	memcpy(h.version, "00", 2);
	octal(h.major, sizeof(h.major), m->major);
	octal(h.minor, sizeof(h.minor), m->minor);
	add_header(tar, &h);
	add_data(tar, m->data ? m->data : "", len);
}

/* "LEN key=value\n" where LEN counts itself. */
void pax_record(struct buf *records, const char *key, const void *value, size_t len)
{
	size_t body = strlen(key) + len + 3;
	size_t total = body + 1;

	for (size_t digits = 1; digits < 10; digits++) {
		char text[24];

		(void)snprintf(text, sizeof(text), "%zu", body + digits);
		if (strlen(text) == digits) {
			total = body + digits;
			break;
		}
	}
	buf_addf(records, "%zu %s=", total, key);
	buf_add(records, value, len);
	buf_addc(records, '\n');
}

void tar_pax(struct buf *tar, char type, const struct buf *records)
{
	struct member m = {
		.name = "./PaxHeaders/x", .type = type, .data = records->data, .len = records->len
	};

	tar_add(tar, &m);
}

void tar_pax1(struct buf *tar, const char *key, const char *value)
{
	autobuf struct buf records = BUF_INIT;

	pax_record(&records, key, value, strlen(value));
	tar_pax(tar, 'x', &records);
}

void tar_gnu_long(struct buf *tar, char type, const char *name)
{
	struct member m = {
		.name = "././@LongLink", .type = type, .data = name, .len = strlen(name) + 1
	};

	tar_add(tar, &m);
}

void tar_end(struct buf *tar)
{
	static const char zeros[2 * BLOCK];

	buf_add(tar, zeros, sizeof(zeros));
}

static int setup(void **state, bool single)
{
	struct target *t = calloc(1, sizeof(*t));
	void *scratch = NULL;

	if (!t || harness_scratch(&scratch) < 0)
		return -1;
	t->scratch = scratch;
	(void)(single ? setenv("SBX_USERNS", "single", 1) : unsetenv("SBX_USERNS"));
	if (idmap_detect(&t->map, &t->err) < 0 || (single && t->map.kind != IDMAP_SINGLE))
		return -1;
	scratch_mkdir(t->scratch, "outside");
	scratch_write(t->scratch, "outside/canary", "alive");
	scratch_mkdir(t->scratch, "layer");
	if (fchmodat(t->scratch->fd, "layer", 0755, 0) < 0 || fchmod(t->scratch->fd, 0755) < 0)
		return -1;
	t->layer = openat(t->scratch->fd, "layer", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	(void)snprintf(t->outside, sizeof(t->outside), "%s/outside", t->scratch->path);
	*state = t;
	return fstatat(t->scratch->fd, "outside/canary", &t->canary, 0);
}

int target_setup(void **state)
{
	return setup(state, false);
}

int target_single(void **state)
{
	return setup(state, true);
}

static int remove_layer(void *data, struct err *err)
{
	const struct target *t = data;
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	return fs_remove_tree(t->scratch->fd, "layer", err);
}

int target_teardown(void **state)
{
	struct target *t = *state;
	void *scratch = t->scratch;
	int r = userns_run(&t->map, 0, remove_layer, t, &t->err);

	if (r < 0)
		(void)fprintf(stderr, "# %s\n", t->err.text);
	(void)close(t->layer);
	buf_done(&t->tar);
	free(t);
	return harness_scratch_done(&scratch) < 0 || r < 0 ? -1 : 0;
}

struct bytes {
	const char *data;
	size_t len, at;
	struct target *target;
};

/* Small uneven pieces, so that headers straddle them. */
static ssize_t next_piece(void *data, const void **ret, struct err *err)
{
	struct bytes *b = data;
	size_t n = b->len - b->at;

	(void)err;
	n = n > 70001 ? 70001 : n;
	*ret = b->data + b->at;
	b->at += n;
	return (ssize_t)n;
}

static int unpack_child(void *data, struct err *err)
{
	struct bytes *b = data;
	struct tar_source source = { .next = next_piece, .data = b };
	autowriter struct writer w;
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = 256; /* deep trees must not need a descriptor per level */
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	(void)umask(0);
	writer_init(&w, b->target->layer, &b->target->map);
	return unpack_stream(&source, &w, err);
}

static void check_outside(const struct target *t)
{
	struct stat now, dir;
	char *text = scratch_read(t->scratch, "outside/canary");

	assert_non_null(text);
	assert_string_equal(text, "alive");
	free(text);
	assert_int_equal(fstatat(t->scratch->fd, "outside/canary", &now, 0), 0);
	assert_int_equal(now.st_mode, t->canary.st_mode);
	assert_int_equal(now.st_uid, t->canary.st_uid);
	assert_int_equal(now.st_nlink, 1);
	assert_int_equal(now.st_mtim.tv_sec, t->canary.st_mtim.tv_sec);
	assert_int_equal(now.st_mtim.tv_nsec, t->canary.st_mtim.tv_nsec);
	assert_int_equal(unlinkat(t->scratch->fd, "outside/canary", 0), 0);
	assert_int_equal(fstatat(t->scratch->fd, "outside", &dir, 0), 0);
	assert_int_equal(dir.st_nlink, 2);
	assert_int_equal(
		unlinkat(t->scratch->fd, "outside", AT_REMOVEDIR), 0); /* nothing was put there */
	assert_int_equal(fstatat(t->scratch->fd, ".", &dir, 0), 0);
	assert_int_equal(dir.st_nlink, 3); /* "layer" and no other directory */
	scratch_mkdir(t->scratch, "outside");
	scratch_write(t->scratch, "outside/canary", "alive");
	assert_int_equal(
		fstatat(t->scratch->fd, "outside/canary", (struct stat *)&t->canary, 0), 0);
}

int unpack_bytes(struct target *t, const void *data, size_t len)
{
	struct bytes bytes = { .data = data, .len = len, .target = t };
	int r;

	t->err = (struct err)ERR_INIT;
	r = userns_run(&t->map, 0, unpack_child, &bytes, &t->err);
	check_outside(t);
	return r;
}

int unpack_tar(struct target *t)
{
	tar_end(&t->tar);
	return unpack_bytes(t, t->tar.data, t->tar.len);
}

struct stat in_layer(const struct target *t, const char *path)
{
	struct stat st = { 0 };

	if (fstatat(t->layer, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		st.st_mode = 0;
	return st;
}

bool file_is(const struct target *t, const char *path, const char *contents)
{
	autofree char *text = NULL;
	size_t len = 0;
	struct err err = ERR_INIT;

	return S_ISREG(in_layer(t, path).st_mode) &&
	       fs_read_at(t->layer, path, 1 << 20, &text, &len, &err) == 0 &&
	       len == strlen(contents) && memcmp(text, contents, len) == 0;
}

bool link_is(const struct target *t, const char *path, const char *text)
{
	char target[5000];
	ssize_t n = readlinkat(t->layer, path, target, sizeof(target) - 1);

	if (n < 0)
		return false;
	target[n] = '\0';
	return strcmp(target, text) == 0;
}

ssize_t xattr_of(
	const struct target *t, const char *path, const char *name, char *value, size_t size)
{
	autofree char *full = xasprintf("%s/layer/%s", t->scratch->path, path);
	ssize_t n = lgetxattr(full, name, value, size - 1);

	if (n >= 0)
		value[n] = '\0';
	return n;
}
