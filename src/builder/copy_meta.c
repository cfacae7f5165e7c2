/* SPDX-License-Identifier: Apache-2.0 */
#include "builder/copy_meta.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/own.h"
#include "base/xalloc.h"

#define DATABASE_MAX ((size_t)4 << 20)

/* ---- owners ---- */

static bool read_id(const char *text, uint32_t *ret)
{
	uint64_t n = 0;

	if (!*text || strlen(text) > 10)
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return false;
		n = n * 10 + (uint64_t)(*text - '0');
	}
	*ret = (uint32_t)n;
	return n < UINT32_MAX;
}

/* Field `index` of the line of passwd(5) or group(5) text that begins with "name:"; NULL without. */
static char *field_of(const char *text, const char *name, int index)
{
	size_t len = strlen(name);

	for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		if (strncmp(line, name, len) != 0 || line[len] != ':')
			continue;
		for (int i = 0; i < index; i++) {
			line += strcspn(line, ":\n");
			if (*line != ':')
				return NULL;
			line++;
		}
		return xstrndup(line, strcspn(line, ":\n"));
	}
	return NULL;
}

/* An image without the file has no names. */
static int read_database(int root, const char *path, struct buf *out, struct err *err)
{
	struct err none = ERR_INIT;
	autofd int fd = fs_open_in(root, path, O_RDONLY | O_NONBLOCK, 0, &none);
	char part[4096];
	ssize_t n = 0;

	buf_adds(out, "");
	while (fd >= 0 && out->len < DATABASE_MAX && (n = read(fd, part, sizeof(part))) > 0)
		buf_add(out, part, (size_t)n);
	return n < 0 ? err_sys(err, "read the image's %s", path) : 0;
}

static int find_user(
	int root, const char *name, uint32_t *ret_uid, uint32_t *ret_gid, struct err *err)
{
	autobuf struct buf text = BUF_INIT;
	autofree char *uid = NULL, *gid = NULL;

	if (read_id(name, ret_uid)) {
		*ret_gid = *ret_uid;
		return 0;
	}
	TRY(read_database(root, "/etc/passwd", &text, err));
	uid = field_of(text.data, name, 2);
	gid = field_of(text.data, name, 3);
	if (uid && gid && read_id(uid, ret_uid) && read_id(gid, ret_gid))
		return 0;
	if (strcmp(name, "root") == 0) {
		*ret_uid = *ret_gid = 0;
		return 0;
	}
	return err_set(
		err, -ENOENT, "unable to find user %s: no matching entries in passwd file", name);
}

static int find_group(int root, const char *name, uint32_t *ret, struct err *err)
{
	autobuf struct buf text = BUF_INIT;
	autofree char *gid = NULL;

	if (read_id(name, ret))
		return 0;
	TRY(read_database(root, "/etc/group", &text, err));
	gid = field_of(text.data, name, 2);
	if (gid && read_id(gid, ret))
		return 0;
	if (strcmp(name, "root") == 0) {
		*ret = 0;
		return 0;
	}
	return err_set(
		err, -ENOENT, "unable to find group %s: no matching entries in group file", name);
}

int copy_owner(int root, const char *text, uid_t *ret_uid, gid_t *ret_gid, struct err *err)
{
	const char *colon = strchr(text, ':');
	autofree char *user = xstrndup(text, strcspn(text, ":"));
	uint32_t uid = 0, gid = 0;

	if (!*user || (colon && (!colon[1] || strchr(colon + 1, ':'))))
		return err_set(
			err, -EINVAL, "invalid --chown value '%s': it is USER[:GROUP]", text);
	TRY(find_user(root, user, &uid, &gid, err));
	if (colon)
		TRY(find_group(root, colon + 1, &gid, err));
	*ret_uid = uid;
	*ret_gid = gid;
	return 0;
}

/* ---- modes ---- */

struct change {
	mode_t who; /* permission bits of those meant */
	bool is_dir;
};

static mode_t who_bits(const char **p)
{
	mode_t who = 0;

	for (;; ++*p) {
		if (**p == 'u')
			who |= 04700;
		else if (**p == 'g')
			who |= 02070;
		else if (**p == 'o')
			who |= 01007;
		else if (**p == 'a')
			who |= 07777;
		else
			return who ? who : 07777;
	}
}

static bool permission_bits(const char **p, const struct change *c, mode_t mode, mode_t *ret)
{
	for (*ret = 0; **p && !strchr("+-=,", **p); ++*p) {
		if (**p == 'r')
			*ret |= 0444;
		else if (**p == 'w')
			*ret |= 0222;
		else if (**p == 'x' || (**p == 'X' && (c->is_dir || (mode & 0111))))
			*ret |= 0111;
		else if (**p == 's')
			*ret |= 06000;
		else if (**p == 't')
			*ret |= 01000;
		else if (**p != 'X')
			return false;
	}
	*ret &= c->who;
	return true;
}

/* One clause "ug+rw-x". Special bits are kept by "=" unless they are named. */
static bool apply_clause(const char **p, struct change *c, mode_t *mode)
{
	c->who = who_bits(p);
	if (!**p || !strchr("+-=", **p))
		return false;
	while (**p && strchr("+-=", **p)) {
		char op = *(*p)++;
		mode_t bits;

		if (!permission_bits(p, c, *mode, &bits))
			return false;
		if (op == '=')
			*mode &= ~(c->who & 0777);
		if (op == '-')
			*mode &= ~bits;
		else
			*mode |= bits;
	}
	return true;
}

int copy_mode(const char *text, bool is_dir, mode_t mode, mode_t *ret, struct err *err)
{
	struct change c = { .is_dir = is_dir };
	size_t digits = strspn(text, "01234567");
	const char *p = text;
	mode_t result = mode & 07777;

	if (digits > 0 && !text[digits]) {
		unsigned long n = strtoul(text, NULL, 8);

		if (digits > 8 || n > 07777)
			return err_set(err, -EINVAL,
				"invalid chmod parameter: '%s'. it should be octal string and between 0 "
				"and 07777",
				text);
		*ret = (mode_t)n;
		return 0;
	}
	do {
		if (!apply_clause(&p, &c, &result))
			return err_set(err, -EINVAL,
				"invalid chmod parameter: '%s'. it should be octal, or like u=rwX,go=rX",
				text);
	} while (*p == ',' && *++p);
	if (*p)
		return err_set(err, -EINVAL, "invalid chmod parameter: '%s'", text);
	*ret = result;
	return 0;
}
