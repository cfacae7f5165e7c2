/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.json: strict JSON, at most 1 MiB, written only by its owner. Whoever can write it chooses
 * where images come from, so a file that others may change is refused, not ignored.
 */
#include "options/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"

#define CONFIG_MAX (1024 * 1024)

/* Group write is fine for a group of its user alone (umask 002 with user private groups). */
static bool others_may_write(const struct stat *st)
{
	bool private_group = st->st_gid == st->st_uid && st->st_gid == getgid();

	return (st->st_mode & S_IWOTH) || ((st->st_mode & S_IWGRP) && !private_group);
}

int check_file_owner(int fd, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(err, "stat");
	if (!S_ISREG(st.st_mode))
		return err_set(err, -EINVAL, "is not a regular file");
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return err_set(err, -EPERM, "belongs to user %u: refused", (unsigned)st.st_uid);
	if (others_may_write(&st))
		return err_set(err, -EPERM, "can be written by others (mode %04o): chmod go-w it",
			(unsigned)(st.st_mode & 07777));
	return 0;
}

/* A typo in a key must not silently switch a mirror or a limit off. */
static int check_keys(const struct json *doc, struct err *err)
{
	static const struct {
		const char *key;
		enum json_type type;
	} known[] = {
		{ "maxLayerSize", JSON_INT },
		{ "registries", JSON_MAP },
		{ "storageDriver", JSON_STR },
	};

	if (json_kind(doc) != JSON_MAP)
		return err_set(err, -EINVAL, "is not a JSON object");
	json_each (it, doc) {
		size_t i = 0;

		while (i < ARRAY_SIZE(known) && strcmp(it.key, known[i].key) != 0)
			i++;
		if (i == ARRAY_SIZE(known))
			return err_set(err, -EINVAL, "unknown key \"%s\"", it.key);
		if (json_kind(it.value) != known[i].type)
			return err_set(err, -EINVAL, "\"%s\" has the wrong type", it.key);
	}
	return 0;
}

static int read_config(int fd, struct json **ret, struct err *err)
{
	autofree char *text = NULL;
	autojson struct json *doc = NULL;
	size_t len;

	TRY(check_file_owner(fd, err));
	TRY(read_to_end(fd, CONFIG_MAX, &text, &len, err));
	TRY(json_parse(text, len, &doc, err));
	TRY(check_keys(doc, err));
	*ret = move_ptr(&doc);
	return 0;
}

int config_read(const char *path, bool must_exist, struct json **ret, struct err *err)
{
	autofd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0 && errno == ENOENT && !must_exist)
		return 0;
	if (fd < 0)
		return err_sys(err, "configuration %s", path);
	if (read_config(fd, ret, err) < 0)
		return err_wrap(err, "configuration %s", path);
	return 0;
}
