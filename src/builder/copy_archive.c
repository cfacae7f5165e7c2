/* SPDX-License-Identifier: Apache-2.0 */
#include "builder/copy_archive.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/spawn.h"
#include "base/strv.h"

#define TAR_BLOCK   512
#define NO_ARCHIVE  3 /* exit status of sbx-image extract: nothing was written */
#define SOURCE_FD   0
#define ROOT_FD     3
#define CHECKSUM_AT 148

static bool tar_header(const unsigned char *block)
{
	unsigned sum = 0, said = 0;

	for (int i = 0; i < TAR_BLOCK; i++)
		sum += i >= CHECKSUM_AT && i < CHECKSUM_AT + 8 ? ' ' : block[i];
	for (int i = CHECKSUM_AT;
		i < CHECKSUM_AT + 8 && (block[i] == ' ' || (block[i] >= '0' && block[i] <= '7'));
		i++)
		said = block[i] == ' ' ? said : said * 8 + (unsigned)(block[i] - '0');
	return *block && sum == said;
}

static bool compressed(const unsigned char *p)
{
	return memcmp(p, "\x1f\x8b", 2) == 0 || memcmp(p, "BZh", 3) == 0 ||
	       memcmp(p,
		       "\xfd"
		       "7zXZ",
		       6) == 0 ||
	       memcmp(p, "\x28\xb5\x2f\xfd", 4) == 0;
}

static int run_extract(int in, int root, const struct strv *args, struct err *err)
{
	autofree char *program = NULL;
	const struct spawn_fd fds[] = { { in, SOURCE_FD }, { root, ROOT_FD } };
	struct spawn spawn = { .argv = args->v, .fds = fds, .n_fds = root >= 0 ? 2 : 1 };

	TRY(spawn_find_helper("sbx-image", &program, err));
	spawn.path = program;
	return spawn_run(&spawn, err);
}

int archive_is(int source, const char *path, struct err *err)
{
	unsigned char block[TAR_BLOCK] = { 0 };
	autofd int fd = fs_open_in(source, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, err);
	autostrv struct strv args = STRV_INIT;
	int status;

	TRY(fd);
	if (pread(fd, block, sizeof(block), 0) < 0)
		return err_sys(err, "read '%s'", path);
	if (!compressed(block))
		return tar_header(block);
	strv_add(&args, "sbx-image");
	strv_add(&args, "extract");
	strv_add(&args, "--probe");
	status = run_extract(fd, -1, &args, err);
	TRY(status);
	return status == 0;
}

int archive_unpack(const struct archive_job *job, struct err *err)
{
	autofd int fd = fs_open_in(job->source, job->from, O_RDONLY | O_NOFOLLOW, 0, err);
	autostrv struct strv args = STRV_INIT;
	int status;

	TRY(fd);
	strv_add(&args, "sbx-image");
	strv_add(&args, "extract");
	if (job->owner)
		strv_addf(&args, "--owner=%u:%u", job->uid, job->gid);
	strv_add(&args, job->prefix);
	status = run_extract(fd, job->root, &args, err);
	TRY(status);
	if (status == 0)
		return 0;
	return err_set(
		err, -EBADMSG, "ADD of '%s' failed: the archive could not be unpacked", job->from);
}
