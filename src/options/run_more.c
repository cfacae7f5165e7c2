/* SPDX-License-Identifier: Apache-2.0 */
/* Options of run and create about namespaces, devices and what is written on a container. Targets begin
 * with a struct run_opts. */
#include "options/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/egress_rules.h"
#include "base/own.h"
#include "options/cdi.h"
#include "base/xalloc.h"

#define LABEL_FILE_MAX (16u << 20)

static struct run_opts *of(void *target)
{
	return target;
}

static void replace(char **slot, char *adopt)
{
	free(*slot);
	*slot = adopt;
}

/* Others of the policy's options are replaced by the caller's as they are, or add up. */
static void forget_policy_network(struct run_opts *o)
{
	autostrv struct strv kept = STRV_INIT;

	if (!o->policy_network)
		return;
	o->policy_network = false;
	free(o->network);
	o->network = NULL;
	strv_each (arg, &o->args)
		if (strncmp(*arg, "--network=", 10) != 0)
			strv_add(&kept, *arg);
	strv_set(&o->args, kept.v);
}

/* The first one's fields are the options of the same names. */
int call_network(void *target, const char *value, struct err *err)
{
	struct run_opts *o = of(target);
	struct net_endpoint e = { 0 };

	TRY(parse_endpoint(value, &e, err));
	forget_policy_network(o);
	if (o->network) {
		o->more_networks = xreallocarray(
			o->more_networks, o->n_more_networks + 1, sizeof(*o->more_networks));
		o->more_networks[o->n_more_networks++] = e;
		return 0;
	}
	o->network = move_ptr(&e.network);
	strv_extend(&o->network_alias, &e.aliases);
	if (e.ip)
		replace(&o->ip, move_ptr(&e.ip));
	if (e.ip6)
		replace(&o->ip6, move_ptr(&e.ip6));
	if (e.mac)
		replace(&o->mac_address, move_ptr(&e.mac));
	net_endpoint_done(&e);
	return 0;
}

/* Also of networks. Said as words of the option: sbx-netstack will read the same rules. */
int check_egress(const char *value, struct err *err)
{
	struct egress_rules rules = { 0 };

	if (!*value)
		return err_set(err, -EINVAL,
			"--egress: the list is empty; \"none\" is the word for nothing");
	TRY(egress_rules_parse(value, &rules, err));
	egress_rules_done(&rules);
	return 0;
}

/* The last one counts: the caller's word goes over that of a policy. */
int call_egress(void *target, const char *value, struct err *err)
{
	TRY(check_egress(value, err));
	replace(&of(target)->egress, xstrdup(value));
	return 0;
}

int call_label(void *target, const char *value, struct err *err)
{
	if (!*value || *value == '=')
		return err_set(err, -EINVAL, "invalid label '%s': empty name", value);
	strv_add(&of(target)->labels, value);
	return 0;
}

/* NAME[=VALUE] per line; '#' begins a comment line. */
int call_label_file(void *target, const char *value, struct err *err)
{
	autofd int fd = open(value, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	autofree char *text = NULL;
	size_t len = 0;

	if (fd < 0)
		return err_sys(err, "open %s", value);
	TRY(read_to_end(fd, LABEL_FILE_MAX, &text, &len, err));
	if (strlen(text) != len)
		return err_set(err, -EINVAL, "label file '%s' contains a NUL byte", value);
	for (char *line = text, *next; line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		line += strspn(line, " \t");
		line[strcspn(line, "\r")] = '\0';
		if (*line && *line != '#')
			TRY(call_label(target, line, err));
	}
	return 0;
}

int call_annotation(void *target, const char *value, struct err *err)
{
	if (!strchr(value, '=') || *value == '=')
		return err_set(err, -EINVAL, "invalid annotation '%s': NAME=VALUE", value);
	strv_add(&of(target)->annotations, value);
	return 0;
}

/* Only what belongs to a namespace of the container's own; the rest is the machine's. */
int call_sysctl(void *target, const char *value, struct err *err)
{
	static const char *const ours[] = { "net.", "fs.mqueue.",
		"kernel.msgmax=", "kernel.msgmnb=", "kernel.msgmni=", "kernel.sem=",
		"kernel.shmall=", "kernel.shmmax=", "kernel.shmmni=", "kernel.shm_rmid_forced=" };
	const char *equals = strchr(value, '=');

	if (!equals || strcspn(value, "/") < (size_t)(equals - value))
		return err_set(err, -EINVAL, "sysctl '%s': NAME=VALUE with dots", value);
	for (size_t i = 0; i < ARRAY_SIZE(ours); i++) {
		if (strncmp(value, ours[i], strlen(ours[i])) != 0)
			continue;
		strv_env_set(&of(target)->sysctls, value);
		return 0;
	}
	return err_set(err, -EINVAL, "sysctl '%s' is not allowed: it is not of a namespace", value);
}

int call_gpus(void *target, const char *value, struct err *err)
{
	return cdi_parse_gpus(value, &of(target)->devices, err);
}

/* HOST[:CONTAINER[:rwm]], or a name of CDI's */
int call_device(void *target, const char *value, struct err *err)
{
	size_t host = strcspn(value, ":"), inside;
	const char *second = value[host] ? value + host + 1 : value, *mode;
	autofree char *path = NULL, *clean = NULL;

	if (cdi_is_name(value)) {
		strv_add(&of(target)->devices, value);
		return 0;
	}
	if (*value != '/' || host < 2)
		return err_set(err, -EINVAL, "%s is not an absolute path", value);
	mode = value[host] && *second != '/' ? second : NULL; /* HOST:rw */
	if (mode)
		second = value;
	inside = strcspn(second, ":");
	if (!mode && second[inside])
		mode = second + inside + 1;
	if (mode && (!*mode || strspn(mode, "rwm") != strlen(mode)))
		return err_set(err, -EINVAL, "bad mode specified: %s", mode);
	path = xstrndup(second, inside);
	clean = clean_path(path);
	if (!clean || strncmp(clean, "/proc", 5) == 0 || strncmp(clean, "/sys", 4) == 0)
		return err_set(err, -EINVAL, "%s is no place for a device", path);
	strv_addf(&of(target)->devices, "%.*s:%s", (int)host, value, clean);
	return 0;
}

int call_expose(void *target, const char *value, struct err *err)
{
	size_t len = strcspn(value, "/");
	const char *proto = value[len] ? value + len + 1 : "tcp";
	char *end;
	unsigned long first = strtoul(value, &end, 10), last = first;

	if (*end == '-')
		last = strtoul(end + 1, &end, 10);
	if (*value < '0' || *value > '9' || end != value + len || first == 0 || last < first ||
		last > 65535 || (strcmp(proto, "tcp") != 0 && strcmp(proto, "udp") != 0))
		return err_set(err, -EINVAL, "invalid range format for --expose: %s", value);
	for (; first <= last; first++) {
		autofree char *port = xasprintf("%lu/%s", first, proto);

		if (!strv_has(&of(target)->expose, port))
			strv_add(&of(target)->expose, port);
	}
	return 0;
}

static int one_of(const char *what, const char *value, const char *const *words, struct err *err)
{
	for (; *words; words++)
		if (strcmp(value, *words) == 0)
			return 0;
	return err_set(err, -EINVAL, "invalid %s mode: %s", what, value);
}

/* pid 1 of the namespace is what ends all of a container when it dies, however that comes; and procfs
 * can only be mounted by who owns the pid namespace (EPERM), which is not the caller for the host's. */
int call_pid(void *target, const char *value, struct err *err)
{
	static const char *const words[] = { "", "private", NULL };

	(void)target;
	if (strcmp(value, "host") == 0)
		return err_set(err, -EINVAL,
			"--pid host is not there: without root /proc cannot be mounted for the host's "
			"processes, and a container without a pid namespace of its own would leave "
			"processes behind. `sbx top` shows a container's processes from outside");
	if (strncmp(value, "container:", strlen("container:")) == 0)
		return err_set(err, -EINVAL,
			"--pid container:NAME is not there: each container's end ends all of its own "
			"processes. `sbx exec` and `sbx debug` work beside the processes of a "
			"running container");
	return one_of("PID", value, words, err);
}

int call_ipc(void *target, const char *value, struct err *err)
{
	static const char *const words[] = { "", "none", "private", "shareable", "host", NULL };

	if (strncmp(value, "container:", strlen("container:")) == 0)
		return err_set(err, -EINVAL,
			"--ipc container:NAME is not there: an IPC namespace belongs to the user "
			"namespace of its container, and this one has another. Mount a volume or a "
			"tmpfs of the host into both, or use --ipc host");
	TRY(one_of("IPC", value, words, err));
	of(target)->host_ipc = strcmp(value, "host") == 0;
	of(target)->no_shm = strcmp(value, "none") == 0;
	return 0;
}

int call_uts(void *target, const char *value, struct err *err)
{
	static const char *const words[] = { "", "private", "host", NULL };

	TRY(one_of("UTS", value, words, err));
	of(target)->host_uts = strcmp(value, "host") == 0;
	return 0;
}

int call_cgroupns(void *target, const char *value, struct err *err)
{
	static const char *const words[] = { "", "private", "host", NULL };

	TRY(one_of("cgroup namespace", value, words, err));
	of(target)->host_cgroupns = strcmp(value, "host") == 0;
	return 0;
}

int call_domainname(void *target, const char *value, struct err *err)
{
	if (!valid_hostname(value))
		return err_set(err, -EINVAL, "invalid domain name: %s", value);
	free(of(target)->domainname);
	of(target)->domainname = xstrdup(value);
	return 0;
}

/* There is one of each. */
int call_runtime(void *target, const char *value, struct err *err)
{
	(void)target;
	if (strcmp(value, "sbx") == 0)
		return 0;
	return err_set(
		err, -EINVAL, "unknown or invalid runtime name: %s; there is only sbx", value);
}

int call_volume_driver(void *target, const char *value, struct err *err)
{
	(void)target;
	if (strcmp(value, "local") == 0)
		return 0;
	return err_set(err, -EINVAL, "plugin \"%s\" not found; there is only local", value);
}

/* The caller's whole environment, below what -e and --env-file say. */
void add_host_env(struct strv *env)
{
	autostrv struct strv before = *env;

	*env = (struct strv)STRV_INIT;
	for (char **e = environ; *e; e++)
		if (strncmp(*e, "SBX_", 4) != 0 && strchr(*e, '='))
			strv_add(env, *e);
	strv_extend(env, &before);
}

int check_namespaces(const struct run_opts *o, struct err *err)
{
	bool host = o->network && strcmp(o->network, "host") == 0;

	if (o->host_uts && (o->hostname || o->domainname))
		return err_set(
			err, -EINVAL, "conflicting options: hostname and the UTS mode of the host");
	strv_each (s, &o->sysctls) {
		if (host && strncmp(*s, "net.", 4) == 0)
			return err_set(err, -EINVAL,
				"sysctl '%s' is not allowed with the network of the host", *s);
		if (o->host_ipc && strncmp(*s, "net.", 4) != 0)
			return err_set(err, -EINVAL,
				"sysctl '%s' is not allowed with the IPC mode of the host", *s);
	}
	return 0;
}

/* An absolute path: the monitor, which writes it, has another working directory. */
int call_policy_learn(void *target, const char *value, struct err *err)
{
	autofree char *here = xasprintf("./%s", value);

	if (!*value)
		return err_set(err, -EINVAL, "a file name is missing");
	free(of(target)->policy_learn);
	of(target)->policy_learn = NULL;
	return absolute_source(*value == '/' ? value : here, &of(target)->policy_learn, err);
}
