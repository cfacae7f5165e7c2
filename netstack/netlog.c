/* SPDX-License-Identifier: Apache-2.0 */
#include "netstack/netlog.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/own.h"

#define LINE_MAX_BYTES 2048 /* a name has 255 bytes, each of which may become six */
#define TIME_MAX       40

void netlog_init(struct netlog *log, int fds[2])
{
	struct stat st[2] = { 0 };

	*log = (struct netlog){ .fds = { move_fd(&fds[0]), move_fd(&fds[1]) } };
	for (int i = 0; i < 2; i++) {
		if (log->fds[i] < 0 || fstat(log->fds[i], &st[i]) < 0)
			return;
	}
	/* one that was begun is gone on with */
	log->now = st[1].st_mtim.tv_sec > st[0].st_mtim.tv_sec && st[1].st_size > 0;
}

void netlog_done(struct netlog *log)
{
	fd_drop(&log->fds[0]);
	fd_drop(&log->fds[1]);
}

static void turn_over(struct netlog *log)
{
	struct stat st;

	if (fstat(log->fds[log->now], &st) < 0 || st.st_size < NETLOG_FILE_MAX)
		return;
	if (ftruncate(log->fds[!log->now], 0) == 0)
		log->now = !log->now;
}

static void write_line(struct netlog *log, const char *line, int len)
{
	if (log->fds[0] < 0 || log->fds[1] < 0 || len <= 0 || len >= LINE_MAX_BYTES)
		return;
	turn_over(log);
	if (write(log->fds[log->now], line, (size_t)len) < 0)
		return; /* the disk is full: connections go on */
}

/* What is no letter of a host name becomes an escape of JSON. */
static const char *escape(const char *name, char ret[EGRESS_NAME * 6])
{
	static const char plain[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:[]";
	size_t out = 0;

	for (; *name && out < EGRESS_NAME * 6 - 7; name++) {
		if (strchr(plain, *name))
			ret[out++] = *name;
		else
			out += (size_t)snprintf(ret + out, 7, "\\u%04x", (unsigned char)*name);
	}
	ret[out] = '\0';
	return ret;
}

static const char *now_text(char ret[TIME_MAX])
{
	struct timespec now;
	struct tm tm;
	size_t n;

	(void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail with this clock */
	if (!gmtime_r(&now.tv_sec, &tm))
		tm = (struct tm){ 0 };
	n = strftime(ret, TIME_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(ret + n, TIME_MAX - n, ".%03ldZ", now.tv_nsec / 1000000);
	return ret;
}

static const char *address_text(const struct in6_addr *address, char ret[INET6_ADDRSTRLEN])
{
	if (IN6_IS_ADDR_V4MAPPED(address))
		return inet_ntop(AF_INET, address->s6_addr + 12, ret, INET6_ADDRSTRLEN);
	return inet_ntop(AF_INET6, address, ret, INET6_ADDRSTRLEN);
}

static const char *proto_text(uint8_t proto)
{
	return proto == IPPROTO_TCP ? "tcp" : proto == IPPROTO_UDP ? "udp" : "icmp";
}

uint64_t netlog_begin(
	struct netlog *log, const struct egress_target *to, const char *name, bool refused)
{
	char line[LINE_MAX_BYTES], escaped[EGRESS_NAME * 6], time[TIME_MAX],
		address[INET6_ADDRSTRLEN];

	if (log->fds[0] < 0)
		return 0;
	write_line(log, line,
		snprintf(line, sizeof(line),
			"{\"id\":%llu,\"time\":\"%s\",\"proto\":\"%s\",\"address\":\"%s\","
			"\"port\":%u,\"name\":\"%s\",\"verdict\":\"%s\"}\n",
			(unsigned long long)++log->last, now_text(time), proto_text(to->proto),
			address_text(&to->address, address), to->port, escape(name, escaped),
			refused ? "refused" : "allowed"));
	return log->last;
}

void netlog_end(struct netlog *log, uint64_t id, const uint64_t bytes[2], const char *verdict)
{
	char line[LINE_MAX_BYTES], time[TIME_MAX];

	if (!id)
		return;
	write_line(log, line,
		snprintf(line, sizeof(line),
			"{\"id\":%llu,\"end\":\"%s\",\"sent\":%llu,\"received\":%llu,"
			"\"how\":\"%s\"}\n",
			(unsigned long long)id, now_text(time), (unsigned long long)bytes[0],
			(unsigned long long)bytes[1], verdict));
}

void netlog_name(struct netlog *log, uint64_t id, const char *name)
{
	char line[LINE_MAX_BYTES], escaped[EGRESS_NAME * 6];

	if (!id || !*name)
		return;
	write_line(log, line,
		snprintf(line, sizeof(line), "{\"id\":%llu,\"said\":\"%s\"}\n",
			(unsigned long long)id, escape(name, escaped)));
}

void netlog_question(struct netlog *log, const char *name)
{
	char line[LINE_MAX_BYTES], escaped[EGRESS_NAME * 6], time[TIME_MAX];

	if (log->fds[0] < 0)
		return;
	write_line(log, line,
		snprintf(line, sizeof(line),
			"{\"id\":%llu,\"time\":\"%s\",\"proto\":\"dns\",\"address\":\"\",\"port\":53,"
			"\"name\":\"%s\",\"verdict\":\"refused\"}\n",
			(unsigned long long)++log->last, now_text(time), escape(name, escaped)));
}
