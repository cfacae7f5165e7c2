/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stage 1: argv becomes options. One table per command (see opt.h) drives parsing, --help, shell
 * completion and the OPTIONS part of the man pages. Parsing follows pflag as Docker uses it: no
 * abbreviations, -e=A=1, -eA=1, -dp 80:80, --rm=false, repeatable lists; options end at IMAGE for
 * run, create and exec only. An unknown flag is exit 125 with a suggestion.
 */
#ifndef SBX_OPTIONS_OPTIONS_H
#define SBX_OPTIONS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "base/strv.h"
#include "options/endpoint.h"
#include "options/command.h"
#include "options/verbs.h"

/* Where everything lives; resolved once from flags, environment and XDG (architecture section 9). */
struct globals {
	char *root; /* --root, SBX_ROOT, $XDG_DATA_HOME/sbx, ~/.local/share/sbx */
	char *runroot; /* --runroot, SBX_RUNROOT, $XDG_RUNTIME_DIR/sbx, else a checked 0700 /tmp/sbx-UID */
	char *config;         /* path: --config, SBX_CONFIG, $XDG_CONFIG_HOME/sbx/config.json */
	char *storage_driver; /* "auto", "overlay", "fuse": --storage-driver, SBX_STORAGE_DRIVER, config */
	struct json *settings; /* parsed config file, NULL when there is none */
	enum log_level log_level;
	bool help, version; /* --help, -v: the verb's index is then argc */
};

enum publish_proto { PUBLISH_TCP, PUBLISH_UDP, PUBLISH_SCTP };

struct publish {            /* one -p after range expansion */
	char host_ip[46];   /* "" = all addresses */
	uint16_t host_port; /* 0 = pick a free one */
	uint16_t host_last; /* 0, or the first free one from host_port to this */
	uint16_t port;      /* in the container */
	enum publish_proto proto;
};

enum volume_type { VOLUME_BIND, VOLUME_NAMED, VOLUME_ANONYMOUS, VOLUME_TMPFS, VOLUME_IMAGE };

/* A path may come to mean something else before it is mounted: then it is an error. */
struct pinned {
	bool is; /* device and inode count */
	dev_t dev;
	ino_t ino;
};

struct volume {
	enum volume_type type;
	char *source;      /* host path, volume name, image; NULL for anonymous and tmpfs */
	char *destination; /* absolute, cleaned */
	bool read_only;
	bool create_source; /* -v makes a missing bind source, --mount refuses */
	bool no_copy;       /* :nocopy */
	bool squash;        /* everybody inside is the caller there (docs/mounts.md) */
	bool no_exec;
	bool not_recursive;            /* without what is mounted below the source */
	bool slave;                    /* what the host mounts below it later appears inside too */
	bool inherited;                /* by --volumes-from */
	char *subpath;                 /* of the source: mount this directory or file of it */
	struct pinned pinned;          /* of a bind's source; that of the builder */
	const struct strv *layers;     /* borrowed: an image's, or those of a bind of the builder */
	char *tmpfs_options;           /* "size=64m,mode=1777" or NULL */
	struct json *labels, *options; /* of a volume that this mount makes; NULL = none */
};

struct ulimit {
	int resource; /* RLIMIT_* */
	struct rlimit limit;
};

enum pull_policy { PULL_MISSING, PULL_ALWAYS, PULL_NEVER };

/* --health-…: 0 and NULL where not given. Durations in ns. */
struct health_opts {
	char *cmd;
	int64_t interval, timeout, start_period, start_interval, retries;
	bool none;
};

/* Resources; 0 and NULL where not given. Sizes in bytes; -1 is Docker's "no limit". */
struct limits {
	int64_t memory, memory_swap, memory_reservation;
	int64_t nano_cpus, cpu_shares, cpu_quota, cpu_period; /* the last two in microseconds */
	int64_t pids, blkio_weight, oom_score_adj;
	char *cpuset_cpus, *cpuset_mems, *cgroup_parent;
	bool best_effort; /* --limits: what cannot be enforced is only warned of */
};

/* Ports of the host's own 127.0.0.1 that a container may reach. */
#define LOOPBACK_PORTS_MAX 64
struct loopback_ports {
	bool all;
	uint16_t port[LOOPBACK_PORTS_MAX];
	size_t n;
};

enum { ATTACH_STREAMS = 3 };

/* Options of run and create. Strings and lists are owned. */
struct run_opts {
	bool detach, interactive, tty, remove, read_only, init, privileged, publish_all, quiet,
		dry_run;
	bool rootfs;                               /* image is a directory */
	bool replace, sig_proxy;                   /* sig_proxy defaults to true */
	bool attach_given, attach[ATTACH_STREAMS]; /* -a; not given: what -i and -d say */
	bool http_proxy;                           /* the caller's proxies are the container's */
	char *umask;                               /* octal; NULL = 0022 */
	char *tz;                                  /* the host's file for /etc/localtime, or NULL */
	int64_t preserve_fds; /* so many of the caller's from 3 on are the program's too */
	char *name, *workdir, *user, *hostname, *network, *cidfile, *platform, *detach_keys;
	char *stop_signal, *userns;
	char *ip, *ip6, *mac_address;
	char *egress;         /* "none", "all", "learn" or a list, judged; NULL = no rules */
	bool report;          /* --report */
	bool policy_network;  /* `network` is the policy's: the caller's word replaces it */
	char *policy_learn;   /* --policy-learn, absolute */
	char *policy;         /* as given; its options are in the other fields already */
	char *restart;        /* "no", "on-failure", "always", "unless-stopped"; NULL = "no" */
	int64_t restart_max;  /* on-failure:N; 0 = no limit */
	char *log_driver;     /* NULL = "json-file" */
	struct strv log_opts; /* "max-size=10m", judged */
	bool no_shm;          /* --ipc none: without /dev/shm */
	bool host_ipc, host_uts, host_cgroupns, env_host, unsetenv_all;
	char *domainname;
	int64_t timeout;               /* seconds the container may run, 0 = for ever */
	struct strv sysctls;           /* "net.core.somaxconn=1", judged */
	struct strv devices;           /* "/dev/x:/dev/y", or names of CDI's (cdi.h) */
	struct strv expose;            /* "80/tcp" */
	struct strv annotations;       /* "a=b" */
	struct strv ignored, warnings; /* what is accepted and not done; what to say of it */
	bool oom_kill_disable;
	struct health_opts health;
	struct limits limits;
	char *storage_driver; /* overrides globals: globals_override() */
	char *entrypoint;     /* NULL = the image's, "" = reset */
	enum pull_policy pull;
	int64_t stop_timeout; /* seconds, -1 = not given */
	int64_t shm_size;     /* bytes, -1 = not given */
	struct strv unsetenv; /* names that the image or sbx may have given a value */
	struct strv env; /* "NAME=value": --env-file lines first, then -e; host copies resolved */
	struct strv labels, cap_add, cap_drop, security_opt, dns, add_host, group_add;
	struct strv network_alias, links, dns_search, dns_option;
	struct strv volumes_from; /* "CONTAINER[:ro|rw]", judged */
	struct net_endpoint *more_networks;
	size_t n_more_networks;
	struct publish *ports;
	size_t n_ports;
	struct loopback_ports host_loopback;
	struct volume *volumes; /* -v, --mount and --tmpfs in order */
	size_t n_volumes;
	struct ulimit *ulimits;
	size_t n_ulimits;
	char *image;         /* first operand, as typed */
	struct strv command; /* what follows it */
	struct strv args;    /* all of the command's argv after the verb, for `sbx start` */
};

struct update_opts {
	struct run_opts run; /* limits and restart */
	struct strv given;   /* "--memory=64m": what was typed, in long form */
	struct strv containers;
};
int update_opts_parse(int argc, char **argv, struct update_opts *ret, struct err *err);
void update_opts_done(struct update_opts *opts);

void run_opts_done(struct run_opts *opts);
void globals_done(struct globals *globals);

#define autorunopts __attribute__((cleanup(run_opts_done)))
#define autoglobals __attribute__((cleanup(globals_done)))

/* Reads global flags in front of the verb: fills *ret and sets *ret_verb to the index of the verb in
 * argv (argc when there is none). Also reads the config file. */
int globals_parse(int argc, char **argv, struct globals *ret, int *ret_verb, struct err *err);

/* argv[0] is the verb ("run"), argv[argc] is NULL. -EINVAL with exit 125 on bad usage. --help never
 * gets here: options_find_command() answers it. */
int run_opts_parse(int argc, char **argv, struct run_opts *ret, struct err *err);
int create_opts_parse(int argc, char **argv, struct run_opts *ret, struct err *err);

/* The options that a policy stands for, and none besides: for exec and build, which take of them what
 * they can. Exit status 125 with the error. */
int policy_run_opts(const char *policy, struct run_opts *ret, struct err *err);

/* `sbx run --storage-driver` beats the global one. */
void globals_override(struct globals *globals, const struct run_opts *opts);

/* Pure parsers: option value → struct. -EINVAL with Docker's wording. */
int parse_publish(
	const char *value, struct publish **list, size_t *n, struct err *err); /* appends */
int parse_loopback_ports(const char *value, struct loopback_ports *ret,
	struct err *err); /* "5432,6379"; adds to *ret */
int parse_volume(const char *value, struct volume *ret, struct err *err); /* -v */
int parse_mount(const char *value, struct volume *ret, struct err *err);  /* --mount */
int parse_size(const char *value, int64_t *ret, struct err *err); /* 64m, 1g, 512 → bytes */
const char *ulimit_name(int resource);                            /* RLIMIT_NOFILE → "nofile" */
int parse_signal(const char *value, struct err *err); /* "TERM", "SIGTERM", "15" → number */
/* os/arch[/variant]; -EINVAL otherwise. */
int parse_platform(const char *value, struct err *err);
/* RFC 3339, unix seconds with fraction, or a Go duration before `now`; ns since the epoch. */
int parse_time(const char *value, int64_t now, int64_t *ret, struct err *err);
int parse_duration(const char *value, int64_t *ret, struct err *err); /* Go's "1h30m", ns */
int parse_env_file(const char *path, struct strv *ret, struct err *err);
/* [a-zA-Z0-9][a-zA-Z0-9_.-]*, min to 255 bytes, since it becomes a file name. Docker wants two at least for
 * containers and volumes; containers of one letter are podman's, and everybody's in examples. */
bool valid_name(const char *name, size_t min);
/* Of each name keeps the last value, in the place of the first. n log n: there may be 10^5. */
void env_squash(struct strv *env);
/* Puts what was asked for (a bare "NAME" = without it) over what there is, and squashes. */
void env_override(struct strv *env, const struct strv *asked);

#endif
