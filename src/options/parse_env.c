/* SPDX-License-Identifier: Apache-2.0 */
/*
 * -e and --env-file. No quoting and no expansion, as in Docker: what stands after '=' is the value,
 * byte for byte. A name without '=' copies the caller's variable; when the caller has none, -e takes
 * the image's away too and a file's line means nothing. Files are untrusted text of at most 1 MiB.
 */
#include "options/options.h"
#include "options/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "base/utf8.h"
#include "base/xalloc.h"

#define ENV_FILE_MAX (1024 * 1024)

int parse_env(const char *value, struct strv *ret, struct err *err)
{
	const char *host;

	if (!*value || *value == '=')
		return err_set(err, -EINVAL, "invalid environment variable: %s", value);
	if (strchr(value, '=')) {
		strv_add(ret, value);
		return 0;
	}
	host = getenv(value);
	if (host)
		strv_addf(ret, "%s=%s", value, host);
	else
		strv_add(ret, value);
	return 0;
}

struct assignment {
	char **slot; /* in the vector, so the order of slots is that of the list */
	size_t name; /* length */
};

static int by_name(const void *left, const void *right)
{
	const struct assignment *a = left, *b = right;
	size_t n = a->name < b->name ? a->name : b->name;
	int r = memcmp(*a->slot, *b->slot, n);

	if (r == 0 && a->name != b->name)
		r = a->name < b->name ? -1 : 1;
	return r ? r : a->slot < b->slot ? -1 : 1;
}

static bool same_name(const struct assignment *a, const struct assignment *b)
{
	return a->name == b->name && memcmp(*a->slot, *b->slot, a->name) == 0;
}

void env_squash(struct strv *env)
{
	autofree struct assignment *list = xcalloc(env->n, sizeof(*list));
	size_t kept = 0;

	for (size_t i = 0; i < env->n; i++)
		list[i] = (struct assignment){ &env->v[i], strcspn(env->v[i], "=") };
	if (env->n > 1)
		qsort(list, env->n, sizeof(*list), by_name);
	for (size_t i = 0, first = 0; i + 1 < env->n; i++) {
		if (!same_name(&list[first], &list[i + 1])) {
			first = i + 1;
			continue;
		}
		free(*list[first].slot);
		*list[first].slot = *list[i + 1].slot;
		*list[i + 1].slot = NULL;
	}
	for (size_t i = 0; i < env->n; i++)
		if (env->v[i])
			env->v[kept++] = env->v[i];
	if (env->v)
		env->v[kept] = NULL;
	env->n = kept;
}

void env_override(struct strv *env, const struct strv *asked)
{
	struct strv set = STRV_INIT;

	strv_extend(env, asked);
	env_squash(env);
	strv_each (item, env)
		if (strchr(*item, '='))
			strv_add(&set, *item);
	strv_done(env);
	*env = set;
}

static bool is_utf8(const char *s)
{
	size_t n;

	for (; *s; s += n) {
		n = utf8_length(s, SIZE_MAX);
		if (n == 0)
			return false;
	}
	return true;
}

static int read_line(const char *line, struct strv *ret, struct err *err)
{
	size_t name;

	line += strspn(line, " \t\v\f");
	if (!*line || *line == '#')
		return 0;
	name = strcspn(line, "=");
	if (name == 0)
		return err_set(err, -EINVAL, "no variable name on line '%s'", line);
	if (strcspn(line, " \t\v\f\r") < name)
		return err_set(
			err, -EINVAL, "variable '%.*s' contains whitespaces", (int)name, line);
	return line[name] || getenv(line) ? parse_env(line, ret, err) : 0;
}

int parse_env_text(char *text, struct strv *ret, struct err *err)
{
	int number = 1;

	if (strncmp(text, "\xef\xbb\xbf", 3) == 0)
		text += 3;
	for (char *line = text, *next; line; line = next, number++) {
		char *end = strchr(line, '\n');

		next = end ? end + 1 : NULL;
		if (end)
			*end = '\0';
		if (end && end > line && end[-1] == '\r')
			end[-1] = '\0';
		if (!is_utf8(line))
			return err_set(
				err, -EINVAL, "line %d contains invalid UTF-8 bytes", number);
		if (read_line(line, ret, err) < 0)
			return err_wrap(err, "line %d", number);
	}
	return 0;
}

int parse_env_file(const char *path, struct strv *ret, struct err *err)
{
	autofree char *text = NULL;
	autofd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	size_t len = 0;

	if (fd < 0)
		return err_sys(err, "open %s", path);
	if (read_to_end(fd, ENV_FILE_MAX, &text, &len, err) < 0)
		return err_wrap(err, "env file '%s'", path);
	if (strlen(text) != len)
		return err_set(err, -EINVAL, "env file '%s' contains a NUL byte", path);
	if (parse_env_text(text, ret, err) < 0)
		return err_wrap(err, "poorly formatted environment in '%s'", path);
	return 0;
}
