/* SPDX-License-Identifier: Apache-2.0 */
#include "base/kept.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "base/own.h"

#define KEPT_ON_DISK 01777 /* of the mode; set-id bits are only kept */

static int number(const char **text, int base, char end, unsigned long long *ret)
{
	char *rest;

	if (**text < '0' || **text > '9')
		return -EINVAL;
	errno = 0;
	*ret = strtoull(*text, &rest, base);
	if (errno || *rest != end)
		return -EINVAL;
	*text = rest + (end != '\0');
	return 0;
}

int kept_parse(const char *text, struct stat *st)
{
	unsigned long long uid, gid, mode, dev_major, dev_minor;

	TRY(number(&text, 10, ':', &uid));
	TRY(number(&text, 10, ':', &gid));
	TRY(number(&text, 8, ':', &mode));
	TRY(number(&text, 10, ':', &dev_major));
	TRY(number(&text, 10, '\0', &dev_minor));
	if (uid >= UINT32_MAX || gid >= UINT32_MAX || mode > 0177777 || dev_major > UINT32_MAX ||
		dev_minor > UINT32_MAX)
		return -EINVAL;
	if (!(mode & S_IFMT))
		mode |= st->st_mode & S_IFMT;
	if (S_ISDIR(st->st_mode) != S_ISDIR((mode_t)mode))
		return -EINVAL;
	st->st_uid = (uid_t)uid;
	st->st_gid = (gid_t)gid;
	st->st_mode = (mode_t)mode;
	st->st_rdev = makedev((unsigned)dev_major, (unsigned)dev_minor);
	return 0;
}

int kept_format(char ret[KEPT_MAX], const struct stat *st)
{
	return snprintf(ret, KEPT_MAX, "%u:%u:%o:%u:%u", st->st_uid, st->st_gid, st->st_mode,
		major(st->st_rdev), minor(st->st_rdev));
}

/* chmod(2) changes the object, and nothing kept beside it. */
static bool has_been_changed(mode_t now, mode_t kept)
{
	return ((now ^ kept) & S_IFMT) == 0 && ((now ^ kept) & KEPT_ON_DISK) != 0;
}

void kept_apply(const char *text, const char *owner, struct stat *st)
{
	struct stat kept = *st;
	unsigned uid, gid;

	if (text && kept_parse(text, &kept) == 0) {
		if (has_been_changed(st->st_mode, kept.st_mode))
			kept.st_mode = st->st_mode;
		*st = kept;
	}
	if (owner && sscanf(owner, "%u:%u", &uid, &gid) == 2) {
		st->st_uid = uid;
		st->st_gid = gid;
	}
}

void kept_read(int fd, struct stat *st)
{
	char text[KEPT_TEXT], owner[KEPT_TEXT];
	ssize_t n = fgetxattr(fd, KEPT_XATTR, text, sizeof(text) - 1);
	ssize_t m = fgetxattr(fd, OWNER_XATTR, owner, sizeof(owner) - 1);

	text[n < 0 ? 0 : n] = owner[m < 0 ? 0 : m] = '\0';
	kept_apply(n < 0 ? NULL : text, m < 0 ? NULL : owner, st);
}

int kept_own(int fd, uid_t uid, gid_t gid)
{
	char text[KEPT_MAX];
	int n = snprintf(text, sizeof(text), "%u:%u", (unsigned)uid, (unsigned)gid);

	return fsetxattr(fd, OWNER_XATTR, text, (size_t)n, 0) < 0 ? -errno : 0;
}
