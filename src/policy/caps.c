/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/caps.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "base/own.h"

static const char *const names[] = { "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID",
	"KILL", "SETGID", "SETUID", "SETPCAP", "LINUX_IMMUTABLE", "NET_BIND_SERVICE",
	"NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER", "SYS_MODULE", "SYS_RAWIO",
	"SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE",
	"SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE",
	"AUDIT_CONTROL", "SETFCAP", "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM",
	"BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF", "CHECKPOINT_RESTORE" };
_Static_assert(ARRAY_SIZE(names) == CAP_CHECKPOINT_RESTORE + 1, "one name per capability");

int caps_number(const char *name)
{
	if (strncasecmp(name, "CAP_", 4) == 0)
		name += 4;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcasecmp(name, names[i]) == 0)
			return (int)i;
	return -EINVAL;
}

/* Collects one option's values; "ALL" is told apart because it changes the meaning of the other. */
static int collect(
	const struct strv *list, const char *option, uint64_t *ret, bool *ret_all, struct err *err)
{
	*ret = 0;
	*ret_all = false;
	strv_each (name, list) {
		int cap = caps_number(*name);
		if (strcasecmp(*name, "ALL") == 0 || strcasecmp(*name, "CAP_ALL") == 0) {
			*ret_all = true;
		} else if (cap < 0) {
			(void)err_set(err, -EINVAL, "invalid %s: unknown capability: \"%s\"",
				option, *name);
			(void)err_exit(err, 125);
			return -EINVAL;
		} else {
			*ret |= CAPS_BIT(cap);
		}
	}
	return 0;
}

int caps_choose(const struct strv *add, const struct strv *drop, uint64_t *ret, struct err *err)
{
	uint64_t added, dropped;
	bool add_all, drop_all;

	TRY(collect(add, "CapAdd", &added, &add_all, err));
	TRY(collect(drop, "CapDrop", &dropped, &drop_all, err));
	if (add_all)
		*ret = drop_all ? 0 : CAPS_ALL & ~dropped;
	else if (drop_all)
		*ret = added;
	else
		*ret = (CAPS_DEFAULT & ~dropped) | added;
	return 0;
}
