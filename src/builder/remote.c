/* SPDX-License-Identifier: Apache-2.0 */
#include "builder/remote.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/xalloc.h"
#include "builder/context_fetch.h"
#include "builder/copy.h"

void remote_done(struct remote *r)
{
	fd_drop(&r->dir);
	strv_done(&r->names);
}

static size_t count_remote(const struct copy_words *words)
{
	size_t n = 0;

	strv_each (source, &words->sources)
		n += copy_is_remote(*source);
	return n;
}

/* "https://x/a/b.txt?c" → "b.txt" */
static char *file_name(const char *url)
{
	const char *scheme = strstr(url, "://");
	const char *path = url + (scheme ? scheme + 3 - url : 0), *end, *name;
	size_t len;

	path += strcspn(path, "/?#");
	end = name = path + strcspn(path, "?#");
	while (name > path && name[-1] != '/')
		name--;
	len = (size_t)(end - name);
	if (len == 0 || strncmp(name, ".", len) == 0 || (len == 2 && strncmp(name, "..", 2) == 0))
		return xstrdup("__unnamed__");
	return xstrndup(name, len);
}

/* Each source in a directory of its own, because two may have the same name. */
static int fetch_one(const struct copy_words *words, const char *source, const char *top,
	struct remote *r, struct err *err)
{
	autofree char *folder = xasprintf("%s/%zu", top, r->names.n), *name = NULL, *path = NULL;

	if (git_is_address(source)) {
		autofd int tree = -EBADF;
		const char *colon;

		if (words->checksum)
			return err_set(err, -EINVAL,
				"--checksum is for files: name the commit as %s#COMMIT", source);
		tree = git_fetch(source, folder, words->keep_git_dir == CHOICE_YES, err);
		TRY(tree);
		colon = strchr(source + strcspn(source, "#"), ':');
		strv_addf(&r->names, "%zu/%s", r->names.n, colon ? colon + 1 : "");
		return 0;
	}
	if (mkdir(folder, 0755) < 0)
		return fs_err(err, AT_FDCWD, folder);
	name = file_name(source);
	path = xasprintf("%s/%s", folder, name);
	TRY(url_fetch(source, words->checksum, path, err));
	strv_addf(&r->names, "%zu/%s", r->names.n, name);
	return 0;
}

int remote_fetch(
	const struct copy_words *words, const char *scratch, struct remote *ret, struct err *err)
{
	struct remote r = { .dir = -EBADF };
	autofree char *top = NULL;
	int code = 0;

	if (count_remote(words) == 0)
		return 0;
	if (words->checksum && words->sources.n > 1)
		return err_set(err, -EINVAL, "checksum can't be specified for multiple sources");
	top = xasprintf("%s/remote-XXXXXX", scratch);
	if (!mkdtemp(top))
		return fs_err(err, AT_FDCWD, top);
	for (size_t i = 0; code == 0 && i < words->sources.n; i++)
		if (copy_is_remote(words->sources.v[i]))
			code = fetch_one(words, words->sources.v[i], top, &r, err);
	if (code == 0)
		r.dir = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (code == 0 && r.dir < 0)
		code = err_sys(err, "open '%s'", top);
	if (code < 0) {
		remote_done(&r);
		return code;
	}
	*ret = r;
	return 1;
}
