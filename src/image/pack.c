/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The walk. At each level the directories of all layers that take part are open, the topmost first;
 * of each name the topmost entry counts. Names are sorted: the same tree gives the same bytes.
 */
#include "image/pack.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/log.h"
#include "base/own.h"
#include "base/userns.h"
#include "base/xalloc.h"
#include "image/pack_private.h"
#include "image/store_private.h"
#include "image/pack_tee.h"
#include "image/tarout.h"

#define DEPTH_MAX 2000

struct job {
	const struct pack *pack;
	struct pack_result *result; /* shared with the parent */
	struct idmap map;
	struct tar_out out;
	struct pack_links *links;
	struct facts facts; /* of the topmost directory: what stands beside it */
	struct tee tee;
};

struct level {    /* one directory of the tree */
	int *fds; /* topmost layer first */
	size_t n;
	bool own;         /* the topmost is the container's own directory */
	const char *path; /* "" at the top */
	const struct facts *facts;
	unsigned depth;
};

struct name {
	char *text;
	size_t layer; /* index of level.fds */
};

struct names {
	struct name *list;
	size_t n, cap;
};

static void names_done(struct names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->list[i].text);
	free(names->list);
}

static void level_done(struct level *level)
{
	while (level->n > 0)
		(void)close(level->fds[--level->n]); /* read-only */
	free(level->fds);
}

static int walk(struct job *job, const struct level *level, struct err *err);

/* ---- which names there are ---- */

static int order(const void *a, const void *b)
{
	const struct name *x = a, *y = b;
	int r = strcmp(x->text, y->text);

	return r ? r : x->layer < y->layer ? -1 : 1;
}

static int read_names(int dir, size_t layer, struct names *names, struct err *err)
{
	autofd int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	autodir DIR *stream = NULL;
	struct dirent *e;

	if (fd < 0)
		return err_sys(err, "read a directory of the container");
	stream = fdopendir(fd);
	if (!stream)
		return err_sys(err, "read a directory of the container");
	(void)move_fd(&fd); /* the stream's now */
	for (errno = 0; (e = readdir(stream)) != NULL; errno = 0) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (names->n == names->cap) {
			names->cap = names->cap ? names->cap * 2 : 32;
			names->list = xreallocarray(names->list, names->cap, sizeof(*names->list));
		}
		names->list[names->n++] = (struct name){ xstrdup(e->d_name), layer };
	}
	return errno ? err_sys(err, "read a directory of the container") : 0;
}

static int collect(const struct level *level, struct names *names, struct err *err)
{
	for (size_t i = 0; i < level->n; i++)
		TRY(read_names(level->fds[i], i, names, err));
	if (names->n > 1)
		qsort(names->list, names->n, sizeof(*names->list), order);
	return 0;
}

/* ---- one entry ---- */

static void fill(struct tar_member *m, const struct stat *st)
{
	m->mode = st->st_mode & 07777;
	m->uid = st->st_uid;
	m->gid = st->st_gid;
	m->mtime = st->st_mtim.tv_sec;
	m->major = major(st->st_rdev);
	m->minor = minor(st->st_rdev);
}

static int put(struct job *job, const struct tar_member *m, struct err *err)
{
	struct tar_member clamped = *m;

	job->result->members++;
	job->result->content += m->type == TAR_FILE ? m->size : 0;
	if (job->pack->clamp && m->mtime > job->pack->latest) {
		clamped.mtime = job->pack->latest;
		m = &clamped;
	}
	TRY(tar_out_member(&job->out, m, err));
	return tee_member(&job->tee, m, err);
}

static int put_marker(struct job *job, const char *path, const struct stat *st, struct err *err)
{
	struct tar_member m = { .type = TAR_FILE, .path = path };

	m.mtime = st->st_mtim.tv_sec;
	return put(job, &m, err);
}

/* Devices and the like that a single id keeps as a file. */
static bool kept_type(const struct stat *st, enum tar_type *ret)
{
	if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode) || S_ISFIFO(st->st_mode)) {
		*ret = S_ISCHR(st->st_mode)   ? TAR_CHAR
		       : S_ISBLK(st->st_mode) ? TAR_BLOCK
					      : TAR_FIFO;
		return true;
	}
	return false;
}

static int put_data(
	struct job *job, int fd, const struct tar_member *m, const struct stat *st, struct err *err)
{
	int r;

	job->out.copy = tee_clone(&job->tee, fd) ? -EBADF : job->tee.fd;
	job->out.sparse = st->st_blocks * 512 < st->st_size;
	r = tar_out_copy(&job->out, fd, m->size, NULL, err);
	if (r == 1)
		log_msg(LOG_WARN, "'%.200s' became shorter while it was read: zeros fill it",
			m->path);
	return r < 0 ? err_wrap(err, "'%.200s'", m->path) : tee_end(&job->tee, err);
}

static int put_file(struct job *job, int dir, const char *name, const char *path, struct err *err)
{
	autofd int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct tar_member m = { .type = TAR_FILE, .path = path };
	autobuf struct buf pax = BUF_INIT;
	struct stat st;

	if (fd < 0 && errno == ENOENT)
		return 0; /* removed while we look: as if we had come later */
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, "open '%.200s'", path);
	if (!S_ISREG(st.st_mode))
		return 0; /* replaced meanwhile */
	if (st.st_nlink > 1)
		m.link = pack_links_find(job->links, &st, path);
	if (job->map.kind == IDMAP_SINGLE)
		pack_kept_stat(&job->facts, fd, "", &st);
	fill(&m, &st);
	if (m.link) {
		m.type = TAR_HARDLINK;
		return put(job, &m, err);
	}
	TRY(pack_xattrs(fd, &pax, err));
	m.pax = &pax;
	if (kept_type(&st, &m.type))
		return put(job, &m, err);
	m.size = st.st_size;
	TRY(put(job, &m, err));
	return put_data(job, fd, &m, &st, err);
}

static int put_symlink(
	struct job *job, int dir, const char *name, const char *path, struct err *err)
{
	struct tar_member m = { .type = TAR_SYMLINK, .path = path };
	autofree char *target = xcalloc(1, PATH_MAX + 1);
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		readlinkat(dir, name, target, PATH_MAX) < 0)
		return errno == ENOENT ? 0 : err_sys(err, "read '%.200s'", path);
	if (job->map.kind == IDMAP_SINGLE)
		pack_kept_stat(&job->facts, dir, name, &st);
	fill(&m, &st);
	m.mode = 0777;
	m.link = target;
	return put(job, &m, err);
}

static int put_special(
	struct job *job, int dir, const char *name, const char *path, struct err *err)
{
	struct tar_member m = { .path = path };
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_sys(err, "look at '%.200s'", path);
	if (job->map.kind == IDMAP_SINGLE)
		pack_kept_stat(&job->facts, dir, name, &st);
	if (!kept_type(&st, &m.type))
		return 0; /* a socket: no archive holds one */
	fill(&m, &st);
	return put(job, &m, err);
}

/* ---- directories ---- */

/* Those layers' directories that the merged one consists of. names: all of the same text. */
static int open_level(const struct level *up, const struct name *names, size_t n, struct level *ret,
	struct err *err)
{
	ret->fds = xcalloc(n, sizeof(*ret->fds));
	for (size_t i = 0; i < n; i++) {
		int fd = openat(up->fds[names[i].layer], names[i].text,
			O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

		if (fd < 0 && (errno == ENOTDIR || errno == ELOOP || errno == ENOENT))
			return 0; /* a file or a whiteout: hides what is below */
		if (fd < 0)
			return err_sys(err, "open '%.200s'", ret->path);
		ret->fds[ret->n++] = fd;
		if (pack_is_opaque(ret->facts, fd))
			return 0;
	}
	return 0;
}

static int put_dir(struct job *job, int fd, const char *path, struct err *err)
{
	struct tar_member m = { .type = TAR_DIR, .path = path };
	autobuf struct buf pax = BUF_INIT;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(err, "open '%.200s'", path);
	if (job->map.kind == IDMAP_SINGLE)
		pack_kept_stat(&job->facts, fd, "", &st);
	fill(&m, &st);
	TRY(pack_xattrs(fd, &pax, err));
	m.pax = &pax;
	TRY(put(job, &m, err));
	if (!job->pack->layer || !pack_is_opaque(&job->facts, fd))
		return 0;
	{
		autofree char *marker = xasprintf("%s/.wh..wh..opq", path);

		return put_marker(job, marker, &st, err);
	}
}

/* ---- targets of run's mounts ---- */

static bool is_target(const struct job *job, const struct level *level, const struct name *name,
	const char *path, bool below)
{
	struct stat st, lower;

	return level->own && name->layer == 0 && !below &&
	       fstatat(level->fds[0], name->text, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       pack_may_be_target(path, &st) && (S_ISREG(st.st_mode) || job->pack->layer) &&
	       (!job->pack->lower || !pack_below(job->pack->lower, path, &lower));
}

/* A directory of the container that was made for targets, or came up from the image for them. */
static bool is_ours(struct job *job, const struct level *level)
{
	__attribute__((cleanup(names_done))) struct names names = { 0 };
	struct err ignored = ERR_INIT; /* the walk will meet it again */
	struct stat st, lower;

	if (!job->pack->layer || !job->pack->lower || level->depth > 1 ||
		fstat(level->fds[0], &st) < 0 || read_names(level->fds[0], 0, &names, &ignored) < 0)
		return false;
	if (names.n == 0)
		return pack_may_be_target(level->path, &st) &&
		       !pack_below(job->pack->lower, level->path, &lower);
	for (size_t i = 0; i < names.n; i++) {
		autofree char *path = xasprintf("%s/%s", level->path, names.list[i].text);

		if (!is_target(job, level, &names.list[i], path, false))
			return false;
	}
	return !pack_below(job->pack->lower, level->path, &lower) ||
	       (st.st_mode == lower.st_mode && st.st_uid == lower.st_uid &&
		       st.st_gid == lower.st_gid && !pack_is_opaque(&job->facts, level->fds[0]));
}

/* In an export such a directory is there all the same, as the image has it: its time would be that of the
 * container's start. */
static int told_by(struct job *job, const struct level *level)
{
	__attribute__((cleanup(names_done))) struct names names = { 0 };
	struct err ignored = ERR_INIT; /* the walk will meet it again */
	struct stat own, lower;

	if (job->pack->layer || !level->own || level->n < 2 || level->depth > 1 ||
		fstat(level->fds[0], &own) < 0 || fstat(level->fds[1], &lower) < 0 ||
		read_names(level->fds[0], 0, &names, &ignored) < 0)
		return level->fds[0];
	for (size_t i = 0; i < names.n; i++) {
		autofree char *path = xasprintf("%s/%s", level->path, names.list[i].text);

		if (!is_target(job, level, &names.list[i], path, false))
			return level->fds[0];
	}
	return own.st_mode == lower.st_mode && own.st_uid == lower.st_uid &&
			       own.st_gid == lower.st_gid
		       ? level->fds[1]
		       : level->fds[0];
}

static int enter(struct job *job, const struct level *up, const struct name *names, size_t n,
	const char *path, struct err *err)
{
	__attribute__((cleanup(level_done))) struct level level = { .path = path,
		.facts = up->facts,
		.own = up->own && names[0].layer == 0,
		.depth = up->depth + 1 };

	if (level.depth > DEPTH_MAX)
		return err_set(
			err, -ELOOP, "'%.200s…' is more than %d folders deep", path, DEPTH_MAX);
	TRY(open_level(up, names, n, &level, err));
	if (level.n == 0)
		return 0; /* removed while we look */
	if (is_ours(job, &level))
		return 0;
	TRY(put_dir(job, told_by(job, &level), path, err));
	return walk(job, &level, err);
}

static int put_whiteout(struct job *job, const struct level *level, const char *name,
	const struct stat *st, struct err *err)
{
	autofree char *path = xasprintf("%s%s.wh.%s", level->path, *level->path ? "/" : "", name);

	return job->pack->layer ? put_marker(job, path, st, err) : 0;
}

static int put_entry(struct job *job, const struct level *level, const struct name *names, size_t n,
	struct err *err)
{
	const char *name = names[0].text;
	autofree char *path = xasprintf("%s%s%s", level->path, *level->path ? "/" : "", name);
	int dir = level->fds[names[0].layer];
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_sys(err, "look at '%.200s'", path);
	if (pack_is_whiteout(&job->facts, dir, name, &st))
		return put_whiteout(job, level, name, &st, err);
	if (job->pack->layer && strncmp(name, ".wh.", 4) == 0) {
		log_msg(LOG_WARN,
			"'%.200s' is left out: in a layer, names that begin with .wh. mean deletion",
			path);
		return 0;
	}
	if (S_ISREG(st.st_mode) && is_target(job, level, names, path, n > 1))
		return 0;
	if (S_ISDIR(st.st_mode))
		return enter(job, level, names, n, path, err);
	if (S_ISREG(st.st_mode))
		return put_file(job, dir, name, path, err);
	return S_ISLNK(st.st_mode) ? put_symlink(job, dir, name, path, err)
				   : put_special(job, dir, name, path, err);
}

static int walk(struct job *job, const struct level *level, struct err *err)
{
	__attribute__((cleanup(names_done))) struct names names = { 0 };
	size_t same;

	TRY(collect(level, &names, err));
	for (size_t i = 0; i < names.n; i += same) {
		for (same = 1; i + same < names.n; same++)
			if (strcmp(names.list[i].text, names.list[i + same].text) != 0)
				break;
		TRY(put_entry(job, level, &names.list[i], same, err));
	}
	return 0;
}

/* ---- the start ---- */

static int open_top(const struct pack *pack, struct level *top, struct err *err)
{
	top->fds = xcalloc(pack->dirs.n + 1, sizeof(*top->fds));
	for (size_t i = pack->dirs.n; i > 0; i--) {
		const char *path = pack->dirs.v[i - 1];
		int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (fd < 0)
			return err_sys(err, "open '%s'", path);
		top->fds[top->n++] = fd;
		if (pack_is_opaque(top->facts, fd))
			break;
	}
	return 0;
}

static void raise_files(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return;
	files.rlim_cur = files.rlim_max; /* several descriptors per level of the tree */
	(void)setrlimit(RLIMIT_NOFILE, &files);
}

static int pack_all(struct job *job, const struct level *top, struct err *err)
{
	autodigester struct digester *digester = NULL;
	int r;

	if (job->pack->layer) /* an export's digest is of no use */
		TRY(digester_new(NULL, &digester, err));
	tar_out_init(&job->out, job->pack->fd, digester);
	r = walk(job, top, err);
	if (r >= 0)
		r = tar_out_end(&job->out, err);
	job->result->bytes = job->out.total;
	if (digester)
		digester_final(digester, job->result->digest);
	tar_out_done(&job->out);
	return r;
}

static int pack_child(void *data, struct err *err)
{
	struct job *job = data;
	__attribute__((cleanup(
		level_done))) struct level top = { .path = "", .facts = &job->facts, .own = true };
	const struct pack *pack = job->pack;
	const char *own = pack->dirs.n ? pack->dirs.v[pack->dirs.n - 1] : NULL;
	int r = own ? facts_read(&job->facts, AT_FDCWD, own) : 0;

	if (r < 0)
		return err_set(err, r, "read '%s" FACT_SUFFIX "': %s", own, strerror(-r));
	raise_files();
	TRY(open_top(pack, &top, err));
	if (pack->store)
		TRY(tee_begin(&job->tee, pack->store, &job->map, err));
	job->links = pack_links_new();
	r = pack_all(job, &top, err);
	if (r >= 0 && job->result->members > 0)
		r = tee_commit(
			&job->tee, pack->parent, job->result->digest, job->result->chain_id, err);
	tee_done(&job->tee);
	pack_links_free(job->links);
	facts_done(&job->facts);
	return r;
}

int pack_run(const struct pack *pack, struct pack_result *ret, struct err *err)
{
	struct job job = { .pack = pack, .tee = TEE_INIT };
	int r;

	job.result = mmap(NULL, sizeof(*job.result), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (job.result == MAP_FAILED)
		return err_sys(err, "prepare an archive");
	r = 0;
	if (pack->inside && pack->inside->inside)
		job.map = pack->inside->inside->map;
	else
		r = idmap_detect(&job.map, err);
	if (r >= 0 && pack->inside)
		r = store_run_inside(pack->inside, pack_child, &job, err);
	else if (r >= 0)
		r = userns_run(&job.map, 0, pack_child, &job, err);
	if (r >= 0)
		*ret = *job.result;
	(void)munmap(job.result, sizeof(*job.result)); /* cannot fail for our own mapping */
	return r;
}
