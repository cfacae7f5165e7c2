/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a RUN binds is never named by a path of the Dockerfile: it is looked for inside the root of the
 * context or of the mounted stage, whatever symlinks say. Read-only binds show it where it is: a stage or an image
 * as a mount of its layers, the context itself when nothing of it is left out. Everything else is a copy: what the
 * program may write to, what .dockerignore cuts, what holds sockets or pipes that would lead out of the
 * container, and stages where the kernel's overlay is not used. A context that changes while the program runs
 * is seen, and the result is then not put into the cache.
 */
#include "builder/run_bind.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/xalloc.h"
#include "builder/copy_list.h"
#include "builder/tree.h"

struct part {
	struct run_job *job;
	const struct run_mount *mount;
	struct copy_words words;
	struct copy_plan plan;
	struct context named;
	struct snapshot from;
	bool has_from;
	int source;
};

static void part_done(struct part *p)
{
	context_done(&p->named);
	snapshot_done(&p->from);
	strv_done(&p->words.sources);
}

/* 0, or STEP_MISSED. */
static int part_open(struct part *p, struct err *err)
{
	struct step *s = p->job->step;
	struct base base = { .kind = BASE_SCRATCH };
	const char *source = p->mount->source && *p->mount->source ? p->mount->source : ".";
	int r = 0;

	strv_add(&p->words.sources, source);
	p->words.dest = (char *)(uintptr_t) "/x"; /* a directory becomes x, and so does a file */
	p->plan = (struct copy_plan){
		.words = &p->words, .workdir = "/", .literal = true, .epoch = -1
	};
	p->source = s->build->context.root;
	if (!p->mount->from) {
		p->plan.ignore = s->build->context.ignore;
		return 0;
	}
	p->plan.keep_owner = true;
	p->plan.kept = s->build->owners != OWNERS_REAL;
	r = stage_from(s, p->mount->from, &base, &p->from, err);
	p->has_from = r == 0 && base.kind != BASE_CONTEXT;
	if (r == 0 && base.kind == BASE_CONTEXT) {
		const char *where = strv_env_get(&s->build->opts->contexts, p->mount->from);

		r = context_open_named(where ? where : "", &p->named, err);
		p->source = p->named.root;
		p->plan.kept = false;
		p->plan.ignore = p->named.ignore;
	}
	base_done(&base);
	return r;
}

/* Into the directory `to`, which exists. */
static int part_copy(struct part *p, const char *to, struct err *err)
{
	struct build *b = p->job->step->build;
	autofd int target = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;
	struct tree_copy copy = { .build = b,
		.plan = &p->plan,
		.from = p->has_from ? &p->from : NULL,
		.source = p->source,
		.target = target,
		.dir = p->job->dir };

	if (target < 0)
		return err_sys(err, "open '%s'", to);
	TRY(tree_copy(&copy, err));
	/* Links at the top are followed inside the source; one that took its place meanwhile would be
	 * followed here, by the mount. */
	if (fstatat(target, "x", &st, AT_SYMLINK_NOFOLLOW) < 0)
		return fs_err(err, target, "x");
	if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
		return err_set(err, -ELOOP,
			"\"%s\" has changed while it was read: it is neither a file nor a directory now",
			p->words.sources.v[0]);
	return 0;
}

int run_bind_copy(
	struct run_job *job, const struct run_mount *mount, const char *to, struct err *err)
{
	struct part p = { .job = job, .mount = mount, .named = CONTEXT_INIT };
	int r = part_open(&p, err);

	if (r >= 0)
		r = part_copy(&p, to, err);
	part_done(&p);
	return r;
}

/* ---- the key ---- */

static int part_digest(const struct part *p, char ret[SHA256_HEX], struct err *err)
{
	autofd int memory = cache_memory(&p->job->step->build->cache, err);

	TRY(memory);
	return copy_digest(p->source, &p->plan, memory, ret, err);
}

static int part_key(struct part *p, struct run_bind *bind, struct key *key, struct err *err)
{
	if (p->has_from) {
		key_add_snapshot(key, &p->from);
		return 0;
	}
	TRY(part_digest(p, bind->digest, err));
	key_add(key, bind->digest);
	return 0;
}

int run_bind_key(struct run_job *job, size_t index, struct key *key, struct err *err)
{
	const struct run_mount *m = &job->step->in.run.mounts[index];
	struct part p = { .job = job, .mount = m, .named = CONTEXT_INIT };
	int r = part_open(&p, err);

	if (r == 0)
		r = part_key(&p, &job->binds[index], key, err);
	part_done(&p);
	return r;
}

/* The mount went by the name of the directory that the key was made of: it must still be that one. */
static int still_there(const struct part *p, const struct run_bind *bind, struct err *err)
{
	struct stat named, held;

	if (stat(bind->place, &named) < 0 || fstat(p->source, &held) < 0)
		return err_sys(err, "'%s'", bind->place);
	return named.st_dev == held.st_dev && named.st_ino == held.st_ino;
}

static int still_same(const struct part *p, const struct run_bind *bind, struct err *err)
{
	char digest[SHA256_HEX];
	int r = still_there(p, bind, err);

	if (r != 1)
		return r;
	TRY(part_digest(p, digest, err));
	return strcmp(digest, bind->digest) == 0;
}

/* What cannot be read any more has changed. */
bool run_binds_unchanged(struct run_job *job)
{
	for (size_t i = 0; i < job->step->in.run.n_mounts; i++) {
		const struct run_mount *m = &job->step->in.run.mounts[i];
		struct part p = { .job = job, .mount = m, .named = CONTEXT_INIT };
		struct err ignored = ERR_INIT;
		int r;

		if (!job->binds[i].in_place)
			continue;
		r = part_open(&p, &ignored);
		if (r == 0)
			r = still_same(&p, &job->binds[i], &ignored);
		part_done(&p);
		if (r != 1)
			return false;
	}
	return true;
}

/* ---- the mount ---- */

static bool is_plain(const struct part *p)
{
	autocopylist struct copy_list list = { 0 };
	struct err ignored = ERR_INIT; /* the copy meets it too, and tells */

	if (copy_list_new(p->source, &p->plan, &list, &ignored) < 0 || list.has_sockets)
		return false;
	for (size_t i = 0; i < list.n; i++)
		if (!S_ISREG(list.items[i].st.st_mode) && !S_ISDIR(list.items[i].st.st_mode) &&
			!S_ISLNK(list.items[i].st.st_mode))
			return false;
	return true;
}

/* A directory of the host, and what of it. The container's own mount namespace wants a path, not our
 * descriptor; that both are the same directory is looked at when it has opened it. */
static int show_context(struct part *p, struct run_bind *bind, struct volume *v, struct err *err)
{
	char real[PATH_MAX], link[64];
	struct stat st;
	ssize_t n;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", p->source);
	n = readlink(link, real, sizeof(real) - 1);
	if (n < 0 || fstat(p->source, &st) < 0)
		return err_sys(err, "find the context");
	v->pinned = (struct pinned){ true, st.st_dev, st.st_ino };
	v->source = xstrndup(real, (size_t)n);
	v->subpath = xstrdup(p->words.sources.v[0]);
	bind->in_place = true;
	free(bind->place);
	bind->place = xstrdup(v->source);
	return 0;
}

/* Its layers are mounted by the container, at a directory that only it sees. */
static void show_stage(struct part *p, struct run_bind *bind, struct volume *v, char *adopt_to)
{
	v->source = adopt_to;
	v->subpath = xstrdup(p->words.sources.v[0]);
	v->layers = &bind->layers;
	bind->from = p->from;
	p->from = (struct snapshot){ 0 };
}

static int prepare(struct part *p, struct run_bind *bind, size_t index, struct err *err)
{
	struct run_job *job = p->job;
	const struct build *b = job->step->build;
	autofree char *to = xasprintf("%s/%s/run/m%zu", b->work, job->dir, index);
	/* beside it: the container's root covers what is in its directory, with what an image says */
	autofree char *beside = xasprintf("%s/%s-m%zu", b->work, job->dir, index);
	struct volume *v = run_add_volume(job, VOLUME_BIND, p->mount->target);
	v->read_only = p->mount->readonly;
	if (p->has_from && v->read_only && b->driver == DRIVER_OVERLAY) {
		TRY(fs_mkdirs(beside, 0700, err));
		show_stage(p, bind, v, move_ptr(&beside));
		return 0;
	}
	if (!p->has_from && v->read_only && !p->plan.ignore && is_plain(p))
		return show_context(p, bind, v, err);
	TRY(fs_mkdirs(to, 0700, err));
	v->source = xasprintf("%s/x", to);
	return part_copy(p, to, err);
}

int run_bind_prepare(struct run_job *job, size_t index, struct err *err)
{
	const struct run_mount *m = &job->step->in.run.mounts[index];
	struct part p = { .job = job, .mount = m, .named = CONTEXT_INIT };
	int r = part_open(&p, err);

	if (r >= 0)
		r = prepare(&p, &job->binds[index], index, err);
	part_done(&p);
	return r;
}

int run_binds_layers(struct run_job *job, struct err *err)
{
	for (size_t i = 0; i < job->step->in.run.n_mounts; i++) {
		struct run_bind *bind = &job->binds[i];

		strv_done(&bind->layers);
		if (bind->from.doc)
			TRY(snapshot_dirs(job->step->build, &bind->from, &bind->layers, err));
	}
	return 0;
}
