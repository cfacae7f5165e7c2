/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of credentials(7) over numbers that the kernel never sees. See identity.h. */
#include "process/identity.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>

#include "base/own.h"

#define SAME ((uint32_t)-1)

void identity_init(struct identity *who, uid_t uid, gid_t gid)
{
	memset(who, 0, sizeof(*who)); /* padding too: they are compared as bytes */
	for (size_t i = 0; i < IDENTITY_KINDS; i++) {
		who->uid[i] = uid;
		who->gid[i] = gid;
	}
	who->n_groups = 1;
	who->groups[0] = gid;
}

static bool privileged(const struct identity *who)
{
	return who->uid[IDENTITY_EFFECTIVE] == 0 || who->privileged;
}

static bool has(const uint32_t ids[IDENTITY_KINDS], uint32_t id)
{
	return ids[IDENTITY_REAL] == id || ids[IDENTITY_EFFECTIVE] == id ||
	       ids[IDENTITY_SAVED] == id;
}

static int set_all(uint32_t ids[IDENTITY_KINDS], const uint32_t want[IDENTITY_KINDS], bool may)
{
	for (size_t i = 0; i < IDENTITY_KINDS; i++)
		if (want[i] != SAME && !may && !has(ids, want[i]))
			return -EPERM;
	for (size_t i = 0; i < IDENTITY_KINDS; i++)
		if (want[i] != SAME)
			ids[i] = want[i];
	return 0;
}

/* setuid, setgid: all three with the right, else the effective one. */
static int set_one(uint32_t ids[IDENTITY_KINDS], uint32_t id, bool may)
{
	const uint32_t want[IDENTITY_KINDS] = { may ? id : SAME, id, may ? id : SAME };

	if (id == SAME)
		return -EINVAL;
	if (!may && id != ids[IDENTITY_REAL] && id != ids[IDENTITY_SAVED])
		return -EPERM;
	return set_all(ids, want, true);
}

/* setreuid, setregid: the saved one follows when the real one is set, or the effective one becomes another. */
static int set_pair(uint32_t ids[IDENTITY_KINDS], uint32_t real, uint32_t effective, bool may)
{
	uint32_t was = ids[IDENTITY_REAL];

	if (!may && real != SAME && real != ids[IDENTITY_REAL] && real != ids[IDENTITY_EFFECTIVE])
		return -EPERM;
	if (!may && effective != SAME && !has(ids, effective))
		return -EPERM;
	if (real != SAME)
		ids[IDENTITY_REAL] = real;
	if (effective != SAME)
		ids[IDENTITY_EFFECTIVE] = effective;
	if (real != SAME || (effective != SAME && effective != was))
		ids[IDENTITY_SAVED] = ids[IDENTITY_EFFECTIVE];
	return 0;
}

static int set(struct identity *who, int call, const uint64_t args[6])
{
	const uint32_t ids[IDENTITY_KINDS] = { (uint32_t)args[0], (uint32_t)args[1],
		(uint32_t)args[2] };
	bool may = privileged(who);

	switch (call) {
	case SYS_setuid:
		return set_one(who->uid, ids[0], may);
	case SYS_setgid:
		return set_one(who->gid, ids[0], may);
	case SYS_setreuid:
		return set_pair(who->uid, ids[0], ids[1], may);
	case SYS_setregid:
		return set_pair(who->gid, ids[0], ids[1], may);
	case SYS_setresuid:
		return set_all(who->uid, ids, may);
	case SYS_setresgid:
		return set_all(who->gid, ids, may);
	case SYS_setfsuid: /* it has none of its own: what is asked with -1 is all there is to say */
		return (int)who->uid[IDENTITY_EFFECTIVE];
	case SYS_setfsgid:
		return (int)who->gid[IDENTITY_EFFECTIVE];
	default:
		return -ENOSYS;
	}
}

int identity_set(struct identity *who, int call, const uint64_t args[6])
{
	bool may = privileged(who);
	int r = set(who, call, args);

	who->privileged = may && who->keep && who->uid[IDENTITY_EFFECTIVE] != 0;
	return r;
}

void identity_keep(struct identity *who, bool keep)
{
	who->keep = keep;
}

void identity_execute(struct identity *who)
{
	who->keep = who->privileged = 0;
}

int identity_set_groups(struct identity *who, const gid_t *groups, size_t n)
{
	if (!privileged(who))
		return -EPERM;
	if (n > IDENTITY_GROUPS)
		return -EINVAL;
	memset(who->groups, 0, sizeof(who->groups));
	if (n > 0)
		memcpy(who->groups, groups, n * sizeof(*groups));
	who->n_groups = (uint32_t)n;
	return 0;
}

bool identity_in_group(const struct identity *who, gid_t gid)
{
	if (who->gid[IDENTITY_EFFECTIVE] == gid)
		return true;
	for (size_t i = 0; i < who->n_groups; i++)
		if (who->groups[i] == gid)
			return true;
	return false;
}

int identity_may_chown(const struct identity *who, uid_t owner, gid_t group, uid_t uid, gid_t gid)
{
	if (privileged(who))
		return 0;
	if (owner != who->uid[IDENTITY_EFFECTIVE] || (uid != SAME && uid != owner))
		return -EPERM;
	return gid == SAME || gid == group || identity_in_group(who, gid) ? 0 : -EPERM;
}

/* n last: the table outlives whoever is killed here. */
int identity_number(struct identity_table *table, const struct identity *who)
{
	for (size_t i = 0; i < table->n; i++)
		if (memcmp(&table->list[i], who, sizeof(*who)) == 0)
			return (int)i;
	if (table->n >= IDENTITY_MAX)
		return -ENOSPC;
	table->list[table->n] = *who;
	atomic_signal_fence(memory_order_release);
	return (int)table->n++;
}
