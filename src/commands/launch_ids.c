/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which ids a container has. As a rule its root is the caller, and whatever its other users make on a bind
 * mount belongs to subordinate ids. When a container with a bind mount runs as one other user for good
 * (USER of the image, -u), that user is made the caller instead, so that its files are the caller's;
 * --userns=keep-id asks for the same by name. docs/mounts.md says when and what else changes.
 *
 * What has been decided is on record and stays: a container is started again as it was.
 */
#include "commands/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"
#include "base/passwd.h"
#include "base/xalloc.h"

#define KEEP_GROUPS "keep-groups"

/* ---- the caller's groups ---- */

static bool has_bind(const struct run_opts *opts)
{
	for (size_t i = 0; i < opts->n_volumes; i++)
		if (opts->volumes[i].type == VOLUME_BIND)
			return true;
	return false;
}

static int plan_groups(struct launch *launch, struct err *err)
{
	struct run_opts *opts = &launch->opts;
	gid_t groups[NGROUPS_MAX];
	int n = getgroups(NGROUPS_MAX, groups);

	launch->keep_groups = KEEP_GROUPS_NOT;
	if (strv_has(&opts->group_add, KEEP_GROUPS)) {
		if (opts->group_add.n > 1)
			return err_exit(err, (err_set(err, -EINVAL,
						      "--group-add " KEEP_GROUPS
						      " keeps your own groups, and then no "
						      "other group can be added"),
						     125));
		launch->keep_groups = KEEP_GROUPS_ALL;
		return 0;
	}
	if (n < 0)
		return err_sys(err, "getgroups");
	if (has_bind(opts) && (n > 1 || (n == 1 && groups[0] != getegid())))
		launch->keep_groups = KEEP_GROUPS_ALONE;
	return 0;
}

/* ---- keep-id ---- */

/* Volumes outlive the container and are used by others: the owners in them must mean the same to all. */
static bool has_volume(const struct launch *launch)
{
	const struct run_opts *opts = &launch->opts;

	for (size_t i = 0; i < opts->n_volumes; i++)
		if (opts->volumes[i].type == VOLUME_NAMED ||
			opts->volumes[i].type == VOLUME_ANONYMOUS)
			return true;
	strv_each (path, &launch->image.volumes) {
		bool covered = false;

		for (size_t i = 0; i < opts->n_volumes; i++)
			covered |= strcmp(opts->volumes[i].destination, *path) == 0;
		if (!covered)
			return true;
	}
	return false;
}

static bool fuse_is_possible(const struct launch *launch)
{
	return strcmp(launch->globals->storage_driver, "overlay") != 0 &&
	       access("/dev/fuse", R_OK | W_OK) == 0;
}

/* With a single id any other user than the caller is impossible, so the one there is becomes the caller. */
static bool wants_keep(const struct launch *launch, struct idpair user)
{
	if (user.uid == 0 || launch->opts.userns)
		return false;
	if (launch->idmap.kind == IDMAP_SINGLE)
		return true;
	return launch->idmap.kind == IDMAP_SUBID && has_bind(&launch->opts) &&
	       !has_volume(launch) && fuse_is_possible(launch);
}

static int apply_keep(struct launch *launch, struct idpair inside, struct err *err)
{
	struct idmap kept;

	TRY(idmap_keep(&launch->idmap, inside, &kept, &launch->stored, err));
	launch->idmap = kept;
	launch->kept = inside;
	launch->keeps = true;
	if (kept.kind == IDMAP_SINGLE || inside.uid + inside.gid == 0)
		return 0; /* all owners are one: nothing to translate */
	if (strcmp(launch->globals->storage_driver, "overlay") == 0)
		return err_set(err, -EINVAL,
			"--userns=keep-id needs the fuse driver, which can show the image's owners under "
			"other ids: leave --storage-driver overlay out");
	launch->driver = DRIVER_FUSE;
	return 0;
}

/* "keep-id", "keep-id:uid=1000,gid=1000"; checked when it was parsed. */
static int keep_asked(struct launch *launch, struct err *err)
{
	const char *options = strchr(launch->opts.userns, ':');
	struct idpair inside = { getuid(), getgid() };
	autopasswd struct passwd_entry caller = { 0 };
	struct err unknown;
	const char *name = "user";

	for (const char *p = options; p && *p; p = strchr(p + 1, ',')) {
		if (strncmp(p + 1, "uid=", 4) == 0)
			inside.uid = (uint32_t)strtoul(p + 5, NULL, 10);
		else
			inside.gid = (uint32_t)strtoul(p + 5, NULL, 10);
	}
	TRY(apply_keep(launch, inside, err));
	if (passwd_lookup(getuid(), &caller, &unknown) >= 0)
		name = caller.name;
	if (!launch->opts.user) {
		launch->as_user = xasprintf("%u:%u", inside.uid, inside.gid);
		launch->passwd_line = xasprintf(
			"%s:x:%u:%u:%s:/:/bin/sh\n", name, inside.uid, inside.gid, name);
	}
	return 0;
}

/* The record of a container that has been made, or whose network is shared: its user namespace is used. */
static int keep_as_recorded(struct launch *launch, const struct json *config, struct err *err)
{
	const struct json *record = json_get(config, "keepId");
	struct idpair inside = { (uint32_t)json_int(json_get(record, "uid"), 0),
		(uint32_t)json_int(json_get(record, "gid"), 0) };

	return record ? apply_keep(launch, inside, err) : 0;
}

static int keep_as_sharer(struct launch *launch, struct err *err)
{
	autocontainer struct container other = CONTAINER_INIT;

	TRY(state_open(launch->globals, launch->opts.network + strlen("container:"), &other, err));
	return keep_as_recorded(launch, other.config, err);
}

/* ---- squash ---- */

/* Sockets and devices cannot be served; whoever binds one wants the thing itself. */
static bool can_squash(const struct volume *volume)
{
	struct stat st;

	return volume->type == VOLUME_BIND && !volume->slave &&
	       (stat(volume->source, &st) < 0 || S_ISDIR(st.st_mode) || S_ISREG(st.st_mode));
}

/* Where keep-id is not possible for one user who is not root, the binds are squashed instead. */
static void squash_if_wanted(struct launch *launch, struct idpair user)
{
	struct run_opts *opts = &launch->opts;

	if (launch->keeps || user.uid == 0 || opts->userns || launch->idmap.kind != IDMAP_SUBID ||
		access("/dev/fuse", R_OK | W_OK) < 0)
		return;
	for (size_t i = 0; i < opts->n_volumes; i++)
		if (can_squash(&opts->volumes[i]))
			opts->volumes[i].squash = true;
}

static int keep_if_wanted(struct launch *launch, struct idpair user, struct err *err)
{
	return wants_keep(launch, user) ? apply_keep(launch, user, err) : 0;
}

/* Somebody that only the container's own files know: as if it were root, nothing is wished. */
static struct idpair find_user(const struct launch *launch)
{
	const char *user = launch->opts.user ? launch->opts.user : launch->image.user;
	struct idpair found = { 0, 0 };
	struct err unknown = ERR_INIT;

	(void)process_find_user(&launch->image.layers, user, &found, &unknown);
	return found;
}

static int decide_keep(struct launch *launch, struct err *err)
{
	const char *network = launch->opts.network ? launch->opts.network : "";

	if (launch->opts.userns && strncmp(launch->opts.userns, "keep-id", 7) == 0)
		return keep_asked(launch, err);
	if (strncmp(network, "container:", strlen("container:")) == 0)
		return keep_as_sharer(launch, err);
	if (launch->container.config)
		return keep_as_recorded(launch, launch->container.config, err);
	return keep_if_wanted(launch, launch->squash_owner, err);
}

/* ---- --rootfs ---- */

/* A directory of somebody whose id the container does not have. Only the two that sbx itself writes to are looked at. */
static bool is_foreign(const struct launch *launch, uid_t *ret_owner)
{
	static const char *const places[] = { "", "etc" };
	const struct idmap *map = &launch->idmap;
	const char *root = launch->image.layers.v[0];
	struct stat st;

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		autofree char *path = xasprintf("%s/%s", root, places[i]);

		if (lstat(path, &st) < 0 ||
			idmap_to_inside(map->uid, map->n_uid, st.st_uid) != UINT32_MAX)
			continue;
		*ret_owner = st.st_uid;
		return true;
	}
	return false;
}

/* The kernel's overlay cannot copy up what belongs to nobody (EOVERFLOW); the built-in one shows it as 65534's, an
 * id that a single one does not have either. */
static int serve_foreign_root(struct launch *launch, struct err *err)
{
	const char *root = launch->image.layers.n == 1 ? launch->image.layers.v[0] : NULL;
	uid_t owner = 0;
	bool alone = launch->idmap.kind == IDMAP_SINGLE;

	if (!root || launch->image.id[0] || !is_foreign(launch, &owner))
		return 0;
	if (!alone && fuse_is_possible(launch)) {
		launch->driver = DRIVER_FUSE;
		return 0;
	}
	return err_id(err, -EOVERFLOW, "E-ROOTFS-OWNER",
		"%s belongs to uid %u of the host, who is nobody in your containers, and %s. Without root: "
		"run a copy of yours (cp -r %s COPY), or an image of it (tar -C %s -c . | sbx import - NAME)%s. "
		"With root: chown -R it to you",
		root, (unsigned)owner,
		alone ? "with one single id nothing of it could be changed"
		      : "the kernel's overlay could change nothing of it",
		root, root, alone ? "" : ", or --storage-driver fuse where there is /dev/fuse");
}

int launch_ids(struct launch *launch, struct err *err)
{
	launch->keeps = false;
	launch->squash_owner = find_user(launch);
	launch->stored = launch->idmap;
	TRY(plan_groups(launch, err));
	TRY(decide_keep(launch, err));
	squash_if_wanted(launch, launch->squash_owner);
	return serve_foreign_root(launch, err);
}
