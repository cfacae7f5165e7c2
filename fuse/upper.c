/* SPDX-License-Identifier: Apache-2.0 */
#include "upper.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/xattr.h>

#include "ids.h"

#include "base/own.h"

int upper_rename_new(int from_dir, const char *from, int to_dir, const char *to)
{
	if (renameat2(from_dir, from, to_dir, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	return renameat(from_dir, from, to_dir, to) < 0 ? -errno : 0;
}

int upper_type(struct ovl *fs, struct at at)
{
	struct stat st;
	int r = fs->upper->ops->stat(fs->upper, at, &st);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	return (int)(st.st_mode & S_IFMT);
}

int upper_setxattr(struct at at, const struct ovl_xattr *x)
{
	char path[LAYER_PATH_MAX];
	int r;

	(void)layer_proc_path(path, at);
	if (*at.name)
		r = lsetxattr(path, x->name, x->value, x->size, x->flags);
	else
		r = setxattr(path, x->name, x->value, x->size, x->flags);
	return r < 0 ? -errno : 0;
}

int upper_chmod(struct at at, mode_t mode)
{
	char path[LAYER_PATH_MAX];
	autofd int fd = -1;

	if (*at.name) {
		fd = openat(at.dir, at.name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			return -errno;
		at = (struct at){ fd, "" };
	} else if (fchmod(at.dir, mode & 07777) == 0) {
		return 0;
	} else if (errno != EBADF) { /* O_PATH */
		return -errno;
	}
	return chmod(layer_proc_path(path, at), mode & 07777) < 0 ? -errno : 0;
}

int upper_mark(struct ovl *fs, struct at at, const struct beside_fact *mark)
{
	struct beside_fact beside = *mark;
	int r = upper_setxattr(at, &(struct ovl_xattr){ mark->key, mark->value, mark->size, 0 });

	if (r != -EOPNOTSUPP && r != -EPERM)
		return r;
	beside.no_xattrs = r == -EOPNOTSUPP;
	beside.now = mark->now && !fs->config.volatile_;
	return beside_set(fs->upper->beside, at, &beside);
}

/* chown clears the set-id bits, so the mode follows it. */
int upper_set_owner(struct ovl *fs, struct at at, const struct stat *want)
{
	if (fchownat(at.dir, at.name, want->st_uid, want->st_gid,
		    AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) < 0) {
		if (!fs->config.single_id || (errno != EINVAL && errno != EPERM))
			return -errno;
		TRY(ids_keep(fs, at, want));
	}
	if (S_ISLNK(want->st_mode))
		return 0;
	return upper_chmod(at, want->st_mode);
}
