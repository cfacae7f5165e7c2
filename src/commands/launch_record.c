/* SPDX-License-Identifier: Apache-2.0 */
/* A launch in writing: the container's config.json (docs/formats.md), and --dry-run's words. */
#include "commands/launch.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "commands/common.h"

static const char *const proto_names[] = {
	[PUBLISH_TCP] = "tcp", [PUBLISH_UDP] = "udp", [PUBLISH_SCTP] = "sctp"
};

static struct json *ports_record(const struct network *net)
{
	struct json *list = json_new_list();

	for (size_t i = 0; i < net->n_ports; i++) {
		const struct publish *from = &net->ports[i];
		struct json *port = json_new_map();

		json_put_string(port, "ip", from->host_ip);
		json_put_int(port, "hostPort", from->host_port);
		json_put_int(port, "port", from->port);
		json_put_string(port, "proto", proto_names[from->proto]);
		json_push(list, port);
	}
	return list;
}

static void put_mount_flags(struct json *mount, const struct volume *from)
{
	const struct {
		const char *name;
		bool value;
	} flags[] = { { "inherited", from->inherited }, { "squash", from->squash },
		{ "noexec", from->no_exec }, { "nonrecursive", from->not_recursive },
		{ "slave", from->slave } };

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (flags[i].value)
			json_put_bool(mount, flags[i].name, true);
	if (from->subpath)
		json_put_string(mount, "subpath", from->subpath);
}

static struct json *mounts_record(const struct launch *launch)
{
	static const char *const types[] = { [VOLUME_BIND] = "bind",
		[VOLUME_NAMED] = "volume",
		[VOLUME_ANONYMOUS] = "volume",
		[VOLUME_TMPFS] = "tmpfs",
		[VOLUME_IMAGE] = "image" };
	struct json *list = json_new_list();

	for (size_t i = 0; i < launch->rootfs.n_mounts; i++) {
		const struct volume *from = &launch->rootfs.mounts[i];
		struct json *mount = json_new_map();

		json_put_string(mount, "type", types[from->type]);
		if (from->type == VOLUME_NAMED || from->type == VOLUME_ANONYMOUS) {
			autofree char *path = rootfs_volume_path(launch->globals, from->source);

			json_put_string(mount, "name", from->source);
			json_put_string(mount, "source", path);
			json_put_bool(mount, "anonymous", from->type == VOLUME_ANONYMOUS);
		} else {
			json_put_string(mount, "source", from->source ? from->source : "");
		}
		json_put_string(mount, "destination", from->destination);
		json_put_bool(mount, "rw", !from->read_only);
		put_mount_flags(mount, from);
		launch_images_record(launch, from, mount);
		json_push(list, mount);
	}
	return list;
}

/* Labels: the image's, then --label NAME=value. */
static struct json *labels_record(const struct launch *launch)
{
	struct json *from_image = json_path(launch->image.config, "config", "Labels", NULL);
	struct json *labels = json_new_map();

	json_each (it, from_image)
		if (it.key)
			json_put_string(labels, it.key, json_str(it.value, ""));
	strv_each (item, &launch->opts.labels) {
		size_t len = strcspn(*item, "=");
		autofree char *key = xstrndup(*item, len);

		json_put_string(labels, key, (*item)[len] ? *item + len + 1 : "");
	}
	return labels;
}

static struct json *entrypoint_record(const struct launch *launch)
{
	struct strv one = STRV_INIT;
	struct json *list;

	if (!launch->opts.entrypoint)
		return launch->image.entrypoint.n ? json_new_strv(&launch->image.entrypoint)
						  : json_new_null();
	if (!*launch->opts.entrypoint)
		return json_new_null();
	strv_add(&one, launch->opts.entrypoint);
	list = json_new_strv(&one);
	strv_done(&one);
	return list;
}

static const char *or_empty(const char *s)
{
	return s ? s : "";
}

static void put_identity(struct json *doc, const struct launch *launch)
{
	json_put_string(doc, "id", launch->id);
	json_put_string(doc, "image", launch->opts.image);
	json_put_string(doc, "imageId", launch->image.id);
	json_put_string(doc, "imageManifest", launch->image.manifest);
	json_put_string(doc, "driver", rootfs_driver_name(launch->driver));
	json_put(doc, "layers", json_new_strv(&launch->image.layers));
	json_put(doc, "args", json_new_strv(&launch->opts.args));
	if (launch->by_run) {
		json_put_int(doc, "launcher", getpid());
		json_put_int(doc, "launcherStart", (int64_t)state_pid_start(getpid()));
	}
}

static void put_process(struct json *doc, const struct launch *launch)
{
	const struct run_opts *opts = &launch->opts;
	const char *signal = opts->stop_signal ? opts->stop_signal : launch->image.stop_signal;
	struct err none;
	const struct strv *cmd = opts->command.n || opts->entrypoint ? &opts->command
								     : &launch->image.cmd;

	json_put_string(doc, "hostname", launch->hostname);
	json_put_string(doc, "user", or_empty(launch->user));
	json_put_string(doc, "workdir", launch->workdir);
	json_put(doc, "env", json_new_strv(&launch->env));
	json_put(doc, "entrypoint", entrypoint_record(launch));
	json_put(doc, "cmd", json_new_strv(cmd));
	json_put(doc, "argv", json_new_strv(&launch->argv));
	json_put_bool(doc, "tty", opts->tty);
	json_put_bool(doc, "openStdin", opts->interactive);
	json_put_bool(doc, "stdinOnce", opts->interactive && !opts->detach);
	/* an image may name a signal that does not exist; Docker then takes the usual one */
	json_put_string(
		doc, "stopSignal", signal && parse_signal(signal, &none) >= 0 ? signal : "SIGTERM");
	json_put_int(doc, "stopTimeout", opts->stop_timeout >= 0 ? opts->stop_timeout : 10);
	json_put_bool(doc, "autoRemove", opts->remove);
	json_put_bool(doc, "init", opts->init);
}

static void put_sandbox(struct json *doc, const struct launch *launch)
{
	const struct run_opts *opts = &launch->opts;

	json_put(doc, "labels", labels_record(launch));
	json_put(doc, "exposedPorts", json_new_strv(&launch->image.exposed_ports));
	json_put(doc, "mounts", mounts_record(launch));
	json_put_string(doc, "network", launch->network.name);
	json_put(doc, "endpoints", launch_endpoints(launch));
	json_put(doc, "ports", ports_record(&launch->network));
	json_put(doc, "capAdd", json_new_strv(&opts->cap_add));
	json_put(doc, "capDrop", json_new_strv(&opts->cap_drop));
	json_put(doc, "securityOpt", json_new_strv(&opts->security_opt));
	json_put(doc, "volumesFrom", json_new_strv(&opts->volumes_from));
	if (launch->keep_groups != KEEP_GROUPS_ALL)
		json_put(doc, "groupAdd", json_new_strv(&opts->group_add));
	json_put_int(doc, "keepGroups", launch->keep_groups);
	json_put_string(doc, "userns", or_empty(opts->userns));
	if (launch->keeps) {
		struct json *kept = json_new_map();

		json_put_int(kept, "uid", launch->kept.uid);
		json_put_int(kept, "gid", launch->kept.gid);
		json_put(doc, "keepId", kept);
	}
	if (opts->umask)
		json_put_string(doc, "umask", opts->umask);
	json_put_bool(doc, "readOnly", opts->read_only);
	json_put_bool(doc, "privileged", opts->privileged);
}

/* Of "name=value". */
static struct json *map_record(const struct strv *assignments)
{
	struct json *map = json_new_map();

	strv_each (item, assignments) {
		autofree char *name = xstrndup(*item, strcspn(*item, "="));

		json_put_string(map, name, *item + strlen(name) + 1);
	}
	return map;
}

static void put_text(struct json *doc, const char *key, const char *value)
{
	if (value)
		json_put_string(doc, key, value);
}

/* Under the names of inspect's HostConfig; what was not given is not there. */
struct json *limits_record(const struct limits *l)
{
	const struct {
		const char *key;
		int64_t value;
	} numbers[] = {
		{ "Memory", l->memory },
		{ "MemorySwap", l->memory_swap ? l->memory_swap : 2 * l->memory },
		{ "MemoryReservation", l->memory_reservation },
		{ "NanoCpus", l->nano_cpus },
		{ "CpuShares", l->cpu_shares },
		{ "CpuQuota", l->cpu_quota },
		{ "CpuPeriod", l->cpu_period },
		{ "PidsLimit", l->pids },
		{ "BlkioWeight", l->blkio_weight },
		{ "OomScoreAdj", l->oom_score_adj },
	};
	struct json *doc = json_new_map();

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		if (numbers[i].value)
			json_put_int(doc, numbers[i].key, numbers[i].value);
	put_text(doc, "CpusetCpus", l->cpuset_cpus);
	put_text(doc, "CpusetMems", l->cpuset_mems);
	put_text(doc, "CgroupParent", l->cgroup_parent);
	return doc;
}

static struct json *ulimits_record(const struct run_opts *opts)
{
	struct json *list = json_new_list();

	for (size_t i = 0; i < opts->n_ulimits; i++) {
		const struct ulimit *u = &opts->ulimits[i];
		struct json *item = json_new_map();

		json_put_string(item, "Name", ulimit_name(u->resource));
		json_put_int(item, "Hard", (int64_t)u->limit.rlim_max);
		json_put_int(item, "Soft", (int64_t)u->limit.rlim_cur);
		json_push(list, item);
	}
	return list;
}

/* What the other options of inspect's HostConfig come from. */
static void put_host(struct json *doc, const struct launch *launch)
{
	const struct run_opts *opts = &launch->opts;
	struct json *tmpfs = json_new_map();

	json_put(doc, "dns", json_new_strv(&opts->dns));
	json_put(doc, "addHost", json_new_strv(&opts->add_host));
	for (size_t i = 0; i < opts->n_volumes; i++)
		if (opts->volumes[i].type == VOLUME_TMPFS)
			json_put_string(tmpfs, opts->volumes[i].destination,
				or_empty(opts->volumes[i].tmpfs_options));
	json_put(doc, "tmpfs", tmpfs);
	if (opts->shm_size >= 0)
		json_put_int(doc, "shmSize", opts->shm_size);
	json_put(doc, "limits", limits_record(&opts->limits));
	json_put(doc, "devices", json_new_strv(&opts->devices));
	json_put(doc, "sysctls", map_record(&opts->sysctls));
	json_put(doc, "annotations", map_record(&opts->annotations));
	put_text(doc, "domainname", opts->domainname);
	json_put_bool(doc, "hostIpc", opts->host_ipc);
	if (opts->no_shm)
		json_put_bool(doc, "noShm", true);
	json_put_bool(doc, "hostUts", opts->host_uts);
	json_put_bool(doc, "hostCgroupns", opts->host_cgroupns);
	json_put(doc, "ulimits", ulimits_record(opts));
	json_put_bool(doc, "publishAll", opts->publish_all);
	json_put_string(doc, "restart", opts->restart ? opts->restart : "no");
	json_put_int(doc, "restartMax", opts->restart_max);
	json_put_string(doc, "logDriver", opts->log_driver ? opts->log_driver : "json-file");
	json_put(doc, "logOpts", map_record(&opts->log_opts));
}

/* Kept apart from the rest (state_create): a seccomp filter is most of a record's bytes. */
static struct json *launch_bulk(const struct launch *launch)
{
	struct json *bulk = json_new_map(), *image = json_new_map();
	struct json *config = json_get(launch->image.config, "config");

	json_put_int(bulk, "version", 1);
	json_put(bulk, "policy", policy_to_json(&launch->policy));
	if (config)
		json_put(image, "config", json_ref(config));
	json_put(bulk, "image", image);
	return bulk;
}

struct json *launch_config(const struct launch *launch)
{
	struct json *doc = json_new_map(), *health = launch_health_record(launch);

	put_identity(doc, launch);
	put_process(doc, launch);
	put_sandbox(doc, launch);
	put_host(doc, launch);
	if (health)
		json_put(doc, "health", health);
	json_put(doc, "launch", launch_bulk(launch));
	return doc;
}

static void print_list(struct buf *out, const char *title, const struct strv *list)
{
	buf_adds(out, title);
	strv_each (item, list)
		buf_addf(out, " %s", *item);
	buf_addc(out, '\n');
}

void launch_print(const struct launch *launch, struct buf *out)
{
	static const char *const maps[] = {
		[IDMAP_SINGLE] = "single id", [IDMAP_SUBID] = "sub-ids", [IDMAP_ROOT] = "real root"
	};

	buf_addf(out, "image %s %s\n", launch->opts.image, launch->image.id);
	print_list(out, "argv", &launch->argv);
	strv_each (item, &launch->env)
		buf_addf(out, "env %s\n", *item);
	strv_each (item, &launch->cdi.env)
		buf_addf(out, "env %s\n", *item);
	for (size_t i = 0; i < launch->cdi.n_hooks; i++)
		buf_addf(out, "hook %s\n", launch->cdi.hooks[i].path);
	buf_addf(out, "user %s\nworkdir %s\nhostname %s\n", launch->user ? launch->user : "0",
		launch->workdir, launch->hostname);
	buf_addf(out, "ids %s\n", maps[launch->idmap.kind]);
	if (launch->keeps)
		buf_addf(out, "keep-id uid=%u,gid=%u\n", launch->kept.uid, launch->kept.gid);
	for (unsigned i = 0; i < launch->idmap.n_uid; i++)
		buf_addf(out, "uid-map %u %u %u\n", launch->idmap.uid[i].inside,
			launch->idmap.uid[i].outside, launch->idmap.uid[i].count);
	buf_addf(out, "capabilities %016llx\nno-new-privileges %s\nseccomp %u instructions\n",
		(unsigned long long)launch->policy.caps, launch->policy.no_new_privs ? "yes" : "no",
		launch->policy.filter_len);
	buf_addf(out, "network %s\n", launch->network.name);
	for (size_t i = 0; i < launch->network.n_ports; i++) {
		const struct publish *port = &launch->network.ports[i];

		buf_addf(out, "publish %s:%u -> %u/%s\n", port->host_ip, port->host_port,
			port->port, proto_names[port->proto]);
	}
	rootfs_print(&launch->rootfs, out);
}
