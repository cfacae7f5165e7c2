/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What ADD of a local archive needs of sbx-image, a verb that people do not see:
 *
 *	sbx-image extract [--owner=UID:GID] DIRECTORY	(archive on descriptor 0, a root on descriptor 3)
 *	sbx-image extract --probe			(archive on descriptor 0)
 *
 * Runs inside the user namespace of the build, as its root. The archive is as hostile as a layer and goes
 * the same way: every path is resolved below the root. ".wh." names are names, not whiteouts. --probe
 * only tells (status 0 or 3) whether a tar archive is there.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "image/confined.h"
#include "image/parcel.h"
#include "image/unpack.h"

#define ROOT_FD    3
#define NO_ARCHIVE 3

struct extract {
	struct writer writer;
	const char *prefix;
	int64_t uid, gid; /* -1: the archive's */
	bool probe;
	size_t members;
	char *path, *link; /* of the present member, below the root */
	struct unpack_entry entry;
	int fd;
	int64_t offset;
};

static void extract_done(struct extract *x)
{
	writer_done(&x->writer);
	free(x->path);
	free(x->link);
	fd_drop(&x->fd);
}

/* "./" of an archive is the destination: it keeps what it is. */
static bool is_top(const char *path)
{
	return path[strspn(path, "./")] == '\0';
}

static int on_member(void *data, const struct unpack_entry *e, struct err *err)
{
	struct extract *x = data;

	x->members++;
	if (x->probe)
		return 0;
	if (is_top(e->path))
		return 0;
	free(x->path);
	free(x->link);
	x->path = xasprintf("%s/%s", x->prefix, e->path);
	x->link = e->link && e->type == UNPACK_HARDLINK ? xasprintf("%s/%s", x->prefix, e->link)
		  : e->link                             ? xstrdup(e->link)
							: NULL;
	x->entry = *e;
	x->entry.path = x->path;
	x->entry.link = x->link;
	x->entry.uid = x->uid < 0 ? e->uid : x->uid;
	x->entry.gid = x->gid < 0 ? e->gid : x->gid;
	x->offset = 0;
	TRY(writer_entry(&x->writer, &x->entry, &x->fd, err));
	if (x->fd < 0)
		return 0;
	if (e->size > 0)
		return 1;
	TRY(writer_end_file(&x->writer, &x->entry, x->fd, err));
	fd_drop(&x->fd);
	return 0;
}

static int on_piece(void *data, const void *bytes, size_t len, struct err *err)
{
	struct extract *x = data;

	TRY(writer_data(x->fd, &x->entry, bytes, len, x->offset, err));
	x->offset += (int64_t)len;
	return 0;
}

static int on_end(void *data, struct err *err)
{
	struct extract *x = data;

	TRY(writer_end_file(&x->writer, &x->entry, x->fd, err));
	fd_drop(&x->fd);
	return 0;
}

/* The ids this process has. */
static int read_map(const char *path, struct idrange *ranges, unsigned *n, struct err *err)
{
	FILE *file = fopen(path, "re");

	if (!file)
		return err_sys(err, "read '%s'", path);
	while (*n < IDMAP_MAX && fscanf(file, "%u %u %u", &ranges[*n].inside, &ranges[*n].outside,
					 &ranges[*n].count) == 3)
		++*n;
	(void)fclose(file); /* read-only */
	return 0;
}

static int parse_args(int argc, char **argv, struct extract *x, struct err *err)
{
	for (int i = 1; i < argc; i++) {
		long long uid, gid;

		if (strcmp(argv[i], "--probe") == 0)
			x->probe = true;
		else if (sscanf(argv[i], "--owner=%lld:%lld", &uid, &gid) == 2) {
			x->uid = uid;
			x->gid = gid;
		} else {
			x->prefix = argv[i];
		}
	}
	if (!x->probe && !x->prefix)
		return err_set(
			err, -EINVAL, "usage: sbx-image extract [--owner=UID:GID] DIRECTORY");
	return 0;
}

int extract_main(const struct globals *globals, int argc, char **argv, struct err *err)
{
	__attribute__((
		cleanup(extract_done))) struct extract x = { .uid = -1, .gid = -1, .fd = -EBADF };
	struct tar_visitor visitor = { on_member, on_piece, on_end, &x };
	struct idmap map = { .kind = IDMAP_SUBID };
	int r;

	(void)globals; /* the root is a descriptor; the store is not touched */
	TRY(parse_args(argc, argv, &x, err));
	TRY(read_map("/proc/self/uid_map", map.uid, &map.n_uid, err));
	TRY(read_map("/proc/self/gid_map", map.gid, &map.n_gid, err));
	if (map.n_uid == 1 && map.uid[0].count == 1)
		map.kind = IDMAP_SINGLE;
	if (!x.probe)
		TRY(confined_extract(ROOT_FD, err));
	(void)umask(0); /* cannot fail */
	writer_init(&x.writer, ROOT_FD, &map);
	x.writer.literal = true;
	r = tar_visit(STDIN_FILENO, &visitor, err);
	if (r < 0 && x.members == 0)
		return err_told(err, r, NO_ARCHIVE);
	if (x.probe)
		return 0;
	TRY(r);
	return writer_finish(&x.writer, err);
}
