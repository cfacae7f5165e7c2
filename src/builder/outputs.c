/* SPDX-License-Identifier: Apache-2.0 */
/* --output: where a result goes beside the image store. */
#include "builder/export.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/xalloc.h"
#include "builder/tree.h"

static int helper(const struct build *b, char *const *args, int out, struct err *err)
{
	int status = image_helper(b->globals, args, out, err);

	if (status > 0) /* it has said why */
		return err_told(err, -EIO, 1);
	return status;
}

/* The files of the result belong to the caller, as they do with docker. */
static int to_directory(
	struct build *b, const struct snapshot *result, const char *dest, struct err *err)
{
	struct copy_words words = { .dest = (char *)(uintptr_t) "/" };
	const struct copy_plan plan = { .words = &words, .workdir = "/", .epoch = b->epoch };
	struct tree_copy copy = {
		.build = b, .plan = &plan, .from = result, .source = -1, .dir = "output"
	};
	autofd int target = -EBADF;
	int r;

	TRY(fs_mkdirs(dest, 0755, err));
	target = open(dest, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (target < 0)
		return err_sys(err, "open '%s'", dest);
	if (mkdirat(b->work_fd, "output", 0700) < 0 && errno != EEXIST)
		return fs_err(err, b->work_fd, "output");
	copy.target = target;
	strv_add(&words.sources, "/");
	r = tree_copy(&copy, err);
	strv_done(&words.sources);
	return r;
}

static int to_tar(struct build *b, const struct snapshot *result, const char *dest, struct err *err)
{
	autofd int still = cache_hold_still(&b->cache, err);
	autostrv struct strv args = STRV_INIT;

	TRY(still);
	strv_add(&args, "export");
	strv_add(&args, strcmp(dest, "-") == 0 ? "" : dest);
	TRY(snapshot_dirs(b, result, &args, err));
	return helper(b, args.v, STDOUT_FILENO, err);
}

/* An archive that is an OCI layout and Docker's format at once. */
static int to_archive(
	struct build *b, const struct image_written *image, const char *dest, struct err *err)
{
	autostrv struct strv args = STRV_INIT;

	strv_add(&args, "save");
	if (strcmp(dest, "-") != 0) {
		strv_add(&args, "--output");
		strv_add(&args, dest);
	}
	strv_extend(&args, &b->opts->tags);
	if (b->opts->tags.n == 0)
		strv_add(&args, image->id);
	return helper(b, args.v, STDOUT_FILENO, err);
}

int export_output(struct build *b, const struct snapshot *result, const struct image_written *image,
	const struct build_output *output, struct err *err)
{
	switch (output->type) {
	case OUTPUT_LOCAL:
		return to_directory(b, result, output->dest, err);
	case OUTPUT_TAR:
		return to_tar(b, result, output->dest, err);
	case OUTPUT_OCI:
	case OUTPUT_DOCKER:
		return output->dest ? to_archive(b, image, output->dest, err) : 0;
	case OUTPUT_IMAGE:
		break;
	}
	return 0; /* the store has it */
}
