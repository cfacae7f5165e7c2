/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Removing the whole store. Only what sbx makes there is removed, by name, so that a --root that points to
 * a directory with other things in it loses none of them. Containers are ended by the caller first.
 */
#include "state/internal.h"

#include <errno.h>
#include <fcntl.h>

#include "base/fs.h"
#include "base/own.h"

static int remove_names(const char *path, const char *const *names, size_t n, struct err *err)
{
	autofd int dir = -EBADF;

	if (access(path, F_OK) < 0 && errno == ENOENT)
		return 0;
	dir = fs_open_private_dir(path, err);
	TRY(dir);
	for (size_t i = 0; i < n; i++)
		if (faccessat(dir, names[i], F_OK, AT_SYMLINK_NOFOLLOW) == 0 &&
			remove_tree(dir, names[i], err) < 0)
			return err_wrap(err, "remove '%s/%s'", path, names[i]);
	return 0;
}

int state_reset(const struct globals *globals, struct err *err)
{
	static const char *const stored[] = { "containers", "names", "networks", "volumes", "build",
		"layers", "images", "cache", "tmp" };
	static const char *const running[] = { EVENTS_NAME, EVENTS_OLD, "networks" };

	TRY(remove_names(globals->root, stored, ARRAY_SIZE(stored), err));
	return remove_names(globals->runroot, running, ARRAY_SIZE(running), err);
}
