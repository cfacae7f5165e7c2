/* SPDX-License-Identifier: Apache-2.0 */
#include "base/facts.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/own.h"

#define MAGIC   "sbx-beside 1"
#define BUCKETS 64 /* at first; a power of two */

int facts_key(
	const struct facts *b, int dir, const char *name, struct fact_key *ret, struct statx *st)
{
	unsigned want = STATX_TYPE | STATX_INO | STATX_NLINK | STATX_BTIME;

	if (statx(dir, name, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT, want, st) < 0)
		return -errno;
	if (makedev(st->stx_dev_major, st->stx_dev_minor) != b->dev)
		return -EOPNOTSUPP;
	*ret = (struct fact_key){ .ino = st->stx_ino };
	if (st->stx_mask & STATX_BTIME) {
		ret->born = st->stx_btime.tv_sec;
		ret->born_nsec = st->stx_btime.tv_nsec;
	}
	return 0;
}

static bool same_key(const struct fact_key *a, const struct fact_key *b)
{
	return a->ino == b->ino && a->born == b->born && a->born_nsec == b->born_nsec;
}

static struct fact **bucket(const struct facts *b, const struct fact_key *key)
{
	uint64_t h = (key->ino ^ (uint64_t)key->born_nsec << 20) * 0x9e3779b97f4a7c15ULL;

	return &b->v[(h >> 32) & (b->n_buckets - 1)];
}

struct fact **facts_find(const struct facts *b, const struct fact_key *key, const char *name)
{
	struct fact **p = bucket(b, key);

	while (*p && (!same_key(&(*p)->of, key) || (name && strcmp((*p)->key, name) != 0)))
		p = &(*p)->next;
	return p;
}

/* More buckets; staying with those that are is no failure. */
static void grow(struct facts *b)
{
	size_t old = b->n_buckets;
	struct fact **v = calloc(old * 2, sizeof(*v)), **from = b->v;

	if (!v)
		return;
	b->v = v;
	b->n_buckets = old * 2;
	for (size_t i = 0; i < old; i++) {
		for (struct fact *next, *fact = from[i]; fact; fact = next) {
			struct fact **to = bucket(b, &fact->of);

			next = fact->next;
			fact->next = *to;
			*to = fact;
		}
	}
	free(from);
}

static void take_out(struct facts *b, struct fact **p)
{
	struct fact *fact = *p;

	*p = fact->next;
	free(fact);
	b->n--;
}

int facts_remember(struct facts *b, const struct fact_key *key, const struct fact_value *what)
{
	struct fact *fact = malloc(sizeof(*fact) + what->size), **p;

	if (!fact)
		return -ENOMEM;
	*fact = (struct fact){ .of = *key, .size = (unsigned char)what->size };
	(void)snprintf(fact->key, sizeof(fact->key), "%s", what->key);
	memcpy(fact->value, what->value, what->size);
	p = facts_find(b, key, what->key);
	if (*p)
		take_out(b, p);
	if (++b->n > b->n_buckets)
		grow(b);
	p = bucket(b, key);
	fact->next = *p;
	*p = fact;
	return 0;
}

void facts_forget(struct facts *b, const struct fact_key *key)
{
	struct fact **p;

	while (*(p = facts_find(b, key, NULL)))
		take_out(b, p);
}

static uint32_t sum(const char *text, size_t len)
{
	uint32_t h = 2166136261U;

	while (len--)
		h = (h ^ (unsigned char)*text++) * 16777619U;
	return h;
}

/* "SUM INO BORN NSEC KEY VALUE\n"; without a fact, "- -". */
int facts_line(char line[FACT_LINE], const struct fact_key *key, const struct fact_value *what)
{
	const unsigned char *value = what ? what->value : NULL;
	char text[FACT_LINE - 16];
	int n = snprintf(text, sizeof(text), "%llu %lld %u %s %s", (unsigned long long)key->ino,
		(long long)key->born, key->born_nsec, what ? what->key : "-", what ? "" : "-");

	for (size_t i = 0; what && i < what->size; i++)
		n += snprintf(text + n, sizeof(text) - (size_t)n, "%02x", value[i]);
	return snprintf(line, FACT_LINE, "%08x %s\n", sum(text, (size_t)n), text);
}

static bool unhex(const char *text, unsigned char *value, size_t *ret_size)
{
	size_t len = strlen(text);

	if (len % 2 != 0 || len / 2 > FACT_VALUE)
		return false;
	for (size_t i = 0; i < len / 2; i++) {
		unsigned byte;

		if (sscanf(text + 2 * i, "%2x", &byte) != 1)
			return false;
		value[i] = (unsigned char)byte;
	}
	*ret_size = len / 2;
	return true;
}

/* A line without its end. Nonsense is passed over: a crash may have left it. */
static int read_line(struct facts *b, char *line)
{
	unsigned char value[FACT_VALUE];
	struct fact_value what = { .value = value };
	struct fact_key key = { 0 };
	unsigned long long ino;
	char name[FACT_KEY], hex[2 * FACT_VALUE + 1] = "";
	unsigned is;
	int at = 0;

	if (sscanf(line, "%8x %n", &is, &at) != 1 || at != 9 ||
		is != sum(line + at, strlen(line + at)))
		return 0;
	if (sscanf(line + at, "%llu %" SCNd64 " %" SCNu32 " %31s %192s", &ino, &key.born,
		    &key.born_nsec, name, hex) < 4)
		return 0;
	key.ino = ino;
	b->lines++;
	if (strcmp(name, "-") == 0) {
		facts_forget(b, &key);
		return 0;
	}
	what.key = name;
	return unhex(hex, value, &what.size) ? facts_remember(b, &key, &what) : 0;
}

int facts_head(const struct facts *b, char line[FACT_LINE])
{
	return snprintf(line, FACT_LINE, MAGIC " %llu %lld %u\n", (unsigned long long)b->root.ino,
		(long long)b->root.born, b->root.born_nsec);
}

int facts_load(struct facts *b, FILE *file)
{
	char line[FACT_LINE], head[FACT_LINE];

	(void)facts_head(b, head);
	if (!fgets(line, sizeof(line), file))
		return 0;
	if (strncmp(line, MAGIC " ", strlen(MAGIC " ")) != 0)
		b->foreign = true; /* somebody else's file of that name */
	if (strcmp(line, head) != 0)
		return 0; /* of a directory that was here before */
	b->lines = 1;
	while (fgets(line, sizeof(line), file)) {
		size_t len = strlen(line);

		b->torn = len == 0 || line[len - 1] != '\n';
		if (!b->torn)
			line[len - 1] = '\0';
		TRY(read_line(b, line));
	}
	return 0;
}

int facts_init(struct facts *b, int layer_dir)
{
	struct statx st;
	struct stat dir;

	*b = (struct facts){ .n_buckets = BUCKETS };
	if (fstat(layer_dir, &dir) < 0)
		return -errno;
	b->dev = dir.st_dev;
	TRY(facts_key(b, layer_dir, "", &b->root, &st));
	b->v = calloc(BUCKETS, sizeof(*b->v));
	return b->v ? 0 : -ENOMEM;
}

void facts_done(struct facts *b)
{
	for (size_t i = 0; b->v && i < b->n_buckets; i++)
		while (b->v[i])
			take_out(b, &b->v[i]);
	free(b->v);
	*b = (struct facts){ .v = NULL };
}

static int read_beside(struct facts *b, int at, const char *path)
{
	autofd int fd = openat(at, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	FILE *file;
	int r;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return 0; /* somebody else's */
	file = fdopen(fd, "r");
	if (!file)
		return -ENOMEM;
	(void)move_fd(&fd);
	r = facts_load(b, file);
	(void)fclose(file); /* read only */
	return r;
}

int facts_read(struct facts *b, int at, const char *path)
{
	autofd int dir = openat(at, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	char beside[PATH_MAX];
	int r;

	if (dir < 0)
		return -errno;
	if ((size_t)snprintf(beside, sizeof(beside), "%s" FACT_SUFFIX, path) >= sizeof(beside))
		return -ENAMETOOLONG;
	r = facts_init(b, dir);
	if (r == 0)
		r = read_beside(b, at, beside);
	if (r < 0)
		facts_done(b);
	return r;
}

bool facts_take(const struct statx *st, bool no_xattrs)
{
	return no_xattrs || (!S_ISREG(st->stx_mode) && !S_ISDIR(st->stx_mode));
}

static ssize_t own_xattr(int dir, const char *name, const struct fact_asked *asked)
{
	char path[64 + NAME_MAX];
	ssize_t n = *name ? -1 : fgetxattr(dir, asked->key, asked->buf, asked->size);

	if (n >= 0 || (!*name && errno != EBADF))
		return n < 0 ? -errno : n;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d%s%s", dir, *name ? "/" : "", name);
	n = *name ? lgetxattr(path, asked->key, asked->buf, asked->size)
		  : getxattr(path, asked->key, asked->buf, asked->size);
	return n < 0 ? -errno : n;
}

ssize_t facts_instead(
	const struct facts *b, int dir, const char *name, const struct fact_asked *asked)
{
	ssize_t n = asked->result;
	struct fact_key of = { 0 };
	const struct fact *fact;
	struct statx st;

	if (n >= 0 || !b || b->n == 0 || (n != -EOPNOTSUPP && n != -ENODATA && n != -EPERM) ||
		facts_key(b, dir, name, &of, &st) < 0 || !facts_take(&st, n == -EOPNOTSUPP))
		return n;
	fact = *facts_find(b, &of, asked->key);
	if (!fact)
		return n;
	if (asked->size == 0)
		return fact->size;
	if (fact->size > asked->size)
		return -ERANGE;
	memcpy(asked->buf, fact->value, fact->size);
	return fact->size;
}

ssize_t facts_get(const struct facts *b, int dir, const char *name, struct fact_asked *asked)
{
	asked->result = own_xattr(dir, name, asked);
	return facts_instead(b, dir, name, asked);
}
