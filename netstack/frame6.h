/* SPDX-License-Identifier: Apache-2.0 */
/*
 * frame_clean() for IPv6: what libslirp may see. TCP, UDP, echo and neighbour discovery right behind
 * the fixed header; no extension headers, hence no fragments; no urgent pointer (CVE-2026-9539); no
 * destination that means "this host" to connect(2). Router advertisements are the router's to send.
 */
#ifndef SBX_NETSTACK_FRAME6_H
#define SBX_NETSTACK_FRAME6_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In place; false = drop it. *len may shrink (padding). */
bool frame6_clean(uint8_t *frame, size_t *len);

#endif
