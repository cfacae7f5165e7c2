/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

int overlay_setup(void **state)
{
	static const char *const dirs[] = { "l1", "l2", "upper", "work" };
	struct overlay *o = calloc(1, sizeof(*o));
	void *scratch = NULL;

	if (!o || harness_scratch(&scratch) < 0)
		return -1;
	o->dir = scratch;
	*state = o;
	for (size_t i = 0; i < 4; i++)
		if (mkdirat(o->dir->fd, dirs[i], 0755) < 0)
			return -1;
	return 0;
}

int overlay_teardown(void **state)
{
	struct overlay *o = *state;
	void *scratch = o->dir;

	ovl_close(o->fs);
	free(o);
	return harness_scratch_done(&scratch);
}

static int open_dir(struct overlay *o, const char *path)
{
	int fd = openat(o->dir->fd, path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static void start(struct overlay *o, bool writable)
{
	struct layer *lower[3] = { NULL, NULL, o->extra };
	struct err err = ERR_INIT;
	struct ovl_config config = { .lower = lower,
		.n_lower = o->extra ? 3 : 2,
		.single_id = o->single_id,
		.xdev = o->xdev,
		.redirect = o->redirect,
		.redirect_write = o->redirect,
		.upper = -1,
		.work = -1 };

	assert_int_equal(layer_new_dir(open_dir(o, "l1"), &lower[0], &err), 0);
	assert_int_equal(layer_new_dir(open_dir(o, "l2"), &lower[1], &err), 0);
	if (writable) {
		config.upper = open_dir(o, "upper");
		config.work = open_dir(o, "work");
	}
	if (ovl_open(&config, &o->fs, &err) < 0)
		fail_msg("%s", err.text);
	if (writable) {
		close(config.upper);
		close(config.work);
	}
}

void overlay_start(struct overlay *o)
{
	start(o, true);
}

void overlay_start_read_only(struct overlay *o)
{
	start(o, false);
}

void overlay_restart(struct overlay *o)
{
	ovl_close(o->fs);
	o->fs = NULL;
	o->extra = NULL;
	start(o, true);
}

void disk_dir(struct overlay *o, const char *path)
{
	assert_int_equal(mkdirat(o->dir->fd, path, 0755), 0);
}

void disk_file(struct overlay *o, const char *path, const char *text)
{
	scratch_write(o->dir, path, text);
}

void disk_whiteout(struct overlay *o, const char *path)
{
	assert_int_equal(mknodat(o->dir->fd, path, S_IFCHR, makedev(0, 0)), 0);
}

const char *disk_path(struct overlay *o, const char *path)
{
	static char buf[4096];

	snprintf(buf, sizeof(buf), "%s/%s", o->dir->path, path);
	return buf;
}

void disk_xattr(struct overlay *o, const char *path, const char *name, const char *value)
{
	assert_int_equal(lsetxattr(disk_path(o, path), name, value, strlen(value), 0), 0);
}

int disk_stat(struct overlay *o, const char *path, struct stat *ret)
{
	return fstatat(o->dir->fd, path, ret, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

bool disk_has(struct overlay *o, const char *path)
{
	struct stat st;

	return disk_stat(o, path, &st) == 0;
}

bool disk_is_whiteout(struct overlay *o, const char *path)
{
	struct stat st;

	return disk_stat(o, path, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == 0;
}

bool disk_is_opaque(struct overlay *o, const char *path)
{
	char value[2] = "";

	return lgetxattr(disk_path(o, path), "user.overlay.opaque", value, 1) == 1 &&
	       value[0] == 'y';
}

size_t disk_count(struct overlay *o, const char *path)
{
	DIR *dir = opendir(disk_path(o, path));
	size_t n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n - 2;
}

/* Splits "a/b/c" into the id of a/b and "c". */
static int parent_of(struct overlay *o, const char *path, uint64_t *ret, const char **ret_name)
{
	const char *slash = strrchr(path, '/');
	char up[4096];

	*ret_name = slash ? slash + 1 : path;
	*ret = OVL_ROOT;
	if (!slash)
		return 0;
	snprintf(up, sizeof(up), "%.*s", (int)(slash - path), path);
	return path_id(o, up, ret);
}

int path_id(struct overlay *o, const char *path, uint64_t *ret)
{
	struct ovl_entry entry;
	uint64_t parent;
	const char *name;
	int r;

	if (!*path) {
		*ret = OVL_ROOT;
		return 0;
	}
	r = parent_of(o, path, &parent, &name);
	if (r == 0)
		r = ovl_lookup(o->fs, parent, name, &entry);
	if (r == 0)
		*ret = entry.id;
	return r;
}

uint64_t id(struct overlay *o, const char *path)
{
	uint64_t ret = 0;

	if (path_id(o, path, &ret) < 0)
		fail_msg("%s is not there", path);
	return ret;
}

struct stat attr(struct overlay *o, const char *path)
{
	struct stat st = { 0 };

	assert_int_equal(ovl_getattr(o->fs, id(o, path), &st), 0);
	return st;
}

int make(struct overlay *o, const char *path, mode_t mode)
{
	struct ovl_new new = {
		.mode = mode, .uid = geteuid(), .gid = getegid(), .target = "target"
	};
	struct ovl_entry entry;
	int r = parent_of(o, path, &new.parent, &new.name);

	return r ? r : ovl_create(o->fs, &new, &entry);
}

int make_file(struct overlay *o, const char *path, const char *text)
{
	int r = make(o, path, S_IFREG | 0644);

	if (r == 0 && *text)
		r = (int)ovl_write(o->fs, id(o, path), text, strlen(text), 0);
	return r < 0 ? r : 0;
}

int unlink_path(struct overlay *o, const char *path)
{
	uint64_t parent;
	const char *name;
	int r = parent_of(o, path, &parent, &name);

	return r ? r : ovl_unlink(o->fs, parent, name);
}

int rmdir_path(struct overlay *o, const char *path)
{
	uint64_t parent;
	const char *name;
	int r = parent_of(o, path, &parent, &name);

	return r ? r : ovl_rmdir(o->fs, parent, name);
}

int rename_path(struct overlay *o, const char *from, const char *to, unsigned flags)
{
	struct ovl_rename move = { .flags = flags };
	int r = parent_of(o, from, &move.parent, &move.name);

	if (r == 0)
		r = parent_of(o, to, &move.new_parent, &move.new_name);
	return r ? r : ovl_rename(o->fs, &move);
}

int link_path(struct overlay *o, const char *from, const char *to)
{
	struct ovl_entry entry;
	uint64_t parent;
	const char *name;
	int r = parent_of(o, to, &parent, &name);

	return r ? r : ovl_link(o->fs, id(o, from), parent, name, &entry);
}

const char *text_of_id(struct overlay *o, uint64_t node)
{
	static char buf[4096];
	ssize_t n = ovl_read(o->fs, node, buf, sizeof(buf) - 1, 0);

	assert_true(n >= 0);
	buf[n] = '\0';
	return buf;
}

const char *text_of(struct overlay *o, const char *path)
{
	return text_of_id(o, id(o, path));
}

struct names {
	char *list[256];
	size_t n;
};

static int collect(void *data, const struct ovl_dirent *entry)
{
	struct names *names = data;

	if (strcmp(entry->name, ".") != 0 && strcmp(entry->name, "..") != 0 && names->n < 256)
		names->list[names->n++] = strdup(entry->name);
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

const char *names_in(struct overlay *o, const char *path)
{
	static char buf[8192];
	struct names names = { .n = 0 };
	size_t len = 0;

	assert_int_equal(ovl_readdir(o->fs, id(o, path),
				 &(struct ovl_listing){ .fn = collect, .data = &names }),
		0);
	qsort(names.list, names.n, sizeof(names.list[0]), by_name);
	buf[0] = '\0';
	for (size_t i = 0; i < names.n; i++) {
		len += (size_t)snprintf(
			buf + len, sizeof(buf) - len, "%s%s", i ? " " : "", names.list[i]);
		free(names.list[i]);
	}
	return buf;
}
