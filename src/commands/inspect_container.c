/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container in the shape of Docker's `inspect`, so that templates and jq filters written for it
 * work. Keys that sbx cannot mean anything by keep Docker's default, because scripts rely on their
 * presence. Maps are sorted by key, as Go writes them.
 */
#include "commands/common.h"
#include "commands/endpoints.h"

#include "base/own.h"
#include "base/xalloc.h"
#include "options/cdi.h"

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct json_iter *)a)->key, ((const struct json_iter *)b)->key);
}

static struct json *sorted_map(const struct json *map)
{
	autofree struct json_iter *items = xcalloc(json_len(map) + 1, sizeof(*items));
	struct json *out = json_new_map();
	size_t n = 0;

	json_each (it, map)
		items[n++] = it;
	qsort(items, n, sizeof(*items), by_key);
	for (size_t i = 0; i < n; i++)
		json_put(out, items[i].key, json_ref(items[i].value));
	return out;
}

static void put_copy(struct json *to, const char *key, const struct json *value)
{
	json_put(to, key, value ? json_ref(value) : json_new_null());
}

static void put_time(struct json *to, const char *key, int64_t ns)
{
	char text[STATE_TIME_MAX] = "0001-01-01T00:00:00Z";

	if (ns)
		state_time_format(ns, false, text);
	json_put_string(to, key, text);
}

static void put_list_or_null(struct json *to, const char *key, const struct json *list)
{
	put_copy(to, key, json_len(list) ? list : NULL);
}

static struct json *state_part(const struct container *c)
{
	struct json *s = json_new_map(), *health = container_health(c);

	json_put_string(s, "Status", state_status_name(c->status));
	json_put_bool(s, "Running", container_up(c));
	json_put_bool(s, "Paused", c->status == STATUS_PAUSED);
	json_put_bool(s, "Restarting", c->status == STATUS_RESTARTING);
	json_put_bool(s, "OOMKilled", c->oom_killed);
	json_put_bool(s, "Dead", false);
	json_put_int(s, "Pid", container_up(c) ? c->pid : 0);
	json_put_int(s, "ExitCode", c->exit_code);
	json_put_string(s, "Error", c->error ? c->error : "");
	put_time(s, "StartedAt", c->started);
	put_time(s, "FinishedAt", c->finished);
	if (health)
		json_put(s, "Health", health);
	return s;
}

static void put_port_binding(struct json *ports, const struct json *port)
{
	autofree char *key = xasprintf("%lld/%s", (long long)json_int(json_get(port, "port"), 0),
		json_str(json_get(port, "proto"), "tcp"));
	autofree char *host = xasprintf("%lld", (long long)json_int(json_get(port, "hostPort"), 0));
	const char *ip = json_str(json_get(port, "ip"), "");
	struct json *list = json_get(ports, key), *binding = json_new_map();

	if (json_kind(list) != JSON_LIST) {
		list = json_new_list();
		json_put(ports, key, list);
	}
	json_put_string(binding, "HostIp", ip);
	json_put_string(binding, "HostPort", host);
	json_push(list, binding);
}

/* Exposed ports map to null until they are published. */
static struct json *live_ports(const struct container *c)
{
	autojson struct json *ports = json_new_map();

	if (container_up(c)) {
		json_each (it, json_get(c->config, "exposedPorts"))
			json_put(ports, json_str(it.value, ""), json_new_null());
		json_each (it, json_get(c->network, "ports"))
			put_port_binding(ports, it.value);
	}
	return sorted_map(ports);
}

static struct json *wanted_ports(const struct container *c)
{
	autojson struct json *ports = json_new_map();

	json_each (it, json_get(c->config, "ports"))
		put_port_binding(ports, it.value);
	return sorted_map(ports);
}

static void push_once(struct json *list, const char *name)
{
	json_each (it, list)
		if (!strcmp(json_str(it.value, ""), name))
			return;
	json_push(list, json_new_string(name));
}

static struct json *dns_names(const struct container *c, const struct json *aliases)
{
	struct json *names = json_new_list();
	char id[13];

	snprintf(id, sizeof(id), "%s", c->id);
	push_once(names, c->name);
	json_each (it, aliases)
		push_once(names, json_str(it.value, ""));
	push_once(names, id);
	return names;
}

static struct json *ipam_config(const struct json *wish)
{
	const char *ip = json_str(json_get(wish, "ip"), ""),
		   *ip6 = json_str(json_get(wish, "ip6"), "");
	struct json *config;

	if (!*ip && !*ip6)
		return json_new_null();
	config = json_new_map();
	if (*ip)
		json_put_string(config, "IPv4Address", ip);
	if (*ip6)
		json_put_string(config, "IPv6Address", ip6);
	return config;
}

static struct json *endpoint(const struct container *c, const struct json *wish)
{
	struct json *e = json_new_map(), *aliases = json_get(wish, "aliases"),
		    *links = json_get(wish, "links");
	const struct json *live = container_endpoint_live(
		c, json_str(json_get(wish, "network"), ""));

	json_put(e, "IPAMConfig", ipam_config(wish));
	json_put(e, "Links", json_len(links) ? json_ref(links) : json_new_null());
	json_put(e, "Aliases", json_len(aliases) ? json_ref(aliases) : json_new_null());
	json_put_string(e, "MacAddress", json_str(json_get(live, "mac"), ""));
	json_put(e, "DriverOpts", json_new_null());
	json_put_string(e, "NetworkID", json_str(json_get(wish, "id"), ""));
	json_put_string(e, "EndpointID", live ? c->id : "");
	json_put_string(e, "Gateway", json_str(json_get(live, "gateway"), ""));
	json_put_string(e, "IPAddress", json_str(json_get(live, "ip"), ""));
	json_put_int(e, "IPPrefixLen", json_int(json_get(live, "prefix"), 0));
	json_put_string(e, "IPv6Gateway", json_str(json_get(live, "gateway6"), ""));
	json_put_string(e, "GlobalIPv6Address", json_str(json_get(live, "ip6"), ""));
	json_put_int(e, "GlobalIPv6PrefixLen", json_get(live, "ip6") ? 64 : 0);
	json_put(e, "DNSNames", dns_names(c, aliases));
	return e;
}

static struct json *network_part(const struct container *c)
{
	struct json *n = json_new_map(), *networks = json_new_map();
	autojson struct json *list = container_endpoints(c);

	json_each (it, list) {
		const char *name = json_str(json_get(it.value, "network"), "");

		if (strncmp(name, "container:", strlen("container:")) != 0) /* shown by its owner */
			json_put(networks, name, endpoint(c, it.value));
	}
	json_put_string(n, "Bridge", "");
	json_put_string(n, "SandboxID", container_up(c) ? c->id : "");
	json_put_string(n, "SandboxKey", "");
	json_put(n, "Ports", live_ports(c));
	json_put_string(n, "Gateway", json_str(json_get(c->network, "gateway"), ""));
	json_put_string(n, "IPAddress", json_str(json_get(c->network, "ip"), ""));
	json_put_int(n, "IPPrefixLen", json_int(json_get(c->network, "prefix"), 0));
	json_put_string(n, "IPv6Gateway", json_str(json_get(c->network, "gateway6"), ""));
	json_put_string(n, "GlobalIPv6Address", json_str(json_get(c->network, "ip6"), ""));
	json_put_int(n, "GlobalIPv6PrefixLen", json_get(c->network, "ip6") ? 64 : 0);
	json_put_string(n, "MacAddress", json_str(json_get(c->network, "mac"), ""));
	json_put(n, "Networks", networks);
	return n;
}

static struct json *mount_point(const struct json *mount)
{
	const char *type = json_str(json_get(mount, "type"), "bind");
	const char *name = json_str(json_get(mount, "name"), "");
	bool rw = json_bool(json_get(mount, "rw"), true), bind = strcmp(type, "bind") == 0;
	struct json *m = json_new_map();

	json_put_string(m, "Type", type);
	if (*name)
		json_put_string(m, "Name", name);
	json_put_string(m, "Source", json_str(json_get(mount, "source"), ""));
	json_put_string(m, "Destination", json_str(json_get(mount, "destination"), ""));
	if (*name)
		json_put_string(m, "Driver", "local");
	json_put_string(m, "Mode", rw ? "" : "ro");
	json_put_bool(m, "RW", rw);
	json_put_string(m, "Propagation", bind ? "rprivate" : "");
	return m;
}

static struct json *mounts_part(const struct container *c)
{
	struct json *list = json_new_list();

	json_each (it, json_get(c->config, "mounts"))
		json_push(list, mount_point(it.value));
	return list;
}

/* "-v" as it would be typed: binds and named volumes. */
static struct json *binds_part(const struct container *c)
{
	struct json *list = json_new_list();

	json_each (it, json_get(c->config, "mounts")) {
		const char *type = json_str(json_get(it.value, "type"), "");
		const char *name = json_str(json_get(it.value, "name"), "");
		const char *source = *name ? name : json_str(json_get(it.value, "source"), "");
		autofree char *text = xasprintf("%s:%s%s", source,
			json_str(json_get(it.value, "destination"), ""),
			json_bool(json_get(it.value, "rw"), true) ? "" : ":ro");

		if (strcmp(type, "tmpfs") != 0 && strcmp(type, "image") != 0 &&
			!json_bool(json_get(it.value, "anonymous"), false))
			json_push(list, json_new_string(text));
	}
	if (json_len(list))
		return list;
	json_free(list);
	return json_new_null();
}

static struct json *restart_policy(const struct container *c)
{
	struct json *policy = json_new_map();

	json_put_string(policy, "Name", json_str(json_get(c->config, "restart"), "no"));
	json_put_int(policy, "MaximumRetryCount", json_int(json_get(c->config, "restartMax"), 0));
	return policy;
}

static struct json *log_config(const struct container *c)
{
	struct json *log = json_new_map();

	json_put_string(log, "Type", json_str(json_get(c->config, "logDriver"), "json-file"));
	json_put(log, "Config", sorted_map(json_get(c->config, "logOpts")));
	return log;
}

static void put_resources(struct json *h, const struct json *limits)
{
	static const char *const numbers[] = { "CpuShares", "Memory", "NanoCpus", "BlkioWeight",
		"CpuPeriod", "CpuQuota", "CpuRealtimePeriod", "CpuRealtimeRuntime",
		"MemoryReservation", "MemorySwap", "OomScoreAdj" };
	static const char *const texts[] = { "CgroupParent", "CpusetCpus", "CpusetMems" };

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		json_put_int(h, numbers[i], json_int(json_get(limits, numbers[i]), 0));
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		json_put_string(h, texts[i], json_str(json_get(limits, texts[i]), ""));
	json_put(h, "MemorySwappiness", json_new_null());
	json_put(h, "OomKillDisable", json_new_bool(false));
	put_copy(h, "PidsLimit", json_get(limits, "PidsLimit"));
}

static const char *host_or(const struct json *config, const char *key, const char *otherwise)
{
	return json_bool(json_get(config, key), false) ? "host" : otherwise;
}

static struct json *devices_part(const struct json *config)
{
	struct json *list = json_new_list();

	json_each (it, json_get(config, "devices")) {
		const char *text = json_str(it.value, ""), *colon = strchr(text, ':');
		autofree char *host = xstrndup(text, colon ? (size_t)(colon - text) : 0);
		struct json *device;

		if (cdi_is_name(text))
			continue;
		device = json_new_map();
		json_put_string(device, "PathOnHost", host);
		json_put_string(device, "PathInContainer", colon ? colon + 1 : "");
		json_put_string(device, "CgroupPermissions", "rwm");
		json_push(list, device);
	}
	return list;
}

/* null where there are none, as Docker's */
static struct json *device_requests_part(const struct json *config)
{
	struct json *ids = json_new_list(), *list, *request;

	json_each (it, json_get(config, "devices"))
		if (cdi_is_name(json_str(it.value, "")))
			json_push(ids, json_ref(it.value));
	if (!json_len(ids)) {
		json_free(ids);
		return json_new_null();
	}
	request = json_new_map();
	json_put_string(request, "Driver", "cdi");
	json_put_int(request, "Count", 0);
	json_put(request, "DeviceIDs", ids);
	json_put(request, "Capabilities", json_new_null());
	json_put(request, "Options", json_new_null());
	list = json_new_list();
	json_push(list, request);
	return list;
}

static struct json *host_part(const struct container *c)
{
	const struct json *config = c->config;
	struct json *h = json_new_map();

	json_put(h, "Binds", binds_part(c));
	json_put_string(h, "ContainerIDFile", "");
	json_put(h, "LogConfig", log_config(c));
	json_put_string(h, "NetworkMode", json_str(json_get(config, "network"), "bridge"));
	json_put(h, "PortBindings", wanted_ports(c));
	json_put(h, "RestartPolicy", restart_policy(c));
	json_put_bool(h, "AutoRemove", json_bool(json_get(config, "autoRemove"), false));
	json_put_string(h, "VolumeDriver", "");
	put_list_or_null(h, "VolumesFrom", json_get(config, "volumesFrom"));
	put_list_or_null(h, "CapAdd", json_get(config, "capAdd"));
	put_list_or_null(h, "CapDrop", json_get(config, "capDrop"));
	json_put_string(h, "CgroupnsMode", host_or(config, "hostCgroupns", "private"));
	put_copy(h, "Dns", json_get(config, "dns"));
	json_put(h, "DnsOptions", json_new_list());
	json_put(h, "DnsSearch", json_new_list());
	put_list_or_null(h, "ExtraHosts", json_get(config, "addHost"));
	put_list_or_null(h, "GroupAdd", json_get(config, "groupAdd"));
	json_put_string(h, "IpcMode",
		host_or(config, "hostIpc",
			json_bool(json_get(config, "noShm"), false) ? "none" : "private"));
	json_put_string(h, "PidMode", "");
	json_put_bool(h, "Privileged", json_bool(json_get(config, "privileged"), false));
	json_put_bool(h, "PublishAllPorts", json_bool(json_get(config, "publishAll"), false));
	json_put_bool(h, "ReadonlyRootfs", json_bool(json_get(config, "readOnly"), false));
	put_list_or_null(h, "SecurityOpt", json_get(config, "securityOpt"));
	if (json_len(json_get(config, "tmpfs")))
		json_put(h, "Tmpfs", sorted_map(json_get(config, "tmpfs")));
	json_put_string(h, "UTSMode", host_or(config, "hostUts", ""));
	json_put_string(h, "UsernsMode", json_str(json_get(config, "userns"), ""));
	json_put_int(h, "ShmSize", json_int(json_get(config, "shmSize"), 64 << 20));
	json_put_string(h, "Runtime", "sbx");
	json_put_string(h, "Isolation", "");
	json_put(h, "Devices", devices_part(config));
	json_put(h, "DeviceRequests", device_requests_part(config));
	if (json_len(json_get(config, "sysctls")))
		json_put(h, "Sysctls", sorted_map(json_get(config, "sysctls")));
	if (json_len(json_get(config, "annotations")))
		json_put(h, "Annotations", sorted_map(json_get(config, "annotations")));
	put_resources(h, json_get(config, "limits"));
	json_put(h, "Ulimits",
		json_get(config, "ulimits") ? json_ref(json_get(config, "ulimits"))
					    : json_new_list());
	put_copy(h, "Init",
		json_bool(json_get(config, "init"), false) ? json_get(config, "init") : NULL);
	return h;
}

static struct json *set_of(const struct json *list)
{
	autojson struct json *set = json_new_map();

	json_each (it, list)
		json_put(set, json_str(it.value, ""), json_new_map());
	return sorted_map(set);
}

static struct json *config_part(const struct container *c)
{
	const struct json *config = c->config;
	struct json *out = json_new_map();

	json_put_string(out, "Hostname", json_str(json_get(config, "hostname"), ""));
	json_put_string(out, "Domainname", json_str(json_get(config, "domainname"), ""));
	json_put_string(out, "User", json_str(json_get(config, "user"), ""));
	json_put_bool(out, "AttachStdin", json_bool(json_get(config, "openStdin"), false));
	json_put_bool(out, "AttachStdout", true);
	json_put_bool(out, "AttachStderr", true);
	if (json_len(json_get(config, "exposedPorts")))
		json_put(out, "ExposedPorts", set_of(json_get(config, "exposedPorts")));
	json_put_bool(out, "Tty", json_bool(json_get(config, "tty"), false));
	json_put_bool(out, "OpenStdin", json_bool(json_get(config, "openStdin"), false));
	json_put_bool(out, "StdinOnce", json_bool(json_get(config, "stdinOnce"), false));
	put_copy(out, "Env", json_get(config, "env"));
	put_list_or_null(out, "Cmd", json_get(config, "cmd"));
	if (json_get(config, "health"))
		json_put(out, "Healthcheck", json_ref(json_get(config, "health")));
	json_put_string(out, "Image", json_str(json_get(config, "image"), ""));
	json_put(out, "Volumes", json_new_null());
	json_put_string(out, "WorkingDir", json_str(json_get(config, "workdir"), ""));
	put_list_or_null(out, "Entrypoint", json_get(config, "entrypoint"));
	json_put(out, "OnBuild", json_new_null());
	json_put(out, "Labels", sorted_map(json_get(config, "labels")));
	json_put_string(out, "StopSignal", json_str(json_get(config, "stopSignal"), "SIGTERM"));
	json_put_int(out, "StopTimeout", json_int(json_get(config, "stopTimeout"), 10));
	return out;
}

static struct json *driver_part(const struct container *c)
{
	struct json *driver = json_new_map(), *data = json_new_map();
	autobuf struct buf lower = BUF_INIT;
	autofree char *upper = xasprintf("%s/upper", c->path),
		      *work = xasprintf("%s/work", c->path);

	for (size_t i = json_len(json_get(c->config, "layers")); i > 0; i--)
		buf_addf(&lower, "%s%s", lower.len ? ":" : "",
			json_str(json_at(json_get(c->config, "layers"), i - 1), ""));
	json_put_string(data, "LowerDir", lower.data ? lower.data : "");
	json_put_string(data, "UpperDir", upper);
	json_put_string(data, "WorkDir", work);
	json_put_string(driver, "Name", json_str(json_get(c->config, "driver"), ""));
	json_put(driver, "Data", data);
	return driver;
}

static void put_file(struct json *doc, const char *key, const char *dir, const char *name)
{
	autofree char *path = xasprintf("%s/%s", dir, name);

	json_put_string(doc, key, path);
}

static void put_argv(struct json *doc, const struct json *argv)
{
	struct json *args = json_new_list();

	for (size_t i = 1; i < json_len(argv); i++)
		json_push(args, json_ref(json_at(argv, i)));
	json_put_string(doc, "Path", json_str(json_at(argv, 0), ""));
	json_put(doc, "Args", args);
}

static void put_identity(struct json *doc, const struct container *c)
{
	autofree char *name = xasprintf("/%s", c->name);

	json_put_string(doc, "Image", json_str(json_get(c->config, "imageId"), ""));
	put_file(doc, "ResolvConfPath", c->run_path, "resolv.conf");
	put_file(doc, "HostnamePath", c->run_path, "hostname");
	put_file(doc, "HostsPath", c->run_path, "hosts");
	put_file(doc, "LogPath", c->path, "log");
	json_put_string(doc, "Name", name);
	json_put_int(doc, "RestartCount", c->restarts);
	json_put_string(doc, "Driver", json_str(json_get(c->config, "driver"), ""));
	json_put_string(doc, "Platform", "linux");
	json_put_string(doc, "MountLabel", "");
	json_put_string(doc, "ProcessLabel", "");
	json_put_string(doc, "AppArmorProfile", "");
	json_put(doc, "ExecIDs", json_new_null());
}

int container_inspect(const struct globals *globals, const struct container *c, bool size,
	struct json **ret, struct err *err)
{
	autojson struct json *doc = json_new_map();
	int64_t own, image;

	json_put_string(doc, "Id", c->id);
	json_put_string(doc, "Created", json_str(json_get(c->config, "created"), ""));
	put_argv(doc, json_get(c->config, "argv"));
	json_put(doc, "State", state_part(c));
	put_identity(doc, c);
	json_put(doc, "HostConfig", host_part(c));
	json_put(doc, "GraphDriver", driver_part(c));
	if (size) {
		TRY(container_size(globals, c, &own, &image, err));
		json_put_int(doc, "SizeRw", own);
		json_put_int(doc, "SizeRootFs", own + image);
	}
	json_put(doc, "Mounts", mounts_part(c));
	json_put(doc, "Config", config_part(c));
	json_put(doc, "NetworkSettings", network_part(c));
	*ret = move_ptr(&doc);
	return 0;
}
