/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this folder share; not for other stages. */
#ifndef SBX_OPTIONS_INTERNAL_H
#define SBX_OPTIONS_INTERNAL_H

#include <stddef.h>

#include "base/err.h"
#include "base/strv.h"
#include "options/opt.h"
#include "options/options.h"

/* Appends "NAME=value": as given, or the caller's. A bare "NAME" when the caller has none: unset it. */
int parse_env(const char *value, struct strv *ret, struct err *err);
/* The text of an env file; is cut into lines in place. */
int parse_env_text(char *text, struct strv *ret, struct err *err);

/* --tmpfs PATH[:OPTIONS] */
int parse_tmpfs(const char *value, struct volume *ret, struct err *err);
/* Absolute, without "." and "..", double and trailing slashes. Pure text. NULL if not absolute or
 * it climbs above "/"; else the caller frees. */
char *clean_path(const char *path);
/* A host path that starts with "." made absolute with the working directory; others are copied. */
int absolute_source(const char *path, char **ret, struct err *err);
void volume_done(struct volume *volume);
/* A mode or --mount key about propagation: NULL err text means it has been put into *v. */
int parse_propagation(const char *word, struct volume *v, struct err *err);
/* "", "host", "keep-id[:uid=N,gid=N]" */
int parse_userns(const char *value, struct err *err);
/* CONTAINER[:ro|rw] */
int parse_volumes_from(const char *value, struct err *err);

/* "on-failure:3". -EINVAL with Docker's words. */
int parse_restart(const char *value, char **slot, int64_t *ret_max, struct err *err);
int parse_log_opt(const char *value, struct err *err);
int parse_ulimit(const char *value, struct ulimit *ret, struct err *err);

/* verbs_server.c */
int take_platform(
	char **slot, const char *value, struct err *err); /* a copy of what parse_platform() took */
void server_opts_note(struct server_opts *o, const struct opt *opt); /* for opt_spec.note */
int server_opts_check(const struct server_opts *o, struct err *err);
#define OPT_SERVER_LOGIN(T)                                                  \
	OPT_STRING(0, "authfile", T, server.authfile, "FILE",                \
		"Read logins from this file and no other"),                  \
		OPT_STRING(0, "creds", T, server.creds, "USERNAME:PASSWORD", \
			"Log in so; others see it in the process list")
#define OPT_SERVER_CARE(T)                                              \
	OPT_INT(0, "retry", T, server.retry, "N",                       \
		"Try again so often after failures of the moment (5)"), \
		OPT_FLAG(0, "tls-verify", T, server.tls_verify,         \
			"Check certificates; =false: nor insist on https")
bool valid_ip(const char *text);
bool valid_hostname(const char *name);
int parse_add_host(const char *value, struct strv *ret, struct err *err);

/* "auto", "overlay" or "fuse". */
int check_driver(const char *value, struct err *err);
/* run_health.c; targets begin with a struct run_opts. */
int call_health_interval(void *target, const char *value, struct err *err);
int call_health_timeout(void *target, const char *value, struct err *err);
int call_health_start_period(void *target, const char *value, struct err *err);
int call_health_start_interval(void *target, const char *value, struct err *err);
int call_health_retries(void *target, const char *value, struct err *err);
int check_health(const struct health_opts *o, struct err *err);

/* run_limits.c; the same. */
int call_memory(void *target, const char *value, struct err *err);
int call_memory_swap(void *target, const char *value, struct err *err);
int call_memory_reservation(void *target, const char *value, struct err *err);
int call_cpus(void *target, const char *value, struct err *err);
int call_cpu_shares(void *target, const char *value, struct err *err);
int call_cpu_period(void *target, const char *value, struct err *err);
int call_cpu_quota(void *target, const char *value, struct err *err);
int call_blkio_weight(void *target, const char *value, struct err *err);
int call_pids_limit(void *target, const char *value, struct err *err);
int call_oom_score_adj(void *target, const char *value, struct err *err);
int call_cpuset_cpus(void *target, const char *value, struct err *err);
int call_cpuset_mems(void *target, const char *value, struct err *err);
int call_cgroup_parent(void *target, const char *value, struct err *err);
int call_limits(void *target, const char *value, struct err *err);
int check_limits(const struct limits *l, struct err *err);
void limits_done(struct limits *l);

/* run_note.c: appended to args as one option. value: what -v was given. */
void note_mount(struct strv *args, const struct volume *v);
void note_volume(struct strv *args, const struct volume *v, const char *value);

/* run_more.c; the same. */
int call_network(void *target, const char *value, struct err *err);
int call_egress(void *target, const char *value, struct err *err);
int check_egress(const char *value, struct err *err);
int call_label(void *target, const char *value, struct err *err);
int call_label_file(void *target, const char *value, struct err *err);
int call_annotation(void *target, const char *value, struct err *err);
int call_sysctl(void *target, const char *value, struct err *err);
int call_device(void *target, const char *value, struct err *err);
int call_expose(void *target, const char *value, struct err *err);
int call_pid(void *target, const char *value, struct err *err);
int call_ipc(void *target, const char *value, struct err *err);
int call_uts(void *target, const char *value, struct err *err);
int call_cgroupns(void *target, const char *value, struct err *err);
int call_domainname(void *target, const char *value, struct err *err);
int call_policy_learn(void *target, const char *value, struct err *err);
int call_runtime(void *target, const char *value, struct err *err);
int call_volume_driver(void *target, const char *value, struct err *err);
void add_host_env(struct strv *env);

/* run_process.c; the same. */
int call_gpus(void *target, const char *value, struct err *err);
int call_attach(void *target, const char *value, struct err *err);
int call_umask(void *target, const char *value, struct err *err);
int call_tz(void *target, const char *value, struct err *err);
int check_process(const struct run_opts *o, struct err *err);
void add_proxy_env(struct strv *env);
int check_namespaces(const struct run_opts *o, struct err *err);

/* "NAME=VALUE" of a --filter. */
int check_filter(const char *value, struct err *err);
/* Seconds; -1 waits for ever and becomes INT64_MAX. */
int parse_stop_timeout(const char *value, int64_t *ret, struct err *err);
/* Keeps a copy of a valid signal; exit status 1 otherwise. */
int parse_signal_name(char **slot, const char *value, struct err *err);
/* opt_parse() for a command whose --help has been answered already. */
int opt_parse_command(
	enum command_id id, char **argv, void *target, struct strv *ret_operands, struct err *err);

/* -EPERM, -EINVAL: no regular file, or others than root and the caller own it or may write it. */
int check_file_owner(int fd, struct err *err);

/* The configuration file; a missing one leaves *ret alone unless must_exist. */
int config_read(const char *path, bool must_exist, struct json **ret, struct err *err);

/* Reads fd (a file, pipe or terminal) to its end, at most max bytes; *ret is NUL-terminated. */
int read_to_end(int fd, size_t max, char **ret, size_t *ret_len, struct err *err);

/* The rows about one thing each; the last has the id CMD_COUNT. */
extern const struct command container_commands[], image_commands[], network_commands[];
extern const struct command volume_commands[], system_commands[], policy_commands[];
extern const struct command volume_commands[], system_commands[], build_commands[];

/* Tables that those rows refer to. create has the rows of run but the first RUN_ONLY. */
enum { RUN_ONLY = 4 };
extern const struct opt attach_table[], restart_table[];
extern const struct opt run_table[], start_table[], stop_table[], kill_table[], rm_table[];
extern const struct opt ps_table[], logs_table[], exec_table[], wait_table[], inspect_table[];
extern const struct opt pull_table[], images_table[], rmi_table[], tag_table[], format_table[];
extern const struct opt events_table[], stats_table[], update_table[], reset_table[];
extern const struct opt cp_table[], container_prune_table[], image_prune_table[];
extern const struct opt debug_table[], umount_table[];
extern const struct opt system_prune_table[], system_df_table[];
extern const struct opt report_table[], doctor_table[];
extern const struct opt no_table[]; /* a command without options */
extern const struct opt network_connect_table[], network_disconnect_table[];
extern const struct opt network_create_table[], network_ls_table[], network_rm_table[];
extern const struct opt network_inspect_table[], network_prune_table[], network_log_table[];
extern const struct opt volume_create_table[], volume_ls_table[], volume_rm_table[];
extern const struct opt volume_export_table[], autostart_table[];
extern const struct opt volume_inspect_table[], volume_prune_table[];
extern const struct opt save_table[], load_table[];
extern const struct opt export_table[], import_table[], commit_table[], history_table[];
extern const struct opt push_table[], login_table[], logout_table[], search_table[];
extern const struct opt check_table[];
extern const struct opt manifest_table[];
void pull_opts_note(void *target, const struct opt *opt, const char *value);
void push_opts_note(void *target, const struct opt *opt, const char *value);
extern const struct opt build_table[], builder_prune_table[];
extern const struct opt global_table[];

#endif
