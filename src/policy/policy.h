/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stage 2: options become a policy: what a container's processes may do. Planning is pure; the
 * policy_apply_*() functions run in the child, in the order they are declared, right before execve.
 */
#ifndef SBX_POLICY_POLICY_H
#define SBX_POLICY_POLICY_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/strv.h"
#include "options/options.h"

/* Calls that are told of to a watcher (process/watch.h): those refused on purpose and execve, or every
 * one that passes. */
enum policy_watch {
	POLICY_WATCH_NONE,
	POLICY_WATCH_REPORT,
	POLICY_WATCH_LEARN,
	POLICY_WATCH_IDENTITY, /* calls about ids and owners, answered by process/identity_serve.c */
};

struct policy {
	uint64_t caps; /* bounding = permitted = effective for uid 0; bit n = CAP n */
	bool no_new_privs;
	struct sock_filter *filter; /* owned; NULL = seccomp unconfined */
	unsigned short filter_len;
	enum policy_watch watch;
	struct sock_filter
		*watched; /* owned; loaded in place of filter when the container is watched */
	unsigned short watched_len;
	struct strv masked;    /* absolute paths hidden by /dev/null or an empty directory */
	struct strv read_only; /* absolute paths bound read-only */
	bool landlock; /* nothing outside the root is opened, where the kernel has Landlock */
	bool landlock_read_only; /* and only writable mounts allow writing */
	bool landlock_sockets;   /* and abstract sockets outside are out of reach */
};
void policy_done(struct policy *policy);
#define autopolicy __attribute__((cleanup(policy_done)))

/* From --cap-add/--cap-drop/--privileged/--security-opt. The default filter is compiled into the
 * binary; seccomp=FILE is compiled by the helper sbx-seccomp (libseccomp) and cached by content hash
 * under <root>/cache. */
int policy_plan(const struct globals *globals, const struct run_opts *opts, struct policy *ret,
	struct err *err);

/* Does --security-opt name a file, or a pipe that can be read but once? Then what it said when the
 * container was made is what counts. Pure. */
bool policy_reads_file(const struct run_opts *opts);

/* Makes policy->watched of policy->filter. Pure. */
int policy_watch(struct policy *policy, enum policy_watch how, struct err *err);
const char *policy_call_name(int nr); /* of this machine's own ABI; NULL: none */

/* "CAP_NET_RAW", "net_raw" → number, -EINVAL if unknown. "ALL" is not a capability. */
int policy_cap_number(const char *name);

/* Where only one id is mapped and policy_can_answer() says no: the filter answers chown, setuid and their like, and
 * mknod of devices, as done. */
int policy_answer_owners(struct policy *policy, struct err *err);

/* Where only one id is mapped: policy->watched hands those calls, stat and the making of files to a supervisor, so
 * that what is asked for is what is seen afterwards. Nothing passes that the filter or the capabilities refuse.
 * A filter that is too long for it stays as it is. policy_can_answer(): the kernel has what that needs. Pure. */
void policy_identity(struct policy *policy);
bool policy_can_answer(void);

/* Serialised for exec into a running container: caps, no_new_privs, base64 filter. */
struct json *policy_to_json(const struct policy *policy);
int policy_from_json(const struct json *doc, struct policy *ret, struct err *err);

/* 1. drops the bounding set, then (after the caller's setresuid) 2. sets the rest: uid 0 keeps
 * policy->caps, other users have none; inheritable and ambient are empty. A filter without no_new_privs
 * needs CAP_SYS_ADMIN: if it has not been loaded before 2., that one stays until execve takes it. */
int policy_apply_bounding(const struct policy *policy, struct err *err);
int policy_apply_caps(const struct policy *policy, uid_t uid, struct err *err);
/* In the container's root, with CAP_SYS_ADMIN in its user namespace (or no_new_privs): before
 * policy_apply_caps(). Does nothing on kernels without it. */
int policy_apply_landlock(const struct policy *policy, struct err *err);
#define POLICY_LANDLOCK_ABI 2  /* the first that allows renames between folders */
int policy_landlock_abi(void); /* the kernel's, 0 = none */
/* Last: no_new_privs and the filter. Only execve and _exit may follow, so a profile need allow nothing
 * else. (Loaded between 1. and setresuid, the profile must allow what comes after.) */
int policy_apply_seccomp(const struct policy *policy, struct err *err);
/* The same with policy->watched: returns the listener (seccomp_unotify(2)), for another thread to
 * pass on: of this one no call may be possible any more. */
int policy_apply_watched(const struct policy *policy, struct err *err);

#endif
