/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Maps for --userns=keep-id. The caller becomes id N inside; what N was (a subordinate id, its partner)
 * becomes 0; all other ids stay what they are. When N lies outside of the ranges, their last id is the
 * partner and no longer there under its own number.
 *
 * The owners on disk are always those of the plain map: a file of the image's root belongs to the caller.
 * So such a container's root must be served by somebody who reads it through ret_stored and whose numbers
 * the kernel takes for ids of the container: the FUSE driver does just that.
 */
#include "base/userns.h"

#include <errno.h>
#include <string.h>

#include "base/own.h"

struct ranges {
	struct idrange *list;
	unsigned n;
};

static int add(struct ranges *r, struct idrange range, struct err *err)
{
	if (range.count == 0)
		return 0;
	if (r->n == IDMAP_MAX)
		return err_set(err, -E2BIG,
			"keep-id: your subordinate ids are in too many pieces (more than %d)",
			IDMAP_MAX - 5);
	r->list[r->n++] = range;
	return 0;
}

/* Takes one id out of the range that has it. */
static int punch(struct ranges *r, uint32_t inside, struct err *err)
{
	for (unsigned i = 0; i < r->n; i++) {
		struct idrange *range = &r->list[i], rest = *range;
		uint32_t before = inside - range->inside;

		if (inside < range->inside || before >= range->count)
			continue;
		rest.inside += before + 1;
		rest.outside += before + 1;
		rest.count -= before + 1;
		range->count = before;
		if (before == 0)
			*range = r->list[--r->n];
		return add(r, rest, err);
	}
	return 0;
}

static int put(struct ranges *r, uint32_t inside, uint32_t outside, struct err *err)
{
	return add(r, (struct idrange){ inside, outside, 1 }, err);
}

static uint32_t last_of(const struct ranges *r)
{
	uint32_t last = 0;

	for (unsigned i = 0; i < r->n; i++)
		if (r->list[i].inside + (r->list[i].count - 1) > last)
			last = r->list[i].inside + (r->list[i].count - 1);
	return last;
}

static int keep(uint32_t id, struct ranges *ids, struct ranges *stored, struct err *err)
{
	uint32_t caller = idmap_to_host(ids->list, ids->n, 0);
	uint32_t partner = idmap_to_host(ids->list, ids->n, id), last = last_of(ids);
	bool beyond = partner == UINT32_MAX;

	if (id == 0)
		return 0;
	if (beyond && last > 0) {
		partner = idmap_to_host(ids->list, ids->n, last);
		TRY(punch(ids, last, err));
		TRY(punch(stored, last, err));
		TRY(put(stored, id, partner, err));
	}
	TRY(punch(ids, 0, err));
	TRY(punch(ids, id, err));
	if (partner != UINT32_MAX)
		TRY(put(ids, 0, partner, err));
	else
		stored->list[0].inside = id; /* one id: stored and shown are the same */
	return put(ids, id, caller, err);
}

int idmap_keep(const struct idmap *map, struct idpair inside, struct idmap *ret,
	struct idmap *ret_stored, struct err *err)
{
	struct idmap kept = *map, stored = *map;
	struct ranges uids = { kept.uid, kept.n_uid }, gids = { kept.gid, kept.n_gid };
	struct ranges stored_uids = { stored.uid, stored.n_uid };
	struct ranges stored_gids = { stored.gid, stored.n_gid };

	TRY(keep(inside.uid, &uids, &stored_uids, err));
	TRY(keep(inside.gid, &gids, &stored_gids, err));
	kept.n_uid = uids.n;
	kept.n_gid = gids.n;
	stored.n_uid = stored_uids.n;
	stored.n_gid = stored_gids.n;
	*ret = kept;
	*ret_stored = stored;
	return 0;
}
