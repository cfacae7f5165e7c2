/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line, in two forms:
 *
 *	sbx-fuse --fd N --lower A:B --upper U --work W [--exit-fd M] [--ready-fd R]	for sbx
 *	sbx-fuse --fd N --squash DIR [--uid U] [--gid G] …				a directory without owners
 *	sbx-fuse [-f] [-d] -o lowerdir=A:B,upperdir=U,workdir=W[,…] [SOURCE] MOUNTPOINT
 *		as fuse-overlayfs, and as a helper of mount(8)
 *
 * In lists of layers "\:" is a colon, in mount options "\," a comma.
 */
#ifndef SBX_FUSE_OPTIONS_H
#define SBX_FUSE_OPTIONS_H

#include <stdbool.h>

#include "base/err.h"

struct options {
	int fd, exit_fd, ready_fd; /* -1 = not given */
	char *lower;               /* as given, see options_next_layer() */
	char *upper, *work;        /* NULL = read-only */
	char *squash;              /* instead of layers: a directory, see squash.h */
	int uid, gid;              /* shown in it */
	const char *mountpoint;
	unsigned long mount_flags; /* MS_* */
	unsigned threads;
	bool foreground, debug, help, version;
	bool has_source;
	bool eager, xdev, writeback, volatile_, single_id;
	bool redirect, redirect_write; /* as in overlay.h */
};

int options_parse(int argc, char **argv, struct options *ret, struct err *err);
void options_done(struct options *options);

/* Cuts the next path off the list (in place, escapes resolved); NULL at its end. */
char *options_next_layer(char **list);

extern const char options_help[];

#endif
