/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stage 6: the plan becomes a process. The monitor (a fork of the launcher) makes the namespaces,
 * hands descriptors to the helpers, starts the payload and stays until it ends. What the monitor
 * learns it tells through process_events; it knows nothing of where that is kept.
 */
#ifndef SBX_PROCESS_PROCESS_H
#define SBX_PROCESS_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/strv.h"
#include "base/userns.h"
#include "network/network.h"
#include "options/options.h"
#include "policy/policy.h"
#include "process/attach.h"
#include "process/cgroup.h"
#include "process/exec.h"
#include "process/health.h"
#include "rootfs/rootfs.h"

/* All borrowed. */
struct process_spec {
	const char *id, *name;
	const struct idmap *idmap;
	const struct idmap
		*stored; /* the owners on disk when they are others (idmap_keep()), or NULL */
	const struct rootfs *rootfs;
	struct network *network;      /* planned; the monitor joins it */
	struct network_set *networks; /* planned; gets the container's namespaces too */
	const struct policy *policy;
	const struct strv *argv; /* at least one */
	const struct strv *env;  /* HOME is added by the child when missing */
	const char *user, *workdir, *hostname;
	const struct strv *group_add;
	enum keep_groups keep_groups;
	const char *
		passwd_line; /* for the image's /etc/passwd when that does not know the user; or NULL */
	const struct ulimit *ulimits;
	size_t n_ulimits;
	const struct limits *limits;
	const struct run_opts *more; /* namespaces, sysctls, domain name, timeout */
	const struct cdi *cdi;       /* its variables and hooks; NULL: none */
	const char *run_dir;         /* where its hooks find their bundle */
	int report; /* file for the watcher (watch.h), where policy->watch asks for one */
	bool tty, open_stdin, init;
	bool stdin_once; /* Docker's: open_stdin ends with the first client that has typed into it */
	bool launcher_in;                 /* the launcher's stdin is attached */
	const struct health_spec *health; /* NULL or an empty test: none */
};

struct process_events {
	void *data;
	/* The network has given an address; nothing of the container exists yet. Again when further
	 * networks have. */
	int (*joined)(void *data, struct err *err);
	/* It has this cgroup of its own, until ended() has returned. */
	void (*limited)(void *data, const char *cgroup);
	/* The payload has been executed; pid is the container's init on the host. */
	int (*started)(void *data, pid_t pid, struct err *err);
	/* Bytes of stream 1 or 2 (all 1 with a tty). */
	int (*output)(void *data, int stream, const void *bytes, size_t len, struct err *err);
	/* Ended with this exit status (128+n for a signal). Called before clients are told; output()
	 * may follow when a client is so slow that the last bytes are still in the pipe. */
	int (*ended)(void *data, int status, struct err *err);
	/* Instead of started() and ended(): it was never executed. Called before clients are told. */
	void (*failed)(void *data, const struct err *why);
	/* A client wishes something of the container that is not the monitor's to know; the answer. May
	 * change the set of networks. NULL: there are no such wishes. */
	int (*request)(void *data, const char *text, size_t len, struct err *err);
	/* With a health check: may it be run now, and what came of it. */
	bool (*may_probe)(void *data);
	void (*probed)(
		void *data, const struct health_state *state, const struct health_result *result);
};

/* Runs a container from start to end. client: the launcher's end of the attach protocol (attach.h),
 * taken over, or -1; listener: a listening SOCK_SEQPACKET socket for further clients, or -1; taken over.
 * Returns the exit status, or -errno when the payload was never executed: err then says why, the
 * clients have been told. */
int process_monitor(const struct process_spec *spec, const struct process_events *events,
	int client, int listener, struct err *err);

/* Who `spec` is in an image, as far as that can be seen without mounting it: by the uppermost layer that has
 * an /etc/passwd. -ENOENT: not to be seen. */
int process_find_user(
	const struct strv *layers, const char *spec, struct idpair *ret, struct err *err);

/* The network and user namespaces of a running container, for another one to share (--network
 * container:NAME): into ret->userns and ret->netns, or ret->kind becomes NETWORK_HOST when that is what
 * it has. pidfd is the process's, or negative where there are none. -ESRCH: it has ended. -EINVAL: it
 * maps other ids than `map`, so that files would change hands. */
int process_share_network(
	pid_t pid, int pidfd, const struct idmap *map, struct network *ret, struct err *err);

#endif
