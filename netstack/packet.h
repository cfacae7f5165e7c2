/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IP packets that sbx-netstack makes itself, and the few fields of a member's that it reads, for IPv4 and IPv6 alike:
 * pure. What is read is whole and clean: frame_clean() or frame6_clean() has seen it, so its headers have their fixed
 * lengths.
 */
#ifndef SBX_NETSTACK_PACKET_H
#define SBX_NETSTACK_PACKET_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PACKET_IP4 20
#define PACKET_IP6 40
#define PACKET_TCP 20

#define PACKET_FIN 1
#define PACKET_SYN 2
#define PACKET_RST 4
#define PACKET_ACK 16

uint16_t packet_get16(const uint8_t *p);
void packet_put16(uint8_t *p, unsigned v);

/* Its addresses, 4 or 16 bytes each. */
struct packet_ends {
	const uint8_t *from, *to;
	bool v6;
};

struct packet_ends packet_ends(const uint8_t *ip);
size_t packet_head(const uint8_t *ip); /* of IP */
uint8_t packet_proto(const uint8_t *ip);
struct in6_addr packet_address(const uint8_t *address, bool v6); /* IPv4 as ::ffff:a.b.c.d */

/* The sum that checksums of TCP, UDP and ICMPv6 begin with. */
uint32_t packet_pseudo(const struct packet_ends *ends, uint8_t proto, size_t len);

/* The header; returns its length. payload: how much will follow. */
size_t packet_put_ip(uint8_t *ip, const struct packet_ends *ends, uint8_t proto, size_t payload);

struct packet_tcp {
	uint16_t from, to; /* ports */
	uint32_t seq, ack;
	uint8_t flags; /* PACKET_…, and those that have no name here */
	uint16_t window;
	uint16_t mss; /* an option, written only; 0 = none */
	const uint8_t *payload;
	size_t len;
};

/* ip_len: with the IP header. */
struct packet_tcp packet_read_tcp(const uint8_t *ip, size_t ip_len);
/* The largest segment that a SYN asks for; 0 = it does not say. */
uint16_t packet_read_mss(const uint8_t *ip, size_t ip_len);
bool packet_checksum_is_right(const uint8_t *ip, size_t ip_len);

/* IP and TCP headers, mss and payload; the whole length. */
size_t packet_put_tcp(uint8_t *ip, const struct packet_ends *ends, const struct packet_tcp *tcp);

#endif
