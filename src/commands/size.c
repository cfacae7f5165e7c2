/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much containers and volumes hold. Their files may belong to sub-ids and be closed to the caller,
 * so the walk runs as uid 0 of a user namespace and answers through shared memory. Read-only, never
 * follows a symlink. Files that vanish while it looks count as nothing.
 */
#include "commands/common.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"
#include "base/userns.h"
#include "base/xalloc.h"

#define DEPTH_MAX 256

struct walk {
	const struct strv *paths;
	int64_t *sums;
};

static void add_entries(int fd, int depth, int64_t *sum);

static void add_entry(int dir, const char *name, int depth, int64_t *sum)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	if (S_ISREG(st.st_mode) || S_ISLNK(st.st_mode))
		*sum += st.st_size;
	if (!S_ISDIR(st.st_mode) || depth >= DEPTH_MAX)
		return;
	add_entries(
		openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), depth + 1, sum);
}

/* Takes fd over; -1 is nothing. */
static void add_entries(int fd, int depth, int64_t *sum)
{
	autodir DIR *stream = fd < 0 ? NULL : fdopendir(fd);

	if (!stream) {
		own_close_(&fd);
		return;
	}
	for (struct dirent *e = readdir(stream); e; e = readdir(stream))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			add_entry(dirfd(stream), e->d_name, depth, sum);
}

static int walk_all(void *data, struct err *err)
{
	const struct walk *walk = data;

	(void)err;
	for (size_t i = 0; i < walk->paths->n; i++)
		add_entries(
			open(walk->paths->v[i], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), 0,
			&walk->sums[i]);
	return 0;
}

int tree_sizes(const struct strv *paths, int64_t *ret, struct err *err)
{
	size_t bytes = (paths->n + 1) * sizeof(*ret);
	int64_t *sums = mmap(
		NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct walk walk = { paths, sums };
	struct idmap map = { 0 };
	int r = 0;

	if (sums == MAP_FAILED)
		return err_sys(err, "memory for the sizes");
	if (paths->n)
		r = idmap_detect(&map, err);
	if (paths->n && r >= 0)
		r = userns_run(&map, 0, walk_all, &walk, err);
	if (r >= 0)
		memcpy(ret, sums, paths->n * sizeof(*ret));
	(void)munmap(sums, bytes); /* cannot fail for our own mapping */
	return r < 0 ? r : 0;
}

/* layers/<chain id>.json beside each layer holds its size. */
static int64_t layer_size(const char *layer)
{
	autofree char *path = xasprintf("%s.json", layer);
	autojson struct json *doc = NULL;
	struct err err = ERR_INIT;

	if (json_read_at(AT_FDCWD, path, 1 << 20, &doc, &err) < 0)
		return 0; /* the layer is gone; the container can still be listed */
	return json_int(json_get(doc, "size"), 0);
}

int container_size(const struct globals *globals, const struct container *c, int64_t *ret_own,
	int64_t *ret_image, struct err *err)
{
	autostrv struct strv upper = STRV_INIT;

	(void)globals;
	strv_addf(&upper, "%s/upper", c->path);
	if (tree_sizes(&upper, ret_own, err) < 0)
		return err_wrap(err, "measure container %s", c->name);
	*ret_image = 0;
	json_each (it, json_get(c->config, "layers"))
		*ret_image += layer_size(json_str(it.value, ""));
	return 0;
}
