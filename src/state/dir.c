/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where containers live: opening the two directories, the run directory, and what every record
 * has in common (ids, release).
 *
 * The directories are the caller's own and closed to others: fs_open_private_dir() refuses a
 * foreign or writable one, so that nothing below needs to distrust its names.
 */
#include "state/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/xalloc.h"

void state_dirs_done(struct state_dirs *dirs)
{
	fd_drop(&dirs->containers);
	fd_drop(&dirs->names);
}

static int open_below(int root, const char *name, bool create, struct err *err)
{
	int fd = openat(root, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT && create) {
		if (mkdirat(root, name, 0700) < 0 && errno != EEXIST)
			return fs_err(err, root, name);
		fd = openat(root, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	}
	return fd < 0 ? err_sys(err, "open the folder '%s' of the store", name) : fd;
}

int state_dirs_open(
	const struct globals *globals, bool create, struct state_dirs *ret, struct err *err)
{
	autostatedirs struct state_dirs dirs = STATE_DIRS_INIT;
	autofd int root = -EBADF;

	if (!create && access(globals->root, F_OK) < 0 && errno == ENOENT)
		return err_set(err, -ENOENT, "there are no containers in %s", globals->root);
	root = fs_open_private_dir(globals->root, err);
	TRY(root);
	dirs.containers = open_below(root, "containers", create, err);
	TRY(dirs.containers);
	dirs.names = open_below(root, "names", create, err);
	TRY(dirs.names);
	ret->containers = move_fd(&dirs.containers);
	ret->names = move_fd(&dirs.names);
	return 0;
}

bool state_id_valid(const char *name)
{
	return strspn(name, "0123456789abcdef") == ID_LEN && name[ID_LEN] == '\0';
}

int state_run_dir(struct container *c, const struct globals *globals, struct err *err)
{
	autofd int runroot = fs_open_private_dir(globals->runroot, err);

	TRY(runroot);
	if (mkdirat(runroot, c->id, 0700) < 0 && errno != EEXIST)
		return fs_err(err, runroot, globals->runroot);
	if (!c->run_path)
		c->run_path = xasprintf("%s/%s", globals->runroot, c->id);
	return 0;
}

void container_done(struct container *c)
{
	free(c->name);
	free(c->path);
	free(c->run_path);
	free(c->error);
	free(c->cgroup);
	fd_drop(&c->dir);
	json_free(c->config);
	json_free(c->network);
	json_free(c->endpoints);
	*c = (struct container)CONTAINER_INIT;
}

void state_list_free(struct container *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		container_done(&list[i]);
	free(list);
}
