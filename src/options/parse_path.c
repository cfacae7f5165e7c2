/* SPDX-License-Identifier: Apache-2.0 */
/* Paths and names as text; nothing here touches the file system but getcwd(). */
#include "options/internal.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/own.h"
#include "base/xalloc.h"

/* Drops the last component of "/a/b"; false at the top. */
static bool go_up(struct buf *out)
{
	while (out->len > 0 && out->data[out->len - 1] != '/')
		out->len--;
	if (out->len == 0)
		return false;
	out->data[--out->len] = '\0';
	return true;
}

char *clean_path(const char *path)
{
	autobuf struct buf out = BUF_INIT;

	if (*path != '/')
		return NULL;
	while (*path) {
		size_t len;

		path += strspn(path, "/");
		len = strcspn(path, "/");
		if (len == 2 && memcmp(path, "..", 2) == 0) {
			if (!go_up(&out))
				return NULL;
		} else if (len > 0 && !(len == 1 && *path == '.')) {
			buf_addc(&out, '/');
			buf_add(&out, path, len);
		}
		path += len;
	}
	if (out.len == 0)
		buf_addc(&out, '/');
	return buf_steal(&out);
}

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool valid_name(const char *name, size_t min)
{
	size_t n = 0;

	for (; name[n]; n++)
		if (!is_alnum(name[n]) && (n == 0 || !strchr("_.-", name[n])))
			return false;
	return n >= min && n <= 255;
}

int absolute_source(const char *path, char **ret, struct err *err)
{
	autofree char *cwd = NULL, *joined = NULL;

	if (*path != '.') {
		*ret = xstrdup(path);
		return 0;
	}
	cwd = getcwd(NULL, 0);
	if (!cwd)
		return err_sys(err, "the working directory is gone: cannot resolve '%s'", path);
	joined = xasprintf("%s/%s", cwd, path);
	*ret = clean_path(joined);
	if (!*ret)
		return err_set(err, -EINVAL, "'%s' leads above the root directory", path);
	return 0;
}
