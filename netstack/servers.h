/* SPDX-License-Identifier: Apache-2.0 */
/* The resolvers of /etc/resolv.conf, followed when it changes. A file that cannot be read leaves those that were known. */
#ifndef SBX_NETSTACK_SERVERS_H
#define SBX_NETSTACK_SERVERS_H

#include <sys/stat.h>

#include "network/wire.h"

#define SERVERS_MAX 8

struct servers {
	struct wire_server list[SERVERS_MAX];
	size_t n;
	struct stat seen; /* of the file that said so */
	unsigned changes;
};

/* Pure. As resolv.conf(5): "nameserver ADDRESS"; none at all is 127.0.0.1. Addresses with a %zone are left out. */
void servers_parse(const char *text, struct servers *ret);

/* Looks whether the file changed, and reads it then. */
void servers_follow(struct servers *servers, const char *path);

socklen_t servers_address(const struct wire_server *server, struct sockaddr_storage *ret);

#endif
