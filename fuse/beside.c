/* SPDX-License-Identifier: Apache-2.0 */
#include "beside.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "base/log.h"
#include "base/own.h"

#define MAGIC     "sbx-beside 1"
#define LINE_MAX_ 512
#define LONGEST   200  /* name of a layer */
#define BUCKETS   64   /* at first; a power of two */
#define WORTH_IT  1024 /* lines, for a file to be written again without the old ones */

struct fact {
	struct fact *next;
	struct beside_key of;
	char key[32];
	unsigned char size;
	unsigned char value[];
};

struct beside {
	int folder; /* O_PATH */
	int fd;     /* for appending; -1 until there is a fact */
	char name[NAME_MAX + 1];
	dev_t dev;
	struct beside_key root; /* of the layer: another directory of that name has other facts */
	struct fact **v;
	size_t n_buckets, n, lines, tidy_at;
	bool writable, torn, dirty;
};

static int key_at(struct at at, dev_t dev, struct beside_key *ret, struct statx *st)
{
	unsigned want = STATX_TYPE | STATX_INO | STATX_NLINK | STATX_BTIME;

	if (statx(at.dir, at.name, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT, want,
		    st) < 0)
		return -errno;
	if (makedev(st->stx_dev_major, st->stx_dev_minor) != dev)
		return -EOPNOTSUPP;
	*ret = (struct beside_key){ .ino = st->stx_ino };
	if (st->stx_mask & STATX_BTIME) {
		ret->born = st->stx_btime.tv_sec;
		ret->born_nsec = st->stx_btime.tv_nsec;
	}
	return 0;
}

static bool same_key(const struct beside_key *a, const struct beside_key *b)
{
	return a->ino == b->ino && a->born == b->born && a->born_nsec == b->born_nsec;
}

static struct fact **bucket(const struct beside *b, const struct beside_key *key)
{
	uint64_t h = (key->ino ^ (uint64_t)key->born_nsec << 20) * 0x9e3779b97f4a7c15ULL;

	return &b->v[(h >> 32) & (b->n_buckets - 1)];
}

/* Where the fact is, or the end of its chain. name NULL: any. */
static struct fact **find(const struct beside *b, const struct beside_key *key, const char *name)
{
	struct fact **p = bucket(b, key);

	while (*p && (!same_key(&(*p)->of, key) || (name && strcmp((*p)->key, name) != 0)))
		p = &(*p)->next;
	return p;
}

/* More buckets; staying with those that are is no failure. */
static void grow(struct beside *b)
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

static void take_out(struct beside *b, struct fact **p)
{
	struct fact *fact = *p;

	*p = fact->next;
	free(fact);
	b->n--;
}

static int remember(struct beside *b, const struct beside_key *key, const struct beside_fact *what)
{
	struct fact *fact = malloc(sizeof(*fact) + what->size), **p;

	if (!fact)
		return -ENOMEM;
	*fact = (struct fact){ .of = *key, .size = (unsigned char)what->size };
	(void)snprintf(fact->key, sizeof(fact->key), "%s", what->key);
	memcpy(fact->value, what->value, what->size);
	p = find(b, key, what->key);
	if (*p)
		take_out(b, p);
	if (++b->n > b->n_buckets)
		grow(b);
	p = bucket(b, key);
	fact->next = *p;
	*p = fact;
	return 0;
}

static void forget_all(struct beside *b, const struct beside_key *key)
{
	struct fact **p;

	while (*(p = find(b, key, NULL)))
		take_out(b, p);
}

static uint32_t sum(const char *text, size_t len)
{
	uint32_t h = 2166136261U;

	while (len--)
		h = (h ^ (unsigned char)*text++) * 16777619U;
	return h;
}

/* "SUM INO BORN NSEC KEY VALUE\n"; without a fact, "- -": the object is gone. Returns the length. */
static int format_line(
	char line[LINE_MAX_], const struct beside_key *key, const struct beside_fact *what)
{
	const unsigned char *value = what ? what->value : NULL;
	char text[LINE_MAX_ - 16];
	int n = snprintf(text, sizeof(text), "%llu %lld %u %s %s", (unsigned long long)key->ino,
		(long long)key->born, key->born_nsec, what ? what->key : "-", what ? "" : "-");

	for (size_t i = 0; what && i < what->size; i++)
		n += snprintf(text + n, sizeof(text) - (size_t)n, "%02x", value[i]);
	return snprintf(line, LINE_MAX_, "%08x %s\n", sum(text, (size_t)n), text);
}

static bool unhex(const char *text, unsigned char *value, size_t *ret_size)
{
	size_t len = strlen(text);

	if (len % 2 != 0 || len / 2 > BESIDE_VALUE)
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
static int read_line(struct beside *b, char *line)
{
	unsigned char value[BESIDE_VALUE];
	struct beside_fact what = { .value = value };
	struct beside_key key = { 0 };
	unsigned long long ino;
	char name[32], hex[2 * BESIDE_VALUE + 1] = "";
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
		forget_all(b, &key);
		return 0;
	}
	what.key = name;
	return unhex(hex, value, &what.size) ? remember(b, &key, &what) : 0;
}

static int format_head(const struct beside *b, char line[LINE_MAX_])
{
	return snprintf(line, LINE_MAX_, MAGIC " %llu %lld %u\n", (unsigned long long)b->root.ino,
		(long long)b->root.born, b->root.born_nsec);
}

static int load(struct beside *b, FILE *file)
{
	char line[LINE_MAX_], head[LINE_MAX_];

	(void)format_head(b, head);
	if (!fgets(line, sizeof(line), file))
		return 0;
	if (strncmp(line, MAGIC " ", strlen(MAGIC " ")) != 0)
		b->writable = false; /* somebody else's file of that name */
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

static int read_file(struct beside *b)
{
	autofd int fd = openat(b->folder, b->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	FILE *file;
	int r;

	if (fd < 0 && errno == ENOENT)
		return -ENOENT;
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		b->writable = false;
		return 0;
	}
	file = fdopen(fd, "r");
	if (!file)
		return -ENOMEM;
	(void)move_fd(&fd);
	r = load(b, file);
	(void)fclose(file); /* read only */
	return r;
}

/* All or nothing: what a full disk has taken of a line is taken back. */
static int append(struct beside *b, const char *line, size_t len)
{
	off_t end = lseek(b->fd, 0, SEEK_END);
	ssize_t n;

	if (b->torn && write(b->fd, "\n", 1) != 1)
		return -EIO;
	b->torn = false;
	n = write(b->fd, line, len);
	if (n == (ssize_t)len) {
		b->dirty = true;
		b->lines++;
		return 0;
	}
	int r = n < 0 ? -errno : -ENOSPC;
	b->torn = n > 0 && ftruncate(b->fd, end) < 0;
	return r;
}

static int create(struct beside *b, const char *name)
{
	char line[LINE_MAX_];
	int n = format_head(b, line);

	b->fd = openat(b->folder, name,
		O_CREAT | O_TRUNC | O_WRONLY | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
		0600);
	if (b->fd < 0)
		return errno == ENOSPC || errno == EDQUOT ? -errno : -EOPNOTSUPP;
	b->lines = 0;
	b->torn = false;
	return append(b, line, (size_t)n);
}

static int write_all(struct beside *b)
{
	char line[LINE_MAX_];

	for (size_t i = 0; i < b->n_buckets; i++)
		for (const struct fact *fact = b->v[i]; fact; fact = fact->next) {
			struct beside_fact what = { fact->key, fact->value, fact->size };
			int n = format_line(line, &fact->of, &what);

			TRY(append(b, line, (size_t)n));
		}
	return fsync(b->fd) < 0 ? -errno : 0;
}

/* Without what is gone. A failure leaves the file as it was. */
static void rewrite(struct beside *b)
{
	char name[NAME_MAX + 8];
	size_t lines = b->lines;
	autofd int old = b->fd;
	int r;

	(void)snprintf(name, sizeof(name), "%s.new", b->name);
	r = create(b, name);
	if (r == 0)
		r = write_all(b);
	if (r == 0 && renameat(b->folder, name, b->folder, b->name) < 0)
		r = -errno;
	if (r == 0)
		return;
	fd_drop(&b->fd);
	b->fd = move_fd(&old);
	b->lines = lines;
	b->dirty = true;
	b->tidy_at = lines * 2; /* not again with each line */
	log_msg(LOG_WARN, "%s is not written again: %s", b->name, strerror(-r));
	(void)unlinkat(b->folder, name, 0); /* a left-over is overwritten the next time */
}

/* Whatever the inside repeats, the file does not grow beyond what there is to say. */
static void tidy(struct beside *b)
{
	if (b->writable && b->lines > b->tidy_at && b->lines / 2 > b->n)
		rewrite(b);
}

/* The file for appending, made when there is none. */
static int ready(struct beside *b)
{
	if (b->fd >= 0)
		return 0;
	if (!b->writable)
		return -EOPNOTSUPP;
	if (b->lines == 0)
		return create(b, b->name);
	b->fd = openat(
		b->folder, b->name, O_WRONLY | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	return b->fd < 0 ? -EOPNOTSUPP : 0;
}

/* The folder of the layer and the name beside it. */
static int find_place(struct beside *b, int layer_dir)
{
	char link[64], path[PATH_MAX], *slash;
	struct statx st;
	ssize_t n;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", layer_dir);
	n = readlink(link, path, sizeof(path) - 1);
	if (n <= 1 || path[0] != '/')
		return -ENOENT;
	path[n] = '\0';
	slash = strrchr(path, '/');
	if (strlen(slash + 1) > LONGEST)
		return -ENOENT;
	(void)snprintf(b->name, sizeof(b->name), "%.*s.beside", LONGEST, slash + 1);
	*slash = '\0';
	b->folder = open(*path ? path : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (b->folder < 0)
		return -ENOENT;
	struct stat dir;
	if (fstat(layer_dir, &dir) < 0)
		return -ENOENT;
	b->dev = dir.st_dev;
	return key_at((struct at){ layer_dir, "" }, b->dev, &b->root, &st);
}

static int set_up(struct beside *b, int layer_dir)
{
	int r = find_place(b, layer_dir);

	if (r < 0)
		return r;
	b->v = calloc(BUCKETS, sizeof(*b->v));
	if (!b->v)
		return -ENOMEM;
	b->n_buckets = BUCKETS;
	r = read_file(b);
	if (r == -ENOENT)
		return b->writable ? 0 : -ENOENT;
	if (r == 0)
		tidy(b);
	return r;
}

int beside_open(int layer_dir, bool writable, struct beside **ret)
{
	struct beside *b = calloc(1, sizeof(*b));
	int r;

	if (!b)
		return -ENOMEM;
	b->folder = b->fd = -1;
	b->tidy_at = WORTH_IT;
	b->writable = writable;
	r = set_up(b, layer_dir);
	if (r < 0) {
		beside_free(b);
		b = NULL;
	}
	*ret = b;
	return r == -ENOMEM ? r : 0;
}

void beside_free(struct beside *b)
{
	if (!b)
		return;
	for (size_t i = 0; i < b->n_buckets; i++)
		while (b->v[i])
			take_out(b, &b->v[i]);
	free(b->v);
	fd_drop(&b->fd);
	fd_drop(&b->folder);
	free(b);
}

static bool has_none(const struct statx *st, bool no_xattrs)
{
	return no_xattrs || (!S_ISREG(st->stx_mode) && !S_ISDIR(st->stx_mode));
}

static ssize_t get(
	struct beside *b, struct at at, const char *name, bool no_xattrs, struct fact **ret)
{
	struct beside_key key = { 0 };
	struct statx st;

	TRY(key_at(at, b->dev, &key, &st));
	if (!has_none(&st, no_xattrs))
		return -ENODATA; /* that one has its own */
	*ret = *find(b, &key, name);
	return *ret ? (*ret)->size : -ENODATA;
}

ssize_t beside_getxattr(struct layer *layer, struct at at, const char *key, void *buf, size_t size)
{
	ssize_t r = layer->ops->getxattr(layer, at, key, buf, size), n;
	struct fact *fact;

	if (r >= 0 || !layer->beside || layer->beside->n == 0 ||
		(r != -EOPNOTSUPP && r != -ENODATA && r != -EPERM))
		return r;
	n = get(layer->beside, at, key, r == -EOPNOTSUPP, &fact);
	if (n < 0)
		return r;
	if (size == 0)
		return n;
	if ((size_t)n > size)
		return -ERANGE;
	memcpy(buf, fact->value, (size_t)n);
	return n;
}

int beside_set(struct beside *b, struct at at, const struct beside_fact *what)
{
	const struct fact *known;
	struct beside_key key = { 0 };
	char line[LINE_MAX_];
	struct statx st;

	if (!b || what->size > BESIDE_VALUE || strlen(what->key) >= sizeof(((struct fact *)0)->key))
		return -EOPNOTSUPP;
	TRY(key_at(at, b->dev, &key, &st));
	if (!has_none(&st, what->no_xattrs))
		return -EOPNOTSUPP;
	known = *find(b, &key, what->key);
	if (known && known->size == what->size &&
		memcmp(known->value, what->value, what->size) == 0)
		return 0;
	TRY(ready(b));
	TRY(append(b, line, (size_t)format_line(line, &key, what)));
	if (what->now)
		TRY(beside_sync(b));
	TRY(remember(b, &key, what));
	tidy(b);
	return 0;
}

void beside_key(const struct beside *b, struct at at, struct beside_key *ret)
{
	struct statx st;

	*ret = (struct beside_key){ 0 };
	if (!b || b->n == 0)
		return;
	if (key_at(at, b->dev, ret, &st) < 0 || (st.stx_nlink > 1 && !S_ISDIR(st.stx_mode)))
		ret->ino = 0;
}

void beside_drop(struct beside *b, const struct beside_key *key)
{
	char line[LINE_MAX_];

	if (!b || !key->ino || !*find(b, key, NULL))
		return;
	forget_all(b, key);
	/* unsaid, the line is of an object that nobody finds any more */
	if (ready(b) == 0)
		(void)append(b, line, (size_t)format_line(line, key, NULL));
	tidy(b);
}

void beside_fresh(struct beside *b, struct at at)
{
	struct beside_key key = { 0 };

	beside_key(b, at, &key);
	beside_drop(b, &key);
}

int beside_sync(struct beside *b)
{
	if (!b || !b->dirty || b->fd < 0)
		return 0;
	if (fsync(b->fd) < 0)
		return -errno;
	b->dirty = false;
	return 0;
}
