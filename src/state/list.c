/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding containers: one by id, name or unique prefix, or all of them. Every look repairs what it
 * sees, so no daemon and no "refresh" command is needed; one damaged or unrepairable record never
 * keeps the others from being shown.
 */
#include "state/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>

#include "base/log.h"
#include "base/own.h"
#include "base/xalloc.h"

static int no_such(const char *name, struct err *err)
{
	return err_set(err, -ENOENT, "No such container: %s", name);
}

static int open_dir_stream(int containers, DIR **ret, struct err *err)
{
	int fd = openat(containers, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(err, "open the folder of containers");
	*ret = fdopendir(fd);
	if (!*ret) {
		err_sys(err, "list the folder of containers");
		(void)close(fd); /* read-only handle */
		return err->code;
	}
	return 0;
}

static bool complete(int containers, const char *id)
{
	char path[ID_LEN + sizeof("/" CONFIG_NAME)];

	snprintf(path, sizeof(path), "%s/%s", id, CONFIG_NAME);
	return faccessat(containers, path, F_OK, 0) == 0;
}

/* The one id that begins with prefix. */
static int find_prefix(int containers, const char *prefix, char ret[ID_LEN + 1], struct err *err)
{
	autodir DIR *stream = NULL;
	size_t len = strlen(prefix);
	unsigned found = 0;

	if (!len || len > ID_LEN || strspn(prefix, "0123456789abcdef") != len)
		return no_such(prefix, err);
	TRY(open_dir_stream(containers, &stream, err));
	for (struct dirent *e = readdir(stream); e; e = readdir(stream)) {
		if (strncmp(e->d_name, prefix, len) != 0 || !state_id_valid(e->d_name) ||
			!complete(containers, e->d_name))
			continue;
		if (found++)
			return err_set(err, -ENOTUNIQ,
				"Multiple IDs found with provided prefix: %s", prefix);
		snprintf(ret, ID_LEN + 1, "%s", e->d_name);
	}
	return found ? 0 : no_such(prefix, err);
}

/* Docker's order: whole id, name, prefix. */
static int find_id(
	const struct state_dirs *dirs, const char *name, char ret[ID_LEN + 1], struct err *err)
{
	char target[ID_LEN + 2];
	ssize_t n;

	if (state_id_valid(name) && complete(dirs->containers, name)) {
		snprintf(ret, ID_LEN + 1, "%s", name);
		return 0;
	}
	n = state_name_valid(name) ? readlinkat(dirs->names, name, target, sizeof(target) - 1) : -1;
	if (n > 0) {
		target[n] = '\0';
		if (state_id_valid(target) && complete(dirs->containers, target)) {
			snprintf(ret, ID_LEN + 1, "%s", target);
			return 0;
		}
	}
	return find_prefix(dirs->containers, name, ret, err);
}

int state_open(
	const struct globals *globals, const char *name, struct container *ret, struct err *err)
{
	autocontainer struct container c = CONTAINER_INIT;
	autostatedirs struct state_dirs dirs = STATE_DIRS_INIT;
	char id[ID_LEN + 1];
	int r;

	if (name[0] == '/' && name[1])
		name++; /* Docker's inspect prints names so */
	r = state_dirs_open(globals, false, &dirs, err);
	if (r == -ENOENT)
		return no_such(name, err);
	TRY(r);
	TRY(find_id(&dirs, name, id, err));
	r = record_load(globals, dirs.containers, id, &c, err);
	if (r == -ENOENT)
		return no_such(name, err); /* removed between the two looks */
	TRY(r);
	r = record_repair(globals, &c, err);
	TRY(r);
	if (r == 1)
		return no_such(name, err);
	*ret = c;
	c = (struct container)CONTAINER_INIT;
	return 0;
}

struct found {
	const struct globals *globals;
	const struct state_dirs *dirs;
	struct container *list;
	size_t n, cap;
	bool brief, table;
	struct listing *listing; /* NULL: not asked */
};

static void found_add(struct found *f, struct container *adopt)
{
	if (f->n == f->cap) {
		f->cap = f->cap ? 2 * f->cap : 16;
		f->list = xreallocarray(f->list, f->cap, sizeof(*f->list));
	}
	f->list[f->n++] = *adopt;
	*adopt = (struct container)CONTAINER_INIT;
}

/* Each container of a listing holds a descriptor, and many a login has 1024. */
static bool more_descriptors(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0 || files.rlim_cur >= files.rlim_max)
		return false;
	files.rlim_cur = files.rlim_max;
	return setrlimit(RLIMIT_NOFILE, &files) == 0;
}

static int load(const struct found *f, const char *id, struct container *ret, struct err *err)
{
	int r = record_load(f->globals, f->dirs->containers, id, ret, err);

	if (r == -EMFILE && more_descriptors())
		r = record_load(f->globals, f->dirs->containers, id, ret, err);
	return r;
}

static int list_one(struct found *f, const char *id, struct err *err)
{
	autocontainer struct container c = CONTAINER_INIT;
	char stamp[LISTING_STAMP_MAX];
	struct err why = ERR_INIT;
	bool stamped;
	int r;

	if (f->brief && listing_get(f->listing, f->dirs->containers, id, f->table, &c)) {
		found_add(f, &c);
		return 0;
	}
	stamped = f->brief && listing_stamp(f->listing, f->dirs->containers, id, stamp);
	r = load(f, id, &c, &why);
	if (r == -ENOENT) {
		collect_half(f->globals, f->dirs, id);
		return 0;
	}
	if (r == -EMFILE || r == -ENFILE) {
		*err = why;
		return err_wrap(err, "there are more containers than files that may be open");
	}
	if (r == 0)
		r = record_repair(f->globals, &c, &why);
	if (r < 0)
		log_msg(LOG_WARN, "container %.12s: %s", id, why.text);
	if (r == 1 || !c.id[0])
		return 0;
	if (stamped && r == 0)
		listing_put(f->listing, &c, stamp);
	found_add(f, &c);
	return 0;
}

struct sort_key {
	int64_t created;
	size_t index;
};

static int newest_first(const void *a, const void *b)
{
	const struct sort_key *x = a, *y = b;

	return x->created < y->created ? 1 : x->created > y->created ? -1 : 0;
}

static struct container *sorted(struct container *adopt_list, size_t n)
{
	autofree struct sort_key *keys = xcalloc(n + 1, sizeof(*keys));
	struct container *list = xcalloc(n + 1, sizeof(*list));

	for (size_t i = 0; i < n; i++)
		keys[i] = (struct sort_key){ state_created(&adopt_list[i]), i };
	qsort(keys, n, sizeof(*keys), newest_first);
	for (size_t i = 0; i < n; i++)
		list[i] = adopt_list[keys[i].index];
	free(adopt_list);
	return list;
}

/* Its directory is gone, or was never finished by a maker who is dead: he holds the lock of the directory from
 * before he claims the name until the record is there. */
static bool is_nobodys(const struct state_dirs *dirs, const char *id)
{
	autofd int dir = openat(
		dirs->containers, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct err ignored = ERR_INIT;

	if (dir < 0)
		return errno == ENOENT;
	return faccessat(dir, CONFIG_NAME, F_OK, 0) < 0 && faccessat(dir, DEAD_NAME, F_OK, 0) < 0 &&
	       lock_try(dir, &ignored) == 0 && faccessat(dir, CONFIG_NAME, F_OK, 0) < 0;
}

/* A maker or remover that is killed half-way leaves a claim of nobody's. It would be taken over by whoever
 * wants the name; here it goes at once. More names than containers: worth a look. */
static void collect_names(const struct state_dirs *dirs, size_t n_containers, struct err *err)
{
	autodir DIR *stream = NULL;
	autostrv struct strv names = STRV_INIT;
	size_t n_names = 0;

	if (open_dir_stream(dirs->names, &stream, err) < 0)
		return; /* the listing itself has not failed */
	for (struct dirent *e = readdir(stream); e; e = readdir(stream))
		n_names += e->d_name[0] != '.';
	if (n_names <= n_containers)
		return;
	rewinddir(stream);
	for (struct dirent *e = readdir(stream); e; e = readdir(stream))
		if (e->d_name[0] != '.')
			strv_add(&names, e->d_name);
	strv_each (name, &names) {
		char id[65 + 1] = "";
		ssize_t n = readlinkat(dirs->names, *name, id, sizeof(id) - 1);

		if (n == 64 && state_id_valid(id) && is_nobodys(dirs, id))
			name_release(dirs->names, *name, id);
	}
}

enum want { WANT_ALL, WANT_BRIEF, WANT_TABLE, WANT_UP };

static bool is_wanted(const struct found *f, enum want want, const char *id)
{
	return state_id_valid(id) &&
	       (want != WANT_UP || (!listing_knows(f->listing, f->dirs->containers, id) &&
					   record_claims_up(f->dirs->containers, id)));
}

static int list_all(struct found *f, enum want want, struct err *err)
{
	autodir DIR *stream = NULL;

	TRY(open_dir_stream(f->dirs->containers, &stream, err));
	for (struct dirent *e = readdir(stream); e; e = readdir(stream))
		if (is_wanted(f, want, e->d_name))
			TRY(list_one(f, e->d_name, err));
	if (want != WANT_UP)
		collect_names(f->dirs, f->n, &(struct err)ERR_INIT);
	return 0;
}

static int list(const struct globals *globals, enum want want, struct container **ret,
	size_t *ret_n, struct err *err)
{
	autostatedirs struct state_dirs dirs = STATE_DIRS_INIT;
	struct found f = { .globals = globals,
		.dirs = &dirs,
		.brief = want == WANT_BRIEF || want == WANT_TABLE,
		.table = want == WANT_TABLE };
	int r = state_dirs_open(globals, false, &dirs, err);

	if (r < 0 && r != -ENOENT)
		return r;
	if (r == 0) {
		f.listing = want != WANT_ALL ? listing_open(globals) : NULL;
		r = list_all(&f, want, err);
		if (f.listing)
			listing_close(f.listing);
	}
	if (r < 0 && r != -ENOENT) {
		state_list_free(f.list, f.n);
		return r;
	}
	*ret = sorted(f.list, f.n);
	*ret_n = f.n;
	return 0;
}

int state_list(
	const struct globals *globals, struct container **ret, size_t *ret_n, struct err *err)
{
	return list(globals, WANT_ALL, ret, ret_n, err);
}

int state_list_brief(const struct globals *globals, bool table, struct container **ret,
	size_t *ret_n, struct err *err)
{
	return list(globals, table ? WANT_TABLE : WANT_BRIEF, ret, ret_n, err);
}

/* A claim that turns out to be stale is repaired in passing, and left out. */
int state_list_up(
	const struct globals *globals, struct container **ret, size_t *ret_n, struct err *err)
{
	size_t kept = 0;

	TRY(list(globals, WANT_UP, ret, ret_n, err));
	for (size_t i = 0; i < *ret_n; i++) {
		struct container *c = &(*ret)[i];

		if (c->status == STATUS_RUNNING || c->status == STATUS_PAUSED ||
			c->status == STATUS_RESTARTING)
			(*ret)[kept++] = *c;
		else
			container_done(c);
	}
	*ret_n = kept;
	return 0;
}
