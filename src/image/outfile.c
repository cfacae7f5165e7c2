/* SPDX-License-Identifier: Apache-2.0 */
#include "image/outfile.h"

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
#include "base/own.h"
#include "base/xalloc.h"

void outfile_done(struct outfile *out)
{
	fd_drop(&out->fd);
	fd_drop(&out->folder);
	if (out->temp)
		(void)unlink(out->temp); /* the error that led here is the one to tell */
	free(out->temp);
	free(out->path);
	*out = (struct outfile)OUTFILE_INIT;
}

static int open_stdout(const char *verb, struct outfile *ret, struct err *err)
{
	int fd;

	if (isatty(STDOUT_FILENO))
		return err_set(err, -EINVAL,
			"cowardly refusing to %s to a terminal. Use the -o flag or redirect", verb);
	fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		return err_sys(err, "write to stdout");
	ret->fd = fd;
	return 0;
}

static int open_folder(const char *path, struct err *err)
{
	autofree char *copy = xstrdup(path);
	const char *folder = dirname(copy);
	int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? err_sys(err, "create '%s'", path) : fd;
}

int outfile_open(const char *path, const char *verb, struct outfile *ret, struct err *err)
{
	autooutfile struct outfile out = OUTFILE_INIT;
	autofree char *temp = NULL;
	struct stat st;
	unsigned tag = 0;

	if (!path || strcmp(path, "-") == 0)
		return open_stdout(verb, ret, err);
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return err_set(err, -EISDIR, "'%s' is a directory", path);
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) { /* a pipe or device */
		out.fd = open(path, O_WRONLY | O_CLOEXEC);
	} else {
		if (getrandom(&tag, sizeof(tag), 0) != sizeof(tag))
			return err_sys(err, "get a random name");
		temp = xasprintf("%s.%08x.tmp", path, tag);
		out.path = xstrdup(path);
		out.folder = open_folder(path, err);
		TRY(out.folder);
		out.fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (out.fd >= 0)
			out.temp = move_ptr(&temp);
	}
	if (out.fd < 0)
		return err_sys(err, "create '%s'", path);
	*ret = out;
	out = (struct outfile)OUTFILE_INIT;
	return 0;
}

int outfile_commit(struct outfile *out, struct err *err)
{
	if (close(move_fd(&out->fd)) < 0) /* NFS and quotas tell here */
		return err_sys(err, "write '%s'", out->path ? out->path : "the output");
	if (!out->temp)
		return 0;
	if (rename(out->temp, out->path) < 0)
		return err_sys(err, "create '%s'", out->path);
	free(move_ptr(&out->temp));
	return 0;
}
