/* SPDX-License-Identifier: Apache-2.0 */
/* What several commands do with containers. */
#ifndef SBX_COMMANDS_COMMON_H
#define SBX_COMMANDS_COMMON_H

#include "base/strv.h"
#include "network/network.h"
#include "state/state.h"

/* fn for every operand; errors are printed, the rest goes on. Returns 0, or 1 if any failed. */
typedef int (*operand_fn)(void *data, const char *name, struct err *err);
int for_each_operand(const struct strv *operands, operand_fn fn, void *data);

/* Is it made from this image, or has it mounted it? */
bool container_uses_image(const struct container *c, const char *image_id);
/* The directories of both, absolute. */
void container_all_layers(const struct container *c, struct strv *ret);
bool container_up(const struct container *c); /* running, paused or between two restarts */

/* Waits until the record says that it does not run any more, or only until its restart policy brings it
 * back. 0; 1: it has been removed meanwhile
 * (--rm); -ETIMEDOUT. timeout_ms -1 = for ever. */
int container_wait_end(
	const struct globals *globals, struct container *c, int64_t timeout_ms, struct err *err);
/* SIGKILL, then waits. Also ends a monitor that hangs. Result as above. */
int container_kill(const struct globals *globals, struct container *c, struct err *err);

/* A paused container goes on. */
int container_unpause(const struct globals *globals, struct container *c, struct err *err);

/* As `stop`, but a container with --rm is kept. */
struct stop_opts;
int container_stop(const struct globals *globals, const struct stop_opts *opts, struct container *c,
	struct err *err);
/* The directories that a container's file system consists of, the base layer first; appended. */
void container_dirs(const struct container *c, struct strv *ret);

/* Docker's State.Health; NULL: it has no health check. launch_health.c */
struct json *container_health(const struct container *c);
/* "starting", "healthy", "unhealthy" or "none" */
const char *container_health_name(const struct container *c, char ret[16]);

/* Under the names of inspect's HostConfig; what was not given is not there. */
struct json *limits_record(const struct limits *l);

/* Sizes in bytes: the container's own layer, and the image's layers below it. */
int container_size(const struct globals *globals, const struct container *c, int64_t *ret_own,
	int64_t *ret_image, struct err *err);

/* Bytes of the files below each directory, those of sub-ids included; symlinks are not followed, what
 * is missing counts as nothing. ret: one per path. */
int tree_sizes(const struct strv *paths, int64_t *ret, struct err *err);

/* docker inspect's object; size: with SizeRw and SizeRootFs. */
int container_inspect(const struct globals *globals, const struct container *c, bool size,
	struct json **ret, struct err *err);

/* The host's pids of all processes of a running container, in order; autofree. Also those of nested pid
 * namespaces. Needs neither cgroups nor anything of the image. */
int container_pids(const struct container *c, pid_t **ret, size_t *ret_n, struct err *err);

/* system df -v. system_df_verbose.c */
int disk_usage_verbose(const struct globals *globals, struct err *err);

int64_t layers_size(const struct globals *globals); /* bytes of all layers in the store */

struct json *volume_inspect(const struct stored_volume *v);
/* Are these filters that `volume ls` (or prune) knows, even where there is no volume? */
int volume_filters_check(const struct strv *filters, bool prune, struct err *err);
/* --filter of volumes: 1 it matches, 0 not. used: some container mounts it. */
int volume_matches(
	const struct stored_volume *v, bool used, const struct strv *filters, struct err *err);

/* docker network inspect's object; the built-in networks too. -ENOENT: "network X not found" */
int network_inspect(
	const struct globals *globals, const char *name, struct json **ret, struct err *err);

/* network_log.c. What the container reached on its networks, by time: maps with Time, Verdict, Proto, Name, Address, Port,
 * Sent, Received (these three numbers), End. -ENOENT: nothing recorded it. */
int connections_read(const struct container *c, struct json **ret, struct err *err);
/* The rule of --egress that one of them needs; the caller frees it. "name:443", "192.0.2.1:443", "[fd00::1]:443"; an echo
 * request has port 0, and none here. */
char *connection_rule(const char *name, const char *address, int port);
/* In the user's format or as a table. */
int connections_print(const struct container *c, const char *format, struct err *err);

/* What filters of networks judge by; used: some container, running or not, is on it. */
struct network_facts {
	const struct network_record *record;
	const char *driver;
	bool builtin, used;
};
/* prune: those of network prune, else those of network ls. */
int network_filters_check(const struct strv *filters, bool prune, struct err *err);
bool network_matches(const struct network_facts *facts, const struct strv *filters);

struct prune_opts;
/* Removes volumes that no container uses, anonymous ones or all; adds to what was freed. */
int volumes_prune(const struct globals *globals, const struct prune_opts *opts,
	struct strv *ret_deleted, int64_t *ret_bytes, struct err *err);

/* Docker's prompt, on stdout: 1 yes, 0 anything else. */
int prune_confirm(const char *warning, struct err *err);
/* "Deleted Volumes:", a line for each, and "Total reclaimed space: …". */
void prune_tell(const struct globals *globals, const char *type, int64_t bytes); /* an event */
int prune_report(const char *title, const struct strv *deleted, int64_t bytes, struct err *err);

/* "0.0.0.0:8000-8001->80-81/tcp, 6379/tcp" of a container's record, as `docker ps`. */
struct buf;
void ports_text(const struct container *c, struct buf *out);

/* `images --tree`: images below those whose layers they stand on. name: NULL or as for image_list(). */
int images_tree(const struct globals *globals, const char *name, struct err *err);

/* images_filter.c: images --filter. The first finds wrong ones before there is an image. */
struct image_row;
int images_check_filters(const struct strv *filters, struct err *err);
int images_filter_match(const struct globals *globals, const struct strv *filters,
	const struct image_row *image, struct err *err);

/* Prints "A /path", "C /path", "D /path", sorted; layers, container and name of changes are filled. what:
 * "container c", for messages. */
struct rootfs_changes;
int changes_print(const struct rootfs_changes *changes, const char *what, struct err *err);

/* ps --filter. Same key: any, labels: all; different keys: all. */
struct ps_filter;
struct template;
int ps_filter_new(const struct globals *globals, const struct strv *filters, struct ps_filter **ret,
	struct err *err);
void ps_filter_free(struct ps_filter *filter);
bool ps_filter_match(const struct ps_filter *filter, const struct container *c);
bool ps_filter_asks_stopped(const struct ps_filter *filter); /* status, exited: implies -a */
bool ps_filter_is_empty(const struct ps_filter *filter);

/* One row of ps, and its "methods" (Label). */
struct ps_view {
	bool no_trunc, sized, methods; /* methods: some of ps_methods() is used */
	const char *size;              /* NULL if not asked */
	unsigned fields;               /* of ps_fields(); 0: all */
};
unsigned ps_fields(const struct template *template); /* those that it may use */
bool ps_fields_are_few(unsigned used); /* what state_list_brief() tells for a table does */
struct json *ps_row(const struct container *c, const struct ps_view *view);
struct json *ps_methods(const struct container *c);
struct json *ps_titles(void);
void container_status_text(const struct container *c, int64_t now, struct buf *out);

/* ---- exec.c ---- */

/* What `exec` does with these options. typed: our own argv, or NULL. */
struct exec_opts;
int container_exec(const struct globals *globals, struct container *c, const struct exec_opts *opts,
	char **typed, struct err *err);
/* The same without its output, and killed (137) when the time is over. */
int container_check(const struct globals *globals, struct container *c,
	const struct exec_opts *opts, int64_t timeout_ms, struct err *err);

#endif
