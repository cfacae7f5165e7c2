/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owners, modes, extended attributes and times, through descriptors or AT_SYMLINK_NOFOLLOW only.
 * With a single id every file is the caller's on disk: what the archive says otherwise is kept in
 * user.sbx.stat, and set-id bits are kept nowhere else. The process has umask 0.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/kept.h"
#include "base/log.h"
#include "base/own.h"
#include "base/xalloc.h"
#include "image/unpack.h"

#define ID_MAX       4294967294 /* 2^32-1 means "leave as it is" to chown */
#define SET_ID       (S_ISUID | S_ISGID)
#define XATTR_MAX    65536
#define XATTRS_TOTAL 1048576

static bool single(const struct writer *w)
{
	return w->map->kind == IDMAP_SINGLE;
}

static int check_id(
	const struct unpack_entry *e, int64_t id, const char *what, bool mapped, struct err *err)
{
	if (id < 0 || id > ID_MAX)
		return err_set(err, -ERANGE, "%s id %lld is not possible", what, (long long)id);
	if (!mapped)
		return err_id(err, -ERANGE, "E-ID-RANGE",
			"'%.200s' belongs to %s id %lld, which your sub-ids do not reach. With root: give "
			"your account a larger range in /etc/subuid and /etc/subgid. Without: "
			"SBX_USERNS=single keeps owners as metadata",
			e->path, what, (long long)id);
	return 0;
}

static bool has_id(const struct idrange *ranges, unsigned n, int64_t id)
{
	return id >= 0 && id <= ID_MAX && idmap_to_host(ranges, n, (uint32_t)id) != UINT32_MAX;
}

int meta_check_owner(const struct writer *w, const struct unpack_entry *e, struct err *err)
{
	bool uid = single(w) || has_id(w->map->uid, w->map->n_uid, e->uid);
	bool gid = single(w) || has_id(w->map->gid, w->map->n_gid, e->gid);

	TRY(check_id(e, e->uid, "user", uid, err));
	return check_id(e, e->gid, "group", gid, err);
}

static bool owned_by_root(const struct unpack_entry *e)
{
	return e->uid == 0 && e->gid == 0;
}

mode_t meta_create_mode(const struct writer *w, const struct unpack_entry *e)
{
	(void)w;
	return e->mode & 0777;
}

/* Mode bits that creation does not give. */
static mode_t special_bits(const struct writer *w, const struct unpack_entry *e)
{
	mode_t bits = e->mode & 07000;

	if (single(w))
		bits &= ~(mode_t)SET_ID;
	return bits;
}

static bool needs_stat(const struct writer *w, const struct unpack_entry *e)
{
	return single(w) && (!owned_by_root(e) || (e->mode & SET_ID));
}

static bool needs_chown(const struct writer *w, const struct unpack_entry *e)
{
	return !single(w) && (!owned_by_root(e) || w->setgid);
}

bool meta_needs_fd(const struct writer *w, const struct unpack_entry *e)
{
	return needs_chown(w, e) || special_bits(w, e) || needs_stat(w, e) || e->n_xattrs > 0;
}

static int keep_stat(struct writer *w, const struct unpack_entry *e, int fd, struct err *err)
{
	char text[64];
	int n = snprintf(text, sizeof(text), "%lld:%lld:%o:0:0", (long long)e->uid,
		(long long)e->gid, (unsigned)e->mode & 07777);

	if (fsetxattr(fd, KEPT_XATTR, text, (size_t)n, 0) == 0)
		return 0;
	if (errno != EOPNOTSUPP)
		return fs_err(err, fd, "keep an owner as extended attribute");
	if (!w->warned_owner)
		log_msg(LOG_WARN,
			"the image store's file system has no extended attributes: the owners "
			"of files in the image are lost (first: %.200s)",
			e->path);
	w->warned_owner = true;
	return 0;
}

/* NFS servers, for one, ask who the caller is on the host, and let nobody give files away. */
static int not_given(struct err *err)
{
	if (errno != EPERM)
		return err_sys(err, "set the owner");
	return err_id(err, -EPERM, "E-STORE-OWNERS",
		"the store's file system does not let files be given to subordinate ids, as NFS does "
		"not. Without root: SBX_USERNS=single keeps owners as metadata, or put the store on a local "
		"disk: sbx --root DIR, or SBX_ROOT. With root: give the user a folder on a local disk");
}

/* A directory that an earlier entry gave to somebody else. */
int meta_reset_owner(struct writer *w, const struct unpack_entry *e, int fd, struct err *err)
{
	if (!single(w))
		return fchown(fd, (uid_t)e->uid, (gid_t)e->gid) < 0 ? not_given(err) : 0;
	if (fremovexattr(fd, KEPT_XATTR) < 0 && errno != ENODATA && errno != EOPNOTSUPP)
		return err_sys(err, "forget an owner");
	return 0;
}

/* Attributes that steer an overlay, ours or another's, are never taken from an archive. */
static bool wanted_xattr(const char *name)
{
	static const char *const forged[] = { "user.overlay.", "user.fuseoverlayfs.",
		"user.containers.", "user.sbx." };

	if (strcmp(name, "security.capability") == 0)
		return true;
	if (strncmp(name, "user.", 5) != 0 || strlen(name) > 255)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(forged); i++) {
		if (strncmp(name, forged[i], strlen(forged[i])) == 0)
			return false;
	}
	return true;
}

static void warn_xattr(struct writer *w, const struct unpack_entry *e, const char *name)
{
	if (!w->warned_xattr)
		log_msg(LOG_WARN,
			"extended attributes of the image that cannot be kept here are "
			"dropped (first: %s of %.200s: %s)",
			name, e->path, strerror(errno));
	w->warned_xattr = true;
}

static int set_xattrs(struct writer *w, const struct unpack_entry *e, int fd, struct err *err)
{
	size_t total = 0;

	for (size_t i = 0; i < e->n_xattrs; i++) {
		const struct unpack_xattr *x = &e->xattrs[i];

		total += x->len;
		if (x->len > XATTR_MAX || total > XATTRS_TOTAL)
			return err_set(err, -E2BIG, "the extended attributes are too large");
		if (!wanted_xattr(x->name) || fsetxattr(fd, x->name, x->value, x->len, 0) == 0)
			continue;
		if (errno == EDQUOT || errno == EIO)
			return fs_err(err, fd, "set an extended attribute");
		warn_xattr(w, e, x->name); /* ENOSPC here is the file system's limit per file */
	}
	return 0;
}

int meta_apply_fd(struct writer *w, const struct unpack_entry *e, int fd, struct err *err)
{
	mode_t special = special_bits(w, e);

	if (needs_chown(w, e) && fchown(fd, (uid_t)e->uid, (gid_t)e->gid) < 0)
		return not_given(err);
	if ((special || needs_chown(w, e)) && fchmod(fd, special | (e->mode & 0777)) < 0)
		return err_sys(err, "set the mode");
	if (needs_stat(w, e))
		TRY(keep_stat(w, e, fd, err));
	return set_xattrs(w, e, fd, err);
}

static struct timespec clamped(struct timespec t)
{
	if (t.tv_nsec < 0 || t.tv_nsec > 999999999)
		t.tv_nsec = 0;
	return t;
}

int meta_apply_at(
	struct writer *w, const struct unpack_entry *e, int dir, const char *name, struct err *err)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, clamped(e->mtime) };

	if (needs_chown(w, e) &&
		fchownat(dir, name, (uid_t)e->uid, (gid_t)e->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return not_given(err);
	if (utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(err, "set the time");
	return 0;
}

void meta_note_dir(struct writer *w, const char *path, struct timespec mtime)
{
	if (w->n_dirs == w->cap_dirs) {
		w->cap_dirs = w->cap_dirs ? 2 * w->cap_dirs : 64;
		w->dirs = xreallocarray(w->dirs, w->cap_dirs, sizeof(*w->dirs));
	}
	w->dirs[w->n_dirs++] = (struct dir_time){ .path = xstrdup(path), .mtime = mtime };
}

void meta_note_done(struct writer *w)
{
	for (size_t i = 0; i < w->n_dirs; i++)
		free(w->dirs[i].path);
	free(w->dirs);
	w->dirs = NULL;
	w->n_dirs = w->cap_dirs = 0;
}

/* A directory that a later entry replaced is looked up anew and is no directory any more. */
static int one_dir_time(struct writer *w, const struct dir_time *d, struct err *err)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, clamped(d->mtime) };
	const char *base = "";
	struct stat st;
	int dir;

	if (!d->path[0])
		return futimens(w->root, times) < 0 ? err_sys(err, "set the time of the root") : 0;
	dir = walk_parent(&w->walk, d->path, false, &base, err);
	if (dir == -ENOENT || dir == -ENOTDIR)
		return 0;
	TRY(dir);
	if (fstatat(dir, base, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode))
		return 0;
	if (utimensat(dir, base, times, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(err, "set the time of '%.200s'", d->path);
	return 0;
}

int meta_dir_times(struct writer *w, struct err *err)
{
	for (size_t i = 0; i < w->n_dirs; i++)
		TRY(one_dir_time(w, &w->dirs[i], err));
	return 0;
}
