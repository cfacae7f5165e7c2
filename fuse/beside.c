/* SPDX-License-Identifier: Apache-2.0 */
#include "beside.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/own.h"

#define LONGEST  200  /* name of a layer */
#define WORTH_IT 1024 /* lines, for a file to be written again without the old ones */

struct beside {
	int folder; /* O_PATH */
	int fd;     /* for appending; -1 until there is a fact */
	char name[NAME_MAX + 1];
	struct facts facts;
	size_t tidy_at;
	bool writable, dirty;
};

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
	r = facts_load(&b->facts, file);
	(void)fclose(file); /* read only */
	b->writable = b->writable && !b->facts.foreign;
	return r;
}

/* All or nothing: what a full disk has taken of a line is taken back. */
static int append(struct beside *b, const char *line, size_t len)
{
	off_t end = lseek(b->fd, 0, SEEK_END);
	ssize_t n;

	if (b->facts.torn) {
		if (write(b->fd, "\n", 1) != 1)
			return -EIO;
		end++;
	}
	b->facts.torn = false;
	n = write(b->fd, line, len);
	if (n == (ssize_t)len) {
		b->dirty = true;
		b->facts.lines++;
		return 0;
	}
	int r = n < 0 ? -errno : -ENOSPC;
	b->facts.torn = n > 0 && ftruncate(b->fd, end) < 0;
	return r;
}

static int create(struct beside *b, const char *name)
{
	char line[FACT_LINE];
	int n = facts_head(&b->facts, line);

	b->fd = openat(b->folder, name,
		O_CREAT | O_TRUNC | O_WRONLY | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
		0600);
	if (b->fd < 0)
		return errno == ENOSPC || errno == EDQUOT ? -errno : -EOPNOTSUPP;
	b->facts.lines = 0;
	b->facts.torn = false;
	return append(b, line, (size_t)n);
}

static int write_all(struct beside *b)
{
	char line[FACT_LINE];

	for (size_t i = 0; i < b->facts.n_buckets; i++)
		for (const struct fact *fact = b->facts.v[i]; fact; fact = fact->next) {
			struct fact_value what = { fact->key, fact->value, fact->size };
			int n = facts_line(line, &fact->of, &what);

			TRY(append(b, line, (size_t)n));
		}
	return fsync(b->fd) < 0 ? -errno : 0;
}

/* Without what is gone. A failure leaves the file as it was. */
static void rewrite(struct beside *b)
{
	char name[NAME_MAX + 8];
	size_t lines = b->facts.lines;
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
	b->facts.lines = lines;
	b->dirty = true;
	b->tidy_at = lines * 2; /* not again with each line */
	log_msg(LOG_WARN, "%s is not written again: %s", b->name, strerror(-r));
	(void)unlinkat(b->folder, name, 0); /* a left-over is overwritten the next time */
}

/* Whatever the inside repeats, the file does not grow beyond what there is to say. */
static void tidy(struct beside *b)
{
	if (b->writable && b->facts.lines > b->tidy_at && b->facts.lines / 2 > b->facts.n)
		rewrite(b);
}

/* The file for appending, made when there is none. */
static int ready(struct beside *b)
{
	if (b->fd >= 0)
		return 0;
	if (!b->writable)
		return -EOPNOTSUPP;
	if (b->facts.lines == 0)
		return create(b, b->name);
	b->fd = openat(
		b->folder, b->name, O_WRONLY | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	return b->fd < 0 ? -EOPNOTSUPP : 0;
}

/* The folder of the layer and the name beside it. */
static int find_place(struct beside *b, int layer_dir)
{
	char link[64], path[PATH_MAX], *slash;
	ssize_t n;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", layer_dir);
	n = readlink(link, path, sizeof(path) - 1);
	if (n <= 1 || path[0] != '/')
		return -ENOENT;
	path[n] = '\0';
	slash = strrchr(path, '/');
	if (strlen(slash + 1) > LONGEST)
		return -ENOENT;
	(void)snprintf(b->name, sizeof(b->name), "%.*s" FACT_SUFFIX, LONGEST, slash + 1);
	*slash = '\0';
	b->folder = open(*path ? path : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (b->folder < 0)
		return -ENOENT;
	return facts_init(&b->facts, layer_dir);
}

static int set_up(struct beside *b, int layer_dir)
{
	int r = find_place(b, layer_dir);

	if (r < 0)
		return r;
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
	facts_done(&b->facts);
	fd_drop(&b->fd);
	fd_drop(&b->folder);
	free(b);
}

ssize_t beside_getxattr(struct layer *layer, struct at at, const char *key, void *buf, size_t size)
{
	ssize_t n = layer->ops->getxattr(layer, at, key, buf, size);

	return layer->beside ? facts_instead(&layer->beside->facts, at.dir, at.name,
				       &(struct fact_asked){ key, buf, size, n })
			     : n;
}

int beside_set(struct beside *b, struct at at, const struct beside_fact *what)
{
	const struct fact_value value = { what->key, what->value, what->size };
	const struct fact *known;
	struct fact_key key = { 0 };
	char line[FACT_LINE];
	struct statx st;

	if (!b || what->size > FACT_VALUE || strlen(what->key) >= FACT_KEY)
		return -EOPNOTSUPP;
	TRY(facts_key(&b->facts, at.dir, at.name, &key, &st));
	if (!facts_take(&st, what->no_xattrs))
		return -EOPNOTSUPP;
	known = *facts_find(&b->facts, &key, what->key);
	if (known && known->size == what->size &&
		memcmp(known->value, what->value, what->size) == 0)
		return 0;
	TRY(ready(b));
	TRY(append(b, line, (size_t)facts_line(line, &key, &value)));
	if (what->now)
		TRY(beside_sync(b));
	TRY(facts_remember(&b->facts, &key, &value));
	tidy(b);
	return 0;
}

void beside_key(const struct beside *b, struct at at, struct fact_key *ret)
{
	struct statx st;

	*ret = (struct fact_key){ 0 };
	if (!b || b->facts.n == 0)
		return;
	if (facts_key(&b->facts, at.dir, at.name, ret, &st) < 0 ||
		(st.stx_nlink > 1 && !S_ISDIR(st.stx_mode)))
		ret->ino = 0;
}

void beside_drop(struct beside *b, const struct fact_key *key)
{
	char line[FACT_LINE];

	if (!b || !key->ino || !*facts_find(&b->facts, key, NULL))
		return;
	facts_forget(&b->facts, key);
	/* unsaid, the line is of an object that nobody finds any more */
	if (ready(b) == 0)
		(void)append(b, line, (size_t)facts_line(line, key, NULL));
	tidy(b);
}

void beside_fresh(struct beside *b, struct at at)
{
	struct fact_key key = { 0 };

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
