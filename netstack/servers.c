/* SPDX-License-Identifier: Apache-2.0 */
#include "netstack/servers.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <string.h>

#include "base/fs.h"
#include "base/own.h"

#define FILE_MAX (256 * 1024)
#define PORT_DNS 53

static bool parse_address(const char *text, size_t len, struct wire_server *ret)
{
	char address[INET6_ADDRSTRLEN];

	if (!len || len >= sizeof(address))
		return false;
	memcpy(address, text, len);
	address[len] = '\0';
	*ret = (struct wire_server){ .family = AF_INET };
	if (inet_pton(AF_INET, address, ret->addr) == 1)
		return true;
	ret->family = AF_INET6;
	return inet_pton(AF_INET6, address, ret->addr) == 1;
}

void servers_parse(const char *text, struct servers *ret)
{
	static const char key[] = "nameserver";

	ret->n = 0;
	while (*text && ret->n < SERVERS_MAX) {
		size_t line = strcspn(text, "\n"), at = strlen(key);

		if (line > at && strncmp(text, key, at) == 0 && strspn(text + at, " \t")) {
			at += strspn(text + at, " \t");
			ret->n += parse_address(
				text + at, strcspn(text + at, " \t\r\n#;"), &ret->list[ret->n]);
		}
		text += line + (text[line] == '\n');
	}
	if (!ret->n)
		ret->n = parse_address("127.0.0.1", strlen("127.0.0.1"), &ret->list[0]);
}

void servers_follow(struct servers *servers, const char *path)
{
	autofree char *text = NULL;
	struct err err = ERR_INIT;
	struct stat st;

	if (stat(path, &st) < 0)
		st = (struct stat){ 0 };
	if (servers->n && st.st_ino == servers->seen.st_ino && st.st_dev == servers->seen.st_dev &&
		st.st_size == servers->seen.st_size &&
		memcmp(&st.st_ctim, &servers->seen.st_ctim, sizeof(st.st_ctim)) == 0)
		return;
	servers->seen = st;
	servers->changes++;
	if (fs_read_at(AT_FDCWD, path, FILE_MAX, &text, NULL, &err) >= 0)
		servers_parse(text, servers);
	else if (!servers->n)
		servers_parse("", servers);
}

socklen_t servers_address(const struct wire_server *server, struct sockaddr_storage *ret)
{
	struct sockaddr_in *in = (struct sockaddr_in *)(void *)ret;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)ret;

	*ret = (struct sockaddr_storage){ .ss_family = server->family };
	if (server->family == AF_INET) {
		in->sin_port = htons(PORT_DNS);
		memcpy(&in->sin_addr, server->addr, sizeof(in->sin_addr));
		return sizeof(*in);
	}
	in6->sin6_port = htons(PORT_DNS);
	memcpy(&in6->sin6_addr, server->addr, sizeof(in6->sin6_addr));
	return sizeof(*in6);
}
