/* SPDX-License-Identifier: Apache-2.0 */
/* doctor: user namespaces, who may make them, and which ids can be mapped. */
#include "commands/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/xalloc.h"

/* A knob of the kernel's as text without its newline; NULL: there is none. */
static char *knob(const char *path)
{
	struct err ignored = ERR_INIT;
	char *text = NULL;

	if (fs_read_at(AT_FDCWD, path, 4096, &text, NULL, &ignored) < 0)
		return NULL;
	text[strcspn(text, "\n")] = '\0';
	return text;
}

static int do_nothing(void *data, struct err *err)
{
	(void)data;
	(void)err;
	return 0;
}

static void check_limit(struct doctor *doctor)
{
	autofree char *max = knob("/proc/sys/user/max_user_namespaces");
	autofree char *clone = knob("/proc/sys/kernel/unprivileged_userns_clone");
	autofree char *found = xasprintf("user.max_user_namespaces = %s%s%s",
		max ? max : "(no such knob)", clone ? ", kernel.unprivileged_userns_clone = " : "",
		clone ? clone : "");
	bool off = (max && strcmp(max, "0") == 0) || (clone && strcmp(clone, "0") == 0);

	doctor_add(doctor, &(struct check){ .name = "limit of user namespaces",
				   .finding = off ? FINDING_FAILS : FINDING_OK,
				   .id = off ? "E-USERNS-OFF" : NULL,
				   .found = found,
				   .admin = off ? "sysctl -w user.max_user_namespaces=15000 "
						  "kernel.unprivileged_userns_clone=1"
						: NULL });
}

static void check_apparmor(struct doctor *doctor)
{
	autofree char *restricted = knob("/proc/sys/kernel/apparmor_restrict_unprivileged_userns");
	autofree char *label = knob("/proc/self/attr/current");
	bool on = restricted && strcmp(restricted, "1") == 0;
	autofree char *found = on ? xasprintf("restricts user namespaces; sbx runs as '%s'",
					    label && *label ? label : "unconfined")
				  : xstrdup("does not restrict user namespaces");

	doctor_add(doctor, &(struct check){ .name = "AppArmor", .found = found });
}

static void check_userns(struct doctor *doctor)
{
	const struct idmap single = { .kind = IDMAP_SINGLE,
		.uid = { { 0, geteuid(), 1 } },
		.gid = { { 0, getegid(), 1 } },
		.n_uid = 1,
		.n_gid = 1 };
	struct err why = ERR_INIT;

	doctor->userns = userns_run(&single, CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC, do_nothing,
				 NULL, &why) == 0;
	if (!doctor->userns)
		(void)snprintf(doctor->run_id, sizeof(doctor->run_id), "%s", why.id);
	doctor_add(doctor, &(struct check){ .name = "user namespaces",
				   .finding = doctor->userns ? FINDING_OK : FINDING_FAILS,
				   .id = why.id,
				   .found = doctor->userns ? "can be made" : why.text,
				   .admin = doctor_part(why.text, "With root") });
}

static void check_map(struct doctor *doctor)
{
	struct err why = ERR_INIT;
	autofree char *found = NULL;
	const struct idmap *map = &doctor->map;
	const char *colon;
	char id[24] = "";

	doctor->has_map = idmap_detect(&doctor->map, &why) == 0;
	colon = strstr(map->notice, ": ");
	if (colon)
		(void)snprintf(id, sizeof(id), "%.*s", (int)(colon - map->notice), map->notice);
	if (!doctor->has_map)
		found = xstrdup(why.text);
	else if (map->kind == IDMAP_SINGLE)
		found = xasprintf("one id: %s", colon ? colon + 2 : "SBX_USERNS=single");
	else if (map->kind == IDMAP_ROOT)
		found = xstrdup("real root: ids are mapped directly");
	else
		found = xasprintf("%u subordinate uids and %u gids, written by newuidmap",
			map->uid[1].count, map->gid[1].count);
	doctor_add(doctor, &(struct check){ .name = "subordinate ids",
				   .finding = !doctor->has_map ? FINDING_FAILS
					      : id[0] == 'W'   ? FINDING_LESS
							       : FINDING_OK,
				   .id = id,
				   .found = found,
				   .admin = doctor_part(map->notice, "ith root") });
}

/* What newuidmap says only when it is asked: that the range is somebody else's by now, for instance. */
static void check_mapping(struct doctor *doctor)
{
	struct err why = ERR_INIT;
	bool works;

	if (!doctor->userns || !doctor->has_map || doctor->map.kind != IDMAP_SUBID)
		return;
	works = userns_run(&doctor->map, 0, do_nothing, NULL, &why) == 0;
	if (!works)
		doctor->has_map = false;
	doctor_add(doctor, &(struct check){ .name = "newuidmap",
				   .finding = works ? FINDING_OK : FINDING_FAILS,
				   .id = why.id,
				   .found = works ? "writes the map" : why.text,
				   .mend = works ? NULL : "SBX_USERNS=single" });
}

static int mount_proc(void *data, struct err *err)
{
	(void)data;
	return mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0
		       ? err_sys(err, "mount a fresh /proc")
		       : 0;
}

static void check_proc(struct doctor *doctor)
{
	struct err why = ERR_INIT;
	bool fresh;

	if (!doctor->userns || !doctor->has_map)
		return;
	fresh = userns_run(&doctor->map, CLONE_NEWNS | CLONE_NEWPID, mount_proc, NULL, &why) == 0;
	doctor_add(doctor,
		&(struct check){ .name = "/proc of its own",
			.finding = fresh ? FINDING_OK : FINDING_LESS,
			.id = fresh ? NULL : "W-NEST-PROC",
			.found =
				fresh ? "can be mounted"
				      : "an outer container masks parts of /proc: containers share "
					"its process list",
			.admin = fresh ? NULL
				       : "start the outer container with /proc unmasked "
					 "(podman --security-opt unmask=ALL)" });
}

void doctor_check_ids(struct doctor *doctor)
{
	check_limit(doctor);
	check_apparmor(doctor);
	check_userns(doctor);
	check_map(doctor);
	check_mapping(doctor);
	check_proc(doctor);
}
