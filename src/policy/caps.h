/* SPDX-License-Identifier: Apache-2.0 */
/* Capability sets as bit masks: names, the default set, --cap-add and --cap-drop. */
#ifndef SBX_POLICY_CAPS_H
#define SBX_POLICY_CAPS_H

#include <linux/capability.h>
#include <stdint.h>

#include "base/err.h"
#include "base/strv.h"

#define CAPS_BIT(cap) (UINT64_C(1) << (cap))
#define CAPS_ALL      (CAPS_BIT(CAP_LAST_CAP + 1) - 1)

/* Podman's eleven: Docker's without MKNOD (useless in a user namespace), NET_RAW and AUDIT_WRITE. */
#define CAPS_DEFAULT                                                                         \
	(CAPS_BIT(CAP_CHOWN) | CAPS_BIT(CAP_DAC_OVERRIDE) | CAPS_BIT(CAP_FOWNER) |           \
		CAPS_BIT(CAP_FSETID) | CAPS_BIT(CAP_KILL) | CAPS_BIT(CAP_NET_BIND_SERVICE) | \
		CAPS_BIT(CAP_SETFCAP) | CAPS_BIT(CAP_SETGID) | CAPS_BIT(CAP_SETPCAP) |       \
		CAPS_BIT(CAP_SETUID) | CAPS_BIT(CAP_SYS_CHROOT))

/* "CAP_NET_RAW", "net_raw" → number, -EINVAL if unknown. */
int caps_number(const char *name);

/* Docker's rules: "ALL" among the added means all but the dropped; "ALL" among the dropped means the
 * added alone; else default - drop + add. -EINVAL (exit 125) names an unknown one. Pure. */
int caps_choose(const struct strv *add, const struct strv *drop, uint64_t *ret, struct err *err);

#endif
