/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a file system did not take of a file's owner, mode and device, as text beside it: the xattr
 * user.sbx.stat holds "uid:gid:mode:major:minor" (mode octal, all else decimal; a mode without type bits
 * has the type of the object). Written by the unpacker and the overlay, read also when packing.
 */
#ifndef SBX_BASE_KEPT_H
#define SBX_BASE_KEPT_H

#include <sys/stat.h>

#define KEPT_XATTR "user.sbx.stat"
/* Who is said to own a file since: "uid:gid". It comes before what was kept. */
#define OWNER_XATTR "user.sbx.owner"
#define KEPT_MAX    64 /* bytes of the text with its end */

/* *st is the object's own stat. -EINVAL, and *st as it was, for nonsense and for what would make a
 * directory of another object or the other way round. */
int kept_parse(const char *text, struct stat *st);

/* Returns the length. */
int kept_format(char ret[KEPT_MAX], const struct stat *st);

#define KEPT_TEXT 128 /* room for either xattr */

/* What the values of the two xattrs, NULL where there is none, say replaces that in *st; but a mode that has been
 * changed since is what it is now: *st is the object's own stat. Pure. */
void kept_apply(const char *kept, const char *owner, struct stat *st);

/* What both of them say of an open file, not O_PATH, is applied to *st, its own stat. */
void kept_read(int fd, struct stat *st);

/* Notes who owns it. */
int kept_own(int fd, uid_t uid, gid_t gid);

#endif
