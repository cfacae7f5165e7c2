/* SPDX-License-Identifier: Apache-2.0 */
#include "ids.h"

#include <errno.h>

#include "upper.h"

#include "base/kept.h"
#include "base/own.h"

bool ids_has_own(mode_t mode)
{
	return S_ISREG(mode) || S_ISDIR(mode);
}

int ids_kept(const struct where *where, struct stat *ret)
{
	struct stat kept = *ret;
	char text[128];
	ssize_t n;

	if (!ids_has_own(ret->st_mode) && !where->layer->beside)
		return 0;
	n = beside_getxattr(where->layer, where->at, KEPT_XATTR, text, sizeof(text) - 1);
	if (n < 0)
		return 0;
	text[n] = '\0';
	if (kept_parse(text, &kept) < 0)
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

int ids_keep(struct ovl *fs, struct at at, const struct stat *st)
{
	char text[KEPT_MAX];
	int n = kept_format(text, st);
	int r = upper_mark(fs, at, &(struct beside_fact){ KEPT_XATTR, text, (size_t)n });

	/* links and the like stay the caller's where they have no place */
	return r == -EOPNOTSUPP && !ids_has_own(st->st_mode) ? 0 : r;
}
