/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mount and umount: the files of a container or an image as a directory, under <runroot>/mounts. An
 * unprivileged mount belongs to a user and a mount namespace, so both work inside `sbx unshare` only, and
 * what is mounted ends with it. Read-only: a second writer beside the container's own would ruin its layer.
 */
#include "commands/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/xalloc.h"
#include "commands/common.h"
#include "commands/output.h"
#include "image/image.h"
#include "options/verbs.h"
#include "rootfs/rootfs.h"

#define MOUNTINFO_MAX (16u << 20)

struct mounting {
	const struct globals *globals;
	const char *folder; /* <runroot>/mounts */
};

/* In the initial user namespace, where only real root may mount, all ids stand for themselves. */
static int check_place(const char *verb, struct err *err)
{
	if (geteuid() == 0)
		return 0;
	return err_set(err, -EPERM,
		"%s works inside `sbx unshare` only: without root a mount belongs to a namespace. For "
		"example: sbx unshare sh -c 'ls $(sbx mount NAME)'",
		verb);
}

/* A container, or else an image; its layers, the base one first. */
static int find(const struct globals *globals, const char *name, char ret_id[65],
	struct strv *ret_layers, struct err *err)
{
	autocontainer struct container c = CONTAINER_INIT;
	autoimage struct image image = { 0 };
	struct err none = ERR_INIT;

	if (state_open(globals, name, &c, &none) == 0) {
		memcpy(ret_id, c.id, sizeof(c.id));
		container_dirs(&c, ret_layers);
		return 0;
	}
	if (none.code != -ENOENT) {
		*err = none;
		return err->code;
	}
	if (image_resolve(globals, name, &image, err) < 0)
		return err->code == -ENOENT
			       ? err_set(err, -ENOENT, "No such container or image: %s", name)
			       : err->code;
	(void)snprintf(ret_id, 65, "%.64s",
		strncmp(image.id, "sha256:", 7) == 0 ? image.id + 7 : image.id);
	strv_extend(ret_layers, &image.layers);
	return 0;
}

/* Is something mounted there? The parent's device number would do, but for binds. */
static bool is_mounted(const char *path)
{
	struct statx here;

	return statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &here) == 0 &&
	       (here.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) &&
	       (here.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

/* The folder is a tmpfs of this namespace: what is mounted in it, and the directories for that, go with the
 * namespace, and no other one's umount takes them away (removing a directory unmounts it everywhere). */
static bool has_place(const char *folder)
{
	autofree char *parent = xasprintf("%s/..", folder);
	struct stat here, above;

	return stat(folder, &here) == 0 && stat(parent, &above) == 0 && here.st_dev != above.st_dev;
}

static int make_place(const char *folder, struct err *err)
{
	if (has_place(folder))
		return 0;
	TRY(fs_mkdirs(folder, 0700, err));
	if (mount("sbx", folder, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755") < 0)
		return err_sys(err, "mount a tmpfs at %s", folder);
	return 0;
}

static int mount_one(void *data, const char *name, struct err *err)
{
	const struct mounting *m = data;
	autostrv struct strv layers = STRV_INIT;
	autofree char *path = NULL, *empty = xasprintf("%s/empty", m->folder);
	char id[65] = "";

	TRY(find(m->globals, name, id, &layers, err));
	TRY(make_place(m->folder, err));
	path = xasprintf("%s/%s", m->folder, id);
	TRY(fs_mkdirs(empty, 0755, err));
	TRY(fs_mkdirs(path, 0755, err));
	if (!is_mounted(path))
		TRY(rootfs_view(&layers, empty, path, err));
	return out_line(path, err);
}

static int umount_path(const char *path, const char *name, struct err *err)
{
	if (umount2(path, UMOUNT_NOFOLLOW) < 0)
		return errno == EINVAL || errno == ENOENT
			       ? err_set(err, -EINVAL, "%s is not mounted in this namespace", name)
			       : err_sys(err, "umount %s", name);
	(void)rmdir(path); /* goes with the folder at the latest */
	return 0;
}

static int umount_one(void *data, const char *name, struct err *err)
{
	const struct mounting *m = data;
	autostrv struct strv layers = STRV_INIT;
	autofree char *path = NULL;
	char id[65] = "";

	TRY(find(m->globals, name, id, &layers, err));
	path = xasprintf("%s/%s", m->folder, id);
	TRY(umount_path(path, name, err));
	return out_line(name, err);
}

/* The ids below the folder that are mounted here. mountinfo writes odd characters of paths in octal; the
 * last part never has any. */
static int mounted(const struct mounting *m, struct strv *ret, struct err *err)
{
	autofree char *text = NULL;

	TRY(fs_read_at(AT_FDCWD, "/proc/self/mountinfo", MOUNTINFO_MAX, &text, NULL, err));
	for (char *line = text, *next; line && *line; line = next) {
		autofree char *path = NULL;
		char id[65];

		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		for (char *at = strstr(line, "/mounts/"); at; at = strstr(at + 1, "/mounts/")) {
			at += strlen("/mounts/");
			if (strcspn(at, " ") != 64)
				continue;
			(void)snprintf(id, sizeof(id), "%.64s", at);
			path = xasprintf("%s/%s", m->folder, id);
			if (is_mounted(path) && !strv_has(ret, id))
				strv_add(ret, id);
			break;
		}
	}
	return 0;
}

static int list(const struct mounting *m, struct err *err)
{
	autostrv struct strv ids = STRV_INIT;

	TRY(mounted(m, &ids, err));
	strv_each (id, &ids) {
		autofree char *line = xasprintf("%.12s\t%s/%s", *id, m->folder, *id);

		TRY(out_line(line, err));
	}
	return 0;
}

static int umount_all(const struct mounting *m, struct err *err)
{
	autostrv struct strv ids = STRV_INIT;

	TRY(mounted(m, &ids, err));
	strv_each (id, &ids) {
		autofree char *path = xasprintf("%s/%s", m->folder, *id);

		TRY(umount_path(path, *id, err));
		TRY(out_line(*id, err));
	}
	return 0;
}

int cmd_mount(struct globals *globals, int argc, char **argv, struct err *err)
{
	__attribute__((cleanup(mount_opts_done))) struct mount_opts opts = { 0 };
	autofree char *folder = xasprintf("%s/mounts", globals->runroot);
	struct mounting m = { globals, folder };

	TRY(mount_opts_parse(argc, argv, &opts, err));
	TRY(check_place("mount", err));
	return opts.names.n ? for_each_operand(&opts.names, mount_one, &m) : list(&m, err);
}

int cmd_umount(struct globals *globals, int argc, char **argv, struct err *err)
{
	__attribute__((cleanup(mount_opts_done))) struct mount_opts opts = { 0 };
	autofree char *folder = xasprintf("%s/mounts", globals->runroot);
	struct mounting m = { globals, folder };
	int r;

	TRY(umount_opts_parse(argc, argv, &opts, err));
	TRY(check_place("umount", err));
	r = opts.all ? umount_all(&m, err) : for_each_operand(&opts.names, umount_one, &m);
	if (has_place(folder))
		(void)umount2(folder, UMOUNT_NOFOLLOW); /* busy while something is mounted in it */
	return r;
}
