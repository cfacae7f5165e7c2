/* SPDX-License-Identifier: Apache-2.0 */
#include "base/kept.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sysmacros.h>

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
