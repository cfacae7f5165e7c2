/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who the container's user will be, before there is a container: the map of ids has to be known first.
 * A guess by the image alone; what the container itself has in /etc/passwd decides in the end, and if the
 * two differ nothing is lost but the convenience that was planned for.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/xalloc.h"
#include "process/process.h"
#include "process/user.h"

/* The uppermost layer with the file. A whiteout or anything else odd in its place: nobody knows. */
static int open_layer_with(const struct strv *layers, const char *file, struct err *err)
{
	for (size_t i = layers->n; i-- > 0;) {
		autofd int layer = open(layers->v[i], O_PATH | O_DIRECTORY | O_CLOEXEC);
		autofd int fd = layer < 0 ? -EBADF
					  : fs_open_in(layer, file, O_PATH | O_NOFOLLOW, 0, err);
		struct stat st;

		if (layer < 0)
			return err_sys(err, "open '%s'", layers->v[i]);
		if (fd == -ENOENT || fd == -ENOTDIR)
			continue;
		if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
			break;
		return move_fd(&layer);
	}
	return err_set(err, -ENOENT, "the image has no readable %s", file);
}

/* "1000" or "1000:100": no file has to be asked for the user, nor for the group. */
static bool all_numbers(const char *spec, struct idpair *ret)
{
	size_t len = strcspn(spec, ":");
	autofree char *user = xstrndup(spec, len);

	ret->gid = 0;
	return user_parse_id(user, &ret->uid) == 1 &&
	       (!spec[len] || user_parse_id(spec + len + 1, &ret->gid) == 1);
}

int process_find_user(
	const struct strv *layers, const char *spec, struct idpair *ret, struct err *err)
{
	autouser struct user user = USER_INIT;
	struct idpair numbers;
	bool numeric = spec && all_numbers(spec, &numbers);
	autofd int layer = -EBADF;

	if (!spec || !*spec || (numeric && strchr(spec, ':'))) {
		*ret = spec && *spec ? numbers : (struct idpair){ 0, 0 };
		return 0;
	}
	layer = open_layer_with(layers, "/etc/passwd", err);
	if (layer == -ENOENT && numeric) {
		*ret = numbers;
		return 0;
	}
	TRY(layer);
	TRY(user_resolve(layer, spec, NULL, &user, err));
	*ret = (struct idpair){ user.uid, user.gid };
	return 0;
}
