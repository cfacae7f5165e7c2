/* SPDX-License-Identifier: Apache-2.0 */
/* The two ends of a copy. Each works with "/" as it finds it: the host's, or the container's inside. */
#ifndef SBX_COMMANDS_CP_H
#define SBX_COMMANDS_CP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/userns.h"

struct cp_source {
	const char *path;        /* as typed */
	bool follow;             /* -L: a symlink named by path means what it points to */
	bool keep_ids;           /* owners as they are, else all 0:0 */
	const struct idmap *map; /* NULL, or owners are translated to ids inside */
};

/* "a/b/", "a/b/." → "b"; "." for "/" and what ends in "..". Caller frees. */
char *cp_base(const char *path);
/* Ends with "/.": the content of the directory is meant, not the directory. */
bool cp_means_content(const char *path);

/* Writes a tar stream whose top entry is cp_base(path). Symlinks below the top are never followed;
 * sockets, devices and FIFOs are left out with a warning. */
int cp_pack(const struct cp_source *source, int out, struct err *err);

struct cp_target {
	const char *path;  /* as typed */
	const char *label; /* "c1:/path" for messages */
	bool content;      /* the source meant its content */
	bool stream; /* an archive of the user's: path must be a directory, names count from there */
	bool own;    /* give entries their owners (only inside) */
	bool strip;  /* take set-id bits away (on the host) */
};

/* Reads the stream to its end and makes what is in it at the target, by Docker's rules. Below the target
 * every step is a descriptor and no symlink is followed. *ret_bytes: length of the stream. */
int cp_unpack(const struct cp_target *target, int in, int64_t *ret_bytes, struct err *err);

#endif
