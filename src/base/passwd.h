/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's user database (passwd(5)), without NSS: sbx is linked statically where that is possible, and
 * a static program must not load the host's NSS modules. Users that /etc/passwd does not have (LDAP,
 * SSSD) are asked for with getent(1).
 */
#ifndef SBX_BASE_PASSWD_H
#define SBX_BASE_PASSWD_H

#include <sys/types.h>

#include "base/err.h"

struct passwd_entry {
	char *name, *home; /* owned; never NULL after success */
};
void passwd_entry_done(struct passwd_entry *entry);
#define autopasswd __attribute__((cleanup(passwd_entry_done)))

/* -ENOENT: this uid has no entry anywhere. */
int passwd_lookup(uid_t uid, struct passwd_entry *ret, struct err *err);

/* The entry of uid in passwd(5) text; 0, or -ENOENT. Damaged lines are passed over. Pure. */
int passwd_parse(const char *text, uid_t uid, struct passwd_entry *ret);

#endif
