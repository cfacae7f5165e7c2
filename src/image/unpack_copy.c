/* SPDX-License-Identifier: Apache-2.0 */
#include "image/unpack_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"

#define NAMES_MAX 4096
#define VALUE_MAX 65536
#define BLOCK     262144

bool unpack_no_links(int errnum)
{
	return errnum == EPERM || errnum == EOPNOTSUPP || errnum == ENOSYS;
}

static int copy_attributes(int from, int to, struct err *err)
{
	char names[NAMES_MAX];
	autofree char *value = malloc(VALUE_MAX);
	ssize_t len = flistxattr(from, names, sizeof(names));

	if (!value)
		return err_set(err, -ENOMEM, "out of memory");
	if (len < 0)
		return errno == EOPNOTSUPP ? 0 : err_sys(err, "list attributes");
	for (char *name = names; name < names + len; name += strlen(name) + 1) {
		ssize_t n = fgetxattr(from, name, value, VALUE_MAX);

		if (n < 0 || fsetxattr(to, name, value, (size_t)n, 0) < 0)
			return fs_err(err, to, "copy an attribute");
	}
	return 0;
}

static int copy_contents(int from, int to, struct err *err)
{
	autofree char *block = malloc(BLOCK);

	if (!block)
		return err_set(err, -ENOMEM, "out of memory");
	for (;;) {
		ssize_t n = read(from, block, BLOCK);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? err_sys(err, "read what is linked") : 0;
		TRY(fs_write_all(to, block, (size_t)n, err));
	}
}

int unpack_copy_file(int from, const char *from_name, int dir, const char *name, struct err *err)
{
	autofd int in = openat(from, from_name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	autofd int out = -EBADF;
	struct stat st;

	if (in < 0 || fstat(in, &st) < 0)
		return err_sys(err, "open what is linked");
	if (!S_ISREG(st.st_mode))
		return err_set(err, -EPERM,
			"it is a hard link to something other than a file, and the store's file "
			"system has no hard links");
	out = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (out < 0)
		return fs_err(err, dir, "create it");
	TRY(copy_contents(in, out, err));
	if (fchown(out, st.st_uid, st.st_gid) < 0)
		return err_sys(err, "set the owner");
	TRY(copy_attributes(in, out, err));
	if (fchmod(out, st.st_mode & 07777) < 0 ||
		futimens(out, (struct timespec[2]){ st.st_atim, st.st_mtim }) < 0)
		return err_sys(err, "set mode and time");
	return 0;
}
