/* SPDX-License-Identifier: Apache-2.0 */
#include "base/passwd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/spawn.h"

#define FILE_MAX  (16u << 20)
#define ENTRY_MAX 4096
#define FIELDS    7 /* name:password:UID:GID:GECOS:directory:shell */

void passwd_entry_done(struct passwd_entry *entry)
{
	free(entry->name);
	free(entry->home);
	*entry = (struct passwd_entry){ 0 };
}

/* Cuts a copy of one line into its fields; 0 when it has not seven. */
static int split(char *line, char *fields[FIELDS])
{
	int n = 0;

	for (char *at = line; at && n < FIELDS; n++) {
		fields[n] = at;
		at = strchr(at, ':');
		if (at)
			*at++ = '\0';
	}
	return n == FIELDS;
}

static int take_line(const char *line, size_t len, const char *uid, struct passwd_entry *ret)
{
	autofree char *copy = strndup(line, len);
	char *fields[FIELDS];

	if (!copy || !split(copy, fields) || strcmp(fields[2], uid) != 0 || !*fields[0])
		return -ENOENT;
	ret->name = strdup(fields[0]);
	ret->home = strdup(fields[5]);
	if (ret->name && ret->home)
		return 0;
	passwd_entry_done(ret);
	return -ENOMEM;
}

int passwd_parse(const char *text, uid_t uid, struct passwd_entry *ret)
{
	char number[16];

	(void)snprintf(number, sizeof(number), "%u", (unsigned)uid);
	while (*text) {
		size_t len = strcspn(text, "\n");

		if (take_line(text, len, number, ret) == 0)
			return 0;
		text += len + (text[len] == '\n');
	}
	return -ENOENT;
}

static int ask_getent(uid_t uid, struct passwd_entry *ret)
{
	char number[16];
	char *argv[] = { (char *)"getent", (char *)"passwd", number, NULL };
	autofd int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	struct spawn_fd fds[] = { { .from = null, .to = STDERR_FILENO } };
	struct spawn spawn = {
		.path = "/usr/bin/getent", .argv = argv, .fds = fds, .n_fds = null >= 0
	};
	autofree char *out = NULL;
	struct err ignored;

	(void)snprintf(number, sizeof(number), "%u", (unsigned)uid);
	if (access(spawn.path, X_OK) < 0 || spawn_capture(&spawn, ENTRY_MAX, &out, &ignored) != 0)
		return -ENOENT;
	return passwd_parse(out, uid, ret);
}

int passwd_lookup(uid_t uid, struct passwd_entry *ret, struct err *err)
{
	autofree char *text = NULL;
	struct err ignored;

	if (fs_read_at(AT_FDCWD, "/etc/passwd", FILE_MAX, &text, NULL, &ignored) == 0 &&
		passwd_parse(text, uid, ret) == 0)
		return 0;
	if (ask_getent(uid, ret) == 0)
		return 0;
	return err_set(err, -ENOENT, "uid %u has no entry in the user database", (unsigned)uid);
}
