/* SPDX-License-Identifier: Apache-2.0 */
/*
 * info: what this machine can do for containers and what sbx chose, each with its reason. Kernel
 * features are probed by trying them, not read off a version. Top-level keys that Docker's info has
 * keep its names.
 */
#include "commands/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/sys.h"
#include "base/userns.h"
#include "base/xalloc.h"
#include "commands/common.h"
#include "commands/output.h"
#include "image/image.h"
#include "network/network.h"
#include "options/verbs.h"
#include "policy/policy.h"
#include "rootfs/rootfs.h"

#define TEXT                                                                                         \
	"Containers: {{.Containers}}\n Running: {{.ContainersRunning}}\n Paused: "                   \
	"{{.ContainersPaused}}\n Stopped: {{.ContainersStopped}}\nImages: {{.Images}}\n"             \
	"Server Version: {{.ServerVersion}} (no daemon)\n"                                           \
	"Storage Driver: {{.Driver}}\n{{range .DriverStatus}} {{index . 0}}: {{index . 1}}\n{{end}}" \
	"Id Map: {{.IdMap.Kind}}\n{{range .IdMap.Uids}} uid {{.}}\n{{end}}{{range .IdMap.Gids}} "    \
	"gid {{.}}\n{{end}}{{with .IdMap.Notice}} Notice: {{.}}\n{{end}}"                            \
	"Kernel Version: {{.KernelVersion}}\nOperating System: {{.OperatingSystem}}\n"               \
	"OSType: {{.OSType}}\nArchitecture: {{.Architecture}}\nCPUs: {{.NCPU}}\n"                    \
	"Total Memory: {{.MemText}}\nName: {{.Name}}\nCgroup Version: {{.CgroupVersion}}\n"          \
	"Features:\n{{range .Features}} {{.Name}}: {{.Status}}\n{{end}}"                             \
	"Sbx Root Dir: {{.DockerRootDir}}\nSbx Run Dir: {{.RunDir}}\nConfig File: {{.ConfigFile}}"

/* ---- features ---- */

static const char *verdict(bool works, const char *without)
{
	return works ? "yes" : without;
}

/* A call that exists answers these senseless arguments with something other than ENOSYS: EPERM too,
 * since it is not made inside a user namespace here. */
static bool exists(int result)
{
	int saved = errno;

	if (result >= 0)
		own_close_(&result);
	return result >= 0 || (saved != ENOSYS);
}

static void put_feature(struct json *list, const char *name, const char *status)
{
	struct json *feature = json_new_map();

	json_put_string(feature, "Name", name);
	json_put_string(feature, "Status", status);
	json_push(list, feature);
}

static void put_network(struct json *list, const struct idmap *map)
{
	struct err why = ERR_INIT;
	int can = network_probe(map, &why);

	if (can < 0) /* no user namespace: run says more */
		return;
	put_feature(list, "tcp redirect",
		!(can & NETWORK_CAN_REDIRECT) ? "no, libslirp carries TCP"
		: can & NETWORK_CAN_HOLD      ? "yes"
					      : "yes, refusals come as resets after connect()");
	put_feature(list, "client addresses",
		!(can & NETWORK_CAN_KEEP)
			? "no, clients of published ports appear as the container itself"
		: can & NETWORK_CAN_KEEP_UDP
			? "yes"
			: "yes over TCP; over UDP clients appear as the container itself");
}

static void put_landlock(struct json *list)
{
	int abi = policy_landlock_abi();
	autofree char *text = xasprintf("yes, ABI %d%s", abi,
		abi < POLICY_LANDLOCK_ABI ? ", too old: containers have no second wall around files"
		: abi < 6
			? ", too old for sockets: --network host reaches abstract ones of the host"
			: "");

	put_feature(list, "landlock",
		abi ? text : "no, containers and helpers have no second wall around files");
}

static struct json *features(const struct idmap *map)
{
	struct open_how how = { .flags = O_PATH, .resolve = RESOLVE_IN_ROOT };
	struct mount_attr attr = { 0 };
	struct json *list = json_new_list();

	put_feature(list, "openat2",
		verdict(exists(sys_openat2(AT_FDCWD, "/", &how)), "no, slower walk"));
	put_feature(list, "pidfd_open",
		verdict(exists(sys_pidfd_open(getpid())), "no, pids and start times are compared"));
	put_feature(list, "fsopen", verdict(exists(sys_fsopen("", 0)), "no, mount(2) instead"));
	put_feature(list, "mount_setattr",
		verdict(exists(sys_mount_setattr(-1, "", 0, &attr)), "no, remounts one by one"));
	put_landlock(list);
	put_feature(list, "/dev/fuse",
		verdict(access("/dev/fuse", R_OK | W_OK) == 0,
			"no, storage driver fuse cannot be used"));
	put_feature(list, "/dev/net/tun",
		verdict(access("/dev/net/tun", R_OK | W_OK) == 0,
			"no, containers have --network none or host only"));
	put_network(list, map);
	return list;
}

/* ---- id maps ---- */

static struct json *ranges(const struct idrange *range, unsigned n)
{
	struct json *list = json_new_list();

	for (unsigned i = 0; i < n; i++) {
		autofree char *text = xasprintf(
			"%u -> %u (%u)", range[i].inside, range[i].outside, range[i].count);

		json_push(list, json_new_string(text));
	}
	return list;
}

static struct json *id_map(const struct idmap *map)
{
	static const char *const kinds[] = { [IDMAP_SINGLE] = "single id",
		[IDMAP_SUBID] = "subordinate ids",
		[IDMAP_ROOT] = "real root" };
	struct json *doc = json_new_map();

	json_put_string(doc, "Kind", kinds[map->kind]);
	json_put_string(doc, "Notice", map->notice);
	json_put(doc, "Uids", ranges(map->uid, map->n_uid));
	json_put(doc, "Gids", ranges(map->gid, map->n_gid));
	return doc;
}

/* ---- the rest ---- */

static int put_counts(const struct globals *globals, struct json *doc, struct err *err)
{
	struct container *list = NULL;
	struct image_row *images = NULL;
	size_t n = 0, n_images = 0, count[STATUS_EXITED + 1] = { 0 };

	TRY(state_list(globals, &list, &n, err));
	for (size_t i = 0; i < n; i++)
		count[list[i].status]++;
	state_list_free(list, n);
	TRY(image_list(globals, NULL, &images, &n_images, err));
	image_rows_free(images, n_images);
	json_put_int(doc, "Containers", (int64_t)n);
	json_put_int(doc, "ContainersRunning", (int64_t)count[STATUS_RUNNING]);
	json_put_int(doc, "ContainersPaused", (int64_t)count[STATUS_PAUSED]);
	json_put_int(
		doc, "ContainersStopped", (int64_t)(count[STATUS_EXITED] + count[STATUS_CREATED]));
	json_put_int(doc, "Images", (int64_t)n_images);
	return 0;
}

static int put_driver(
	const struct globals *globals, const struct idmap *map, struct json *doc, struct err *err)
{
	struct json *status = json_new_list(), *why = json_new_list();
	enum driver driver = DRIVER_OVERLAY;
	char reason[320] = "";
	int r = rootfs_driver(globals, map, &driver, reason, sizeof(reason), err);

	json_put_string(doc, "Driver", r < 0 ? "none" : rootfs_driver_name(driver));
	json_push(why, json_new_string(r < 0 ? "Error" : "Reason"));
	json_push(why, json_new_string(r < 0 ? err->text : reason));
	json_push(status, why);
	json_put(doc, "DriverStatus", status);
	*err = (struct err)ERR_INIT; /* shown as the driver's status */
	return 0;
}

/* PRETTY_NAME of os-release(5) */
static char *os_name(void)
{
	struct err ignored = ERR_INIT;
	autofree char *text = NULL;
	char *name, *end;

	if (fs_read_at(AT_FDCWD, "/etc/os-release", 65536, &text, NULL, &ignored) < 0)
		return xstrdup("Linux");
	name = strstr(text, "PRETTY_NAME=");
	if (!name)
		return xstrdup("Linux");
	name += strlen("PRETTY_NAME=");
	name += *name == '"';
	end = name + strcspn(name, "\"\n");
	return xstrndup(name, (size_t)(end - name));
}

static int put_machine(struct json *doc, struct err *err)
{
	autofree char *os = os_name();
	struct utsname uts;
	struct sysinfo si;
	char mem[UNITS_MAX];

	if (uname(&uts) < 0 || sysinfo(&si) < 0)
		return err_sys(err, "ask the kernel about this machine");
	units_size((int64_t)(si.totalram * si.mem_unit), 4, mem);
	json_put_string(doc, "KernelVersion", uts.release);
	json_put_string(doc, "OperatingSystem", os);
	json_put_string(doc, "OSType", "linux");
	json_put_string(doc, "Architecture", uts.machine);
	json_put_int(doc, "NCPU", sysconf(_SC_NPROCESSORS_ONLN));
	json_put_int(doc, "MemTotal", (int64_t)(si.totalram * si.mem_unit));
	json_put_string(doc, "MemText", mem);
	json_put_string(doc, "Name", uts.nodename);
	json_put_string(doc, "CgroupVersion",
		access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0 ? "2" : "1");
	return 0;
}

static void put_places(const struct globals *globals, const struct idmap *map, struct json *doc)
{
	struct json *security = json_new_list();

	json_push(security, json_new_string("name=seccomp,profile=builtin"));
	json_push(security, json_new_string("name=rootless"));
	json_put(doc, "SecurityOptions", security);
	json_put_string(doc, "ServerVersion", SBX_VERSION);
	json_put_string(doc, "DockerRootDir", globals->root);
	json_put_string(doc, "RunDir", globals->runroot);
	json_put_string(doc, "ConfigFile", globals->config);
	json_put(doc, "Features", features(map));
}

int cmd_info(struct globals *globals, int argc, char **argv, struct err *err)
{
	__attribute__((cleanup(format_opts_done))) struct format_opts opts = { 0 };
	autojson struct json *doc = json_new_map();
	autoformat struct format format = { 0 };
	struct idmap map = { 0 };

	TRY(info_opts_parse(argc, argv, &opts, err));
	TRY(format_init(&format, opts.format, TEXT, "system.dockerInfo", err));
	format.prefix = NULL;
	TRY(idmap_detect(&map, err));
	TRY(put_counts(globals, doc, err));
	TRY(put_driver(globals, &map, doc, err));
	json_put(doc, "IdMap", id_map(&map));
	TRY(put_machine(doc, err));
	put_places(globals, &map, doc);
	TRY(format_row(&format, doc, NULL, err));
	return format_finish(&format, err);
}
