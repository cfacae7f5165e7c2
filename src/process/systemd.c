/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The little of D-Bus that one method call takes (D-Bus specification, "Message Protocol"): little-endian,
 * every value aligned to its size from the start of the message, structs and dictionary entries to 8.
 * $XDG_RUNTIME_DIR/systemd/private is a socket of the manager itself: SASL EXTERNAL, no Hello.
 */
#include "process/systemd.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/xalloc.h"
#include "process/cgroup.h"

#define WAIT_MS   5000
#define REPLY_MAX 65536
#define SERIAL    1

/* ---- writing ---- */

static void align(struct buf *b, size_t to)
{
	while (b->len % to)
		buf_addc(b, '\0');
}

static void add_u32(struct buf *b, uint32_t n)
{
	const unsigned char bytes[] = { n & 255, n >> 8 & 255, n >> 16 & 255, n >> 24 & 255 };

	align(b, 4);
	buf_add(b, bytes, sizeof(bytes));
}

static void set_u32(struct buf *b, size_t at, uint32_t n)
{
	for (int i = 0; i < 4; i++)
		b->data[at + (size_t)i] = (char)(n >> 8 * i & 255);
}

static void add_string(struct buf *b, const char *s)
{
	add_u32(b, (uint32_t)strlen(s));
	buf_add(b, s, strlen(s) + 1);
}

static void add_signature(struct buf *b, const char *s)
{
	buf_addc(b, (char)strlen(s));
	buf_add(b, s, strlen(s) + 1);
}

/* An array's length is that of its elements, without the padding before the first. */
static size_t begin_array(struct buf *b, size_t element)
{
	add_u32(b, 0);
	align(b, element);
	return b->len;
}

static void end_array(struct buf *b, size_t length_at, size_t begun)
{
	set_u32(b, length_at, (uint32_t)(b->len - begun));
}

static void begin_property(struct buf *b, const char *name, const char *signature)
{
	align(b, 8);
	add_string(b, name);
	add_signature(b, signature);
}

static void add_field(struct buf *b, char code, const char *signature, const char *value)
{
	align(b, 8);
	buf_addc(b, code);
	add_signature(b, signature);
	if (*signature == 'g')
		add_signature(b, value);
	else
		add_string(b, value);
}

/* StartTransientUnit(name, mode, properties, auxiliary units) */
static void add_body(struct buf *b, const char *unit, const pid_t pids[2])
{
	size_t properties, at;

	add_string(b, unit);
	add_string(b, "fail");
	align(b, 4);
	at = b->len;
	properties = begin_array(b, 8);
	begin_property(b, "Description", "s");
	add_string(b, "container of sbx");
	begin_property(b, "Delegate", "b");
	add_u32(b, 1);
	begin_property(b, "CollectMode", "s");
	add_string(b, "inactive-or-failed");
	begin_property(b, "PIDs", "au");
	add_u32(b, 2 * sizeof(uint32_t)); /* the array's bytes */
	add_u32(b, (uint32_t)pids[0]);
	add_u32(b, (uint32_t)pids[1]);
	end_array(b, at, properties);
	add_u32(b, 0); /* no auxiliary units */
	align(b, 8);
}

static void add_call(
	const char *method, const char *signature, const struct buf *body, struct buf *out)
{
	size_t fields;

	buf_add(out, "l\1\0\1", 4); /* little-endian, a call, no flags, version 1 */
	add_u32(out, (uint32_t)body->len);
	add_u32(out, SERIAL);
	fields = begin_array(out, 8);
	add_field(out, 1, "o", "/org/freedesktop/systemd1");
	add_field(out, 2, "s", "org.freedesktop.systemd1.Manager");
	add_field(out, 3, "s", method);
	add_field(out, 6, "s", "org.freedesktop.systemd1");
	add_field(out, 8, "g", signature);
	end_array(out, 12, fields);
	align(out, 8);
	buf_add(out, body->data, body->len);
}

void systemd_scope_message(const char *unit, const pid_t pids[2], struct buf *out)
{
	autobuf struct buf body = BUF_INIT;

	add_body(&body, unit, pids);
	add_call("StartTransientUnit", "ssa(sv)a(sa(sv))", &body, out);
}

static void attach_message(const char *unit, const char *below, pid_t pid, struct buf *out)
{
	autobuf struct buf body = BUF_INIT;

	add_string(&body, unit);
	add_string(&body, below);
	add_u32(&body, sizeof(uint32_t));
	add_u32(&body, (uint32_t)pid);
	add_call("AttachProcessesToUnit", "ssau", &body, out);
}

/* ---- talking ---- */

static int reach(struct err *err)
{
	autofd int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	const char *dir = getenv("XDG_RUNTIME_DIR");
	struct timeval patience = { .tv_sec = WAIT_MS / 1000 };
	autofree char *usual = xasprintf("/run/user/%u", (unsigned)getuid());
	int n;

	if (geteuid() == 0)
		dir = "/run";
	n = snprintf(
		to.sun_path, sizeof(to.sun_path), "%s/systemd/private", dir && *dir ? dir : usual);
	if (n < 0 || (size_t)n >= sizeof(to.sun_path))
		return err_set(err, -ENAMETOOLONG, "the socket of the user's systemd");
	if (sock < 0 ||
		setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0 ||
		connect(sock, (struct sockaddr *)&to, sizeof(to)) < 0)
		return err_sys(err, "reach the user's systemd at %s", to.sun_path);
	return move_fd(&sock);
}

static int receive(int sock, void *to, size_t len, struct err *err)
{
	char *at = to;

	while (len > 0) {
		ssize_t n = recv(sock, at, len, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, "hear from the user's systemd");
		if (n == 0)
			return err_set(err, -EPIPE, "the user's systemd hung up");
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

static int authenticate(int sock, struct err *err)
{
	autobuf struct buf hello = BUF_INIT;
	char id[16], line[256] = "";

	snprintf(id, sizeof(id), "%u", (unsigned)geteuid());
	buf_addc(&hello, '\0');
	buf_adds(&hello, "AUTH EXTERNAL ");
	for (const char *s = id; *s; s++)
		buf_addf(&hello, "%02x", (unsigned)*s);
	buf_adds(&hello, "\r\n");
	TRY(fs_write_all(sock, hello.data, hello.len, err));
	for (size_t n = 0; n + 1 < sizeof(line) && (n == 0 || line[n - 1] != '\n'); n++)
		TRY(receive(sock, line + n, 1, err));
	if (strncmp(line, "OK ", 3) != 0)
		return err_set(err, -EACCES, "the user's systemd does not accept us");
	return fs_write_all(sock, "BEGIN\r\n", 7, err);
}

static uint32_t u32_at(const unsigned char *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* One message: its type; the body is only kept for its first string, which is an error's text. */
static int next_message(int sock, char *text, size_t size, struct err *err)
{
	unsigned char head[16];
	autofree unsigned char *rest = NULL;
	size_t fields, body;

	TRY(receive(sock, head, sizeof(head), err));
	body = u32_at(head + 4);
	fields = (u32_at(head + 12) + 7) & ~7u;
	if (head[0] != 'l' || body > REPLY_MAX || fields > REPLY_MAX)
		return err_set(err, -EPROTO, "the user's systemd sent what is no D-Bus message");
	rest = xmalloc(fields + body + 1);
	TRY(receive(sock, rest, fields + body, err));
	*text = '\0';
	if (head[1] == 3 && body > 4 && u32_at(rest + fields) < body - 4)
		snprintf(text, size, "%.*s", (int)u32_at(rest + fields), rest + fields + 4);
	return head[1];
}

static int call(const struct buf *message, struct err *err)
{
	autofd int sock = reach(err);
	char text[200];
	int type;

	TRY(sock);
	TRY(authenticate(sock, err));
	TRY(fs_write_all(sock, message->data, message->len, err));
	do { /* signals may come between */
		type = next_message(sock, text, sizeof(text), err);
		TRY(type);
	} while (type != 2 && type != 3);
	return type == 2 ? 0 : err_set(err, -EACCES, "the user's systemd refuses: %s", text);
}

int systemd_start_scope(const char *unit, const pid_t pids[2], struct err *err)
{
	autobuf struct buf message = BUF_INIT;
	struct timespec pause = { .tv_nsec = 2000000 };

	systemd_scope_message(unit, pids, &message);
	TRY(call(&message, err));
	for (int waited = 0; waited < WAIT_MS; waited += 2) { /* the call only queues the job */
		autofree char *path = NULL, *other = NULL;

		TRY(cgroup_of(pids[0], &path, err));
		TRY(cgroup_of(pids[1], &other, err));
		if (strstr(path, unit) && strstr(other, unit))
			return 0;
		(void)nanosleep(&pause, NULL);
	}
	return err_set(err, -ETIMEDOUT, "systemd has not made %s", unit);
}

int systemd_attach(const char *unit, const char *below, pid_t pid, struct err *err)
{
	autobuf struct buf message = BUF_INIT;

	attach_message(unit, below, pid, &message);
	return call(&message, err);
}
