/* SPDX-License-Identifier: Apache-2.0 */
/* Which subordinate ids the caller has (subuid(5), subgid(5)), and the map that follows. */
#include "base/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/passwd.h"
#include "base/spawn.h"
#include "base/sys.h"

#define SUBID_FILE_MAX (8u << 20)
#define RANGES_MAX     7u    /* leaves room in a map for the caller, and for idmap_keep() */
#define RANGE_USEFUL   1000u /* a range that cannot even hold system users is of no use */

static int parse_number(const char *s, const char *end, uint32_t *ret)
{
	uint64_t n = 0;

	if (s == end)
		return -EINVAL;
	for (; s < end; s++) {
		if (*s < '0' || *s > '9')
			return -EINVAL;
		n = n * 10 + (uint64_t)(*s - '0');
		if (n > UINT32_MAX)
			return -ERANGE;
	}
	*ret = (uint32_t)n;
	return 0;
}

/* "name:first:count" → range; 1 when it is another user's line. */
static int parse_line(
	const char *line, const char *end, const char *name, uid_t id, struct idrange *ret)
{
	const char *one = memchr(line, ':', (size_t)(end - line));
	const char *two = one ? memchr(one + 1, ':', (size_t)(end - one - 1)) : NULL;
	uint32_t owner;
	bool ours;

	if (line == end || *line == '#')
		return 1;
	if (!two)
		return -EINVAL;
	ours = strlen(name) == (size_t)(one - line) && strncmp(line, name, strlen(name)) == 0;
	if (!ours && !(parse_number(line, one, &owner) == 0 && owner == id))
		return 1;
	if (parse_number(one + 1, two, &ret->outside) < 0 ||
		parse_number(two + 1, end, &ret->count) < 0)
		return -EINVAL;
	if (ret->count == 0)
		return 1;
	if (ret->outside > UINT32_MAX - ret->count)
		return -ERANGE;
	return 0;
}

static int by_count(const void *a, const void *b)
{
	const struct idrange *x = a, *y = b;

	return x->count == y->count ? 0 : x->count < y->count ? 1 : -1;
}

int idmap_parse_subid(const char *text, const char *name, uid_t id, struct idrange *ret,
	unsigned max, struct err *err)
{
	unsigned n = 0, lineno = 0;

	for (const char *line = text; *line;) {
		const char *end = line + strcspn(line, "\n");
		struct idrange range = { 0 };
		int r = parse_line(line, end, name, id, &range);

		lineno++;
		if (r < 0)
			return err_set(err, r, "line %u is not NAME:FIRST:COUNT: '%.*s'", lineno,
				(int)(end - line > 80 ? 80 : end - line), line);
		for (unsigned i = 0; r == 0 && i < n; i++)
			if (range.outside < ret[i].outside + ret[i].count &&
				ret[i].outside < range.outside + range.count)
				return err_set(err, -EINVAL,
					"line %u overlaps an earlier range of %s", lineno, name);
		if (r == 0 && n < max)
			ret[n++] = range;
		line = *end ? end + 1 : end;
	}
	qsort(ret, n, sizeof(*ret), by_count);
	return (int)n;
}

/* Does nsswitch.conf(5) send subordinate ids elsewhere than to the files? A "subid:" line, shadow's
 * libsubid reads no other. Without one getsubids would only repeat the files, in two more processes. */
static bool other_sources(void)
{
	autofree char *text = NULL;
	struct err ignored;

	if (fs_read_at(AT_FDCWD, "/etc/nsswitch.conf", 65536, &text, NULL, &ignored) < 0)
		return false;
	return strncmp(text, "subid:", 6) == 0 || strstr(text, "\nsubid:");
}

/* getsubids(1) knows ranges from LDAP and SSSD that the files do not show. */
static int ask_getsubids(bool group, const char *name, struct idrange *ret, unsigned max)
{
	const char *argv_uid[] = { "getsubids", name, NULL },
		   *argv_gid[] = { "getsubids", "-g", name, NULL };
	autofd int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	struct spawn_fd fds[] = { { .from = null, .to = STDERR_FILENO } };
	struct spawn spawn = { .path = "/usr/bin/getsubids",
		.argv = (char *const *)(group ? argv_gid : argv_uid),
		.fds = fds, /* it complains about users without ranges; our notice says it better */
		.n_fds = null >= 0 };
	autofree char *out = NULL;
	struct err ignored;
	unsigned n = 0;

	if (!other_sources() || access(spawn.path, X_OK) < 0 ||
		spawn_capture(&spawn, 65536, &out, &ignored) != 0)
		return 0;
	for (char *line = out; line && *line && n < max;) { /* "0: NAME FIRST COUNT" */
		unsigned long first, count;
		char *next = strchr(line, '\n');
		char *number = strchr(line, ':');

		number = number ? strchr(number + 2, ' ') : NULL;
		if (number && sscanf(number, "%lu %lu", &first, &count) == 2 && count > 0 &&
			first + count <= UINT32_MAX)
			ret[n++] = (struct idrange){ .outside = (uint32_t)first,
				.count = (uint32_t)count };
		line = next ? next + 1 : NULL;
	}
	return (int)n;
}

static int ranges_of(
	bool group, const char *name, uid_t uid, struct idrange *ret, unsigned max, struct err *err)
{
	const char *path = group ? "/etc/subgid" : "/etc/subuid";
	autofree char *text = NULL;
	int n = 0;

	if (fs_read_at(AT_FDCWD, path, SUBID_FILE_MAX, &text, NULL, err) == 0) {
		n = idmap_parse_subid(text, name, uid, ret, max, err);
		if (n < 0)
			return err_wrap(err, "%s", path);
	}
	return n > 0 ? n : ask_getsubids(group, name, ret, max);
}

/* setuid root, or the file capability that replaces it on Fedora. */
static bool can_write_maps(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return false;
	return (st.st_uid == 0 && st.st_mode & S_ISUID) ||
	       getxattr(path, "security.capability", NULL, 0) > 0;
}

/* Container 0 = caller, then the ranges one after the other. */
static void chain(struct idrange *ranges, unsigned *n, uint32_t caller, unsigned found)
{
	uint32_t inside = 1;

	memmove(ranges + 1, ranges, found * sizeof(*ranges));
	ranges[0] = (struct idrange){ .inside = 0, .outside = caller, .count = 1 };
	for (unsigned i = 1; i <= found; i++) {
		ranges[i].inside = inside;
		inside += ranges[i].count;
	}
	*n = found + 1;
}

static void single(struct idmap *map, uid_t uid, gid_t gid)
{
	map->kind = IDMAP_SINGLE;
	map->uid[0] = (struct idrange){ .outside = uid, .count = 1 };
	map->gid[0] = (struct idrange){ .outside = gid, .count = 1 };
	map->n_uid = map->n_gid = 1;
}

/* Each extent of a map of /proc/self (user_namespaces(7)) onto itself: the kernel wants an extent of a new map to
 * lie within one of the old. */
static unsigned own_extents(const char *path, struct idrange *ranges)
{
	autofree char *text = NULL;
	struct err none = ERR_INIT;
	unsigned n = 0, inside, outside, count;
	int used;

	if (fs_read_at(AT_FDCWD, path, SUBID_FILE_MAX, &text, NULL, &none) < 0)
		return 0;
	for (const char *line = text;
		n < RANGES_MAX && sscanf(line, "%u %u %u%n", &inside, &outside, &count, &used) == 3;
		line += used)
		ranges[n++] = (struct idrange){ inside, inside, count };
	return n;
}

/* user_namespaces(7): what writing more than one's own id into a map takes, 0 among them. */
static bool may_map_all(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct caps[2];
	const uint32_t wanted = 1u << CAP_SETUID | 1u << CAP_SETGID | 1u << CAP_SETFCAP;

	return sys_capget(&head, caps) == 0 && (caps[0].effective & wanted) == wanted;
}

/* Root without a range of its own: the ids are what they are, as under Docker. Inside another user namespace, as that
 * of an outer container, only what is mapped there can be mapped again. */
static void whole(struct idmap *map)
{
	map->n_uid = own_extents("/proc/self/uid_map", map->uid);
	map->n_gid = own_extents("/proc/self/gid_map", map->gid);
	if (map->n_gid > 0 && (map->n_uid > 1 || (map->n_uid == 1 && map->uid[0].count > 1)) &&
		may_map_all())
		return;
	single(map, 0, getegid());
	(void)snprintf(map->notice, sizeof(map->notice),
		"I-SUBID-NONE: root has no other ids to give here: running with one id, other owners are kept as "
		"metadata. Nothing to do; outer containers give more with their own ids and CAP_SETUID, "
		"CAP_SETGID and CAP_SETFCAP");
}

/* True when the notice was filled: the ranges are of no use. */
static bool useless(struct idmap *map, const char *name, int n_uid, int n_gid)
{
	const char *bad = !can_write_maps("/usr/bin/newuidmap")   ? "/usr/bin/newuidmap"
			  : !can_write_maps("/usr/bin/newgidmap") ? "/usr/bin/newgidmap"
								  : NULL;

	if (n_uid <= 0 || n_gid <= 0)
		(void)snprintf(map->notice, sizeof(map->notice),
			"I-SUBID-NONE: no sub-%s for %s: running with one id, other owners are kept as "
			"metadata. Nothing to do; with root: usermod --add-sub%ss 100000-165535 %s",
			n_uid <= 0 ? "uids" : "gids", name, n_uid <= 0 ? "uid" : "gid", name);
	else if (map->uid[0].count < RANGE_USEFUL || map->gid[0].count < RANGE_USEFUL)
		(void)snprintf(map->notice, sizeof(map->notice),
			"W-SUBID-SMALL: a range of %u ids in /etc/subuid is of no use (65536 wanted): "
			"running with one id. With root: usermod --add-subuids 100000-165535 %s",
			map->uid[0].count < map->gid[0].count ? map->uid[0].count
							      : map->gid[0].count,
			name);
	else if (bad)
		(void)snprintf(map->notice, sizeof(map->notice),
			"W-NEWUIDMAP: %s is %s: running with one id. With root: %s", bad,
			access(bad, F_OK) < 0 ? "not installed"
					      : "neither setuid nor has file capabilities",
			access(bad, F_OK) < 0 ? "apt-get install uidmap" : "chmod u+s it");
	return map->notice[0] != '\0';
}

int idmap_detect(struct idmap *ret, struct err *err)
{
	const char *wish = getenv("SBX_USERNS");
	uid_t uid = geteuid();
	gid_t gid = getegid();
	autopasswd struct passwd_entry user = { 0 };
	char name[256];
	int n_uid, n_gid;

	*ret = (struct idmap){ 0 };
	if (wish && strcmp(wish, "single") == 0) {
		single(ret, uid, gid);
		return 0;
	}
	if (passwd_lookup(uid, &user, err) < 0)
		(void)snprintf(
			name, sizeof(name), "%u", (unsigned)uid); /* ranges may name numbers */
	else
		(void)snprintf(name, sizeof(name), "%s", user.name);
	n_uid = ranges_of(false, name, uid, ret->uid, RANGES_MAX, err);
	if (n_uid < 0)
		return n_uid;
	n_gid = ranges_of(true, name, uid, ret->gid, RANGES_MAX, err);
	if (n_gid < 0)
		return n_gid;
	if (uid == 0) {
		ret->kind = IDMAP_ROOT;
		if (n_uid == 0 || n_gid == 0) {
			whole(ret);
			return 0;
		}
	} else if (useless(ret, name, n_uid, n_gid)) {
		single(ret, uid, gid);
		return 0;
	} else {
		ret->kind = IDMAP_SUBID;
	}
	chain(ret->uid, &ret->n_uid, uid, (unsigned)n_uid);
	chain(ret->gid, &ret->n_gid, gid, (unsigned)n_gid);
	return 0;
}

uint32_t idmap_to_host(const struct idrange *ranges, unsigned n, uint32_t inside)
{
	for (unsigned i = 0; i < n; i++)
		if (inside >= ranges[i].inside && inside - ranges[i].inside < ranges[i].count)
			return ranges[i].outside + (inside - ranges[i].inside);
	return UINT32_MAX;
}

uint32_t idmap_to_inside(const struct idrange *ranges, unsigned n, uint32_t outside)
{
	for (unsigned i = 0; i < n; i++)
		if (outside >= ranges[i].outside && outside - ranges[i].outside < ranges[i].count)
			return ranges[i].inside + (outside - ranges[i].outside);
	return UINT32_MAX;
}
