/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What libfuse 3.14 does not know of the protocol, done on the raw requests and replies:
 * FUSE_HANDLE_KILLPRIV_V2 (without it each write asks for security.capability first) and TMPFILE.
 */
#ifndef SBX_FUSE_WIRE_H
#define SBX_FUSE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define WIRE_NAMELESS "/" /* the name in a TMPFILE that was made a CREATE */

struct wire {
	uint32_t offered; /* INIT flags of the kernel */
	uint64_t init;    /* request whose reply is to be amended; 0 = none */
};

/* Before libfuse sees a request. True: the set-id bits of object *ret_id must go first. */
bool wire_look_ahead(struct wire *wire, void *request, size_t size, uint64_t *ret_id);

/* After libfuse made a reply: the one to INIT also accepts what libfuse does not know. */
void wire_amend_reply(struct wire *wire, struct iovec *iov, int count);

#endif
