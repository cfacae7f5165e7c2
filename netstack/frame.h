/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a hostile member may put on the wire. Pure functions on bytes; every length is checked
 * before it is believed. Ethernet II only (no VLAN tags).
 *
 * frame_is_members_own() holds for every frame that is switched: nobody can speak with a foreign MAC
 * or address. frame_clean() holds for every frame that libslirp sees: whole IPv4 datagrams, or
 * fragments of UDP and ICMP in sending order without overlap; no IP options, no urgent pointer
 * (CVE-2026-9539), no destination that means "this host" to connect(2).
 */
#ifndef SBX_NETSTACK_FRAME_H
#define SBX_NETSTACK_FRAME_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_HEAD 14
#define FRAME_MAX  (FRAME_HEAD + 65535)

/* Where members ask: the gateway's port 53, the nameserver's own address, nowhere. */
enum frame_dns { FRAME_DNS_GATEWAY, FRAME_DNS_DIRECT, FRAME_DNS_NONE };

struct frame_lan {
	struct in_addr network, mask; /* network order */
	struct in_addr gateway;       /* what members know; libslirp's host address */
	struct in_addr nameserver;    /* libslirp's resolver; members reach it as gateway:53 */
	enum frame_dns dns;
	struct in6_addr gateway6; /* of a /64; :: = the network has no IPv6 */
};

struct frame_port {
	uint8_t mac[6];
	struct in_addr address;
	struct in6_addr
		address6; /* :: = none but the link-local one, which is made of the MAC (EUI-64) */
};

#define FRAME_FRAGS 8
struct frame_frag {
	struct in_addr dst;
	uint16_t id;
	uint16_t next; /* offset that must follow, in bytes; 0 = slot is free */
	uint8_t proto;
};
struct frame_frags { /* zeroed = none seen */
	struct frame_frag slot[FRAME_FRAGS];
	unsigned oldest;
};

enum frame_type { FRAME_OTHER, FRAME_ARP, FRAME_IPV4, FRAME_IPV6 };

enum frame_type frame_type(const uint8_t *frame, size_t len);
bool frame_is_group(const uint8_t *frame); /* broadcast or multicast; at least FRAME_HEAD bytes */

bool frame_is_members_own(const uint8_t *frame, size_t len, const struct frame_port *port);

/* Pure. False for what connect(2) or sendto(2) on the host would take for the host itself, or for more than
 * one: 0/8, 127/8, 224/4 and up; and for our own subnet except the gateway. */
bool frame_is_reachable(struct in_addr dst, const struct frame_lan *lan);

/* An ARP request for the gateway. */
bool frame_asks_gateway(const uint8_t *frame, size_t len, const struct frame_lan *lan);

/* Makes an IPv4 frame fit for libslirp, in place; false = drop it. *len may shrink (padding).
 * DNS for the gateway is turned to the nameserver address. */
bool frame_clean(
	uint8_t *frame, size_t *len, const struct frame_lan *lan, struct frame_frags *frags);

/* libslirp's answer, of which the headers are enough: the nameserver's DNS comes from the gateway
 * again. Returns the address the frame is for (IPv4 destination or ARP target), 0 when it has none. */
struct in_addr frame_answer(uint8_t *frame, size_t len, const struct frame_lan *lan);

/* The DNS question in a frame that frame_clean() turned to the nameserver: its bytes and length, or
 * NULL. */
uint8_t *frame_question(uint8_t *frame, size_t len, const struct frame_lan *lan, size_t *ret_len);

/* Makes that frame the gateway's answer of `payload` bytes, which replaced the question; returns its
 * length. The caller has seen to the room. */
size_t frame_reply(uint8_t *frame, const struct frame_lan *lan, size_t payload);

/* One's-complement sum over data, folded and inverted: the Internet checksum (RFC 1071). */
uint16_t frame_checksum(const uint8_t *data, size_t len, uint32_t start);

#endif
