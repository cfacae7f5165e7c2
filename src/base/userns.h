/* SPDX-License-Identifier: Apache-2.0 */
/*
 * User namespaces and their id maps (user_namespaces(7), newuidmap(1), subuid(5)).
 *
 * Container id 0 is the caller; 1… are the caller's subordinate range. Without a usable range the
 * map is the caller alone (IDMAP_SINGLE). Real root writes its maps directly.
 * Left of every stage because unpacking, removing and running all need one.
 */
#ifndef SBX_BASE_USERNS_H
#define SBX_BASE_USERNS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

#define IDMAP_MAX 12

enum idmap_kind {
	IDMAP_SINGLE, /* one id; setgroups denied */
	IDMAP_SUBID,  /* written by newuidmap and newgidmap */
	IDMAP_ROOT,   /* written directly, the caller is real root */
};

struct idrange {
	uint32_t inside;
	uint32_t outside;
	uint32_t count;
};

struct idmap {
	enum idmap_kind kind;
	struct idrange uid[IDMAP_MAX];
	struct idrange gid[IDMAP_MAX];
	unsigned n_uid;
	unsigned n_gid;
	char notice
		[320]; /* "" or why there is but a single id: "I-SUBID-NONE: …"; said once by main */
};

/* The map for containers of this caller. Honours SBX_USERNS=single (tests, `--userns=single`).
 * Fails only when user ids cannot be read; a missing range is IDMAP_SINGLE with a notice. */
int idmap_detect(struct idmap *ret, struct err *err);

/* Parses subuid(5) text for the user, by name or number: fills ranges, highest count first.
 * Returns how many; -EINVAL names the bad line, overlap included. Pure. */
int idmap_parse_subid(const char *text, const char *name, uid_t id, struct idrange *ret,
	unsigned max, struct err *err);

uint32_t idmap_to_host(
	const struct idrange *ranges, unsigned n, uint32_t inside); /* UINT32_MAX = unmapped */
uint32_t idmap_to_inside(const struct idrange *ranges, unsigned n, uint32_t outside);

/* `map` with the caller as uid and gid inside instead of 0 (keepid.c). *ret_stored is the map under which
 * the owners on disk mean the same ids: what is served to such a container has to be read through it. Pure.
 * -E2BIG: too many ranges. */
struct idpair {
	uint32_t uid, gid;
};
int idmap_keep(const struct idmap *map, struct idpair inside, struct idmap *ret,
	struct idmap *ret_stored, struct err *err);

/* Writes both maps (and setgroups=deny for IDMAP_SINGLE) for a child that has made its user
 * namespace and waits. newuidmap and newgidmap run side by side. */
int idmap_write(pid_t pid, const struct idmap *map, struct err *err);

/* The same in two halves, so that the caller can work while the two set-uid programs do. A started
 * map must be finished; finish also reaps after errors. */
struct idmap_job {
	pid_t uids, gids; /* 0 = nothing to wait for */
};
int idmap_start(pid_t pid, const struct idmap *map, struct idmap_job *ret, struct err *err);
int idmap_finish(struct idmap_job *job, struct err *err);

/* Runs fn(data) in a forked child that is uid 0, gid 0 in a new user namespace (nothing else is
 * unshared unless flags adds CLONE_NEW*). fn's error and return value come back as if it had
 * been called here; memory it writes does not. */
typedef int (*userns_fn)(void *data, struct err *err);
int userns_run(const struct idmap *map, int flags, userns_fn fn, void *data, struct err *err);

/* The same in a namespace that is there already; flags are unshared inside it. */
int userns_run_in(int userns_fd, int flags, userns_fn fn, void *data, struct err *err);

/* A new user namespace with this map, without a process in it. Returns its descriptor. */
int userns_open(const struct idmap *map, struct err *err);

/* The same in two halves: who gets the descriptor between them must not join before the end of the second,
 * which comes in any case. */
struct userns_job {
	int fd; /* the namespace; the caller's, also after an error of userns_finish() */
	int hold;
	pid_t pid;
	struct idmap_job maps;
};
int userns_begin(const struct idmap *map, struct userns_job *ret, struct err *err);
int userns_finish(struct userns_job *job, struct err *err);

/* Joins an existing user namespace and becomes its uid 0, gid 0, as far as it has them. Caller must be single-threaded. */
int userns_join(int userns_fd, struct err *err);

/* Explains why unshare(CLONE_NEWUSER) failed with this errno: fills E-USERNS-APPARMOR,
 * E-USERNS-OFF, E-USERNS-LIMIT, E-NEST-CHROOT or E-NEST-SECCOMP after reading the sysctls; returns err->code. */
int userns_explain(int errnum, struct err *err);

#endif
