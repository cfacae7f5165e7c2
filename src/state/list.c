/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding containers: one by id, name or unique prefix, or all of them. Every look repairs what it
 * sees, so no daemon and no "refresh" command is needed; one damaged or unrepairable record never
 * keeps the others from being shown.
 */
#include "state/internal.h"

#include <errno.h>
#include <fcntl.h>

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

struct listing {
	struct container *list;
	size_t n, cap;
};

static void listing_add(struct listing *l, struct container *adopt)
{
	if (l->n == l->cap) {
		l->cap = l->cap ? 2 * l->cap : 16;
		l->list = xreallocarray(l->list, l->cap, sizeof(*l->list));
	}
	l->list[l->n++] = *adopt;
	*adopt = (struct container)CONTAINER_INIT;
}

static void list_one(const struct globals *globals, const struct state_dirs *dirs, const char *id,
	struct listing *l)
{
	autocontainer struct container c = CONTAINER_INIT;
	struct err err = ERR_INIT;
	int r = record_load(globals, dirs->containers, id, &c, &err);

	if (r == -ENOENT) {
		collect_half(globals, dirs, id);
		return;
	}
	if (r == 0)
		r = record_repair(globals, &c, &err);
	if (r < 0)
		log_msg(LOG_WARN, "container %.12s: %s", id, err.text);
	if (r != 1 && c.id[0])
		listing_add(l, &c);
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

/* A remover that is killed after the directory and before the name leaves a claim of nobody's. It would be
 * taken over by whoever wants the name; here it goes at once. More names than containers: worth a look. */
static void collect_names(const struct state_dirs *dirs, size_t n_containers, struct err *err)
{
	autodir DIR *stream = NULL;
	autostrv struct strv names = STRV_INIT;

	if (open_dir_stream(dirs->names, &stream, err) < 0)
		return; /* the listing itself has not failed */
	for (struct dirent *e = readdir(stream); e; e = readdir(stream))
		if (e->d_name[0] != '.')
			strv_add(&names, e->d_name);
	if (names.n <= n_containers)
		return;
	strv_each (name, &names) {
		char id[65 + 1] = "";
		ssize_t n = readlinkat(dirs->names, *name, id, sizeof(id) - 1);

		if (n == 64 && state_id_valid(id) &&
			faccessat(dirs->containers, id, F_OK, AT_SYMLINK_NOFOLLOW) < 0 &&
			errno == ENOENT)
			name_release(dirs->names, *name, id);
	}
}

static int list(const struct globals *globals, bool only_up, struct container **ret, size_t *ret_n,
	struct err *err)
{
	autostatedirs struct state_dirs dirs = STATE_DIRS_INIT;
	autodir DIR *stream = NULL;
	struct listing l = { 0 };
	int r = state_dirs_open(globals, false, &dirs, err);

	if (r < 0 && r != -ENOENT)
		return r;
	if (r == 0) {
		TRY(open_dir_stream(dirs.containers, &stream, err));
		for (struct dirent *e = readdir(stream); e; e = readdir(stream))
			if (state_id_valid(e->d_name) &&
				(!only_up || record_claims_up(dirs.containers, e->d_name)))
				list_one(globals, &dirs, e->d_name, &l);
		if (!only_up)
			collect_names(&dirs, l.n, &(struct err)ERR_INIT);
	}
	*ret = sorted(l.list, l.n);
	*ret_n = l.n;
	return 0;
}

int state_list(
	const struct globals *globals, struct container **ret, size_t *ret_n, struct err *err)
{
	return list(globals, false, ret, ret_n, err);
}

/* A claim that turns out to be stale is repaired in passing, and left out. */
int state_list_up(
	const struct globals *globals, struct container **ret, size_t *ret_n, struct err *err)
{
	size_t kept = 0;

	TRY(list(globals, true, ret, ret_n, err));
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
