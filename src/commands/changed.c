/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/changed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/userns.h"
#include "base/xalloc.h"
#include "rootfs/rootfs.h"

#define LIST_MAX (1u << 30)

struct walk { /* "A12 /path\0D0 /path\0…" */
	struct buf text;
	struct rootfs_changes changes;
	int upper, fd;
};

/* 0 for what has gone or is no file: only shown. */
static int64_t size_of(const struct walk *walk, const char *path)
{
	struct err ignored;
	struct stat st;
	autofd int fd = fs_open_in(walk->upper, path + 1, O_PATH | O_NOFOLLOW, 0, &ignored);

	return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? st.st_size : 0;
}

static int add_change(void *data, char kind, const char *path, struct err *err)
{
	struct walk *walk = data;

	(void)err;
	buf_addf(&walk->text, "%c%lld ", kind, (long long)size_of(walk, path));
	buf_add(&walk->text, path, strlen(path) + 1);
	return 0;
}

/* A directory of every layer is open at each depth. */
static void raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit); /* else EMFILE will tell */
}

static int collect(void *data, struct err *err)
{
	struct walk *walk = data;
	const char *name = walk->changes.name ? walk->changes.name : "upper";

	raise_descriptors();
	autofd int upper = openat(walk->changes.container, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	walk->upper = upper; /* absent: nothing has been changed */
	walk->changes.fn = add_change;
	walk->changes.data = walk;
	TRY(rootfs_changes(&walk->changes, err));
	return fs_write_all(walk->fd, walk->text.data, walk->text.len, err);
}

static int by_path(const void *a, const void *b)
{
	return strcmp(
		((const struct changed_file *)a)->path, ((const struct changed_file *)b)->path);
}

static struct changed_file *parse(const char *text, size_t len, size_t *ret_n)
{
	struct changed_file *files;
	size_t n = 0;

	for (const char *s = text; s < text + len; s += strlen(s) + 1)
		n++;
	files = xcalloc(n + 1, sizeof(*files));
	*ret_n = n;
	n = 0;
	for (const char *s = text; s < text + len; s += strlen(s) + 1) {
		char *end;

		files[n].kind = s[0];
		files[n].size = strtoll(s + 1, &end, 10);
		files[n++].path = end + 1;
	}
	qsort(files, n, sizeof(*files), by_path);
	return files;
}

int changed_files(const struct rootfs_changes *changes, const char *what,
	int (*fn)(void *data, const struct changed_file *file, struct err *err), void *data,
	struct err *err)
{
	autofd int fd = memfd_create("sbx-changed", MFD_CLOEXEC);
	struct walk walk = { .changes = *changes, .fd = fd };
	autofree char *text = NULL, *path = NULL;
	autofree struct changed_file *files = NULL;
	struct idmap map = { 0 };
	size_t len = 0, n;

	if (fd < 0)
		return err_sys(err, "memory for the list");
	TRY(idmap_detect(&map, err));
	if (userns_run(&map, 0, collect, &walk, err) < 0)
		return err_wrap(err, "compare %s", what);
	path = xasprintf("/proc/self/fd/%d", fd);
	TRY(fs_read_at(AT_FDCWD, path, LIST_MAX, &text, &len, err));
	files = parse(text, len, &n);
	for (size_t i = 0; i < n; i++)
		TRY(fn(data, &files[i], err));
	return 0;
}

int changed_in_container(const struct container *c,
	int (*fn)(void *data, const struct changed_file *file, struct err *err), void *data,
	struct err *err)
{
	autostrv struct strv layers = STRV_INIT;
	const struct rootfs_changes changes = { .layers = &layers, .container = c->dir };
	autofree char *what = xasprintf("container %s", c->name);

	json_strv(json_get(c->config, "layers"), &layers);
	return changed_files(&changes, what, fn, data, err);
}
