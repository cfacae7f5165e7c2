/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host name in the first bytes of a connection: TLS server name indication or HTTP Host. Pure; every
 * byte is hostile. A name is only reported when the whole message that carries it has been seen, so what
 * the server will act on is what was read; two different names in one message are none.
 */
#ifndef SBX_NETSTACK_SNIFF_H
#define SBX_NETSTACK_SNIFF_H

#include <stddef.h>
#include <stdint.h>

#define SNIFF_MAX  16384 /* bytes after which it is not waited any longer */
#define SNIFF_NAME 256   /* with NUL */

/* SNIFF_NONE: another protocol, or without a name. SNIFF_BAD: says that it is TLS or HTTP and is not
 * sound, or says two things. */
enum sniff { SNIFF_NAMED, SNIFF_NONE, SNIFF_BAD, SNIFF_MORE };

/* name is lower case, without port and final dot. */
enum sniff sniff_name(const uint8_t *data, size_t len, char name[SNIFF_NAME]);

#endif
