/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options of `sbx run`. Rows that only store go through the table; those that judge are functions
 * below, in the order of the table.
 *
 * run_opts.args is what `sbx start` parses again: every option in its long form with what depended
 * on the caller resolved (relative sources, -e NAME, env files), and without what is done once
 * (--cidfile, --pull, --replace, --dry-run).
 */
#include "options/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/own.h"
#include "base/xalloc.h"
#include "options/policy_file.h"

struct raw {
	struct run_opts opts; /* first: calls of other files know no more of it */
	struct strv env;      /* -e, resolved; opts.env holds what env files said */
};

static int call_env(void *target, const char *value, struct err *err)
{
	return parse_env(value, &((struct raw *)target)->env, err);
}

static int call_env_file(void *target, const char *value, struct err *err)
{
	return parse_env_file(value, &((struct raw *)target)->opts.env, err);
}

static int call_publish(void *target, const char *value, struct err *err)
{
	struct run_opts *o = &((struct raw *)target)->opts;

	return parse_publish(value, &o->ports, &o->n_ports, err);
}

static int call_host_loopback(void *target, const char *value, struct err *err)
{
	return parse_loopback_ports(value, &((struct raw *)target)->opts.host_loopback, err);
}

static int add_volume(void *target, const char *value,
	int (*parse)(const char *, struct volume *, struct err *), struct err *err)
{
	struct run_opts *o = &((struct raw *)target)->opts;
	struct volume v;

	TRY(parse(value, &v, err));
	o->volumes = xreallocarray(o->volumes, o->n_volumes + 1, sizeof(*o->volumes));
	o->volumes[o->n_volumes++] = v;
	return 0;
}

static int call_volume(void *target, const char *value, struct err *err)
{
	return add_volume(target, value, parse_volume, err);
}

static int call_mount(void *target, const char *value, struct err *err)
{
	return add_volume(target, value, parse_mount, err);
}

static int call_tmpfs(void *target, const char *value, struct err *err)
{
	return add_volume(target, value, parse_tmpfs, err);
}

static int replace_string(char **slot, const char *value)
{
	free(*slot);
	*slot = xstrdup(value);
	return 0;
}

static int call_volumes_from(void *target, const char *value, struct err *err)
{
	TRY(parse_volumes_from(value, err));
	strv_add(&((struct raw *)target)->opts.volumes_from, value);
	return 0;
}

static int call_userns(void *target, const char *value, struct err *err)
{
	struct run_opts *o = &((struct raw *)target)->opts;

	TRY(parse_userns(value, err));
	return replace_string(&o->userns, value);
}

static int call_ulimit(void *target, const char *value, struct err *err)
{
	struct run_opts *o = &((struct raw *)target)->opts;
	struct ulimit u;

	TRY(parse_ulimit(value, &u, err));
	o->ulimits = xreallocarray(o->ulimits, o->n_ulimits + 1, sizeof(*o->ulimits));
	o->ulimits[o->n_ulimits++] = u;
	return 0;
}

static int call_pull(void *target, const char *value, struct err *err)
{
	static const char *const words[] = {
		[PULL_MISSING] = "missing",
		[PULL_ALWAYS] = "always",
		[PULL_NEVER] = "never",
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcmp(value, words[i]) == 0) {
			((struct raw *)target)->opts.pull = (enum pull_policy)i;
			return 0;
		}
	}
	return err_set(err, -EINVAL,
		"invalid pull option: '%s': must be one of \"always\", \"missing\" or \"never\"",
		value);
}

static int call_shm_size(void *target, const char *value, struct err *err)
{
	int64_t size;

	TRY(parse_size(value, &size, err));
	if (size == 0)
		return err_set(err, -EINVAL, "shm-size must be greater than 0");
	((struct raw *)target)->opts.shm_size = size;
	return 0;
}

static int call_stop_signal(void *target, const char *value, struct err *err)
{
	TRY(parse_signal(value, err));
	return replace_string(&((struct raw *)target)->opts.stop_signal, value);
}

static int call_platform(void *target, const char *value, struct err *err)
{
	TRY(parse_platform(value, err));
	return replace_string(&((struct raw *)target)->opts.platform, value);
}

static int call_dns(void *target, const char *value, struct err *err)
{
	if (!valid_ip(value))
		return err_set(err, -EINVAL, "IP address is not correctly formatted: %s", value);
	strv_add(&((struct raw *)target)->opts.dns, value);
	return 0;
}

static int call_add_host(void *target, const char *value, struct err *err)
{
	return parse_add_host(value, &((struct raw *)target)->opts.add_host, err);
}

static int call_driver(void *target, const char *value, struct err *err)
{
	TRY(check_driver(value, err));
	return replace_string(&((struct raw *)target)->opts.storage_driver, value);
}

static int call_name(void *target, const char *value, struct err *err)
{
	const char *name = *value == '/' ? value + 1 : value; /* inspect shows it with a slash */

	if (*value && !valid_name(name, 1))
		return err_set(err, -EINVAL,
			"Invalid container name (%s), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed",
			value);
	return replace_string(&((struct raw *)target)->opts.name, name); /* "" = a random one */
}

static int call_hostname(void *target, const char *value, struct err *err)
{
	if (!valid_hostname(value))
		return err_set(err, -EINVAL, "invalid hostname: %s", value);
	return replace_string(&((struct raw *)target)->opts.hostname, value);
}

static int call_workdir(void *target, const char *value, struct err *err)
{
	if (*value != '/')
		return err_set(err, -EINVAL,
			"the working directory '%s' is invalid, it needs to be an absolute path",
			value);
	return replace_string(&((struct raw *)target)->opts.workdir, value);
}

static int call_stop_timeout(void *target, const char *value, struct err *err)
{
	return parse_stop_timeout(value, &((struct raw *)target)->opts.stop_timeout, err);
}

static int call_restart(void *target, const char *value, struct err *err)
{
	struct run_opts *o = &((struct raw *)target)->opts;

	return parse_restart(value, &o->restart, &o->restart_max, err);
}

static int call_log_driver(void *target, const char *value, struct err *err)
{
	if (strcmp(value, "json-file") != 0 && strcmp(value, "local") != 0 &&
		strcmp(value, "none") != 0 && strcmp(value, "journald") != 0)
		return err_set(err, -EINVAL,
			"logger: no log driver named '%s' is registered: json-file, local, journald "
			"or none",
			value);
	return replace_string(&((struct raw *)target)->opts.log_driver, value);
}

static int call_log_opt(void *target, const char *value, struct err *err)
{
	TRY(parse_log_opt(value, err));
	strv_env_set(&((struct raw *)target)->opts.log_opts, value);
	return 0;
}

#define RUN     struct raw
#define IGNORED "Accepted and ignored, with a warning"
const struct opt run_table[] = {
	/* the first RUN_ONLY rows are not options of create */
	OPT_FLAG('d', "detach", RUN, opts.detach,
		"Run in the background and print the container id"),
	OPT_STRING(0, "detach-keys", RUN, opts.detach_keys, "KEYS",
		"Key sequence that detaches (default ctrl-p,ctrl-q)"),
	OPT_INT(0, "preserve-fds", RUN, opts.preserve_fds, "N",
		"Pass the caller's descriptors 3 to N+2 to the program"),
	OPT_FLAG(0, "sig-proxy", RUN, opts.sig_proxy,
		"Forward signals to the container (default true)"),
	OPT_CALL(0, "add-host", call_add_host, "HOST:IP",
		"Add a line to /etc/hosts; IP may be host-gateway"),
	OPT_CALL(0, "annotation", call_annotation, "NAME=VALUE", "Attach an annotation"),
	OPT_CALL('a', "attach", call_attach, "STREAM", "Attach to stdin, stdout or stderr only"),
	OPT_CALL(0, "blkio-weight", call_blkio_weight, "N", "Share of disk time, 10 to 1000"),
	OPT_LIST(0, "blkio-weight-device", RUN, opts.ignored, "VALUE", IGNORED),
	OPT_LIST(0, "cap-add", RUN, opts.cap_add, "CAP", "Add a Linux capability, or ALL"),
	OPT_LIST(0, "cap-drop", RUN, opts.cap_drop, "CAP", "Drop a Linux capability, or ALL"),
	OPT_CALL(0, "cgroup-parent", call_cgroup_parent, "PATH",
		"Cgroup to make the container's in"),
	OPT_CALL(0, "cgroupns", call_cgroupns, "private|host", "Cgroup namespace"),
	OPT_STRING(0, "cidfile", RUN, opts.cidfile, "FILE", "Write the container id to a new file"),
	OPT_CALL(0, "cpu-period", call_cpu_period, "MICROSECONDS",
		"Period of --cpu-quota (default 100000)"),
	OPT_CALL(0, "cpu-quota", call_cpu_quota, "MICROSECONDS", "Processor time per period"),
	OPT_LIST(0, "cpu-rt-period", RUN, opts.ignored, "VALUE", IGNORED),
	OPT_LIST(0, "cpu-rt-runtime", RUN, opts.ignored, "VALUE", IGNORED),
	OPT_CALL('c', "cpu-shares", call_cpu_shares, "N",
		"Share of processor time, 2 to 262144 (default 1024)"),
	OPT_CALL(0, "cpus", call_cpus, "N", "Processors' worth of time, like 1.5"),
	OPT_CALL(0, "cpuset-cpus", call_cpuset_cpus, "LIST", "Processors to run on, like 0-2,5"),
	OPT_CALL(0, "cpuset-mems", call_cpuset_mems, "LIST", "Memory nodes to use, like 0,1"),
	OPT_CALL(0, "device", call_device, "HOST[:PATH[:rwm]]",
		"Show a device inside, or CDI's VENDOR/CLASS=NAME"),
	OPT_LIST(0, "device-cgroup-rule", RUN, opts.ignored, "VALUE", IGNORED),
	OPT_LIST(0, "device-read-bps", RUN, opts.ignored, "VALUE", IGNORED),
	OPT_LIST(0, "device-read-iops", RUN, opts.ignored, "VALUE", IGNORED),
	OPT_LIST(0, "device-write-bps", RUN, opts.ignored, "VALUE", IGNORED),
	OPT_LIST(0, "device-write-iops", RUN, opts.ignored, "VALUE", IGNORED),
	OPT_CALL(0, "dns", call_dns, "IP", "Use this DNS server"),
	OPT_LIST(0, "dns-option", RUN, opts.dns_option, "OPTION", "Add an option to resolv.conf"),
	OPT_ALIAS(0, "dns-opt", "dns-option"),
	OPT_LIST(0, "dns-search", RUN, opts.dns_search, "DOMAIN",
		"Search this domain; \".\" searches none"),
	OPT_CALL(0, "domainname", call_domainname, "NAME", "NIS domain name inside the container"),
	OPT_FLAG(0, "dry-run", RUN, opts.dry_run, "Print what would be done and do nothing"),
	OPT_CALL(0, "egress", call_egress, "none|all|learn|LIST",
		"Reach only these: NAME, *.NAME, CIDR, :PORT, with commas"),
	OPT_STRING(0, "entrypoint", RUN, opts.entrypoint, "PROGRAM",
		"Replace the image's ENTRYPOINT; empty resets it"),
	OPT_CALL('e', "env", call_env, "NAME[=VALUE]",
		"Set an environment variable, or copy the caller's"),
	OPT_CALL(0, "env-file", call_env_file, "FILE", "Read environment variables from a file"),
	OPT_FLAG(0, "env-host", RUN, opts.env_host,
		"Copy the caller's environment; -e and --env-file win"),
	OPT_CALL(0, "expose", call_expose, "PORT[-PORT][/udp]",
		"Expose a port, for -P and to other containers"),
	OPT_CALL(0, "gpus", call_gpus, "GPUS", "Devices nvidia.com/gpu of CDI: all, N, device=0,1"),
	OPT_LIST(0, "group-add", RUN, opts.group_add, "GROUP",
		"Add a supplementary group, by name or number"),
	OPT_STRING(0, "health-cmd", RUN, opts.health.cmd, "COMMAND",
		"Shell command that tells whether the container is healthy"),
	OPT_CALL(0, "health-interval", call_health_interval, "DURATION",
		"Time between two health checks (default 30s)"),
	OPT_CALL(0, "health-retries", call_health_retries, "N",
		"Failures in a row that mean unhealthy (default 3)"),
	OPT_CALL(0, "health-start-interval", call_health_start_interval, "DURATION",
		"Time between two checks in the start period (default 5s)"),
	OPT_CALL(0, "health-start-period", call_health_start_period, "DURATION",
		"Time in which failures do not count (default 0s)"),
	OPT_CALL(0, "health-timeout", call_health_timeout, "DURATION",
		"Time a health check may take (default 30s)"),
	OPT_CALL(0, "host-loopback", call_host_loopback, "PORT[,PORT]",
		"Reach these TCP ports of the host's own 127.0.0.1"),
	OPT_CALL('h', "hostname", call_hostname, "NAME", "Host name inside the container"),
	OPT_FLAG(0, "http-proxy", RUN, opts.http_proxy,
		"Copy the caller's proxy variables; -e and --env-file win"),
	OPT_FLAG(
		0, "init", RUN, opts.init, "Run an init that forwards signals and reaps processes"),
	OPT_FLAG('i', "interactive", RUN, opts.interactive, "Keep standard input open"),
	OPT_STRING(0, "ip", RUN, opts.ip, "ADDRESS", "IPv4 address on a network made by the user"),
	OPT_STRING(
		0, "ip6", RUN, opts.ip6, "ADDRESS", "IPv6 address on a network made with --ipv6"),
	OPT_CALL(0, "ipc", call_ipc, "private|shareable|none|host",
		"Shared memory and semaphores: its own, or the host's"),
	OPT_LIST(0, "kernel-memory", RUN, opts.ignored, "VALUE", IGNORED),
	OPT_CALL('l', "label", call_label, "NAME[=VALUE]", "Attach a label"),
	OPT_CALL(0, "label-file", call_label_file, "FILE", "Read labels from a file"),
	OPT_CALL(0, "limits", call_limits, "strict|best-effort",
		"Refuse limits that cannot be enforced, or go on"),
	OPT_LIST(0, "link", RUN, opts.links, "CONTAINER[:ALIAS]",
		"Name another running container in /etc/hosts"),
	OPT_CALL(0, "log-driver", call_log_driver, "DRIVER",
		"How output is kept: json-file, local, journald or none"),
	OPT_CALL(0, "log-opt", call_log_opt, "NAME=VALUE",
		"max-size=SIZE, max-file=N, labels=A,B, env=A,B, tag=T"),
	OPT_STRING(0, "mac-address", RUN, opts.mac_address, "MAC", "MAC address"),
	OPT_CALL('m', "memory", call_memory, "SIZE", "Limit of memory"),
	OPT_CALL(0, "memory-reservation", call_memory_reservation, "SIZE",
		"Memory that is taken away last"),
	OPT_CALL(0, "memory-swap", call_memory_swap, "SIZE",
		"Limit of memory and swap together; -1: no limit of swap"),
	OPT_LIST(0, "memory-swappiness", RUN, opts.ignored, "VALUE", IGNORED),
	OPT_CALL(0, "mount", call_mount, "SPEC",
		"Mount type=bind|volume|tmpfs|image,source=DIR,target=PATH"),
	OPT_CALL(0, "name", call_name, "NAME", "Name of the container"),
	OPT_CALL(0, "network", call_network, "NETWORK",
		"bridge (default), none, host, container:NAME or a network"),
	OPT_ALIAS(0, "net", "network"),
	OPT_LIST(0, "network-alias", RUN, opts.network_alias, "NAME",
		"One more name on a network made by the user"),
	OPT_ALIAS(0, "net-alias", "network-alias"),
	OPT_FLAG(0, "no-healthcheck", RUN, opts.health.none, "Do not run the image's health check"),
	OPT_FLAG(0, "oom-kill-disable", RUN, opts.oom_kill_disable, IGNORED),
	OPT_CALL(0, "oom-score-adj", call_oom_score_adj, "N",
		"Who is killed first when memory runs out, -1000 to 1000"),
	OPT_CALL(0, "pid", call_pid, "private", "Processes: always its own"),
	OPT_CALL(0, "pids-limit", call_pids_limit, "N", "Limit of processes and threads; -1: none"),
	OPT_CALL(0, "platform", call_platform, "OS/ARCH",
		"Platform to choose from a multi-platform image"),
	OPT_STRING(0, "policy", RUN, opts.policy, "POLICY",
		"default, build, untrusted, open, your own or a file"),
	OPT_CALL(0, "policy-learn", call_policy_learn, "FILE",
		"Write the policy this run would have needed"),
	OPT_FLAG(0, "privileged", RUN, opts.privileged,
		"All capabilities of the user namespace, no masked paths"),
	OPT_CALL('p', "publish", call_publish, "[[IP:]PORT:]PORT[/udp]",
		"Publish a container's port on the host"),
	OPT_FLAG('P', "publish-all", RUN, opts.publish_all,
		"Publish all exposed ports on free ports"),
	OPT_CALL(0, "pull", call_pull, "missing|always|never",
		"When to pull the image (default missing)"),
	OPT_FLAG('q', "quiet", RUN, opts.quiet, "Do not show the progress of a pull"),
	OPT_FLAG(0, "read-only", RUN, opts.read_only, "Mount the root file system read-only"),
	OPT_FLAG(0, "replace", RUN, opts.replace, "Remove a container that has the name first"),
	OPT_FLAG(0, "report", RUN, opts.report,
		"Watch the container and tell at its end what it did"),
	OPT_CALL(0, "restart", call_restart, "POLICY",
		"no, on-failure[:N], always or unless-stopped"),
	OPT_FLAG(0, "rm", RUN, opts.remove, "Remove the container when it ends"),
	OPT_FLAG(0, "rootfs", RUN, opts.rootfs,
		"IMAGE is a directory to be the root; it is not changed"),
	OPT_CALL(0, "runtime", call_runtime, "sbx", "Accepted for Docker's sake"),
	OPT_LIST(0, "security-opt", RUN, opts.security_opt, "OPTION",
		"seccomp=FILE|unconfined, no-new-privileges"),
	OPT_CALL(0, "shm-size", call_shm_size, "SIZE", "Size of /dev/shm (default 64m)"),
	OPT_CALL(0, "stop-signal", call_stop_signal, "SIGNAL",
		"Signal that asks the program to end"),
	OPT_CALL(0, "stop-timeout", call_stop_timeout, "SECONDS",
		"Time `stop` waits before it kills"),
	OPT_CALL(0, "storage-driver", call_driver, "auto|overlay|fuse",
		"How layers are stacked (default auto)"),
	OPT_CALL(0, "sysctl", call_sysctl, "NAME=VALUE",
		"Set a kernel parameter of the container's namespaces"),
	OPT_INT(0, "timeout", RUN, opts.timeout, "SECONDS", "Kill the container after this time"),
	OPT_CALL(0, "tmpfs", call_tmpfs, "PATH[:OPTIONS]", "Mount a tmpfs"),
	OPT_FLAG('t', "tty", RUN, opts.tty, "Give the program a terminal"),
	OPT_CALL(0, "tz", call_tz, "ZONE", "Time zone, like Europe/Paris, or local for the host's"),
	OPT_CALL(0, "ulimit", call_ulimit, "NAME=SOFT[:HARD]", "Set a resource limit"),
	OPT_CALL(0, "umask", call_umask, "MODE", "File mode creation mask (default 0022)"),
	OPT_LIST(0, "unsetenv", RUN, opts.unsetenv, "NAME",
		"Leave a variable of the image or of sbx out"),
	OPT_FLAG(0, "unsetenv-all", RUN, opts.unsetenv_all,
		"Leave all of them out; -e and --env-file stay"),
	OPT_STRING(
		'u', "user", RUN, opts.user, "USER[:GROUP]", "User and group, by name or number"),
	OPT_CALL(0, "userns", call_userns, "MODE",
		"keep-id[:uid=N,gid=N]: you are the same user inside"),
	OPT_CALL(0, "uts", call_uts, "private|host", "Host name: its own, or the host's"),
	OPT_CALL('v', "volume", call_volume, "[SOURCE:]PATH[:ro]",
		"Bind a host directory or a named volume"),
	OPT_CALL(0, "volume-driver", call_volume_driver, "local", "Accepted for Docker's sake"),
	OPT_CALL(0, "volumes-from", call_volumes_from, "CONTAINER[:ro]",
		"Mount what another container mounts, running or not"),
	OPT_CALL('w', "workdir", call_workdir, "DIR", "Working directory inside the container"),
	OPT_END,
};
#undef RUN

void run_opts_done(struct run_opts *o)
{
	char *strings[] = { o->name, o->workdir, o->user, o->hostname, o->network, o->cidfile,
		o->platform, o->detach_keys, o->stop_signal, o->userns, o->storage_driver,
		o->entrypoint, o->image, o->ip, o->ip6, o->mac_address, o->restart, o->log_driver,
		o->health.cmd, o->policy, o->domainname, o->policy_learn, o->umask, o->tz,
		o->egress };
	struct strv *lists[] = { &o->env, &o->labels, &o->cap_add, &o->cap_drop, &o->security_opt,
		&o->dns, &o->add_host, &o->group_add, &o->command, &o->args, &o->network_alias,
		&o->links, &o->volumes_from, &o->dns_search, &o->dns_option, &o->log_opts,
		&o->sysctls, &o->devices, &o->expose, &o->annotations, &o->ignored, &o->warnings,
		&o->unsetenv };

	for (size_t i = 0; i < ARRAY_SIZE(strings); i++)
		free(strings[i]);
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		strv_done(lists[i]);
	for (size_t i = 0; i < o->n_volumes; i++)
		volume_done(&o->volumes[i]);
	free(o->volumes);
	limits_done(&o->limits);
	for (size_t i = 0; i < o->n_more_networks; i++)
		net_endpoint_done(&o->more_networks[i]);
	free(o->more_networks);
	free(o->ports);
	free(o->ulimits);
	*o = (struct run_opts){ 0 };
}

static void note(void *target, const struct opt *opt, const char *value)
{
	static const char *const skip[] = { "cidfile", "dry-run", "env", "env-file", "env-host",
		"http-proxy", "label", "label-file", "policy", "preserve-fds", "pull", "quiet",
		"replace" };
	struct run_opts *o = &((struct raw *)target)->opts;
	const struct volume *last = o->n_volumes ? &o->volumes[o->n_volumes - 1] : NULL;

	for (size_t i = 0; i < ARRAY_SIZE(skip); i++)
		if (strcmp(opt->name, skip[i]) == 0)
			return;
	if (opt->help && strcmp(opt->help, IGNORED) == 0) {
		strv_addf(&o->warnings, "--%s needs root or another kernel and is ignored",
			opt->name);
		return;
	}
	if (opt->call == call_volume)
		note_volume(&o->args, last, value);
	else if (opt->call == call_mount && last->type == VOLUME_BIND)
		note_mount(&o->args, last);
	else if (opt->call == call_policy_learn)
		strv_addf(&o->args, "--%s=%s", opt->name, o->policy_learn);
	else
		strv_addf(&o->args, "--%s=%s", opt->name, value);
}

static int finish(struct raw *raw, const struct strv *operands, struct err *err)
{
	struct run_opts *o = &raw->opts;

	if (o->name && !*o->name) {
		free(o->name);
		o->name = NULL;
	}
	if (o->remove && o->restart && strcmp(o->restart, "no") != 0)
		return err_set(err, -EINVAL,
			"conflicting options: cannot specify both --restart and --rm");
	if (o->log_opts.n && o->log_driver && strcmp(o->log_driver, "none") == 0)
		return err_set(err, -EINVAL, "invalid logging opts for driver none");
	TRY(check_health(&o->health, err));
	TRY(check_limits(&o->limits, err));
	TRY(check_namespaces(o, err));
	TRY(check_process(o, err));
	if (o->timeout < 0 || o->timeout > INT32_MAX)
		return err_set(err, -EINVAL, "--timeout must be a number of seconds");
	if (o->replace && !o->name)
		return err_set(err, -EINVAL, "cannot replace container without --name being set");
	strv_extend(&o->env, &raw->env);
	if (o->env_host)
		add_host_env(&o->env);
	if (o->http_proxy)
		add_proxy_env(&o->env);
	env_squash(&o->env);
	strv_each (label, &o->labels)
		strv_addf(&o->args, "--label=%s", *label);
	strv_each (
		e, &o->env) /* a bare one would be read anew by `start`, which has the record's */
		if (strchr(*e, '='))
			strv_addf(&o->args, "--env=%s", *e);
	if (operands->v[0][0] == '-') /* `sbx run -- -x`: still an operand when read again */
		strv_add(&o->args, "--");
	strv_extend(&o->args, operands);
	o->image = xstrdup(operands->v[0]);
	strv_set(&o->command, operands->v + 1);
	return 0;
}

static void raw_done(struct raw *raw)
{
	strv_done(&raw->env);
	run_opts_done(&raw->opts);
}

static struct raw raw_new(void)
{
	return (struct raw){ .opts = { .sig_proxy = true, .stop_timeout = -1, .shm_size = -1 } };
}

/* The policy's options, as if they had been written in front of the caller's. */
static int parse_policy(
	const struct opt_spec *spec, const char *name, struct raw *raw, struct err *err)
{
	autojson struct json *policy = NULL;
	autostrv struct strv words = STRV_INIT, operands = STRV_INIT;
	struct opt_spec own = *spec;
	int r;

	own.min = own.max = 0;
	strv_add(&words, "run");
	TRY(policy_load(name, &policy, err));
	TRY(policy_options(policy, &words, err));
	r = opt_parse(&own, words.v, raw, &operands, err);
	return r < 0 ? err_wrap(err, "policy %s", name) : r;
}

/* Twice where a policy is named: the first look only finds its name. */
static int parse_all(const struct opt_spec *spec, char **argv, struct raw *raw,
	struct strv *operands, struct err *err)
{
	int r = opt_parse(spec, argv, raw, operands, err);
	autofree char *name = NULL;

	if (r != 0 || !raw->opts.policy)
		return r;
	name = xstrdup(raw->opts.policy);
	raw_done(raw);
	strv_done(operands);
	*raw = raw_new();
	TRY(parse_policy(spec, name, raw, err));
	raw->opts.policy_network = raw->opts.network != NULL;
	return opt_parse(spec, argv, raw, operands, err);
}

static int parse(enum command_id id, char **argv, struct run_opts *ret, struct err *err)
{
	struct opt_spec spec = command_by_id(id)->spec;
	struct raw raw = raw_new();
	autostrv struct strv operands = STRV_INIT;
	int r;

	spec.note = note;
	r = parse_all(&spec, argv, &raw, &operands, err);
	if (r == OPT_HELP)
		r = err_set(err, -EINVAL, "--help was not answered");
	if (r == 0)
		r = finish(&raw, &operands, err);
	if (r < 0) {
		raw_done(&raw);
		return err->exit ? r : err_exit(err, 125);
	}
	strv_done(&raw.env);
	*ret = raw.opts;
	return 0;
}

int policy_run_opts(const char *policy, struct run_opts *ret, struct err *err)
{
	struct raw raw = raw_new();
	int r = parse_policy(&command_by_id(CMD_RUN)->spec, policy, &raw, err);

	if (r < 0) {
		raw_done(&raw);
		return err->exit ? r : err_exit(err, 125);
	}
	strv_done(&raw.env);
	*ret = raw.opts;
	return 0;
}

int run_opts_parse(int argc, char **argv, struct run_opts *ret, struct err *err)
{
	(void)argc;
	return parse(CMD_RUN, argv, ret, err);
}

int create_opts_parse(int argc, char **argv, struct run_opts *ret, struct err *err)
{
	(void)argc;
	return parse(CMD_CREATE, argv, ret, err);
}
