/* SPDX-License-Identifier: Apache-2.0 */
#include "network/netlink.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "base/own.h"

static void append(struct netlink *nl, const void *data, size_t len)
{
	size_t padded = NLMSG_ALIGN(len);
	struct nlmsghdr *head;

	if (nl->broken || padded > sizeof(nl->data) - nl->len) {
		nl->broken = -ENOSPC;
		return;
	}
	memset(nl->data + nl->len, 0, padded);
	memcpy(nl->data + nl->len, data, len);
	nl->len += padded;
	head = (struct nlmsghdr *)(void *)(nl->data + nl->last);
	head->nlmsg_len = (uint32_t)(nl->len - nl->last);
}

void netlink_add(struct netlink *nl, const char *what, uint16_t type, uint16_t flags)
{
	struct nlmsghdr head = {
		.nlmsg_type = type,
		.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags),
		.nlmsg_seq = nl->count,
	};

	if (nl->count >= ARRAY_SIZE(nl->what)) {
		nl->broken = -ENOSPC;
		return;
	}
	nl->what[nl->count++] = what;
	nl->last = nl->len;
	append(nl, &head, sizeof(head));
}

void netlink_body(struct netlink *nl, const void *body, size_t len)
{
	append(nl, body, len);
}

void netlink_attr(struct netlink *nl, uint16_t type, const void *value, size_t len)
{
	uint8_t attr[64] __attribute__((aligned(4)));
	struct rtattr head = { .rta_type = type, .rta_len = (uint16_t)RTA_LENGTH(len) };

	if (head.rta_len > sizeof(attr)) {
		nl->broken = -ENOSPC;
		return;
	}
	memcpy(attr, &head, sizeof(head));
	if (len)
		memcpy(attr + sizeof(head), value, len);
	append(nl, attr, head.rta_len);
}

void netlink_quiet(struct netlink *nl)
{
	struct nlmsghdr *head = (struct nlmsghdr *)(void *)(nl->data + nl->last);

	if (nl->broken)
		return;
	head->nlmsg_flags &= (uint16_t)~NLM_F_ACK;
	nl->quiet |= 1u << (nl->count - 1);
}

size_t netlink_nest(struct netlink *nl, uint16_t type)
{
	size_t at = nl->len;

	netlink_attr(nl, type | NLA_F_NESTED, NULL, 0);
	return at;
}

void netlink_unnest(struct netlink *nl, size_t nest)
{
	if (!nl->broken)
		((struct rtattr *)(void *)(nl->data + nest))->rta_len = (uint16_t)(nl->len - nest);
}

/* One datagram may hold several acknowledgements. */
static int read_acks(struct netlink *nl, const void *data, size_t len, struct err *err)
{
	const struct nlmsghdr *head = data;
	unsigned seen = 0;

	for (; NLMSG_OK(head, len); head = NLMSG_NEXT(head, len)) {
		const struct nlmsgerr *ack = NLMSG_DATA(head);

		if (head->nlmsg_type != NLMSG_ERROR || head->nlmsg_len < NLMSG_LENGTH(sizeof(*ack)))
			continue;
		seen++;
		if (ack->error < 0)
			return err_set(err, ack->error, "%s: %s",
				head->nlmsg_seq < nl->count ? nl->what[head->nlmsg_seq] : "netlink",
				strerror(-ack->error));
	}
	return (int)seen;
}

int netlink_run_on(struct netlink *nl, int fd, struct err *err)
{
	uint8_t reply[4096] __attribute__((aligned(8)));
	unsigned seen = (unsigned)__builtin_popcount(nl->quiet);

	if (nl->broken)
		return err_set(err, nl->broken, "too many network settings in one request");
	if (send(fd, nl->data, nl->len, 0) < 0)
		return err_sys(err, "send network settings");
	while (seen < nl->count) {
		ssize_t n = recv(fd, reply, sizeof(reply), 0);
		int r;

		if (n < 0)
			return err_sys(err, "read the answer to network settings");
		r = read_acks(nl, reply, (size_t)n, err);
		TRY(r);
		seen += (unsigned)r;
	}
	return 0;
}

int netlink_run(struct netlink *nl, struct err *err)
{
	autofd int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd < 0)
		return err_sys(err, "open a netlink socket");
	return netlink_run_on(nl, fd, err);
}
