/* SPDX-License-Identifier: Apache-2.0 */
#include "image/outfolder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/own.h"
#include "base/xalloc.h"

#define BLOCK ((size_t)1 << 20)

void outfolder_done(struct outfolder *out)
{
	struct err why = ERR_INIT;

	fd_drop(&out->dir);
	if (out->temp && fs_remove_tree(out->parent, out->temp, &why) < 0)
		log_msg(LOG_WARN, "could not remove '%s': %s", out->temp, why.text);
	fd_drop(&out->parent);
	free(out->temp);
	free(out->name);
	*out = (struct outfolder)OUTFOLDER_INIT;
}

static int taken(const char *path, struct err *err)
{
	return err_set(
		err, -EEXIST, "'%s' exists and is no empty folder: nothing was written", path);
}

/* What outfolder_commit() would refuse is said before anything is written; it still looks itself. */
static int check_free(const struct outfolder *out, const char *path, struct err *err)
{
	autofd int fd = -EBADF;
	const struct dirent *entry;
	DIR *dir;
	bool empty = true;

	if (strcmp(out->name, ".") == 0 || strcmp(out->name, "..") == 0 || strchr(out->name, '/'))
		return taken(path, err);
	fd = openat(out->parent, out->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return 0;
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir)
		return taken(path, err);
	(void)move_fd(&fd);
	while (empty && (entry = readdir(dir)))
		empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
	(void)closedir(dir); /* it was only read */
	return empty ? 0 : taken(path, err);
}

int outfolder_open(const char *path, struct outfolder *ret, struct err *err)
{
	autooutfolder struct outfolder out = OUTFOLDER_INIT;
	autofree char *first = xstrdup(path), *second = xstrdup(path), *temp = NULL;
	unsigned tag = 0;

	out.name = xstrdup(basename(second));
	out.parent = open(dirname(first), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (out.parent < 0)
		return err_sys(err, "create '%s'", path);
	TRY(check_free(&out, path, err));
	if (getrandom(&tag, sizeof(tag), 0) != sizeof(tag))
		return err_sys(err, "get a random name");
	temp = xasprintf("%s.%08x.tmp", out.name, tag);
	if (mkdirat(out.parent, temp, 0755) < 0)
		return err_sys(err, "create '%s'", path);
	out.temp = move_ptr(&temp);
	out.dir = openat(out.parent, out.temp, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (out.dir < 0)
		return err_sys(err, "create '%s'", path);
	*ret = out;
	out = (struct outfolder)OUTFOLDER_INIT;
	return 0;
}

int outfolder_make(struct outfolder *out, const char *name, struct err *err)
{
	return mkdirat(out->dir, name, 0755) < 0 ? err_sys(err, "create '%s'", name) : 0;
}

static int create(struct outfolder *out, const char *name, struct err *err)
{
	int fd = openat(out->dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);

	return fd < 0 ? err_sys(err, "create '%s'", name) : fd;
}

/* NFS and quotas tell at the end. */
static int finish(int *fd, const char *name, struct err *err)
{
	return close(move_fd(fd)) < 0 ? err_sys(err, "write '%s'", name) : 0;
}

int outfolder_text(
	struct outfolder *out, const char *name, const char *text, size_t len, struct err *err)
{
	autofd int fd = create(out, name, err);

	TRY(fd);
	TRY(fs_write_all(fd, text, len, err));
	return finish(&fd, name, err);
}

int outfolder_copy(struct outfolder *out, const char *name, int fd, int64_t size,
	struct digester *digester, struct err *err)
{
	autofree char *block = xmalloc(BLOCK);
	autofd int to = create(out, name, err);

	TRY(to);
	for (int64_t at = 0; at < size;) {
		size_t want = size - at < (int64_t)BLOCK ? (size_t)(size - at) : BLOCK;
		ssize_t n = pread(fd, block, want, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, "read what becomes '%s'", name);
		if (n == 0)
			return err_set(err, -EIO, "what becomes '%s' is shorter than it was", name);
		digester_update(digester, block, (size_t)n);
		TRY(fs_write_all(to, block, (size_t)n, err));
		at += n;
	}
	return finish(&to, name, err);
}

int outfolder_commit(struct outfolder *out, struct err *err)
{
	/* Takes the place of an empty folder, and of nothing else. */
	if (renameat(out->parent, out->temp, out->parent, out->name) < 0) {
		if (errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR)
			return taken(out->name, err);
		return err_sys(err, "create '%s'", out->name);
	}
	free(move_ptr(&out->temp));
	return 0;
}
