/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `run` and `start` share: the plan of one container and its launch. Planning fills the struct
 * from left to right along the pipeline; launch_go() forks the monitor.
 */
#ifndef SBX_COMMANDS_LAUNCH_H
#define SBX_COMMANDS_LAUNCH_H

#include "base/userns.h"
#include "image/image.h"
#include "network/network.h"
#include "policy/policy.h"
#include "process/process.h"
#include "rootfs/rootfs.h"
#include "state/state.h"

struct launch {
	struct globals *globals; /* borrowed */
	struct run_opts opts;
	struct image image;
	struct idmap idmap, stored; /* the container's, and that of the owners on disk */
	struct idpair kept;         /* who the caller is inside, when keeps */
	bool keeps;
	struct idpair squash_owner; /* whose the files of a bind with squash seem to be */
	enum keep_groups keep_groups;
	char *as_user, *passwd_line; /* with --userns=keep-id */
	struct policy policy;
	bool recorded; /* policy is what the record says */
	struct network network;
	struct network_set more; /* networks beyond it */
	struct rootfs rootfs;
	struct container container;
	enum driver driver;
	char id[65];
	char *path; /* <root>/containers/<id> */
	struct strv argv, env;
	char *hostname, *workdir;
	char *names; /* in /etc/hosts: network_own_names() */
	/* with --network container:NAME: the run directory of that container, and its host name */
	int shared;
	char *shared_hostname;
	struct mounted_image {
		struct strv layers;
		char id[DIGEST_MAX];
	} * mounted; /* one for each of opts.volumes that is an image */
	size_t n_mounted;
	struct cdi cdi;   /* what the names among opts.devices stand for */
	const char *user; /* borrowed from opts or image; NULL = root */
	bool by_run;      /* not create: this process will start it, or it was never meant to be */
	bool attach_in;   /* the launcher's stdin is for the container */
	struct comeback {
		int count;        /* of restarts so far */
		int64_t delay_ms; /* before the next; 0 = none has been needed lately */
		bool due;
	} comeback;
	struct health_spec health; /* an empty test: none */
	int report; /* report.json, with --report or --policy-learn; the launcher's too */
	struct logger *log;
	char *log_lost; /* why some of the output is not in the log */
	int lock;       /* of the container; the monitor releases it once it runs or has failed */
	char **typed; /* the process's own argv: blanked in the monitor, it may hold secrets (S05) */
};
#define LAUNCH_INIT                                                                     \
	{                                                                               \
		.network = NETWORK_INIT, .container = CONTAINER_INIT, .shared = -EBADF, \
		.lock = -EBADF, .report = -EBADF                                        \
	}
void launch_done(struct launch *launch);
#define autolaunch __attribute__((cleanup(launch_done)))

/* opts, image and id are filled: plans everything to their right. Touches no container state. */
int launch_plan(struct launch *launch, struct err *err);

/* launch_network.c. With --network container:NAME: finds that container and its namespaces. */
int launch_share_network(struct launch *launch, struct err *err);
/* launch_network.c. --link: finds the containers and puts their names into net. */
int launch_link(const struct launch *launch, const struct strv *links, struct network *net,
	struct err *err);
/* launch_ids.c. Which ids: the user namespace's map, and with it perhaps the storage driver. */
int launch_ids(struct launch *launch, struct err *err);
/* launch_volumes.c. --volumes-from: what those containers mount joins launch->opts.volumes; for a container
 * that is started again, what it inherited when it was made, whatever has become of its parents. */
int launch_inherit(struct launch *launch, struct err *err);
int launch_inherit_again(struct launch *launch, struct err *err);
/* launch_images.c. --mount type=image: finds the images; again: those of the record, whatever their names
 * mean today. */
int launch_mount_images(struct launch *launch, struct err *err);
int launch_mount_images_again(struct launch *launch, struct err *err);
void launch_images_done(struct launch *launch);
void launch_images_record(const struct launch *launch, const struct volume *v, struct json *mount);
/* Makes the volumes that --mount gives labels or options, where they do not exist. */
int launch_make_volumes(struct launch *launch, struct err *err);
/* Once the network has given an address: hosts, hostname and resolv.conf. */
int launch_write_files(struct launch *launch, struct err *err);
/* state.json's "network" (docs/formats.md). */
struct json *launch_network_record(const struct network *net);
/* launch_more.c: networks beyond the first. */
int launch_plan_more(struct launch *launch, struct err *err);
struct json *launch_endpoints(const struct launch *launch);       /* config.json's "endpoints" */
struct json *launch_networks_record(const struct launch *launch); /* state.json's "network" */
/* The text of resolv.conf: with several networks the resolvers of the further ones first. */
int launch_resolv(const struct launch *launch, char **ret, struct err *err);
void launch_more_hosts(const struct launch *launch, struct buf *out);
/* In the monitor: process_events.request. */
int launch_request(void *data, const char *text, size_t len, struct err *err);
/* opts from a command line: finds (or pulls) the image, plans and makes the record; 1: --dry-run, the
 * plan has been printed and nothing made. create.c */
int launch_create(struct launch *launch, struct err *err);

/* container is open and does not run: everything to be launched once more, from its record. again.c */
int launch_again(struct launch *launch, struct err *err);

/* ---- launch_policy.c: --restart, in the monitor ---- */

/* The container has ended: what becomes of it is put into the record, not saved. */
void launch_end(struct launch *launch, int status);
/* Waits its time, then plans and prepares the next run: 1, and *ret_listener. 0: it stays ended, which the
 * record says by then. */
int launch_comes_back(struct launch *launch, int *ret_listener);
/* The host side of a run: directories, log, socket. */
int launch_prepare(struct launch *launch, int *ret_listener, struct err *err);

/* argv and environment from image and options (command.c); exit 125 "no command specified". */
int launch_command(struct launch *launch, struct err *err);

/* ---- launch_health.c ---- */

struct json *launch_health_record(const struct launch *launch); /* NULL: no health check */
void launch_health_spec(struct launch *launch);                 /* from the record */
void launch_health_begin(const struct launch *launch);
bool launch_may_probe(void *data);
void launch_probed(
	void *data, const struct health_state *state, const struct health_result *result);

/* ---- launch_events.c ---- */

/* Its volumes are mounted and its networks connected; up: false, no longer. */
void launch_tell_members(const struct launch *launch, bool up);

/* ---- launch_report.c: --report and --policy-learn ---- */

bool launch_reports(const struct launch *launch);
int launch_report_open(struct launch *launch, struct err *err);
void launch_report_end(struct launch *launch, int status); /* in the monitor */
int launch_report_read(int fd, struct json **ret, struct err *err);
/* Of a connection in a report: the rule of --egress that it needs; the caller frees it. */
char *launch_report_rule(const struct json *connection);
void report_print(const struct json *doc, struct buf *out); /* report.c */

/* The record that config.json keeps; docs/formats.md. */
struct json *launch_config(const struct launch *launch);

/* `run --dry-run`: the whole plan in words. */
void launch_print(const struct launch *launch, struct buf *out);

/* container is open: prepares the host side and forks the monitor. *ret_client is the launcher's end
 * of the attach protocol. The launcher may go away at any time after. */
int launch_go(struct launch *launch, int *ret_client, struct err *err);

/* Serves the terminal (or, with -d, waits until it runs). Returns the exit status. */
int launch_attend(struct launch *launch, int client, bool detach, struct err *err);

#endif
