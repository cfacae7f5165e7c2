/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options of every command but run: one plain struct each, filled by xxx_opts_parse(), where argv[0]
 * is the verb and argv[argc] is NULL. Strings and lists are owned and released by xxx_opts_done(),
 * which accepts zeroed structs. Bad usage: -EINVAL with the exit status in err (125 for an option,
 * 1 for a wrong number of operands). --help never gets here: options_find_command() answers it.
 */
#ifndef SBX_OPTIONS_VERBS_H
#define SBX_OPTIONS_VERBS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
#include "base/strv.h"
#include "options/build_verbs.h"
#include "options/endpoint.h"
#include "options/image_verbs.h"

struct ps_opts {
	bool all, quiet, latest, no_trunc, size;
	int64_t last;        /* -n, -1 = all */
	struct strv filters; /* "key=value" as typed */
	char *format;        /* NULL = the default table */
};

struct logs_opts {
	bool follow, timestamps, details, net;
	int64_t tail;         /* lines, -1 = all */
	int64_t since, until; /* ns since the epoch; INT64_MIN, INT64_MAX when not given */
	char *container;
};

struct exec_opts {
	bool interactive, tty, detach, privileged;
	char *user, *workdir, *detach_keys, *policy; /* NULL = not given */
	struct strv env; /* --env-file lines first, then -e; "NAME=value" */
	char *container;
	struct strv command;
};

struct start_opts {
	bool attach, interactive;
	bool all; /* those whose restart policy says so; no operands then */
	char *detach_keys;
	struct strv containers;
};

struct attach_opts {
	bool no_stdin, sig_proxy; /* sig_proxy: true unless switched off */
	char *detach_keys;
	char *container;
};

struct events_opts {
	int64_t since, until; /* ns since the epoch; INT64_MAX when not given */
	struct strv filters;
	char *format;
};

struct stats_opts {
	bool all, no_stream, no_trunc;
	char *format;
	struct strv containers; /* empty: all that run */
};

struct pause_opts { /* and of unpause */
	struct strv containers;
};

struct stop_opts {       /* and of restart */
	int64_t timeout; /* seconds; -1 = the container's own; INT64_MAX for "-t -1": wait for ever */
	char *signal;    /* valid, or NULL = the container's own */
	struct strv containers;
};

struct kill_opts {
	char *signal; /* valid; NULL = KILL */
	struct strv containers;
};

struct rm_opts {
	bool force, volumes;
	struct strv containers;
};

struct debug_opts {
	char *what, *file; /* "-" is standard input */
	struct strv paths;
};

struct wait_opts {
	struct strv conditions; /* any of these ends the wait; empty: its end */
	struct strv containers;
};

struct inspect_opts {
	char *format;
	char *type; /* "container", "image", "volume" or NULL = any */
	bool size;
	bool verbose; /* of networks, which have nothing more to say without a swarm */
	struct strv names;
};

struct images_opts {
	bool all, quiet, digests, no_trunc, tree;
	struct strv filters;
	char *format;
	char *name; /* REPOSITORY[:TAG] or NULL */
};

struct rmi_opts {
	bool force, no_prune; /* no_prune: accepted; there are no parents to keep */
	char *platform;       /* the image must be for it; NULL = any */
	struct strv images;
};

struct pull_opts {
	bool quiet, all_tags;
	char *platform; /* NULL = this machine */
	struct server_opts server;
	char *image;
};

struct tag_opts {
	char *source, *target;
};

struct cp_opts {
	bool archive, follow_link, quiet;
	char *source, *target; /* as typed; "-" = a tar stream */
};

struct diff_opts {
	char *container;
};

struct port_opts {
	char *container;
	char *port; /* "80" or "80/udp"; NULL = all */
};

struct rename_opts {
	char *container, *name;
};

struct unshare_opts {
	struct strv command; /* empty: a shell */
};
int unshare_opts_parse(int argc, char **argv, struct unshare_opts *ret, struct err *err);
void unshare_opts_done(struct unshare_opts *opts);

struct mount_opts {
	bool all;          /* of umount */
	struct strv names; /* containers or images */
};
int mount_opts_parse(int argc, char **argv, struct mount_opts *ret, struct err *err);
int umount_opts_parse(int argc, char **argv, struct mount_opts *ret, struct err *err);
void mount_opts_done(struct mount_opts *opts);

struct volume_tar_opts {
	char *volume, *file; /* NULL: stdin or stdout */
};
int volume_export_opts_parse(int argc, char **argv, struct volume_tar_opts *ret, struct err *err);
int volume_import_opts_parse(int argc, char **argv, struct volume_tar_opts *ret, struct err *err);
void volume_tar_opts_done(struct volume_tar_opts *opts);

struct autostart_opts {
	bool remove, print;
};
int autostart_opts_parse(int argc, char **argv, struct autostart_opts *ret, struct err *err);

struct top_opts {
	char *container;
	struct strv args; /* ps(1)'s */
};

struct volume_create_opts {
	char *driver, *name; /* NULL = not given */
	struct json *labels, *options;
};

struct volume_ls_opts {
	bool quiet;
	struct strv filters;
	char *format;
};

struct volume_rm_opts {
	bool force;
	struct strv names;
};

#define NETWORK_AUX_MAX 64
struct network_create_opts {
	bool attachable, internal, ipv4, ipv6;
	char *ipam_driver, *scope; /* NULL = not given */
	struct json *aux;          /* names of addresses that no container gets; NULL = none */
	char *driver, *gateway, *ip_range, *subnet, *egress, *name; /* but name NULL = not given */
	char *subnet6, *gateway6;
	struct json *labels, *options; /* NULL = none */
};

struct network_connect_opts {
	struct net_endpoint endpoint;
	char *container;
	bool force; /* disconnect */
};

struct network_log_opts {
	char *format, *container;
	bool list; /* as a value of --egress */
};

struct network_ls_opts {
	bool quiet, no_trunc;
	char *format;
	struct strv filters;
};

struct network_rm_opts {
	bool force;
	struct strv names;
};

struct prune_opts { /* of volumes, containers, images, the system */
	bool all, force, volumes;
	struct strv filters;
};

struct format_opts { /* info, version, system df */
	char *format;
	bool verbose; /* system df */
};

int ps_opts_parse(int argc, char **argv, struct ps_opts *ret, struct err *err);
int logs_opts_parse(int argc, char **argv, struct logs_opts *ret, struct err *err);
int exec_opts_parse(int argc, char **argv, struct exec_opts *ret, struct err *err);
int start_opts_parse(int argc, char **argv, struct start_opts *ret, struct err *err);
int attach_opts_parse(int argc, char **argv, struct attach_opts *ret, struct err *err);
int restart_opts_parse(int argc, char **argv, struct stop_opts *ret, struct err *err);
int stop_opts_parse(int argc, char **argv, struct stop_opts *ret, struct err *err);
int stats_opts_parse(int argc, char **argv, struct stats_opts *ret, struct err *err);
int events_opts_parse(int argc, char **argv, struct events_opts *ret, struct err *err);
int pause_opts_parse(int argc, char **argv, struct pause_opts *ret, struct err *err);
int unpause_opts_parse(int argc, char **argv, struct pause_opts *ret, struct err *err);
int kill_opts_parse(int argc, char **argv, struct kill_opts *ret, struct err *err);
int rm_opts_parse(int argc, char **argv, struct rm_opts *ret, struct err *err);
int debug_opts_parse(int argc, char **argv, struct debug_opts *ret, struct err *err);
int wait_opts_parse(int argc, char **argv, struct wait_opts *ret, struct err *err);
int inspect_opts_parse(int argc, char **argv, struct inspect_opts *ret, struct err *err);
int images_opts_parse(int argc, char **argv, struct images_opts *ret, struct err *err);
int rmi_opts_parse(int argc, char **argv, struct rmi_opts *ret, struct err *err);
int pull_opts_parse(int argc, char **argv, struct pull_opts *ret, struct err *err);
int tag_opts_parse(int argc, char **argv, struct tag_opts *ret, struct err *err);
int cp_opts_parse(int argc, char **argv, struct cp_opts *ret, struct err *err);
int diff_opts_parse(int argc, char **argv, struct diff_opts *ret, struct err *err);
int port_opts_parse(int argc, char **argv, struct port_opts *ret, struct err *err);
int rename_opts_parse(int argc, char **argv, struct rename_opts *ret, struct err *err);
int top_opts_parse(int argc, char **argv, struct top_opts *ret, struct err *err);
int network_create_opts_parse(
	int argc, char **argv, struct network_create_opts *ret, struct err *err);
int network_connect_opts_parse(
	int argc, char **argv, struct network_connect_opts *ret, struct err *err);
int network_disconnect_opts_parse(
	int argc, char **argv, struct network_connect_opts *ret, struct err *err);
int network_log_opts_parse(int argc, char **argv, struct network_log_opts *ret, struct err *err);
int network_ls_opts_parse(int argc, char **argv, struct network_ls_opts *ret, struct err *err);
int network_rm_opts_parse(int argc, char **argv, struct network_rm_opts *ret, struct err *err);
/* As inspect_opts_parse(), with a type of "network". */
int network_inspect_opts_parse(int argc, char **argv, struct inspect_opts *ret, struct err *err);
int network_prune_opts_parse(int argc, char **argv, struct prune_opts *ret, struct err *err);
int volume_create_opts_parse(
	int argc, char **argv, struct volume_create_opts *ret, struct err *err);
int volume_ls_opts_parse(int argc, char **argv, struct volume_ls_opts *ret, struct err *err);
int volume_rm_opts_parse(int argc, char **argv, struct volume_rm_opts *ret, struct err *err);
/* As inspect_opts_parse(), with a type of "volume". */
struct report_opts {
	char *container;
	bool json; /* --format json */
};
int report_opts_parse(int argc, char **argv, struct report_opts *ret, struct err *err);
void report_opts_done(struct report_opts *opts);

/* policy ls, show, check and diff: argv[0] says which. They take names only. */
int policy_names_parse(int argc, char **argv, struct strv *ret_names, struct err *err);
int volume_inspect_opts_parse(int argc, char **argv, struct inspect_opts *ret, struct err *err);
int container_prune_opts_parse(int argc, char **argv, struct prune_opts *ret, struct err *err);
int image_prune_opts_parse(int argc, char **argv, struct prune_opts *ret, struct err *err);
int system_prune_opts_parse(int argc, char **argv, struct prune_opts *ret, struct err *err);
int system_reset_opts_parse(int argc, char **argv, struct prune_opts *ret, struct err *err);
int system_df_opts_parse(int argc, char **argv, struct format_opts *ret, struct err *err);
int volume_prune_opts_parse(int argc, char **argv, struct prune_opts *ret, struct err *err);
struct doctor_opts {
	bool json, for_admin;
};
int doctor_opts_parse(int argc, char **argv, struct doctor_opts *ret, struct err *err);
int explain_ids_parse(int argc, char **argv, struct strv *ret, struct err *err);
int info_opts_parse(int argc, char **argv, struct format_opts *ret, struct err *err);
int version_opts_parse(int argc, char **argv, struct format_opts *ret, struct err *err);

void ps_opts_done(struct ps_opts *opts);
void logs_opts_done(struct logs_opts *opts);
void exec_opts_done(struct exec_opts *opts);
void start_opts_done(struct start_opts *opts);
void attach_opts_done(struct attach_opts *opts);
void stop_opts_done(struct stop_opts *opts);
void stats_opts_done(struct stats_opts *opts);
void events_opts_done(struct events_opts *opts);
void pause_opts_done(struct pause_opts *opts);
void kill_opts_done(struct kill_opts *opts);
void rm_opts_done(struct rm_opts *opts);
void debug_opts_done(struct debug_opts *opts);
void wait_opts_done(struct wait_opts *opts);
void inspect_opts_done(struct inspect_opts *opts);
void images_opts_done(struct images_opts *opts);
void rmi_opts_done(struct rmi_opts *opts);
void pull_opts_done(struct pull_opts *opts);
void tag_opts_done(struct tag_opts *opts);
void cp_opts_done(struct cp_opts *opts);
void diff_opts_done(struct diff_opts *opts);
void port_opts_done(struct port_opts *opts);
void rename_opts_done(struct rename_opts *opts);
void top_opts_done(struct top_opts *opts);
void network_create_opts_done(struct network_create_opts *opts);
void network_connect_opts_done(struct network_connect_opts *opts);
void network_log_opts_done(struct network_log_opts *opts);
void network_ls_opts_done(struct network_ls_opts *opts);
void network_rm_opts_done(struct network_rm_opts *opts);
void volume_create_opts_done(struct volume_create_opts *opts);
void volume_ls_opts_done(struct volume_ls_opts *opts);
void volume_rm_opts_done(struct volume_rm_opts *opts);
void prune_opts_done(struct prune_opts *opts);
void format_opts_done(struct format_opts *opts);

#endif
