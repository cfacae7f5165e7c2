/* SPDX-License-Identifier: Apache-2.0 */
/*
 * diff: what a container changed in its file system. Its files may belong to sub-ids, so the walk runs
 * as uid 0 of a user namespace and answers through a memory file. Names are escaped: a newline or an
 * escape sequence in one must not look like another line or drive the terminal.
 */
#include "commands/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/userns.h"
#include "base/xalloc.h"
#include "commands/common.h"
#include "commands/output.h"
#include "options/verbs.h"
#include "rootfs/rootfs.h"

#define LIST_MAX (1u << 30)

struct changed { /* "A/path\0C/path\0…" */
	struct buf text;
	struct rootfs_changes changes;
	int fd;
};

static int add_change(void *data, char kind, const char *path, struct err *err)
{
	struct changed *changed = data;

	(void)err;
	buf_addc(&changed->text, kind);
	buf_add(&changed->text, path, strlen(path) + 1);
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
	struct changed *changed = data;

	raise_descriptors();
	changed->changes.fn = add_change;
	changed->changes.data = changed;
	TRY(rootfs_changes(&changed->changes, err));
	return fs_write_all(changed->fd, changed->text.data, changed->text.len, err);
}

static int by_path(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a + 1, *(const char *const *)b + 1);
}

static int show(const char *text, size_t len, struct err *err)
{
	autofree const char **lines = NULL;
	autobuf struct buf out = BUF_INIT;
	size_t n = 0;

	for (const char *s = text; s < text + len; s += strlen(s) + 1)
		n++;
	lines = xcalloc(n + 1, sizeof(*lines));
	n = 0;
	for (const char *s = text; s < text + len; s += strlen(s) + 1)
		lines[n++] = s;
	qsort(lines, n, sizeof(*lines), by_path);
	for (size_t i = 0; i < n; i++) {
		buf_addf(&out, "%c ", lines[i][0]);
		out_escape(lines[i] + 1, &out);
		buf_addc(&out, '\n');
	}
	return n ? out_write(&out, err) : 0;
}

int changes_print(const struct rootfs_changes *changes, const char *what, struct err *err)
{
	autofd int fd = memfd_create("sbx-diff", MFD_CLOEXEC);
	struct changed changed = { .changes = *changes, .fd = fd };
	autofree char *text = NULL, *path = NULL;
	struct idmap map = { 0 };
	size_t len = 0;

	if (fd < 0)
		return err_sys(err, "memory for the list");
	TRY(idmap_detect(&map, err));
	if (userns_run(&map, 0, collect, &changed, err) < 0)
		return err_wrap(err, "compare %s", what);
	path = xasprintf("/proc/self/fd/%d", fd);
	TRY(fs_read_at(AT_FDCWD, path, LIST_MAX, &text, &len, err));
	return show(text, len, err);
}

int cmd_diff(struct globals *globals, int argc, char **argv, struct err *err)
{
	__attribute__((cleanup(diff_opts_done))) struct diff_opts opts = { 0 };
	autocontainer struct container c = CONTAINER_INIT;
	autostrv struct strv layers = STRV_INIT;
	struct rootfs_changes changes = { .layers = &layers };
	autofree char *what = NULL;

	TRY(diff_opts_parse(argc, argv, &opts, err));
	TRY(state_open(globals, opts.container, &c, err));
	json_strv(json_get(c.config, "layers"), &layers);
	changes.container = c.dir;
	what = xasprintf("container %s", c.name);
	return changes_print(&changes, what, err);
}
