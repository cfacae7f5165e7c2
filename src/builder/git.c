/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Repositories through the git command. What it does is narrowed: no hooks, no ext:: transport, no
 * file-system monitor, no prompts, none of the system's or user's aliases needed; the address follows
 * "--" and may not begin with "-". The tree that arrives is as foreign as an archive.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/spawn.h"
#include "base/strv.h"
#include "base/xalloc.h"
#include "builder/context_fetch.h"

#define OUTPUT_MAX ((size_t)1 << 20)

bool git_is_address(const char *where)
{
	static const char *const schemes[] = { "git://", "ssh://", "git@" };
	size_t len = strcspn(where, "#");

	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++)
		if (strncmp(where, schemes[i], strlen(schemes[i])) == 0)
			return true;
	return len > 4 && memcmp(where + len - 4, ".git", 4) == 0;
}

static void narrow(struct strv *args)
{
	static const char *const settings[] = { "protocol.ext.allow=never",
		"protocol.file.allow=never", "core.hooksPath=/dev/null", "core.fsmonitor=false",
		"core.symlinks=true", "advice.detachedHead=false", "init.defaultBranch=main" };

	strv_add(args, "git");
	for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
		strv_add(args, "-c");
		strv_add(args, settings[i]);
	}
}

/* git ARGS… in dir; its own messages go to stderr, where they belong. */
static int git(const char *dir, const char *const *more, struct err *err)
{
	autostrv struct strv args = STRV_INIT;
	struct spawn spawn = { .path = "git" };
	autofree char *out = NULL;
	int r;

	narrow(&args);
	if (dir) {
		strv_add(&args, "-C");
		strv_add(&args, dir);
	}
	for (; *more; more++)
		strv_add(&args, *more);
	spawn.argv = args.v;
	r = spawn_capture(&spawn, OUTPUT_MAX, &out, err);
	if (r == -ENOENT)
		return err_set(err, -ENOENT,
			"a git context needs the git command, which is not installed");
	return r;
}

#define GIT(dir, ...) git(dir, (const char *const[]){ __VA_ARGS__, NULL }, err)

void git_address_done(struct git_address *a)
{
	free(a->url);
	free(a->ref);
	free(a->dir);
}

int git_address_split(const char *where, struct git_address *a, struct err *err)
{
	const char *hash = strchr(where, '#'), *colon = hash ? strchr(hash, ':') : NULL;
	size_t ref = hash ? strcspn(hash + 1, ":") : 0;

	a->url = xstrndup(where, strcspn(where, "#"));
	a->ref = ref > 0 ? xstrndup(hash + 1, ref) : NULL;
	a->dir = colon && colon[1] ? xstrdup(colon + 1) : NULL;
	if (*a->url == '-' || (a->ref && *a->ref == '-') || strstr(a->url, "::"))
		return err_set(err, -EINVAL, "invalid git address '%s'", where);
	return 0;
}

/* One commit is enough where the server gives it; some give only branches and tags. */
static int fetch(const char *into, const struct git_address *a, struct err *err)
{
	const char *ref = a->ref ? a->ref : "HEAD";
	struct err shallow = ERR_INIT;

	TRY(GIT(NULL, "init", "-q", "--", into));
	TRY(GIT(into, "remote", "add", "origin", "--", a->url));
	if (git(into,
		    (const char *const[]){ "fetch", "-q", "--depth=1", "origin", "--", ref, NULL },
		    &shallow) == 0)
		return GIT(into, "checkout", "-q", "FETCH_HEAD");
	if (!a->ref) { /* a server of plain files has no shallow copies */
		TRY(GIT(into, "fetch", "-q", "origin", "HEAD"));
		return GIT(into, "checkout", "-q", "FETCH_HEAD");
	}
	TRY(GIT(into, "fetch", "-q", "--tags", "origin"));
	return GIT(into, "checkout", "-q", ref, "--");
}

int git_fetch(const char *where, const char *into, bool keep_git, struct err *err)
{
	__attribute__((cleanup(git_address_done))) struct git_address a = { 0 };
	autofd int root = -EBADF, dir = -EBADF;

	TRY(git_address_split(where, &a, err));
	if (setenv("GIT_TERMINAL_PROMPT", "0", 1) < 0)
		return err_sys(err, "setenv");
	if (fetch(into, &a, err) < 0)
		return err_wrap(err, "git repository %s", a.url);
	TRY(GIT(into, "submodule", "--quiet", "update", "--init", "--recursive", "--depth=1"));
	root = open(into, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (root < 0)
		return err_sys(err, "open '%s'", into);
	if (!keep_git)
		TRY(fs_remove_tree(root, ".git", err));
	dir = fs_open_in(root, a.dir ? a.dir : "/", O_PATH | O_DIRECTORY, 0, err);
	if (dir < 0)
		return err_wrap(err, "git repository %s", where);
	return move_fd(&dir);
}
