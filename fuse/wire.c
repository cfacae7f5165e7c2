/* SPDX-License-Identifier: Apache-2.0 */
#include "wire.h"

#include <assert.h>

/* The parts of the wire format (linux/fuse.h) that are looked at. */
struct request {
	uint32_t len, opcode;
	uint64_t unique, node;
	uint32_t uid, gid, pid, padding;
	union {
		struct {
			uint32_t major, minor, max_readahead, flags;
		} init;
		struct {
			uint32_t valid;
		} setattr;
		struct {
			uint64_t handle, offset;
			uint32_t size, flags;
		} write;
	};
};

struct reply {
	uint32_t len;
	int32_t error;
	uint64_t unique;
};

struct init_reply {
	uint32_t major, minor, max_readahead, flags;
};

enum { SETATTR = 4, WRITE = 16, INIT = 26, CREATE = 35, TMPFILE = 51 };

#define HEADER               offsetof(struct request, init)
#define SETATTR_KILL_SUIDGID (1U << 11)
#define WRITE_KILL_SUIDGID   (1U << 2)
#define INIT_KILLPRIV_V2     (1U << 28)

static_assert(HEADER == 40 && sizeof(struct reply) == 16, "as in linux/fuse.h");

bool wire_look_ahead(struct wire *wire, void *request, size_t size, uint64_t *ret_id)
{
	struct request *in = request;

	if (size < HEADER)
		return false;
	if (in->opcode == TMPFILE)
		in->opcode = CREATE;
	if (in->opcode == INIT && size >= HEADER + sizeof(in->init)) {
		wire->offered = in->init.flags;
		wire->init = in->unique;
	}
	*ret_id = in->node;
	if (in->opcode == SETATTR && size >= HEADER + sizeof(in->setattr))
		return in->setattr.valid & SETATTR_KILL_SUIDGID;
	return in->opcode == WRITE && size >= HEADER + sizeof(in->write) &&
	       (in->write.flags & WRITE_KILL_SUIDGID);
}

void wire_amend_reply(struct wire *wire, struct iovec *iov, int count)
{
	const struct reply *reply = iov[0].iov_base;

	if (!wire->init || reply->unique != wire->init)
		return;
	wire->init = 0;
	if (count == 2 && iov[1].iov_len >= sizeof(struct init_reply)) {
		struct init_reply *out = iov[1].iov_base;

		out->flags |= wire->offered & INIT_KILLPRIV_V2;
	}
}
