/* SPDX-License-Identifier: Apache-2.0 */
#include "builder/context_fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/spawn.h"
#include "base/strv.h"
#include "base/xalloc.h"
#include "builder/copy_archive.h"
#include "builder/dockerfile.h"

#define INPUT "input"
#define TREE  "tree"

void fetched_done(struct fetched *f)
{
	struct err ignored = ERR_INIT; /* a scratch directory: its owner removes what is left */

	fd_drop(&f->root);
	buf_done(&f->text);
	if (f->directory)
		(void)fs_remove_tree(AT_FDCWD, f->directory, &ignored);
	free(f->directory);
	*f = (struct fetched)FETCHED_INIT;
}

static int save_stdin(const char *path, struct err *err)
{
	autofd int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	char part[65536];
	ssize_t n;

	if (fd < 0)
		return fs_err(err, AT_FDCWD, path);
	while ((n = read(STDIN_FILENO, part, sizeof(part))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, "read the context from standard input");
		TRY(fs_write_all(fd, part, (size_t)n, err));
	}
	return 0;
}

int url_fetch(const char *url, const char *checksum, const char *path, struct err *err)
{
	autofree char *program = NULL,
		      *check = checksum ? xasprintf("--checksum=%s", checksum) : NULL;
	autofd int out = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	autostrv struct strv args = STRV_INIT;
	struct spawn_fd fds[] = { { out, STDOUT_FILENO } };
	struct spawn spawn = { .fds = fds, .n_fds = 1 };
	int status;

	if (out < 0)
		return fs_err(err, AT_FDCWD, path);
	TRY(spawn_find_helper("sbx-image", &program, err));
	strv_add(&args, "sbx-image");
	strv_add(&args, "download");
	if (check)
		strv_add(&args, check);
	strv_add(&args, url);
	strv_adopt(&args, xstrndup(path, (size_t)(strrchr(path, '/') - path)));
	spawn.path = program;
	spawn.argv = args.v;
	status = spawn_run(&spawn, err);
	TRY(status);
	return status == 0 ? 0 : err_told(err, -EIO, 1); /* it has said why */
}

/* The file `path` is an archive, which becomes the tree, or a Dockerfile. */
static int open_file(const char *dir, struct fetched *f, struct err *err)
{
	autofd int top = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC), fd = -EBADF;
	struct archive_job job = { .prefix = "", .from = INPUT, .owner = true };
	int archive;

	if (top < 0)
		return err_sys(err, "open '%s'", dir);
	archive = archive_is(top, INPUT, err);
	TRY(archive);
	if (!archive) {
		fd = fs_open_in(top, INPUT, O_RDONLY | O_NOFOLLOW, 0, err);
		TRY(fd);
		return context_read_fd(fd, "Dockerfile", DOCKERFILE_MAX, &f->text, err);
	}
	if (mkdirat(top, TREE, 0700) < 0)
		return fs_err(err, top, TREE);
	f->root = openat(top, TREE, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (f->root < 0)
		return err_sys(err, "open '%s/" TREE "'", dir);
	job.root = f->root;
	job.source = top;
	job.uid = geteuid();
	job.gid = getegid();
	return archive_unpack(&job, err);
}

int context_fetch(const char *where, const char *scratch, struct fetched *ret, struct err *err)
{
	__attribute__((cleanup(fetched_done))) struct fetched f = FETCHED_INIT;
	autofree char *dir = xasprintf("%s/context-XXXXXX", scratch), *input = NULL, *tree = NULL;

	if (!mkdtemp(dir))
		return fs_err(err, AT_FDCWD, dir);
	f.directory = move_ptr(&dir);
	input = xasprintf("%s/" INPUT, f.directory);
	tree = xasprintf("%s/" TREE, f.directory);
	if (strcmp(where, "-") != 0 && git_is_address(where)) {
		f.root = git_fetch(where, tree, false, err);
		TRY(f.root);
	} else {
		TRY(strcmp(where, "-") == 0 ? save_stdin(input, err)
					    : url_fetch(where, NULL, input, err));
		TRY(open_file(f.directory, &f, err));
	}
	*ret = f;
	f = (struct fetched)FETCHED_INIT;
	return 0;
}
