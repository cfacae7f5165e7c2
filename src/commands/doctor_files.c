/* SPDX-License-Identifier: Apache-2.0 */
/* doctor: what the store's file system can do, which driver follows, and where sockets go. */
#include "commands/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/space.h"
#include "base/spawn.h"
#include "base/xalloc.h"
#include "commands/output.h"
#include "rootfs/rootfs.h"

#define SOCKET_PATH_MAX 107 /* sun_path without its NUL */
#define SOCKET_LONGEST  60  /* below the run directory: containers/ID/attach.sock */

/* Less than these is said: a distribution's image has some thousand files and hundreds of megabytes. */
#define FEW_BYTES (1000u * 1000 * 1000)
#define FEW_FILES 10000

static const char *type_name(long magic, char ret[24])
{
	static const struct {
		long magic;
		const char *name;
	} known[] = {
		{ EXT4_SUPER_MAGIC, "ext4" },
		{ XFS_SUPER_MAGIC, "xfs" },
		{ BTRFS_SUPER_MAGIC, "btrfs" },
		{ TMPFS_MAGIC, "tmpfs" },
		{ NFS_SUPER_MAGIC, "nfs" },
		{ OVERLAYFS_SUPER_MAGIC, "overlay" },
		{ F2FS_SUPER_MAGIC, "f2fs" },
		{ FUSE_SUPER_MAGIC, "fuse" },
		{ V9FS_MAGIC, "9p" },
		{ 0x2fc12fc1, "zfs" },
		{ 0xff534d42, "cifs" },
		{ 0xfe534d42, "smb2" },
		{ 0x0bd00bd0, "lustre" },
		{ 0x47504653, "gpfs" },
		{ 0x19830326, "beegfs" },
		{ 0x00c36400, "ceph" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (known[i].magic == magic)
			return known[i].name;
	(void)snprintf(ret, 24, "type %#lx", (unsigned long)magic);
	return ret;
}

/* ---- the store ---- */

struct trial {
	int dir;
	bool xattr, locks, links, chown, noexec;
};

static void try_link(struct trial *t)
{
	t->links = linkat(t->dir, "file", t->dir, "link", 0) == 0;
}

static int give_away(void *data, struct err *err)
{
	const struct trial *t = data;

	return fchownat(t->dir, "file", 1, 1, 0) < 0 ? err_sys(err, "chown") : 0;
}

static void try_all(struct trial *t, const struct doctor *doctor)
{
	autofd int fd = openat(t->dir, "file", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	struct err why = ERR_INIT;
	struct statvfs vfs;

	t->xattr = fd >= 0 && fsetxattr(fd, "user.sbx.probe", "1", 1, 0) == 0;
	t->locks = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0;
	try_link(t);
	t->noexec = fstatvfs(t->dir, &vfs) == 0 && vfs.f_flag & ST_NOEXEC;
	if (doctor->userns && doctor->has_map && doctor->map.kind != IDMAP_SINGLE)
		t->chown = userns_run(&doctor->map, 0, give_away, t, &why) == 0;
	else
		t->chown = true; /* nobody will ask for it */
}

static void add_ability(struct doctor *doctor, bool has, const struct check *check)
{
	struct check copy = *check;

	if (has) {
		copy.finding = FINDING_OK;
		copy.found = "yes";
		copy.id = copy.mend = copy.admin = NULL;
	}
	doctor_add(doctor, &copy);
}

static void add_abilities(struct doctor *doctor, const struct trial *t)
{
	static const char elsewhere[] =
		"move the store to a local disk: sbx --root DIR, or SBX_ROOT";

	add_ability(doctor, t->xattr,
		&(struct check){ .name = "store: extended attributes",
			.finding = FINDING_LESS,
			.found = "no user.* attributes: owners, whiteouts and opaque marks have no "
				 "place",
			.mend = elsewhere });
	add_ability(doctor, t->chown,
		&(struct check){ .name = "store: owners",
			.finding = FINDING_LESS,
			.id = "E-STORE-OWNERS",
			.found = "files cannot be given to subordinate ids here: images with other "
				 "users' files cannot be unpacked",
			.admin = "give the user a folder on a local disk",
			.mend = "SBX_USERNS=single keeps owners as metadata; or move the store "
				"(SBX_ROOT)" });
	add_ability(doctor, t->locks,
		&(struct check){ .name = "store: locks",
			.finding = FINDING_FAILS,
			.id = "E-STORE-LOCKS",
			.found = "flock does not work here",
			.mend = elsewhere,
			.admin =
				"mount it with locks (NFS: rpc.statd or vers=4; Lustre: -o flock)" });
	add_ability(doctor, t->links,
		&(struct check){ .name = "store: hard links",
			.finding = FINDING_LESS,
			.found = "hard links cannot be made here: images are unpacked with copies "
				 "instead" });
	if (t->noexec)
		doctor_add(
			doctor, &(struct check){ .name = "store: noexec",
					.found = "mounted noexec; containers run all the same, a "
						 "program bound from there with -v does not" });
	doctor->store = t->locks;
	if (!t->locks)
		(void)snprintf(doctor->run_id, sizeof(doctor->run_id), "E-STORE-LOCKS");
}

/* What a pull of an image ends with where this little is left; NULL: there is room for most. */
static const char *lacks_room(const struct space *space)
{
	if (space->bytes < FEW_BYTES)
		return space->bytes_quota ? "E-QUOTA" : "E-WONT-FIT";
	return space->inodes < FEW_FILES ? "E-INODES" : NULL;
}

static char *files_word(uint64_t inodes)
{
	if (inodes == UINT64_MAX)
		return xasprintf("files without a bound");
	return xasprintf("%llu more files", (unsigned long long)inodes);
}

static void check_space(struct doctor *doctor)
{
	autofd int root = open(doctor->globals->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	autofree char *found = NULL, *files = NULL;
	struct space space;
	char size[UNITS_MAX], spare[24];
	const char *lacking;
	struct statfs fs;

	if (root < 0 || fstatfs(root, &fs) < 0 || space_ask(root, &space) < 0)
		return;
	lacking = lacks_room(&space);
	files = files_word(space.inodes);
	units_size((int64_t)(space.bytes < INT64_MAX ? space.bytes : INT64_MAX), 3, size);
	found = xasprintf("%s on %s, %s %s, %s%s", doctor->globals->root,
		type_name((long)fs.f_type, spare), size,
		space.bytes_quota ? "left of your quota" : "free", files,
		space.inodes_quota ? " by your quota" : "");
	doctor_add(doctor,
		&(struct check){ .name = "store",
			.finding = lacking ? FINDING_LESS : FINDING_OK,
			.id = lacking,
			.found = found,
			.mend = lacking ? "sbx system prune, or another place: SBX_ROOT" : NULL });
}

static void check_store(struct doctor *doctor)
{
	autofree char *tmp = xasprintf("%s/tmp", doctor->globals->root);
	autofree char *path = xasprintf("%s/doctor-XXXXXX", tmp);
	struct err why = ERR_INIT;
	struct trial trial = { 0 };
	autofd int dir = -EBADF;

	if (fs_mkdirs(tmp, 0700, &why) < 0 || (!mkdtemp(path) && fs_err(&why, AT_FDCWD, tmp) < 0)) {
		(void)snprintf(doctor->run_id, sizeof(doctor->run_id), "%s", why.id);
		doctor_add(doctor, &(struct check){ .name = "store",
					   .finding = FINDING_FAILS,
					   .id = why.id,
					   .found = why.text,
					   .mend = "another place: sbx --root DIR, or SBX_ROOT" });
		return;
	}
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	trial.dir = dir;
	check_space(doctor);
	if (dir >= 0)
		try_all(&trial, doctor);
	add_abilities(doctor, &trial);
	(void)fs_remove_tree(
		AT_FDCWD, path, &why); /* what is left in tmp/ the next pull collects */
}

/* ---- drivers ---- */

static int mount_fuse(void *data, struct err *err)
{
	autofd int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	char options[96];

	if (fd < 0)
		return err_sys(err, "open /dev/fuse");
	(void)snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=%u,group_id=%u", fd,
		(unsigned)geteuid(), (unsigned)getegid());
	return mount("sbx", data, "fuse.sbx", MS_NODEV, options) < 0
		       ? err_sys(err, "mount a file system in user space")
		       : 0;
}

static void check_fuse(struct doctor *doctor)
{
	struct err why = ERR_INIT;

	if (!doctor->userns || !doctor->has_map)
		return;
	doctor->fuse = userns_run(&doctor->map, CLONE_NEWNS, mount_fuse, doctor->globals->root,
			       &why) == 0;
	doctor_add(doctor,
		&(struct check){ .name = "driver fuse",
			.finding = doctor->fuse ? FINDING_OK : FINDING_LESS,
			.id = doctor->fuse ? NULL : "E-FUSE-NODEV",
			.found = doctor->fuse ? "/dev/fuse can be mounted" : why.text,
			.admin = doctor->fuse ? NULL : "modprobe fuse; chmod 666 /dev/fuse" });
}

static void check_overlay(struct doctor *doctor)
{
	struct globals probe = *doctor->globals;
	enum driver driver = DRIVER_FUSE;
	struct err err = ERR_INIT;
	char why[320] = "", automatic[] = "auto";

	if (!doctor->userns || !doctor->has_map)
		return;
	probe.storage_driver = automatic;
	if (rootfs_driver(&probe, &doctor->map, &driver, why, sizeof(why), &err) < 0)
		(void)snprintf(why, sizeof(why), "%s", err.text);
	doctor->overlay = driver == DRIVER_OVERLAY;
	doctor_add(doctor, &(struct check){ .name = "driver overlay",
				   .finding = doctor->overlay ? FINDING_OK : FINDING_LESS,
				   .id = err.id,
				   .found = why });
}

/* ---- run directory, helpers ---- */

static void check_runroot(struct doctor *doctor)
{
	const char *path = doctor->globals->runroot, *wish = getenv("XDG_RUNTIME_DIR");
	bool long_path = strlen(path) + SOCKET_LONGEST > SOCKET_PATH_MAX;
	autofree char *found = xasprintf(
		"%s (XDG_RUNTIME_DIR is %s)", path, wish && *wish ? wish : "not set");
	struct err why = ERR_INIT;
	bool usable = fs_mkdirs(path, 0700, &why) == 0 && access(path, W_OK | X_OK) == 0;

	doctor_add(doctor,
		&(struct check){ .name = "run directory",
			.finding = usable && !long_path ? FINDING_OK : FINDING_LESS,
			.found = usable ? found : why.text,
			.mend = long_path ? "its path is long for sockets: a shorter SBX_RUNROOT"
				: usable  ? NULL
					  : "a directory of yours: SBX_RUNROOT" });
}

static void check_helpers(struct doctor *doctor)
{
	static const char *const names[] = { "sbx-image", "sbx-fuse", "sbx-netstack",
		"sbx-seccomp" };
	struct err why = ERR_INIT;

	doctor->helpers = true;
	for (size_t i = 0; i < ARRAY_SIZE(names) && doctor->helpers; i++) {
		autofree char *path = NULL;

		doctor->helpers = spawn_find_helper(names[i], &path, &why) == 0;
	}
	doctor_add(doctor,
		&(struct check){ .name = "helpers",
			.finding = doctor->helpers ? FINDING_OK : FINDING_FAILS,
			.found = doctor->helpers ? "all four found" : why.text,
			.mend = doctor->helpers ? NULL
						: "install or unpack the whole of sbx, not the one "
						  "file" });
}

void doctor_check_files(struct doctor *doctor)
{
	check_helpers(doctor);
	check_store(doctor);
	if (doctor->store) {
		check_overlay(doctor);
		check_fuse(doctor);
	}
	check_runroot(doctor);
}
