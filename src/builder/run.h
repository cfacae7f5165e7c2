/* SPDX-License-Identifier: Apache-2.0 */
/* RUN, in parts: step_run.c decides and looks into the cache, run_mounts.c prepares --mount, run_exec.c starts
 * the container and waits. */
#ifndef SBX_BUILDER_RUN_H
#define SBX_BUILDER_RUN_H

#include "builder/build.h"
#include "network/network.h"
#include "policy/policy.h"

struct run_bind {                /* of a --mount */
	char digest[SHA256_HEX]; /* what the key knows of a context */
	bool in_place;           /* the context itself is shown */
	char *place;             /* by this name */
	char *secret;            /* of a --mount=type=secret: its file on a tmpfs */
	struct snapshot from;    /* shown as a mount of its layers; without doc: it is not */
	struct strv layers;
};

struct run_job {
	struct step *step;
	struct strv argv, env;
	char *script; /* text of a heredoc that is a program of its own, or NULL */
	char *workdir, *user;
	enum run_network network;
	struct run_opts opts;   /* what `sbx run` would have been told */
	char dir[40];           /* <work>/<dir>/ has upper, work and run */
	struct strv secrets;    /* files to remove as soon as the program runs */
	struct run_bind *binds; /* one per --mount */
	int *locks;             /* of cache mounts */
	size_t n_locks;
	struct policy policy;
	bool answered; /* by the policy's filter: changes of owners and users */
	struct network net;
	struct rootfs rootfs;
	char id[65];
	char tail[4096]; /* why it could not be started */
};
void run_job_done(struct run_job *job);

/* What a --mount depends on becomes part of the key. STEP_MISSED: needs a stage that is not there yet. */
int run_mounts_key(struct run_job *job, struct key *key, struct err *err);
int run_mounts_prepare(struct run_job *job, struct err *err);
int run_secret_remove(const char *path); /* what of it is there */
/* Secrets that were removed when the program ran are there again, for a shell in its place. */
int run_secrets_again(struct run_job *job, struct err *err);
/* Where the layers of stages that are bound lie now; hold them still. */
int run_binds_layers(struct run_job *job, struct err *err);
/* False: a context that was shown in place is not what the key says any more. */
bool run_binds_unchanged(struct run_job *job);

/* Returns the program's exit status, or -errno when it was never executed. */
int run_execute(struct run_job *job, struct err *err);
/* A terminal with a shell in what the failed program has left. */
int run_shell(struct run_job *job, struct err *err);

#endif
