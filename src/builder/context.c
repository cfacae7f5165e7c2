/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A local directory is read in place. Its Dockerfile is found by the user's own path, which may be outside
 * and may be a symlink; in a fetched context every path is resolved inside it, so that a symlink there
 * shows nothing of this machine.
 */
#include "builder/context.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/own.h"
#include "base/xalloc.h"
#include "builder/context_fetch.h"
#include "builder/copy.h"
#include "builder/dockerfile.h"
#include "builder/text.h"

#define IGNORE_MAX ((size_t)16 << 20)

void context_done(struct context *c)
{
	struct err ignored = ERR_INIT; /* a scratch directory: its owner removes what is left */

	fd_drop(&c->root);
	free(c->name);
	free(c->dockerfile);
	free(c->dockerfile_name);
	ignore_free(c->ignore);
	if (c->temporary)
		(void)fs_remove_tree(AT_FDCWD, c->temporary, &ignored);
	free(c->temporary);
	*c = (struct context)CONTEXT_INIT;
}

/* ---- reading ---- */

int context_read_fd(int fd, const char *name, size_t max, struct buf *out, struct err *err)
{
	char part[65536];
	ssize_t n;

	buf_adds(out, "");
	while ((n = read(fd, part, sizeof(part))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, "read '%s'", name);
		buf_add(out, part, (size_t)n);
		if (out->len > max)
			return err_set(err, -EFBIG, "'%s' is larger than %zu MiB", name, max >> 20);
	}
	return 0;
}

static void take_text(struct context *c, struct buf *text, const char *name)
{
	c->dockerfile_len = text->len;
	c->dockerfile = buf_steal(text);
	c->dockerfile_name = xstrdup(name);
}

static int no_dockerfile(const char *path, int errnum, struct err *err)
{
	return err_set(
		err, -errnum, "failed to read dockerfile: open %s: %s", path, strerror(errnum));
}

static int read_regular(int fd, const char *path, struct buf *out, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(err, "failed to read dockerfile: %s", path);
	if (S_ISDIR(st.st_mode))
		return no_dockerfile(path, EISDIR, err);
	return context_read_fd(fd, path, DOCKERFILE_MAX, out, err);
}

/* ---- .dockerignore ---- */

/* 1: read; 0: there is none. */
static int read_ignore(struct context *c, int dir, const char *path, struct err *err)
{
	struct err none = ERR_INIT;
	autofd int fd = -EBADF;
	autobuf struct buf text = BUF_INIT;
	autostrv struct strv patterns = STRV_INIT;

	if (dir == AT_FDCWD)
		fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	else
		fd = fs_open_in(dir, path, O_RDONLY | O_NONBLOCK, 0, &none);
	if (fd < 0)
		return 0;
	TRY(context_read_fd(fd, path, IGNORE_MAX, &text, err));
	ignore_read(text.data, text.len, &patterns);
	if (ignore_new(&patterns, &c->ignore, err) < 0)
		return err_wrap(err, "%s", path);
	return 1;
}

/* "<Dockerfile>.dockerignore" beside the Dockerfile wins over .dockerignore of the context. */
static int find_ignore(
	struct context *c, int dockerfile_dir, const char *dockerfile, struct err *err)
{
	autofree char *own = dockerfile ? xasprintf("%s.dockerignore", dockerfile) : NULL;
	int r = own ? read_ignore(c, dockerfile_dir, own, err) : 0;

	if (r == 0 && c->root >= 0)
		r = read_ignore(c, c->root, ".dockerignore", err);
	return r < 0 ? r : 0;
}

/* ---- the Dockerfile ---- */

static int read_inside(struct context *c, const char *file, struct err *err)
{
	autobuf struct buf text = BUF_INIT;
	struct err why = ERR_INIT;
	autofd int fd = fs_open_in(c->root, file, O_RDONLY | O_NONBLOCK, 0, &why);

	if (fd < 0 && why.code == -ENOENT && strcmp(file, "Dockerfile") == 0)
		fd = fs_open_in(c->root, "dockerfile", O_RDONLY | O_NONBLOCK, 0, &why);
	if (fd < 0)
		return no_dockerfile(file, -why.code, err);
	TRY(read_regular(fd, file, &text, err));
	take_text(c, &text, file);
	return find_ignore(c, c->root, file, err);
}

/* -f, as the shell sees the path. */
static int read_outside(struct context *c, const char *file, struct err *err)
{
	autobuf struct buf text = BUF_INIT;
	const char *slash = strrchr(file, '/');
	autofd int fd = open(file, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return no_dockerfile(file, errno, err);
	TRY(read_regular(fd, file, &text, err));
	take_text(c, &text, slash ? slash + 1 : file);
	return find_ignore(c, AT_FDCWD, file, err);
}

static int read_stdin(struct context *c, struct err *err)
{
	autobuf struct buf text = BUF_INIT;

	TRY(context_read_fd(STDIN_FILENO, "standard input", DOCKERFILE_MAX, &text, err));
	take_text(c, &text, "Dockerfile");
	return find_ignore(c, AT_FDCWD, NULL, err);
}

/* ---- kinds of contexts ---- */

static int open_directory(const char *where, struct context *c, struct err *err)
{
	c->root = open(where, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (c->root >= 0)
		return 0;
	if (errno == ENOENT)
		return err_set(
			err, -ENOENT, "unable to prepare context: path \"%s\" not found", where);
	if (errno == ENOTDIR)
		return err_set(err, -ENOTDIR,
			"unable to prepare context: \"%s\" is not a directory. A Dockerfile is given "
			"with -f, its context as the argument: sbx build -f %s .",
			where, where);
	return err_sys(err, "unable to prepare context: \"%s\"", where);
}

static int open_local(const char *where, const char *file, struct context *c, struct err *err)
{
	TRY(open_directory(where, c, err));
	if (!file)
		return read_inside(c, "Dockerfile", err);
	return strcmp(file, "-") == 0 ? read_stdin(c, err) : read_outside(c, file, err);
}

/* What was fetched: a tree with a Dockerfile in it, or nothing but a Dockerfile. */
static int open_fetched(
	struct fetched *fetched, const char *file, struct context *c, struct err *err)
{
	c->temporary = move_ptr(&fetched->directory);
	c->root = move_fd(&fetched->root);
	if (c->root < 0) {
		take_text(c, &fetched->text, "Dockerfile");
		return 0;
	}
	if (file && strcmp(file, "-") == 0)
		return read_stdin(c, err);
	return read_inside(c, file ? file : "Dockerfile", err);
}

int context_open(const char *where, const char *file, const char *scratch, struct context *ret,
	struct err *err)
{
	__attribute__((cleanup(fetched_done))) struct fetched fetched = FETCHED_INIT;
	autocontext struct context c = CONTEXT_INIT;

	c.name = xstrdup(where);
	if (strcmp(where, "-") == 0 && file && strcmp(file, "-") == 0)
		return err_set(err, -EINVAL,
			"invalid argument: can't use stdin for both build context and dockerfile");
	if (strcmp(where, "-") == 0 || copy_is_remote(where)) {
		TRY(context_fetch(where, scratch, &fetched, err));
		TRY(open_fetched(&fetched, file, &c, err));
	} else {
		TRY(open_local(where, file, &c, err));
	}
	*ret = c;
	c = (struct context)CONTEXT_INIT;
	return 0;
}

int context_open_named(const char *dir, struct context *ret, struct err *err)
{
	autocontext struct context c = CONTEXT_INIT;

	c.name = xstrdup(dir);
	TRY(open_directory(dir, &c, err));
	TRY(find_ignore(&c, AT_FDCWD, NULL, err));
	*ret = c;
	c = (struct context)CONTEXT_INIT;
	return 0;
}
