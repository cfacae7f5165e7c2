/* SPDX-License-Identifier: Apache-2.0 */
#include "ids.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/sysmacros.h>

#include "upper.h"

#include "base/own.h"

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

int ids_parse(const char *text, struct stat *st)
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
	st->st_uid = (uid_t)uid;
	st->st_gid = (gid_t)gid;
	st->st_mode = (mode & S_IFMT) ? (mode_t)mode : (st->st_mode & S_IFMT) | (mode_t)mode;
	st->st_rdev = makedev((unsigned)dev_major, (unsigned)dev_minor);
	return 0;
}

int ids_kept(const struct where *where, struct stat *ret)
{
	struct stat kept = *ret;
	char text[128];
	ssize_t n;

	if (!S_ISREG(ret->st_mode) && !S_ISDIR(ret->st_mode))
		return 0; /* user xattrs exist on these two only */
	n = where->layer->ops->getxattr(
		where->layer, where->at, XATTR_STAT, text, sizeof(text) - 1);
	if (n < 0)
		return 0;
	text[n] = '\0';
	if (ids_parse(text, &kept) < 0 || S_ISDIR(ret->st_mode) != S_ISDIR(kept.st_mode))
		return 0; /* a hostile layer: what is on disk counts */
	*ret = kept;
	return 1;
}

void ids_show(const struct where *where, struct stat *st)
{
	struct stat kept = *st;

	if (!ids_kept(where, &kept))
		return;
	st->st_mode = kept.st_mode;
	st->st_rdev = kept.st_rdev;
}

int ids_keep(struct at at, const struct stat *st)
{
	char text[128];
	int n = snprintf(text, sizeof(text), "%u:%u:%o:%u:%u", st->st_uid, st->st_gid, st->st_mode,
		major(st->st_rdev), minor(st->st_rdev));

	return upper_setxattr(at, &(struct ovl_xattr){ XATTR_STAT, text, (size_t)n, 0 });
}
