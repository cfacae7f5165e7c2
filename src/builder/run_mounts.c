/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RUN --mount. What is bound into the container is never named by a path of the Dockerfile: binds are
 * run_bind.c's business, cache ids become hashes, secrets are files of a tmpfs that lose their names as soon
 * as the program runs.
 */
#include "builder/run_bind.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/xalloc.h"
#include "builder/copy_file.h"
#include "state/state.h"

#define SECRET_MAX (500U << 10) /* BuildKit's limit */
#define TRIES      64           /* of private cache mounts in use side by side */

struct volume *run_add_volume(struct run_job *job, enum volume_type type, const char *target)
{
	struct volume *v;

	job->opts.volumes = xreallocarray(
		job->opts.volumes, job->opts.n_volumes + 1, sizeof(*job->opts.volumes));
	v = &job->opts.volumes[job->opts.n_volumes++];
	*v = (struct volume){ .type = type };
	v->destination = step_workdir_path(job->step->snap, target);
	return v;
}

/* ---- cache ---- */

static char *cache_name(const struct run_job *job, const struct run_mount *m)
{
	struct key key = { 0 };
	char hex[SHA256_HEX];

	key_add(&key, m->id && *m->id ? m->id : m->target);
	key_add_int(&key, job->step->build->idmap.kind == IDMAP_SINGLE);
	key_end(&key, hex);
	return xstrdup(hex);
}

static void keep_lock(struct run_job *job, int *fd)
{
	job->locks = xreallocarray(job->locks, job->n_locks + 1, sizeof(*job->locks));
	job->locks[job->n_locks++] = move_fd(fd);
}

/* The name in mounts/ that this one may use, locked as its sharing asks. */
static int choose(
	struct run_job *job, const struct run_mount *m, int mounts, char **ret, struct err *err)
{
	autofree char *name = cache_name(job, m);

	for (int i = 0; i < TRIES; i++) {
		autofree char *at = i ? xasprintf("%s-%d", name, i) : xstrdup(name);
		autofree char *lock = xasprintf("%s.lock", at);
		autofd int fd = openat(
			mounts, lock, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
		bool private = m->sharing == SHARING_PRIVATE;

		if (fd < 0)
			return fs_err(err, mounts, lock);
		if (flock(fd, m->sharing == SHARING_SHARED ? LOCK_SH
			      : private                    ? LOCK_EX | LOCK_NB
							   : LOCK_EX) == 0) {
			keep_lock(job, &fd);
			*ret = move_ptr(&at);
			return 0;
		}
		if (!private)
			return err_sys(err, "lock a cache mount");
	}
	return err_set(err, -EBUSY, "all private copies of a cache mount are in use");
}

struct new_dir {
	const char *path;
	const struct run_mount *mount;
};

static int own_dir(void *data, struct err *err)
{
	const struct new_dir *dir = data;
	uid_t uid = dir->mount->uid == RUN_ID_UNSET ? 0 : dir->mount->uid;
	gid_t gid = dir->mount->gid == RUN_ID_UNSET ? 0 : dir->mount->gid;

	return copy_set_owner(AT_FDCWD, dir->path, uid, gid, err);
}

static int give(struct run_job *job, const char *path, const struct run_mount *m, struct err *err)
{
	struct new_dir dir = { path, m };

	if (m->uid == RUN_ID_UNSET && m->gid == RUN_ID_UNSET)
		return 0;
	TRY(build_userns(job->step->build, err));
	return userns_run_in(job->step->build->userns, 0, own_dir, &dir, err);
}

static int make_cache(
	struct run_job *job, const struct run_mount *m, const char *path, size_t n, struct err *err)
{
	autofree char *fresh = xasprintf("%s/%s/run/c%zu", job->step->build->work, job->dir, n);
	autofree char *top = xasprintf("%s/x", fresh);

	TRY(fs_mkdirs(fresh, 0700, err));
	if (m->from) {
		TRY(run_bind_copy(job, m, fresh, err));
	} else if (mkdir(top, 0755) < 0) {
		return fs_err(err, AT_FDCWD, top);
	}
	if (!m->from && chmod(top, m->mode == RUN_ID_UNSET ? 0755 : m->mode & 07777) < 0)
		return err_sys(err, "chmod a cache mount");
	TRY(give(job, top, m, err));
	if (rename(fresh, path) < 0 && errno != EEXIST && errno != ENOTEMPTY)
		return fs_err(err, AT_FDCWD, path); /* else somebody was faster */
	return 0;
}

static int cache_prepare(
	struct run_job *job, const struct run_mount *m, size_t index, struct err *err)
{
	const struct cache *cache = &job->step->build->cache;
	autofree char *name = NULL, *path = NULL, *top = NULL;
	autofd int mounts = -EBADF;
	struct volume *v;

	if (mkdirat(cache->build, "mounts", 0700) < 0 && errno != EEXIST)
		return fs_err(err, cache->build, "mounts");
	mounts = openat(cache->build, "mounts", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (mounts < 0)
		return err_sys(err, "open the cache mounts");
	TRY(choose(job, m, mounts, &name, err));
	path = xasprintf("%s/build/mounts/%s", cache->root, name);
	top = xasprintf("%s/x", path);
	if (access(top, F_OK) < 0)
		TRY(make_cache(job, m, path, index, err));
	v = run_add_volume(job, VOLUME_BIND, m->target);
	v->source = move_ptr(&top);
	v->read_only = m->readonly;
	return 0;
}

/* ---- secret ---- */

static const struct build_secret *find_secret(const struct build *b, const char *id)
{
	for (size_t i = 0; i < b->opts->n_secrets; i++)
		if (strcmp(b->opts->secrets[i].id, id) == 0)
			return &b->opts->secrets[i];
	return NULL;
}

struct secret_text {
	char *text; /* whoever frees it wipes it */
	size_t len;
};

static int read_secret(const struct build_secret *secret, struct secret_text *ret, struct err *err)
{
	const char *value = secret->env ? getenv(secret->env) : NULL;

	if (secret->env && !value)
		return err_set(err, -ENOENT, "secret %s: the variable %s is not set", secret->id,
			secret->env);
	if (!secret->env) {
		if (fs_read_at(AT_FDCWD, secret->file, SECRET_MAX, &ret->text, &ret->len, err) < 0)
			return err_wrap(err, "secret %s", secret->id);
		return 0;
	}
	*ret = (struct secret_text){ xstrdup(value), strlen(value) };
	return 0;
}

/* A directory of a tmpfs, where nothing reaches a disk. */
static const char *memory_place(const struct globals *globals)
{
	struct statfs fs;

	if (statfs(globals->runroot, &fs) == 0 && fs.f_type == TMPFS_MAGIC)
		return globals->runroot;
	return statfs("/dev/shm", &fs) == 0 && fs.f_type == TMPFS_MAGIC &&
			       access("/dev/shm", W_OK | X_OK) == 0
		       ? "/dev/shm"
		       : globals->runroot;
}

/* ".sbx-" and 64 digits */
static bool is_secret_folder(const char *name)
{
	return strncmp(name, ".sbx-", 5) == 0 && strlen(name) == 69 &&
	       strspn(name + 5, "0123456789abcdef") == 64;
}

/* Nobody holds its lock: the build that made it was killed before its program ran. */
static void sweep_one(int place, const char *name)
{
	autofd int fd = openat(place, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || st.st_uid != geteuid() ||
		flock(fd, LOCK_EX | LOCK_NB) < 0)
		return; /* somebody else's, or in use */
	(void)unlinkat(fd, "secret", 0);
	(void)unlinkat(place, name, AT_REMOVEDIR);
}

static void sweep_secrets(const char *place)
{
	autodir DIR *stream = opendir(place);
	struct dirent *e;

	while (stream && (e = readdir(stream)) != NULL)
		if (is_secret_folder(e->d_name))
			sweep_one(dirfd(stream), e->d_name);
}

/* It is locked before it has the name that others sweep by. */
static int make_secret_folder(struct run_job *job, const char *path, struct err *err)
{
	autofree char *folder = xstrndup(path, (size_t)(strrchr(path, '/') - path));
	autofree char *fresh = xasprintf("%s.new", folder);
	autofd int fd = -EBADF;

	if (mkdir(fresh, 0700) < 0)
		return fs_err(err, AT_FDCWD, fresh);
	fd = open(fresh, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0 || rename(fresh, folder) < 0) {
		(void)err_sys(err, "make a folder for a secret");
		(void)rmdir(fresh);
		return err->code;
	}
	keep_lock(job, &fd);
	return 0;
}

static int write_secret(struct run_job *job, const struct run_mount *m, const char *path,
	const struct secret_text *secret, struct err *err)
{
	autofd int fd = -EBADF;

	strv_add(&job->secrets, path);
	TRY(make_secret_folder(job, path, err));
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return fs_err(err, AT_FDCWD, path);
	TRY(fs_write_all(fd, secret->text, secret->len, err));
	if (fchmod(fd, m->mode == RUN_ID_UNSET ? 0400 : m->mode & 0777) < 0)
		return err_sys(err, "chmod a secret");
	return give(job, path, m, err);
}

/* Its folder goes with it. */
int run_secret_remove(const char *path)
{
	autofree char *folder = xstrndup(path, (size_t)(strrchr(path, '/') - path));

	if (unlink(path) < 0 && errno != ENOENT)
		return -errno;
	return rmdir(folder) < 0 && errno != ENOENT ? -errno : 0;
}

/* The file lives until the program runs; for a shell after that it is written again, under the same name. In a
 * folder of its own, because a file that was given to another id could not be removed from a sticky one. */
static int secret_file(struct run_job *job, const struct run_mount *m,
	const struct secret_text *secret, struct err *err)
{
	const struct globals *globals = job->step->build->globals;
	char **path = &job->binds[m - job->step->in.run.mounts].secret;
	const char *base = strrchr(m->id, '/');
	autofree char *usual = xasprintf("/run/secrets/%s", base ? base + 1 : m->id);
	bool again = *path;
	struct volume *v;
	char name[65];

	TRY(fs_mkdirs(globals->runroot, 0700, err));
	if (job->secrets.n == 0)
		sweep_secrets(memory_place(globals));
	state_new_id(name);
	if (!again)
		*path = xasprintf("%s/.sbx-%s/secret", memory_place(globals), name);
	TRY(write_secret(job, m, *path, secret, err));
	if (again)
		return 0;
	v = run_add_volume(job, VOLUME_BIND, m->target ? m->target : usual);
	v->source = xstrdup(*path);
	v->read_only = true;
	return 0;
}

static int secret_prepare(struct run_job *job, const struct run_mount *m, struct err *err)
{
	const struct build_secret *secret = m->id ? find_secret(job->step->build, m->id) : NULL;
	struct secret_text have = { 0 };
	int r = 0;

	if (!secret && m->required)
		return err_set(err, -ENOENT,
			"secret %s: not found. Give it with --secret id=%s,src=FILE",
			m->id ? m->id : "", m->id ? m->id : "ID");
	if (!secret)
		return 0;
	TRY(read_secret(secret, &have, err));
	if (m->env) {
		autofree char *assignment = xasprintf("%s=%s", m->env, have.text);

		strv_env_set(&job->env, assignment);
	}
	if (!m->env || m->target)
		r = secret_file(job, m, &have, err);
	explicit_bzero(have.text, have.len);
	free(have.text);
	return r;
}

int run_secrets_again(struct run_job *job, struct err *err)
{
	const struct run_words *run = &job->step->in.run;

	for (size_t i = 0; i < run->n_mounts; i++)
		if (job->binds[i].secret)
			TRY(secret_prepare(job, &run->mounts[i], err));
	return 0;
}

/* ---- all ---- */

int run_mounts_key(struct run_job *job, struct key *key, struct err *err)
{
	const struct run_words *run = &job->step->in.run;

	job->binds = xcalloc(run->n_mounts + 1, sizeof(*job->binds));
	key_add_int(key, (int64_t)run->n_mounts);
	for (size_t i = 0; i < run->n_mounts; i++) {
		const struct run_mount *m = &run->mounts[i];
		int r = 0;

		key_add_int(key, m->type * 2 + m->readonly);
		key_add(key, m->target);
		key_add(key, m->source);
		key_add(key, m->id);
		key_add(key, m->env);
		key_add_int(key, m->sharing);
		key_add_int(key, m->mode);
		key_add_int(key, m->uid);
		key_add_int(key, m->gid);
		key_add_int(key, m->size);
		key_add_int(key, m->required);
		if (m->type == MOUNT_BIND || (m->type == MOUNT_CACHE && m->from))
			r = run_bind_key(job, i, key, err);
		if (r != 0)
			return r;
	}
	return 0;
}

static int prepare_one(struct run_job *job, const struct run_mount *m, size_t i, struct err *err)
{
	struct volume *v;

	switch (m->type) {
	case MOUNT_BIND:
		return run_bind_prepare(job, i, err);
	case MOUNT_CACHE:
		return cache_prepare(job, m, i, err);
	case MOUNT_SECRET:
		return secret_prepare(job, m, err);
	case MOUNT_TMPFS:
		v = run_add_volume(job, VOLUME_TMPFS, m->target);
		v->tmpfs_options = m->size ? xasprintf(
						     "exec,mode=1777,size=%lld", (long long)m->size)
					   : xstrdup("exec,mode=1777");
		return 0;
	case MOUNT_SSH:
		break;
	}
	if (!m->required)
		return 0; /* as BuildKit without --ssh */
	return err_set(err, -EOPNOTSUPP,
		"RUN --mount=type=ssh: builds cannot use your SSH agent; give the key with --secret");
}

int run_mounts_prepare(struct run_job *job, struct err *err)
{
	const struct run_words *run = &job->step->in.run;

	for (size_t i = 0; i < run->n_mounts; i++)
		TRY(prepare_one(job, &run->mounts[i], i, err));
	return 0;
}
