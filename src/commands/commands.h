/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The commands: the right end of the line, one file each, reading like a table of contents.
 * argv[0] is the verb, argv[argc] is NULL. The result is the exit status, or -errno with err filled
 * (err->exit overrides the status main would choose: 125 for run, create and exec, else 1).
 */
#ifndef SBX_COMMANDS_COMMANDS_H
#define SBX_COMMANDS_COMMANDS_H

#include "base/buf.h"
#include "base/err.h"
#include "options/options.h"

typedef int (*command_fn)(struct globals *globals, int argc, char **argv, struct err *err);

int cmd_build(struct globals *globals, int argc, char **argv, struct err *err);
int cmd_builder_prune(struct globals *globals, int argc, char **argv, struct err *err);
int cmd_attach(struct globals *globals, int argc, char **argv, struct err *err);
int cmd_create(struct globals *globals, int argc, char **argv, struct err *err);
int cmd_restart(struct globals *globals, int argc, char **argv, struct err *err);
int cmd_container_prune(struct globals *globals, int argc, char **argv, struct err *err);
int cmd_image_prune(struct globals *globals, int argc, char **argv, struct err *err);
int cmd_system_df(struct globals *globals, int argc, char **argv, struct err *err);
int cmd_system_prune(struct globals *globals, int argc, char **argv, struct err *err);
int cmd_debug(struct globals *globals, int argc, char **argv, struct err *err);
int cmd_cp(struct globals *globals, int argc, char **argv, struct err *err);
int cmd_diff(struct globals *globals, int argc, char **argv, struct err *err);
int cmd_exec(struct globals *globals, int argc, char **argv, struct err *err);
int cmd_commit(struct globals *globals, int argc, char **argv, struct err *err);
int cmd_history(struct globals *globals, int argc, char **argv, struct err *err);
int cmd_export(struct globals *globals, int argc, char **argv, struct err *err);
int cmd_image_inspect(struct globals *globals, int argc, char **argv, struct err *err);
/* save, load: sbx-image knows the verb and its options. */
int cmd_system_check(struct globals *globals, int argc, char **argv, struct err *err);
int cmd_image_program(struct globals *globals, int argc, char **argv, struct err *err);
int cmd_image_diff(struct globals *globals, int argc, char **argv, struct err *err);
int cmd_image_exists(struct globals *globals, int argc, char **argv, struct err *err);
int cmd_container_exists(struct globals *globals, int argc, char **argv, struct err *err);
int cmd_healthcheck_run(struct globals *globals, int argc, char **argv, struct err *err);
int cmd_manifest_inspect(struct globals *globals, int argc, char **argv, struct err *err);
int cmd_search(struct globals *globals, int argc, char **argv, struct err *err);
int cmd_untag(struct globals *globals, int argc, char **argv, struct err *err);
int cmd_images(struct globals *globals, int argc, char **argv, struct err *err);
int cmd_info(struct globals *globals, int argc, char **argv, struct err *err);
int cmd_doctor(struct globals *globals, int argc, char **argv, struct err *err);
int cmd_explain(struct globals *globals, int argc, char **argv, struct err *err);
int cmd_inspect(struct globals *globals, int argc, char **argv, struct err *err);
int cmd_container_inspect(struct globals *globals, int argc, char **argv, struct err *err);
int cmd_events(struct globals *globals, int argc, char **argv, struct err *err);
int cmd_stats(struct globals *globals, int argc, char **argv, struct err *err);
int cmd_update(struct globals *globals, int argc, char **argv, struct err *err);
int cmd_system_reset(struct globals *globals, int argc, char **argv, struct err *err);
int cmd_pause(struct globals *globals, int argc, char **argv, struct err *err);
int cmd_unpause(struct globals *globals, int argc, char **argv, struct err *err);
int cmd_kill(struct globals *globals, int argc, char **argv, struct err *err);
int cmd_logs(struct globals *globals, int argc, char **argv, struct err *err);
int cmd_ps(struct globals *globals, int argc, char **argv, struct err *err);
int cmd_report(struct globals *globals, int argc, char **argv, struct err *err);
int cmd_policy_check(struct globals *globals, int argc, char **argv, struct err *err);
int cmd_policy_diff(struct globals *globals, int argc, char **argv, struct err *err);
int cmd_policy_ls(struct globals *globals, int argc, char **argv, struct err *err);
int cmd_policy_show(struct globals *globals, int argc, char **argv, struct err *err);
int cmd_port(struct globals *globals, int argc, char **argv, struct err *err);
int cmd_pull(struct globals *globals, int argc, char **argv, struct err *err);
int cmd_rename(struct globals *globals, int argc, char **argv, struct err *err);
int cmd_rm(struct globals *globals, int argc, char **argv, struct err *err);
int cmd_rmi(struct globals *globals, int argc, char **argv, struct err *err);
int cmd_run(struct globals *globals, int argc, char **argv, struct err *err);
int cmd_start(struct globals *globals, int argc, char **argv, struct err *err);
int cmd_stop(struct globals *globals, int argc, char **argv, struct err *err);
int cmd_tag(struct globals *globals, int argc, char **argv, struct err *err);
int cmd_mount(struct globals *globals, int argc, char **argv, struct err *err);
int cmd_umount(struct globals *globals, int argc, char **argv, struct err *err);
int cmd_unshare(struct globals *globals, int argc, char **argv, struct err *err);
int cmd_autostart(struct globals *globals, int argc, char **argv, struct err *err);
int cmd_volume_export(struct globals *globals, int argc, char **argv, struct err *err);
int cmd_volume_import(struct globals *globals, int argc, char **argv, struct err *err);
int cmd_top(struct globals *globals, int argc, char **argv, struct err *err);
int cmd_version(struct globals *globals, int argc, char **argv, struct err *err);
int cmd_network_connect(struct globals *globals, int argc, char **argv, struct err *err);
int cmd_network_disconnect(struct globals *globals, int argc, char **argv, struct err *err);
int cmd_network_create(struct globals *globals, int argc, char **argv, struct err *err);
int cmd_network_inspect(struct globals *globals, int argc, char **argv, struct err *err);
int cmd_network_log(struct globals *globals, int argc, char **argv, struct err *err);
int cmd_network_ls(struct globals *globals, int argc, char **argv, struct err *err);
int cmd_network_prune(struct globals *globals, int argc, char **argv, struct err *err);
int cmd_network_rm(struct globals *globals, int argc, char **argv, struct err *err);
int cmd_volume_create(struct globals *globals, int argc, char **argv, struct err *err);
int cmd_volume_inspect(struct globals *globals, int argc, char **argv, struct err *err);
int cmd_volume_ls(struct globals *globals, int argc, char **argv, struct err *err);
int cmd_volume_prune(struct globals *globals, int argc, char **argv, struct err *err);
int cmd_volume_rm(struct globals *globals, int argc, char **argv, struct err *err);
int cmd_wait(struct globals *globals, int argc, char **argv, struct err *err);

/* `start` without a terminal; one that runs already is left alone. */
int container_start(struct globals *globals, const char *name, struct err *err);

/* Seals this program (base/self.h) if one of these containers has an init of ours. */
int container_seal(const struct globals *globals, const struct strv *names, struct err *err);

/* `rm -f` and `run --replace`: kills a running container, then removes it with its anonymous volumes.
 * No such container is success. */
int container_force_remove(const struct globals *globals, const char *name, struct err *err);

/* The last line of `sbx --version`: "here with user namespaces, …; without tun\n" */
void machine_print(struct buf *out);

#endif
