/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Volumes on disk. One is made under a name that no volume can have and renamed when it is whole;
 * removing renames it away first. So a kill at any moment leaves a whole volume or none, and a
 * directory of ours that the next listing collects.
 */
#include "state/volume.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/xalloc.h"
#include "state/internal.h"

#define RECORD_NAME   "volume.json"
#define NEW_PREFIX    ".new-"
#define REMOVE_PREFIX ".rm-"
#define ANONYMOUS     "com.docker.volume.anonymous" /* Docker's mark */
#define LEFT_AGE      10 /* s: longer than a maker needs between mkdir and its lock */

void stored_volume_done(struct stored_volume *v)
{
	free(v->name);
	free(v->path);
	json_free(v->labels);
	json_free(v->options);
	*v = (struct stored_volume){ 0 };
}

static int no_such(const char *name, struct err *err)
{
	return err_set(err, -ENOENT, "get %s: no such volume", name);
}

static int open_folder(const struct globals *globals, bool create, struct err *err)
{
	autofree char *path = xasprintf("%s/volumes", globals->root);
	int fd;

	if (create)
		TRY(fs_mkdirs(path, 0700, err));
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? err_sys(err, "open the folder of volumes '%s'", path) : fd;
}

static int open_volume(int folder, const char *name, struct err *err)
{
	int fd = state_name_valid(name)
			 ? openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
			 : -1;

	if (fd >= 0)
		return fd;
	if (!state_name_valid(name) || errno == ENOENT || errno == ENOTDIR || errno == ELOOP)
		return no_such(name, err);
	return err_sys(err, "open volume '%s'", name);
}

/* ---- reading ---- */

/* Of a volume that `run` made: when its directory was, where the file system knows. */
static int64_t birth(int dir)
{
	struct statx st;

	if (statx(dir, "", AT_EMPTY_PATH, STATX_BTIME | STATX_MTIME, &st) < 0)
		return 0;
	if (st.stx_mask & STATX_BTIME)
		return st.stx_btime.tv_sec * 1000000000LL + st.stx_btime.tv_nsec;
	return st.stx_mtime.tv_sec * 1000000000LL + st.stx_mtime.tv_nsec;
}

static struct json *map_or_null(const struct json *v)
{
	return json_kind(v) == JSON_MAP && json_len(v) ? json_ref(v) : NULL;
}

static int read_volume(const struct globals *globals, int dir, const char *name,
	struct stored_volume *ret, struct err *err)
{
	autojson struct json *doc = NULL;
	int r = json_read_at(dir, RECORD_NAME, RECORD_MAX, &doc, err);

	if (r < 0 && r != -ENOENT)
		return err_wrap(err, "volume %s", name);
	*ret = (struct stored_volume){
		.name = xstrdup(name),
		.path = xasprintf("%s/volumes/%s/_data", globals->root, name),
		.created = birth(dir),
		.anonymous = state_id_valid(name),
	};
	if (r == -ENOENT) {
		*err = (struct err)ERR_INIT;
		if (ret->anonymous) {
			ret->labels = json_new_map();
			json_put_string(ret->labels, ANONYMOUS, "");
		}
		return 0;
	}
	(void)state_time_parse(json_str(json_get(doc, "created"), ""), &ret->created);
	ret->labels = map_or_null(json_get(doc, "labels"));
	ret->options = map_or_null(json_get(doc, "options"));
	ret->anonymous = json_get(ret->labels, ANONYMOUS) != NULL;
	return 0;
}

int state_volume_open(
	const struct globals *globals, const char *name, struct stored_volume *ret, struct err *err)
{
	autofd int folder = open_folder(globals, false, err), dir = -EBADF;

	if (folder == -ENOENT)
		return no_such(name, err);
	TRY(folder);
	dir = open_volume(folder, name, err);
	TRY(dir);
	return read_volume(globals, dir, name, ret, err);
}

/* What a killed maker or remover left: certainly nobody's once its lock is free. */
static void collect_left(int folder, const char *name)
{
	autofd int dir = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct err ignored = ERR_INIT;
	struct stat st;

	if (dir < 0 || fstat(dir, &st) < 0 || lock_try(dir, &ignored) < 0)
		return;
	if (time(NULL) - st.st_ctim.tv_sec >= LEFT_AGE)
		(void)remove_tree(folder, name, &ignored); /* the next listing tries again */
}

static bool is_left(const char *name)
{
	return strncmp(name, NEW_PREFIX, strlen(NEW_PREFIX)) == 0 ||
	       strncmp(name, REMOVE_PREFIX, strlen(REMOVE_PREFIX)) == 0;
}

static int by_name(const void *a, const void *b)
{
	const struct stored_volume *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int list_names(int folder, struct strv *ret, struct err *err)
{
	int again = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	autodir DIR *stream = again < 0 ? NULL : fdopendir(again); /* takes again over */

	if (!stream)
		return err_sys(err, "list the folder of volumes");
	for (struct dirent *e = readdir(stream); e; e = readdir(stream)) {
		if (is_left(e->d_name))
			collect_left(folder, e->d_name);
		else if (state_name_valid(e->d_name))
			strv_add(ret, e->d_name);
	}
	return 0;
}

int state_volume_list(
	const struct globals *globals, struct stored_volume **ret, size_t *ret_n, struct err *err)
{
	autofd int folder = open_folder(globals, false, err);
	autostrv struct strv names = STRV_INIT;
	struct stored_volume *list;
	size_t n = 0;

	if (folder == -ENOENT)
		*err = (struct err)ERR_INIT;
	else if (folder < 0)
		return folder;
	if (folder >= 0)
		TRY(list_names(folder, &names, err));
	list = xcalloc(names.n + 1, sizeof(*list));
	strv_each (name, &names) {
		autofd int dir = open_volume(folder, *name, err);

		if (dir >= 0 && read_volume(globals, dir, *name, &list[n], err) == 0) {
			n++;
		} else if (err->code != -ENOENT) {
			state_volume_list_free(list, n);
			return err->code;
		}
	}
	*err = (struct err)ERR_INIT;
	qsort(list, n, sizeof(*list), by_name);
	*ret = list;
	*ret_n = n;
	return 0;
}

void state_volume_list_free(struct stored_volume *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		stored_volume_done(&list[i]);
	free(list);
}

/* ---- making ---- */

static int check_name(const char *name, struct err *err)
{
	if (strlen(name) == 1)
		return err_set(err, -EINVAL,
			"create %s: volume name is too short, names should be at least two "
			"alphanumeric characters",
			name);
	if (!state_name_valid(name))
		return err_set(err, -EINVAL,
			"create %s: \"%s\" includes invalid characters for a local volume name, only "
			"\"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you intended to pass a host "
			"directory, use absolute path",
			name, name);
	return 0;
}

/* The host directory that `-o type=none -o o=bind -o device=DIR` means; NULL without options. */
static int check_options(
	const char *name, const struct json *options, const char **ret_device, struct err *err)
{
	const char *type = json_str(json_get(options, "type"), "none");
	const char *mode = json_str(json_get(options, "o"), "");
	const char *device = json_str(json_get(options, "device"), NULL);

	json_each (it, options)
		if (strcmp(it.key, "type") != 0 && strcmp(it.key, "o") != 0 &&
			strcmp(it.key, "device") != 0)
			return err_set(
				err, -EINVAL, "create %s: invalid option: \"%s\"", name, it.key);
	if (json_len(options) && ((strcmp(type, "none") != 0 && strcmp(type, "bind") != 0) ||
					 !device || *device != '/' ||
					 (strcmp(mode, "bind") != 0 && strcmp(mode, "rbind") != 0)))
		return err_set(err, -EINVAL,
			"create %s: without root only \"-o type=none -o o=bind -o device=/DIR\" can be "
			"mounted; for memory use --tmpfs",
			name);
	*ret_device = json_len(options) ? device : NULL;
	return 0;
}

struct draft {
	int folder;
	char name[sizeof(NEW_PREFIX) + ID_LEN];
	bool keep;
};

static void draft_done(struct draft *draft)
{
	struct err ignored = ERR_INIT;

	if (!draft->keep && draft->name[0])
		(void)remove_tree(draft->folder, draft->name, &ignored); /* else collected later */
}

static int make_data(int dir, const char *device, struct err *err)
{
	if (device)
		return symlinkat(device, dir, "_data") < 0 ? fs_err(err, dir, "_data") : 0;
	if (mkdirat(dir, "_data", 0755) < 0)
		return fs_err(err, dir, "_data");
	return fchmodat(dir, "_data", 0755, 0) < 0 ? err_sys(err, "chmod _data") : 0;
}

static int write_record(int dir, struct json *labels, struct json *options, struct err *err)
{
	autojson struct json *doc = json_new_map();
	autobuf struct buf text = BUF_INIT;
	char now[STATE_TIME_MAX];

	state_time_format(state_now(), false, now);
	json_put_int(doc, "version", 1);
	json_put_string(doc, "created", now);
	json_put(doc, "labels", labels ? json_ref(labels) : json_new_map());
	json_put(doc, "options", options ? json_ref(options) : json_new_map());
	json_write(doc, 0, &text);
	buf_addc(&text, '\n');
	return fs_write_at(dir, RECORD_NAME, text.data, text.len, FS_SYNC, err);
}

static int make_draft(struct draft *draft, const char *device, struct json *labels,
	struct json *options, struct err *err)
{
	char id[ID_LEN + 1];
	int dir;

	state_new_id(id);
	(void)snprintf(draft->name, sizeof(draft->name), NEW_PREFIX "%s", id);
	if (mkdirat(draft->folder, draft->name, 0700) < 0)
		return fs_err(err, draft->folder, "a new volume");
	dir = openat(draft->folder, draft->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return err_sys(err, "open the new volume");
	if (lock_try(dir, err) < 0 || make_data(dir, device, err) < 0 ||
		write_record(dir, labels, options, err) < 0) {
		(void)close(dir); /* read-only handle */
		return err->code;
	}
	return dir;
}

int state_volume_create(const struct globals *globals, const char *name, struct json *labels,
	struct json *options, struct stored_volume *ret, struct err *err)
{
	autofd int folder = -EBADF, dir = -EBADF;
	__attribute__((cleanup(draft_done))) struct draft draft = { 0 };
	autojson struct json *marked = labels ? json_ref(labels) : json_new_map();
	const char *device = NULL;
	char id[ID_LEN + 1];

	if (name)
		TRY(check_name(name, err));
	TRY(check_options(name ? name : "volume", options, &device, err));
	if (!name) {
		state_new_id(id);
		json_put_string(marked, ANONYMOUS, "");
		name = id;
	}
	folder = open_folder(globals, true, err);
	TRY(folder);
	draft.folder = folder;
	dir = make_draft(&draft, device, marked, options, err);
	TRY(dir);
	/* A volume is never an empty directory, so this never replaces one. */
	if (renameat(folder, draft.name, folder, name) == 0)
		draft.keep = true;
	else if (errno != ENOTEMPTY && errno != EEXIST)
		return fs_err(err, folder, name);
	return state_volume_open(globals, name, ret, err);
}

/* ---- removing ---- */

void state_volume_users(
	const struct container *list, size_t n, const char *volume, struct strv *ret)
{
	for (size_t i = 0; i < n; i++) {
		json_each (it, json_get(list[i].config, "mounts")) {
			if (strcmp(json_str(json_get(it.value, "name"), ""), volume) != 0)
				continue;
			strv_add(ret, list[i].id);
			break;
		}
	}
}

static int refuse_used(const struct globals *globals, const char *name, struct err *err)
{
	struct container *list = NULL;
	autostrv struct strv users = STRV_INIT;
	autobuf struct buf text = BUF_INIT;
	size_t n = 0;
	int r = state_list(globals, &list, &n, err);

	TRY(r);
	state_volume_users(list, n, name, &users);
	state_list_free(list, n);
	strv_each (id, &users)
		buf_addf(&text, "%s%s", text.len ? ", " : "", *id);
	return users.n ? err_set(err, -EBUSY, "remove %s: volume is in use - [%s]", name, text.data)
		       : 0;
}

int state_volume_remove(const struct globals *globals, const char *name, struct err *err)
{
	autofd int folder = open_folder(globals, false, err), dir = -EBADF;
	char id[ID_LEN + 1], gone[sizeof(REMOVE_PREFIX) + ID_LEN];
	int r;

	if (folder == -ENOENT)
		return no_such(name, err);
	TRY(folder);
	dir = open_volume(folder, name, err);
	TRY(dir);
	if (lock_try(dir, err) < 0)
		return err_wrap(err, "remove %s", name);
	TRY(refuse_used(globals, name, err));
	state_new_id(id);
	(void)snprintf(gone, sizeof(gone), REMOVE_PREFIX "%s", id);
	if (renameat(folder, name, folder, gone) < 0)
		return errno == ENOENT ? no_such(name, err) : fs_err(err, folder, name);
	r = refuse_used(globals, name, err); /* by a container that was just being made */
	if (r == 0)
		r = remove_tree(folder, gone, err);
	if (r < 0)
		(void)renameat(folder, gone, folder, name); /* else a new one has the name */
	return r;
}
