/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log driver journald: each line also goes to systemd's journal, in its native protocol: one datagram of
 * FIELD=value lines, or FIELD, length and bytes where a value has newlines. The fields are Docker's.
 * It never waits: what the journal does not take is lost there, and still in the container's own file.
 */
#include "state/internal.h"

#include <endian.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "base/own.h"
#include "base/xalloc.h"

#define SOCKET "/run/systemd/journal/socket"

struct journal {
	int sock;
	struct sockaddr_un at;
	struct buf fields; /* that every message has */
	bool told;
};

static void add_field(struct buf *out, const char *name, const char *value, size_t len)
{
	uint64_t size = htole64(len);

	buf_adds(out, name);
	if (memchr(value, '\n', len)) {
		buf_addc(out, '\n');
		buf_add(out, (const char *)&size, sizeof(size));
	} else {
		buf_addc(out, '=');
	}
	buf_add(out, value, len);
	buf_addc(out, '\n');
}

static void add_text(struct buf *out, const char *name, const char *value)
{
	add_field(out, name, value, strlen(value));
}

static const char *path_of(void)
{
	const char *set = getenv("SBX_JOURNAL");

	return set && *set ? set : SOCKET;
}

int journal_check(struct err *err)
{
	if (access(path_of(), W_OK) == 0)
		return 0;
	return err_id(err, -errno, "E-JOURNAL",
		"--log-driver journald: there is no journal here (%s: %s); without it use "
		"--log-driver json-file or local",
		path_of(), strerror(errno));
}

int journal_open(const struct container *c, struct journal **ret, struct err *err)
{
	autofree struct journal *j = xcalloc(1, sizeof(*j));
	const char *tag = json_str(json_path(c->config, "logOpts", "tag", NULL), NULL);
	autofree char *cut = xstrndup(c->id, 12);

	j->at.sun_family = AF_UNIX;
	if (strlen(path_of()) >= sizeof(j->at.sun_path))
		return err_set(err, -ENAMETOOLONG, "the journal's socket '%s'", path_of());
	(void)snprintf(j->at.sun_path, sizeof(j->at.sun_path), "%s", path_of());
	j->sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (j->sock < 0)
		return err_sys(err, "a socket for the journal");
	add_text(&j->fields, "CONTAINER_ID", cut);
	add_text(&j->fields, "CONTAINER_ID_FULL", c->id);
	add_text(&j->fields, "CONTAINER_NAME", c->name);
	add_text(&j->fields, "CONTAINER_TAG", tag ? tag : cut);
	add_text(&j->fields, "IMAGE_NAME", json_str(json_get(c->config, "image"), ""));
	add_text(&j->fields, "SYSLOG_IDENTIFIER", tag ? tag : cut);
	*ret = move_ptr(&j);
	return 0;
}

void journal_write(struct journal *j, int stream, const char *text, size_t len)
{
	bool whole = len && text[len - 1] == '\n';
	autobuf struct buf message = BUF_INIT;

	if (!j)
		return;
	buf_add(&message, j->fields.data, j->fields.len);
	add_text(&message, "PRIORITY", stream == 2 ? "3" : "6");
	if (!whole)
		add_text(&message, "CONTAINER_PARTIAL_MESSAGE", "true");
	add_field(&message, "MESSAGE", text, len - whole);
	if (sendto(j->sock, message.data, message.len, MSG_DONTWAIT | MSG_NOSIGNAL,
		    (const struct sockaddr *)&j->at, sizeof(j->at)) >= 0 ||
		j->told)
		return;
	j->told = true;
	log_msg(LOG_DEBUG, "the journal does not take everything: %s", strerror(errno));
}

void journal_free(struct journal *j)
{
	if (!j)
		return;
	(void)close(j->sock);
	buf_done(&j->fields);
	free(j);
}
