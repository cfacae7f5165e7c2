/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Resolves users and groups against the container's files, and becomes them.
 *
 * Invariant: what cannot be understood is refused; no path leads from a bad number or a missing name to
 * uid 0. Damaged lines of passwd and group are skipped, as if they were not there.
 * Does not: consult NSS or the host's files, or check that ids are mapped (user_become() learns it).
 */
#include "process/user.h"

#include <ctype.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/xalloc.h"

#define DB_MAX     (1024 * 1024)
#define MAX_GROUPS NGROUPS_MAX

void user_done(struct user *user)
{
	free(user->groups);
	free(user->home);
	free(user->name);
	*user = (struct user)USER_INIT;
}

static bool all_digits(const char *text)
{
	return *text && text[strspn(text, "0123456789")] == '\0';
}

/* "0x10", "-1", "+5", " 7": what some parser somewhere takes for a number. */
static bool resembles_number(const char *text)
{
	char *end;

	(void)strtoull(text, &end, 0);
	return end != text && *end == '\0';
}

static bool plausible_name(const char *text)
{
	if (*text == '\0' || *text == '-' || *text == '+' || strlen(text) > 255)
		return false;
	for (const unsigned char *p = (const unsigned char *)text; *p; p++)
		if (*p <= ' ' || *p == 0x7f || *p == ':' || *p == ',' || *p == '/')
			return false;
	return true;
}

int user_parse_id(const char *text, uint32_t *ret)
{
	if (all_digits(text)) {
		errno = 0;
		unsigned long long n = strtoull(text, NULL, 10);
		if (errno || n > UINT32_MAX - 1)
			return -EINVAL;
		*ret = (uint32_t)n;
		return 1;
	}
	return !resembles_number(text) && plausible_name(text) ? 0 : -EINVAL;
}

/* Reads an account file of the rootfs into *ret (NUL-terminated, ours). A missing one is "". */
static int read_db(int rootfs, const char *path, char **ret, struct err *err)
{
	struct err why = ERR_INIT;
	struct stat st;
	autofd int fd = fs_open_in(rootfs, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, &why);

	if (fd == -ENOENT || fd == -ENOTDIR) {
		*ret = xstrdup("");
		return 0;
	}
	if (fd < 0) {
		*err = why;
		return err_wrap(err, "the image's %s", path);
	}
	if (fstat(fd, &st) < 0)
		return err_sys(err, "the image's %s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, -EINVAL, "the image's %s is not a regular file", path);
	autofree char *text = xmalloc(DB_MAX + 1);
	size_t len = 0;
	for (;;) {
		ssize_t n = read(fd, text + len, DB_MAX + 1 - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, "read the image's %s", path);
		if (n == 0)
			break;
		len += (size_t)n;
		if (len > DB_MAX)
			return err_set(err, -EFBIG, "the image's %s is larger than 1 MiB", path);
	}
	text[len] = '\0';
	*ret = move_ptr(&text);
	return 0;
}

/* Cuts the next line off *text into fields at ':'; returns their count, 0 at the end. */
static size_t next_entry(char **text, char **field, size_t max)
{
	char *line = strsep(text, "\n");
	size_t n = 0;

	if (!line)
		return 0;
	while (line && n < max)
		field[n++] = strsep(&line, ":");
	return n;
}

struct wanted {
	const char *text; /* as written by the user */
	uint32_t id;      /* valid if numeric */
	bool numeric;
};

static bool is_wanted(const struct wanted *want, const char *name, uint32_t id)
{
	return want->numeric ? want->id == id : strcmp(want->text, name) == 0;
}

static int parse_wanted(const char *text, const char *what, struct wanted *ret, struct err *err)
{
	uint32_t id = 0;
	int r = user_parse_id(text, &id);

	if (r < 0)
		return err_set(err, r,
			"invalid %s '%s': want a name or a number from 0 to 4294967294", what,
			text);
	*ret = (struct wanted){ .text = text, .id = id, .numeric = r == 1 };
	return 0;
}

/* Fills uid, gid, home and name from the first passwd line that fits. */
static int find_user(char *passwd, const struct wanted *want, struct user *user, struct err *err)
{
	char *f[7];
	size_t n;

	while ((n = next_entry(&passwd, f, ARRAY_SIZE(f))) > 0) {
		uint32_t uid, gid;
		if (n < 4 || *f[0] == '\0' || user_parse_id(f[2], &uid) != 1 ||
			user_parse_id(f[3], &gid) != 1 || !is_wanted(want, f[0], uid))
			continue;
		user->uid = uid;
		user->gid = gid;
		user->name = xstrdup(f[0]);
		user->home = xstrdup(n > 5 && *f[5] == '/' ? f[5] : "/");
		return 0;
	}
	if (!want->numeric)
		return err_set(err, -ENOENT,
			"unable to find user %s: no matching entries in passwd file", want->text);
	user->uid = want->id;
	user->home = xstrdup("/");
	return 0;
}

static int add_group(struct user *user, gid_t gid, struct err *err)
{
	for (size_t i = 0; i < user->n_groups; i++)
		if (user->groups[i] == gid)
			return 0;
	if (user->n_groups >= MAX_GROUPS)
		return err_set(err, -E2BIG,
			"the image's /etc/group puts the user into more than %d groups",
			MAX_GROUPS);
	if ((user->n_groups & (user->n_groups - 1)) == 0)
		user->groups = xreallocarray(user->groups, user->n_groups ? user->n_groups * 2 : 1,
			sizeof(*user->groups));
	user->groups[user->n_groups++] = gid;
	return 0;
}

static int find_group(const char *text, const struct wanted *want, gid_t *ret, struct err *err)
{
	autofree char *copy = xstrdup(text);
	char *rest = copy, *f[3];
	size_t n;

	if (want->numeric) { /* a number needs no entry */
		*ret = want->id;
		return 0;
	}
	while ((n = next_entry(&rest, f, ARRAY_SIZE(f))) > 0) {
		uint32_t gid;
		if (n < 3)
			continue;
		f[2][strcspn(f[2], ":")] = '\0';
		if (user_parse_id(f[2], &gid) != 1 || !is_wanted(want, f[0], gid))
			continue;
		*ret = gid;
		return 0;
	}
	return err_set(err, -ENOENT, "unable to find group %s: no matching entries in group file",
		want->text);
}

static bool lists_member(char *members, const char *name)
{
	for (char *m = strsep(&members, ","); m; m = strsep(&members, ","))
		if (strcmp(m, name) == 0)
			return true;
	return false;
}

/* The groups whose member list names the user. */
static int add_memberships(struct user *user, const char *text, struct err *err)
{
	autofree char *copy = xstrdup(text);
	char *rest = copy, *f[4];
	size_t n;

	while (user->name && (n = next_entry(&rest, f, ARRAY_SIZE(f))) > 0) {
		uint32_t gid;
		if (n == 4 && user_parse_id(f[2], &gid) == 1 && lists_member(f[3], user->name))
			TRY(add_group(user, gid, err));
	}
	return 0;
}

static int resolve_groups(int rootfs, const char *group, const struct strv *group_add,
	struct user *user, struct err *err)
{
	autofree char *text = NULL;
	struct wanted want = { 0 };

	TRY(read_db(rootfs, "/etc/group", &text, err));
	if (group) {
		TRY(parse_wanted(group, "group", &want, err));
		TRY(find_group(text, &want, &user->gid, err));
	}
	TRY(add_group(user, user->gid, err));
	if (!group)
		TRY(add_memberships(user, text, err));
	if (!group_add)
		return 0;
	strv_each (extra, group_add) {
		gid_t gid;
		TRY(parse_wanted(*extra, "group", &want, err));
		TRY(find_group(text, &want, &gid, err));
		TRY(add_group(user, gid, err));
	}
	return 0;
}

int user_resolve(int rootfs, const char *spec, const struct strv *group_add, struct user *ret,
	struct err *err)
{
	autouser struct user user = USER_INIT;
	autofree char *name = xstrdup(spec ? spec : "");
	autofree char *passwd = NULL;
	struct wanted want = { 0 };
	char *group = strchr(name, ':');

	if (group)
		*group++ = '\0';
	TRY(parse_wanted(*name ? name : "0", "user", &want, err));
	TRY(read_db(rootfs, "/etc/passwd", &passwd, err));
	TRY(find_user(passwd, &want, &user, err));
	TRY(resolve_groups(rootfs, group, group_add, &user, err));
	*ret = user;
	user = (struct user)USER_INIT;
	return 0;
}

static int explain_id(const char *what, unsigned id, struct err *err)
{
	if (errno != EINVAL)
		return err_sys(err, "become %s %u", what, id);
	return err_set(err, -EINVAL,
		"%s %u has no id on this machine: the container's user namespace does not hold it. "
		"Without root: use an id that is mapped, such as 0. With root: a larger range in "
		"/etc/subuid and /etc/subgid",
		what, id);
}

static bool keeps_groups(const struct user *user, enum keep_groups keep)
{
	return keep == KEEP_GROUPS_ALL ||
	       (keep == KEEP_GROUPS_ALONE && (user->uid == 0 || user->n_groups == 1));
}

int user_become(const struct user *user, enum keep_groups keep, struct err *err)
{
	/* We hold CAP_SETGID here, so EPERM means the namespace has setgroups=deny: one id only. */
	if (!keeps_groups(user, keep) && setgroups(user->n_groups, user->groups) < 0 &&
		errno != EPERM)
		return explain_id("one of the user's groups, group", user->groups[0], err);
	if (setresgid(user->gid, user->gid, user->gid) < 0)
		return explain_id("group", user->gid, err);
	if (setresuid(user->uid, user->uid, user->uid) < 0)
		return explain_id("user", user->uid, err);
	return 0;
}

void user_identity(const struct user *user, struct identity *ret)
{
	size_t n = user->n_groups < IDENTITY_GROUPS ? user->n_groups : IDENTITY_GROUPS;

	identity_init(ret, user->uid, user->gid);
	if (n > 0)
		memcpy(ret->groups, user->groups, n * sizeof(*user->groups));
	ret->n_groups = (uint32_t)n;
}
