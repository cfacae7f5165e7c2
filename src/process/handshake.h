/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole protocol between a container's monitor (parent) and its init (child), over one
 * SOCK_SEQPACKET pair. One datagram is one step, some carry a descriptor. The peer's death is an
 * error at every step but the last: after STEP_EXEC the child's end closes by itself when execve
 * succeeds, and that is how the parent learns of it.
 *
 *	parent                          child
 *	  clone ----------------------->  makes its other namespaces, while its ids are mapped
 *	  <----------- STEP_UNSHARED      they are there
 *	  STEP_IDS_MAPPED (lease) ----->  becomes uid 0, sets up network and root
 *	  <----------- STEP_FAST (fd)     up to three: the fast way out, where there is one
 *	  <----------- STEP_TAP (fd)      only with a network of its own
 *	  <----------- STEP_FUSE (fd)     only with the fuse driver
 *	  <----------- STEP_SQUASH (fd)   for each bind with squash
 *	  <----------- STEP_TTY (fd)      only with -t
 *	  <----------- STEP_NOTICE        any number: a fallback was taken
 *	  <----------- STEP_READY         inside the new root, decisions are over
 *	  STEP_EXEC ------------------->  drops privileges, execve
 *	  <----------- STEP_LISTENER (fd) only where it is watched
 *	  <----------- end of file        it runs
 *	  <----------- STEP_FAILED        instead of any step of the child's
 */
#ifndef SBX_PROCESS_HANDSHAKE_H
#define SBX_PROCESS_HANDSHAKE_H

#include "base/err.h"
#include "network/network.h"
#include "process/identity.h"

enum step {
	STEP_UNSHARED = 1,
	STEP_IDS_MAPPED,
	STEP_FAST,
	STEP_TAP,
	STEP_FUSE,
	STEP_SQUASH,
	STEP_TTY,
	STEP_NOTICE,
	STEP_READY,
	STEP_EXEC,
	STEP_LISTENER,
	STEP_FAILED,
};

/* What network_join() learned after the child was cloned. */
struct step_lease {
	struct in_addr address, gateway, host;
	struct in6_addr address6, gateway6;
	int prefix, mtu;
	uint8_t mac[6];
};

struct step_msg {
	enum step step;
	union {
		struct err err;          /* STEP_FAILED: the error; STEP_NOTICE: its text */
		struct step_lease lease; /* STEP_IDS_MAPPED */
		struct identity who;     /* STEP_LISTENER, where ids are answered for */
		int which; /* STEP_FAST: enum network_fast; STEP_TAP: gear.replies; STEP_SQUASH: mount_op */
	};
};

int step_pair(int *ret_parent, int *ret_child, struct err *err);

/* fd is sent along when ≥ 0; borrowed. err_of may be NULL. */
int step_send(int sock, enum step step, int fd, const struct err *err_of, struct err *err);
int step_send_msg(int sock, const struct step_msg *msg, int fd, struct err *err);

/* Next message; *ret_fd is -EBADF or the caller's. Returns 1, or 0 at end of file. */
int step_receive(int sock, struct step_msg *ret, int *ret_fd, struct err *err);

/* Child: waits for exactly this step. End of file is -EPIPE, another step -EPROTO. */
int step_wait(int sock, enum step want, struct step_msg *ret, struct err *err);

#endif
