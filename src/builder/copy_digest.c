/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The digest of what a COPY would bring: names, kinds, modes, contents, and owners where they count. Times
 * do not, nor do hard links: BuildKit gives each name of a file the digest of its content. Contents that
 * were hashed before are remembered by device, inode, size and both its times; a file that was changed
 * within the last two seconds is not remembered, because the same times may then stand for another content.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/own.h"
#include "base/xalloc.h"
#include "builder/copy_links.h"
#include "builder/copy_list.h"

#define MEMORY_MAX ((size_t)256 << 20)
#define BLOCK      ((size_t)1 << 20)
#define SETTLED    2 /* seconds */

struct known {
	uint64_t dev, ino;
	int64_t size, mtime, changed_at; /* times in ns */
	char hex[SHA256_HEX];
};

struct memory {
	struct known *all; /* sorted by dev, ino */
	size_t n;
	struct buf fresh; /* lines of what was hashed or found now */
	bool changed;
	struct copy_links links; /* digests of hard links seen in this tree, not paths */
};

static void memory_done(struct memory *m)
{
	free(m->all);
	buf_done(&m->fresh);
	copy_links_done(&m->links);
}

static int64_t nanoseconds(struct timespec t)
{
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int by_inode(const void *a, const void *b)
{
	const struct known *x = a, *y = b;

	if (x->dev != y->dev)
		return x->dev < y->dev ? -1 : 1;
	return x->ino < y->ino ? -1 : x->ino > y->ino;
}

/* A file that is damaged or not there is no memory; hashing again is always right. */
static void memory_read(int dir, const char *name, struct memory *m)
{
	autofree char *text = NULL;
	struct err none = ERR_INIT;
	size_t len;

	if (dir < 0 || fs_read_at(dir, name, MEMORY_MAX, &text, &len, &none) < 0)
		return;
	for (char *line = text, *next; *line; line = next) {
		struct known k;

		next = strchrnul(line, '\n');
		if (*next)
			*next++ = '\0';
		if (sscanf(line,
			    "%" SCNu64 " %" SCNu64 " %" SCNd64 " %" SCNd64 " %" SCNd64
			    " %64[0-9a-f]",
			    &k.dev, &k.ino, &k.size, &k.mtime, &k.changed_at, k.hex) != 6)
			continue;
		m->all = xgrow(m->all, m->n, sizeof(*m->all));
		m->all[m->n++] = k;
	}
	if (m->n > 1)
		qsort(m->all, m->n, sizeof(*m->all), by_inode);
}

static const struct known *memory_find(const struct memory *m, const struct stat *st)
{
	struct known key = { .dev = st->st_dev, .ino = st->st_ino };
	const struct known *k = m->n > 0 ? bsearch(&key, m->all, m->n, sizeof(key), by_inode)
					 : NULL;

	if (!k || k->size != st->st_size || k->mtime != nanoseconds(st->st_mtim) ||
		k->changed_at != nanoseconds(st->st_ctim))
		return NULL;
	return k;
}

static void memory_note(struct memory *m, const struct stat *st, const char *hex)
{
	buf_addf(&m->fresh, "%" PRIu64 " %" PRIu64 " %" PRId64 " %" PRId64 " %" PRId64 " %s\n",
		(uint64_t)st->st_dev, (uint64_t)st->st_ino, (int64_t)st->st_size,
		nanoseconds(st->st_mtim), nanoseconds(st->st_ctim), hex);
}

/* Blocks first, then their digests: SHA-256 as the store's own, but not the digest of the file. A map
 * would be no shorter and kill the process when the file shrinks. */
static int hash_blocks(int fd, const char *path, char ret[SHA256_HEX], struct err *err)
{
	autofree char *block = xmalloc(BLOCK);
	autobuf struct buf digests = BUF_INIT;
	char hex[SHA256_HEX];
	size_t len = 0;
	ssize_t n;

	do {
		n = read(fd, block + len, BLOCK - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, "read '%s'", path);
		len += (size_t)n;
		if (len < BLOCK && n > 0)
			continue;
		sha256_hex(block, len, hex);
		buf_adds(&digests, hex);
		len = 0;
	} while (n != 0);
	sha256_hex(digests.data, digests.len, ret);
	return 0;
}

static int hash_file(
	int source, const char *path, char ret[SHA256_HEX], struct stat *st, struct err *err)
{
	autofd int fd = fs_open_in(source, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, err);

	TRY(fd);
	if (fstat(fd, st) < 0)
		return err_sys(err, "read '%s'", path);
	return hash_blocks(fd, path, ret, err);
}

static int content(int source, const struct copy_item *item, struct memory *m, char ret[SHA256_HEX],
	struct err *err)
{
	const struct known *known = memory_find(m, &item->st);
	struct timespec now = { 0 };
	struct stat st = item->st, same;
	const char *linked = copy_links_wants(&st) ? copy_links_find(&m->links, &st, &same) : NULL;

	if (linked) {
		memcpy(ret, linked, SHA256_HEX);
		return 0; /* and noted by its inode, where it may be */
	}
	if (known) {
		memcpy(ret, known->hex, SHA256_HEX);
		memory_note(m, &st, ret);
		return 0;
	}
	TRY(hash_file(source, item->from, ret, &st, err));
	if (copy_links_wants(&st))
		copy_links_note(&m->links, &st, &st, ret);
	(void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail */
	if (st.st_ctim.tv_sec + SETTLED < now.tv_sec) {
		memory_note(m, &st, ret);
		m->changed = true;
	}
	return 0;
}

static int add_link(int source, const struct copy_item *item, struct buf *out, struct err *err)
{
	autofd int fd = fs_open_in(source, item->from, O_PATH | O_NOFOLLOW, 0, err);
	char text[PATH_MAX];
	ssize_t n;

	TRY(fd);
	n = readlinkat(fd, "", text, sizeof(text));
	if (n < 0)
		return err_sys(err, "read the link '%s'", item->from);
	buf_addf(out, "%zd:", n);
	buf_add(out, text, (size_t)n);
	return 0;
}

/* Names go in with their length, so that no two trees give the same text. */
static int add_item(int source, const struct copy_plan *plan, const struct copy_item *item,
	struct memory *m, struct buf *out, struct err *err)
{
	char hex[SHA256_HEX];

	buf_addf(out, "%o %d %zu:%s ", item->st.st_mode, item->top, strlen(item->to), item->to);
	if (plan->keep_owner)
		buf_addf(out, "%u:%u ", item->st.st_uid, item->st.st_gid);
	if (S_ISCHR(item->st.st_mode) || S_ISBLK(item->st.st_mode))
		buf_addf(out, "%ju ", (uintmax_t)item->st.st_rdev);
	if (S_ISLNK(item->st.st_mode))
		TRY(add_link(source, item, out, err));
	if (S_ISREG(item->st.st_mode)) {
		TRY(content(source, item, m, hex, err));
		buf_adds(out, hex);
	}
	buf_addc(out, '\n');
	return 0;
}

/* One file per root and set of sources, so that two instructions do not forget each other's. */
static int memory_name(
	int source, const struct copy_plan *plan, char ret[SHA256_HEX], struct err *err)
{
	autobuf struct buf text = BUF_INIT;
	struct stat st = { 0 };

	if (source >= 0 && fstat(source, &st) < 0)
		return err_sys(err, "the source of a copy");
	buf_addf(&text, "%llx-%llx", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
	strv_each (typed, &plan->words->sources)
		buf_addf(&text, " %zu:%s", strlen(*typed), *typed);
	sha256_hex(text.data, text.len, ret);
	return 0;
}

int copy_digest(
	int source, const struct copy_plan *plan, int memory, char ret[SHA256_HEX], struct err *err)
{
	__attribute__((cleanup(memory_done))) struct memory m = { 0 };
	autocopylist struct copy_list list = { 0 };
	autobuf struct buf text = BUF_INIT;
	char name[SHA256_HEX];

	TRY(copy_list_new(source, plan, &list, err));
	TRY(memory_name(source, plan, name, err));
	if (list.n > 0)
		memory_read(memory, name, &m);
	for (size_t i = 0; i < list.n; i++)
		TRY(add_item(source, plan, &list.items[i], &m, &text, err));
	for (size_t i = 0; i < plan->words->n_inlines; i++)
		buf_addf(&text, "inline %s %zu:%s\n", plan->words->inlines[i].name,
			strlen(plan->words->inlines[i].data), plan->words->inlines[i].data);
	sha256_hex(text.data ? text.data : "", text.len, ret);
	if (memory >= 0 && m.changed)
		return fs_write_at(memory, name, m.fresh.data, m.fresh.len, FS_NOSYNC, err);
	return 0;
}
