/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the build cache takes, and taking it away. Records go at once: a build that looks for one later carries
 * the step out again. Directories go only when no build runs (each holds a shared lock); what could not
 * go is collected the next time. Layers that images use are the image store's and stay.
 */
#include "builder/build.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/own.h"
#include "base/xalloc.h"
#include "builder/builder.h"

#define RECORD_MAX 65536

struct record {
	char *name;
	int64_t used; /* ns */
	char layer[LAYER_ID];
};

struct pruning {
	const struct builder_prune_opts *opts;
	int build, records, layers, mounts;
	struct record *list;
	size_t n;
	struct strv needed; /* layers that a record still names */
	struct strv *deleted;
	int64_t *bytes;
	struct idmap map;
};

static void pruning_done(struct pruning *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->list[i].name);
	free(p->list);
	strv_done(&p->needed);
	fd_drop(&p->build);
	fd_drop(&p->records);
	fd_drop(&p->layers);
	fd_drop(&p->mounts);
}

static DIR *open_list(int dir)
{
	autofd int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);

	if (stream)
		(void)move_fd(&fd); /* the stream's now */
	return stream;
}

static int sub(int dir, const char *name)
{
	return openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* 0: there is no cache. */
static int open_build(const struct globals *globals, struct pruning *p, struct err *err)
{
	autofree char *path = xasprintf("%s/build", globals->root);

	p->build = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (p->build < 0)
		return errno == ENOENT ? 0 : err_sys(err, "open '%s'", path);
	p->records = sub(p->build, "cache");
	p->layers = sub(p->build, "layers");
	p->mounts = sub(p->build, "mounts");
	return 1;
}

/* ---- sizes ---- */

static int64_t tree_size(int dir, const char *name)
{
	struct stat st;
	int64_t sum;
	autofd int fd = -EBADF;
	autodir DIR *stream = NULL;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	sum = S_ISREG(st.st_mode) ? st.st_size : 0;
	if (!S_ISDIR(st.st_mode))
		return sum;
	fd = sub(dir, name);
	stream = fd < 0 ? NULL : open_list(fd);
	for (struct dirent *e = stream ? readdir(stream) : NULL; e; e = readdir(stream))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			sum += tree_size(fd, e->d_name);
	return sum;
}

struct sizing {
	const struct globals *globals;
	struct builder_usage *ret;
	int tell;
};

/* As root of the user namespace: directories of sub-ids can be read. */
static int size_child(void *data, struct err *err)
{
	const struct sizing *sizing = data;
	__attribute__((cleanup(pruning_done))) struct pruning p = {
		.build = -EBADF, .records = -EBADF, .layers = -EBADF, .mounts = -EBADF
	};
	struct builder_usage usage = { 0 };
	int dirs[2];

	TRY(open_build(sizing->globals, &p, err));
	dirs[0] = p.layers;
	dirs[1] = p.mounts;
	for (size_t i = 0; i < 2; i++) {
		autodir DIR *stream = dirs[i] < 0 ? NULL : open_list(dirs[i]);

		for (struct dirent *e = stream ? readdir(stream) : NULL; e; e = readdir(stream)) {
			autofree char *upper = xasprintf("%s/upper", e->d_name);

			if (e->d_name[0] == '.' || strstr(e->d_name, ".lock") ||
				(i == 0 && faccessat(dirs[i], upper, F_OK, 0) < 0))
				continue; /* the latter is an image's layer by now */
			usage.bytes += tree_size(dirs[i], e->d_name);
			usage.total++;
		}
	}
	return fs_write_all(sizing->tell, &usage, sizeof(usage), err);
}

int builder_usage(const struct globals *globals, struct builder_usage *ret, struct err *err)
{
	autofree char *path = xasprintf("%s/build/layers", globals->root);
	autofd int read_end = -EBADF, write_end = -EBADF;
	struct sizing sizing = { .globals = globals };
	struct idmap map;
	int ends[2], r;

	*ret = (struct builder_usage){ 0 };
	if (access(path, F_OK) < 0)
		return 0;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(err, "pipe");
	read_end = ends[0];
	sizing.tell = write_end = ends[1];
	TRY(idmap_detect(&map, err));
	r = userns_run(&map, 0, size_child, &sizing, err);
	fd_drop(&write_end);
	TRY(r);
	if (read(read_end, ret, sizeof(*ret)) != sizeof(*ret))
		return err_set(err, -EIO, "the size of the build cache is not known");
	return 0;
}

/* ---- records ---- */

static void read_record(struct pruning *p, const char *name)
{
	autojson struct json *doc = NULL;
	struct record *r;
	struct stat st;

	if (json_read_at(p->records, name, RECORD_MAX, &doc, &(struct err)ERR_INIT) < 0 ||
		fstatat(p->records, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return; /* somebody else prunes too */
	p->list = xreallocarray(p->list, p->n + 1, sizeof(*p->list));
	r = &p->list[p->n++];
	*r = (struct record){ .name = xstrdup(name),
		.used = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec };
	(void)snprintf(r->layer, sizeof(r->layer), "%s", json_str(json_get(doc, "layer"), ""));
}

static int newest_first(const void *a, const void *b)
{
	const struct record *x = a, *y = b;

	return x->used < y->used ? 1 : x->used > y->used ? -1 : strcmp(x->name, y->name);
}

static bool is_image_layer(const struct pruning *p, const char *layer)
{
	autofree char *record = xasprintf("%s/layer.json", layer);

	return faccessat(p->layers, record, F_OK, 0) == 0;
}

/* Newest first until what may stay is used up. */
static void drop_records(struct pruning *p)
{
	autodir DIR *stream = p->records < 0 ? NULL : open_list(p->records);
	int64_t kept = 0;

	for (struct dirent *e = stream ? readdir(stream) : NULL; e; e = readdir(stream))
		if (e->d_name[0] != '.')
			read_record(p, e->d_name);
	if (p->n)
		qsort(p->list, p->n, sizeof(*p->list), newest_first);
	for (size_t i = 0; i < p->n; i++) {
		const struct record *r = &p->list[i];
		bool keep = r->used >= p->opts->until ||
			    (!p->opts->all && is_image_layer(p, r->layer));

		if (!keep && p->opts->reserve > 0) {
			kept += tree_size(p->layers, r->layer);
			keep = kept <= p->opts->reserve;
		}
		if (!keep)
			(void)unlinkat(p->records, r->name, 0); /* gone already: as good */
		else if (!strv_has(&p->needed, r->layer))
			strv_add(&p->needed, r->layer);
	}
}

/* ---- directories ---- */

struct removal {
	int dir;
	const struct strv *names;
};

static int remove_child(void *data, struct err *err)
{
	const struct removal *removal = data;

	strv_each (name, removal->names)
		TRY(fs_remove_tree(removal->dir, *name, err));
	return 0;
}

struct measured {
	struct pruning *p;
	int dir;
	const struct strv *names;
	int tell;
};

static int measure_child(void *data, struct err *err)
{
	const struct measured *m = data;
	int64_t sum = 0;

	strv_each (name, m->names)
		sum += tree_size(m->dir, *name);
	return fs_write_all(m->tell, &sum, sizeof(sum), err);
}

static int measure(struct pruning *p, int dir, const struct strv *names, struct err *err)
{
	autofd int read_end = -EBADF, write_end = -EBADF;
	struct measured m = { .p = p, .dir = dir, .names = names };
	int64_t sum = 0;
	int ends[2], r;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(err, "pipe");
	read_end = ends[0];
	m.tell = write_end = ends[1];
	r = userns_run(&p->map, 0, measure_child, &m, err);
	fd_drop(&write_end);
	if (r >= 0 && read(read_end, &sum, sizeof(sum)) == sizeof(sum))
		*p->bytes += sum;
	return r;
}

static int drop_dirs(struct pruning *p, int dir, bool layers, struct err *err)
{
	autodir DIR *stream = dir < 0 ? NULL : open_list(dir);
	autostrv struct strv names = STRV_INIT;
	struct removal removal = { dir, &names };

	for (struct dirent *e = stream ? readdir(stream) : NULL; e; e = readdir(stream)) {
		if (e->d_name[0] == '.' || (layers && strv_has(&p->needed, e->d_name)))
			continue;
		strv_add(&names, e->d_name);
		if (!strstr(e->d_name, ".lock"))
			strv_add(p->deleted, e->d_name);
	}
	if (names.n == 0)
		return 0;
	TRY(measure(p, dir, &names, err));
	return userns_run(&p->map, 0, remove_child, &removal, err);
}

int builder_prune(const struct globals *globals, const struct builder_prune_opts *opts,
	struct strv *deleted, int64_t *ret_bytes, struct err *err)
{
	__attribute__((cleanup(pruning_done))) struct pruning p = { .opts = opts,
		.build = -EBADF,
		.records = -EBADF,
		.layers = -EBADF,
		.mounts = -EBADF,
		.deleted = deleted,
		.bytes = ret_bytes };
	autofd int use = -EBADF;
	int r = open_build(globals, &p, err);

	if (r <= 0)
		return r;
	drop_records(&p);
	use = openat(p.build, ".use", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (use < 0)
		return err_sys(err, "lock the build cache");
	if (flock(use, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK)
			return err_sys(err, "lock the build cache");
		log_msg(LOG_WARN,
			"a build is running: what it may use is removed by the next prune");
		return 0;
	}
	TRY(idmap_detect(&p.map, err));
	TRY(drop_dirs(&p, p.layers, true, err));
	if (opts->until == INT64_MAX && opts->reserve == 0)
		TRY(drop_dirs(&p, p.mounts, false, err));
	return 0;
}
