/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the three shells share: the real script beside a small sbx that knows two names. */
#ifndef SBX_UNIT_COMPLETION_SHELL_H
#define SBX_UNIT_COMPLETION_SHELL_H

#include "options/completion.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"
#include "base/spawn.h"
#include "base/xalloc.h"
#include "harness.h"

/* A scratch directory with "script" and "bin/sbx", which is HOME too. */
static inline int completion_prepare(void **state, void (*write)(struct buf *out))
{
	static const char fake[] =
		"#!/bin/sh\n"
		"case $1 in ps) printf 'web\\ndb\\n' ;; images) printf 'redis:7\\nredis:8\\n' ;; esac\n";
	struct buf script = BUF_INIT;
	autofree char *path = NULL;
	struct scratch *dir;

	if (harness_scratch(state) != 0)
		return -1;
	dir = *state;
	write(&script);
	scratch_write(dir, "script", script.data);
	buf_done(&script);
	scratch_mkdir(dir, "bin");
	scratch_write(dir, "bin/sbx", fake);
	path = xasprintf("%s/bin/sbx", dir->path);
	return chmod(path, 0755) || setenv("HOME", dir->path, 1) || unsetenv("XDG_CONFIG_HOME") ||
	       unsetenv("XDG_DATA_HOME");
}

/* What the shell prints, for the caller to free. Skips the test where there is none. */
static inline char *completion_run(const char *shell, const char *const argv[])
{
	const struct spawn spawn = { .path = shell, .argv = (char *const *)argv };
	struct err err = ERR_INIT;
	char *out = NULL;

	if (access(shell, X_OK) != 0) {
		print_message("%s is not installed\n", shell);
		skip();
	}
	assert_int_equal(spawn_capture(&spawn, 65536, &out, &err), 0);
	return out;
}

static inline void assert_line(const char *typed, char *out, const char *want)
{
	out[strcspn(out, "\n")] = '\0';
	if (strcmp(out, want) != 0)
		fail_msg("'%s' offers '%s', not '%s'", typed, out, want);
}

#endif
