/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sources are resolved inside their root: symlinks that the instruction names are followed there, those
 * found below a directory are copied as they are. A directory that is ignored is entered only when a "!"
 * may bring something in it back, and is copied only if it did.
 */
#include "builder/copy_list.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/kept.h"
#include "base/own.h"
#include "base/xalloc.h"
#include "builder/glob.h"
#include "builder/text.h"

#define DEPTH_MAX 500 /* a descriptor each */

struct lister {
	int source;
	const struct copy_plan *plan;
	struct ignore *excludes; /* of --exclude, relative to the source; NULL = none */
	struct ignore *parents;  /* of --parents: what is not below a pattern; NULL = everything */
	struct copy_list *list;
	unsigned depth;
};

static void lister_done(struct lister *l)
{
	ignore_free(l->excludes);
	ignore_free(l->parents);
}

void copy_list_done(struct copy_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		free(list->items[i].from);
		free(list->items[i].to);
	}
	free(list->items);
	*list = (struct copy_list){ 0 };
}

static void add_item(struct lister *l, const char *from, const char *to, const struct stat *st)
{
	struct copy_list *list = l->list;

	list->items = xgrow(list->items, list->n, sizeof(*list->items));
	list->items[list->n++] = (struct copy_item){
		.from = xstrdup(from), .to = xstrdup(to), .st = *st, .top = l->depth == 0
	};
}

static void drop_last(struct lister *l)
{
	struct copy_item *item = &l->list->items[--l->list->n];

	free(item->from);
	free(item->to);
}

static char *join(const char *dir, const char *name)
{
	return *dir ? xasprintf("%s/%s", dir, name) : xstrdup(name);
}

/* ---- trees ---- */

enum verdict { TAKE, ENTER, SKIP }; /* ENTER: only for what may be below it */

static enum verdict judge(const struct ignore *ignore, const char *path, bool is_dir)
{
	if (!ignore || !ignore_match(ignore, path))
		return TAKE;
	return is_dir && ignore_may_hold(ignore, path) ? ENTER : SKIP;
}

static enum verdict judge_all(const struct lister *l, const char *from, const char *to, bool is_dir)
{
	enum verdict worst = judge(l->plan->ignore, from, is_dir), one;

	one = judge(l->excludes, to, is_dir);
	worst = one > worst ? one : worst;
	one = judge(l->parents, to, is_dir);
	return one > worst ? one : worst;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int read_names(int adopt_fd, const char *path, struct strv *ret, struct err *err)
{
	autodir DIR *dir = fdopendir(adopt_fd);

	if (!dir) {
		(void)close(adopt_fd); /* read-only */
		return err_sys(err, "read '%s'", path);
	}
	errno = 0;
	for (struct dirent *e = readdir(dir); e; e = readdir(dir))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			strv_add(ret, e->d_name);
	if (errno)
		return err_sys(err, "read '%s'", path);
	if (ret->n > 1)
		qsort(ret->v, ret->n, sizeof(*ret->v), by_name);
	return 0;
}

static int list_dir(struct lister *l, const char *from, const char *to, struct err *err);

/* *st as the image knows it. What is gone meanwhile is missed when it is copied. */
static void show_kept(const struct lister *l, const char *from, struct stat *st)
{
	struct err ignored = ERR_INIT;
	autofd int fd = -EBADF;

	if (!l->plan->kept || (!S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode)))
		return;
	fd = fs_open_in(
		l->source, *from ? from : "/", O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, &ignored);
	if (fd >= 0)
		kept_read(fd, st);
}

static int list_entry(struct lister *l, const char *from, const char *to, int dir, struct err *err)
{
	const char *slash = strrchr(from, '/'), *name = slash ? slash + 1 : from;
	enum verdict verdict;
	struct stat st;
	size_t before;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_sys(err, "'%s'", from); /* gone meanwhile */
	verdict = judge_all(l, from, to, S_ISDIR(st.st_mode));
	l->list->has_sockets = l->list->has_sockets || S_ISSOCK(st.st_mode);
	if (verdict == SKIP || S_ISSOCK(st.st_mode))
		return 0;
	show_kept(l, from, &st);
	add_item(l, from, to, &st);
	if (!S_ISDIR(st.st_mode))
		return 0;
	before = l->list->n;
	TRY(list_dir(l, from, to, err));
	if (verdict == ENTER && l->list->n == before)
		drop_last(l);
	return 0;
}

/* What is in a directory, not the directory itself. */
static int list_dir(struct lister *l, const char *from, const char *to, struct err *err)
{
	autostrv struct strv names = STRV_INIT;
	autofd int fd = fs_open_in(
		l->source, *from ? from : "/", O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, err);
	int copy;

	TRY(fd);
	if (++l->depth > DEPTH_MAX)
		return err_set(err, -ENAMETOOLONG, "'%s' is nested too deep", from);
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (copy < 0)
		return err_sys(err, "read '%s'", from);
	TRY(read_names(copy, from, &names, err));
	strv_each (name, &names) {
		autofree char *below = join(from, *name), *target = join(to, *name);

		TRY(list_entry(l, below, target, fd, err));
	}
	l->depth--;
	return 0;
}

/* ---- sources ---- */

static int not_found(const struct lister *l, const char *typed, const char *path, struct err *err)
{
	const char *where = l->plan->keep_owner ? "" : " in the build context";
	const char *outside = strncmp(typed, "../", 3) == 0 ? typed : strstr(typed, "/../");

	if (outside && !l->plan->keep_owner)
		return err_set(err, -ENOENT,
			"forbidden path outside the build context: %s (\"/%s\": not found%s)",
			typed, path, where);
	if (l->plan->ignore && ignore_match(l->plan->ignore, path))
		return err_set(err, -ENOENT, "\"/%s\": not found%s: .dockerignore leaves it out",
			path, where);
	return err_set(err, -ENOENT, "\"/%s\": not found%s", path, where);
}

/* One source without a glob. 1: taken; 0: ignored or not there. */
static int take(struct lister *l, const char *path, struct err *err)
{
	char real[PATH_MAX];
	struct err none = ERR_INIT;
	const char *from, *slash = strrchr(path, '/');
	enum verdict verdict;
	struct stat st;
	autofd int fd = -EBADF;

	TRY(fs_resolve_in(l->source, *path ? path : "/", real, err));
	fd = fs_open_in(l->source, real, O_PATH | O_NOFOLLOW, 0, &none);
	if (fd < 0)
		return none.code == -ENOENT || none.code == -ENOTDIR ? 0 : (*err = none).code;
	if (fstat(fd, &st) < 0)
		return err_sys(err, "'%s'", path);
	from = real + (*real == '/');
	verdict = *from ? judge(l->plan->ignore, from, S_ISDIR(st.st_mode)) : TAKE;
	if (verdict == SKIP)
		return 0;
	show_kept(l, from, &st);
	if (!S_ISDIR(st.st_mode)) {
		const char *name = slash ? slash + 1 : path;

		if (judge(l->excludes, name, false) != SKIP)
			add_item(l, from, name, &st);
		return 1;
	}
	l->list->has_dirs = true;
	add_item(l, from, "", &st);
	TRY(list_dir(l, from, "", err));
	return 1;
}

/* In a source "**" is nothing special: a name's pattern, stars in a row taken as one. */
static int name_glob(const char *pattern, size_t len, struct glob *ret, struct err *err)
{
	autofree char *one = xmalloc(len + 1);
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		if (pattern[i] != '*' || n == 0 || one[n - 1] != '*')
			one[n++] = pattern[i];
	one[n] = '\0';
	return glob_compile(one, ret, err);
}

static int take_glob(struct lister *l, const char *dir, const char *pattern, struct err *err);

static int take_names(struct lister *l, const char *dir, const struct glob *glob, const char *rest,
	struct err *err)
{
	autostrv struct strv names = STRV_INIT;
	struct err none = ERR_INIT;
	int fd = fs_open_in(l->source, *dir ? dir : "/", O_RDONLY | O_DIRECTORY, 0, &none),
	    taken = 0;

	if (fd < 0)
		return 0; /* not a directory: nothing matches in it */
	TRY(read_names(fd, dir, &names, err));
	strv_each (name, &names) {
		autofree char *path = join(dir, *name);
		int r;

		if (!glob_match(glob, *name, strlen(*name)))
			continue;
		r = rest ? take_glob(l, path, rest, err) : take(l, path, err);
		TRY(r);
		l->list->tops += !rest && r;
		taken += r;
	}
	return taken;
}

/* Sources that match `pattern` below dir. Returns how many. */
static int take_glob(struct lister *l, const char *dir, const char *pattern, struct err *err)
{
	size_t len = strcspn(pattern, "/");
	const char *rest = pattern[len] ? pattern + len + 1 : NULL;
	struct glob glob;
	int taken;

	TRY(name_glob(pattern, len, &glob, err));
	taken = take_names(l, dir, &glob, rest, err);
	glob_done(&glob);
	return taken > INT_MAX / 2 ? INT_MAX / 2 : taken;
}

/* As a path of the source's root: "../" above it is cut off, as if it were "/". */
static char *clean_source(const char *typed)
{
	autofree char *rooted = xasprintf("/%s", typed);
	autofree char *clean = text_clean_path(rooted);

	return xstrdup(clean + 1);
}

/* --parents: "dir/./pattern" copies what matches with its path below dir; without "/./" below the root. */
static int take_parents(struct lister *l, const char *typed, struct err *err)
{
	const char *pivot = strstr(typed, "/./");
	autofree char *head = xstrndup(typed, pivot ? (size_t)(pivot - typed) : 0);
	autofree char *dir = clean_source(head), *pattern = clean_source(pivot ? pivot + 3 : typed);
	autostrv struct strv filter = STRV_INIT;
	size_t before = l->list->n;

	if (!*pattern)
		return take(l, dir, err);
	strv_add(&filter, "**");
	strv_addf(&filter, "!%s", pattern);
	TRY(ignore_new(&filter, &l->parents, err));
	TRY(take(l, dir, err));
	ignore_free(move_ptr(&l->parents));
	return l->list->n > before + 1;
}

static int take_source(struct lister *l, const char *typed, struct err *err)
{
	autofree char *path = clean_source(typed);
	bool wild = !l->plan->literal && glob_is_wild(typed);
	int taken;

	if (l->source < 0)
		return err_set(err, -ENOENT, "\"/%s\": there is no build context", path);
	if (l->plan->words->parents)
		taken = take_parents(l, typed, err);
	else if (wild)
		taken = take_glob(l, "", path, err);
	else
		taken = take(l, path, err);
	TRY(taken);
	l->list->tops += !wild || l->plan->words->parents;
	if (taken == 0 && !wild)
		return not_found(l, typed, path, err);
	return taken;
}

int copy_list_new(int source, const struct copy_plan *plan, struct copy_list *ret, struct err *err)
{
	autocopylist struct copy_list list = { .tops = plan->words->n_inlines };
	__attribute__((cleanup(
		lister_done))) struct lister l = { .source = source, .plan = plan, .list = &list };
	const struct copy_words *words = plan->words;

	if (words->excludes.n > 0)
		TRY(ignore_new(&words->excludes, &l.excludes, err));
	strv_each (typed, &words->sources)
		TRY(take_source(&l, *typed, err));
	if (list.n == 0 && words->n_inlines == 0 && words->excludes.n == 0)
		return not_found(&l, words->sources.n > 0 ? words->sources.v[0] : "",
			words->sources.n > 0 ? words->sources.v[0] : "", err);
	*ret = list;
	list = (struct copy_list){ 0 };
	return 0;
}
