/* SPDX-License-Identifier: Apache-2.0 */
/*
 * COPY, ADD and WORKDIR. The key is the content of the sources, never their times. For --from=STAGE there
 * are two keys: the first names the stage's file system as a whole and costs nothing, the second its content,
 * so that a stage which was built again with the same result changes nothing. With --link the layer is made
 * from nothing: its keys say nothing of what is below, and it is found again on any other base.
 */
#include "builder/build.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/xalloc.h"
#include "builder/remote.h"
#include "builder/tree.h"

struct copy_job {
	struct step *step;
	struct copy_words words; /* shallow: what is left after URLs were taken out */
	struct copy_plan plan;
	struct context named; /* of --build-context */
	struct remote remote; /* what ADD of addresses fetched */
	struct strv local;    /* sources beside those, which are then copied by themselves: */
	struct copy_words fetched;
	struct copy_plan more; /* words NULL: there is no such second copy */
	struct snapshot from;
	bool has_from;
	int source; /* borrowed; -1 = none */
	char *workdir;
	char dir[40];
	char key[SHA256_HEX], quick[SHA256_HEX]; /* "" = none */
	char portable[SHA256_HEX], quick_portable[SHA256_HEX];
};

static void job_done(struct copy_job *job)
{
	context_done(&job->named);
	remote_done(&job->remote);
	strv_done(&job->local);
	snapshot_done(&job->from);
	free(job->workdir);
}

char *step_workdir_path(const struct snapshot *snap, const char *path)
{
	const char *base = json_str(json_path(snap->doc, "config", "WorkingDir", NULL), "/");
	autofree char *joined = *path == '/' ? xstrdup(path) : xasprintf("/%s/%s", base, path);
	autobuf struct buf out = BUF_INIT;
	char *rest = joined, *name;

	while ((name = strsep(&rest, "/")) != NULL) {
		if (!*name || strcmp(name, ".") == 0)
			continue;
		if (strcmp(name, "..") != 0) {
			buf_addf(&out, "/%s", name);
			continue;
		}
		while (out.len && out.data[--out.len] != '/')
			;
		if (out.data)
			out.data[out.len] = '\0';
	}
	if (out.len == 0)
		buf_adds(&out, "/");
	return buf_steal(&out);
}

/* ---- where from ---- */

static int open_named(struct copy_job *job, const char *name, struct err *err)
{
	const char *where = strv_env_get(&job->step->build->opts->contexts, name);

	TRY(context_open_named(where ? where : "", &job->named, err));
	job->source = job->named.root;
	job->plan.keep_owner = job->plan.kept =
		false; /* those of this machine mean nothing in the image */
	job->plan.ignore = job->named.ignore;
	return 0;
}

/* Files from the web are copied as they are unless --unpack says otherwise. */
static void use_remote(struct copy_job *job)
{
	job->fetched = job->words;
	job->fetched.sources = job->remote.names;
	if (job->fetched.unpack != CHOICE_YES)
		job->fetched.unpack = CHOICE_NO;
	strv_each (source, &job->step->in.copy.sources)
		if (!copy_is_remote(*source))
			strv_add(&job->local, *source);
	if (job->local.n + job->words.n_inlines == 0) {
		job->source = job->remote.dir;
		job->words = job->fetched;
		return;
	}
	job->words.sources = job->local;
	job->fetched.inlines = NULL;
	job->fetched.n_inlines = 0;
	job->plan.into = true;
	job->more = job->plan;
	job->more.words = &job->fetched;
}

static int find_source(struct copy_job *job, struct err *err)
{
	struct step *s = job->step;
	const char *name = s->in.copy.from;
	struct base base = { .kind = BASE_SCRATCH };
	int r;

	if (job->plan.is_add) {
		r = remote_fetch(&s->in.copy, s->build->work, &job->remote, err);
		if (r < 0)
			return r;
		if (r > 0)
			use_remote(job);
		if (job->source >= 0)
			return 0;
	}
	strv_each (source, &job->words.sources)
		if (copy_is_remote(*source))
			return err_set(err, -EINVAL, "source can't be a URL for COPY: %s", *source);
	if (!name) {
		job->source = s->build->context.root;
		job->plan.ignore = s->build->context.ignore;
		return 0;
	}
	job->plan.keep_owner = true;
	job->plan.kept = s->build->owners != OWNERS_REAL;
	r = stage_from(s, name, &base, &job->from, err);
	job->has_from = r == 0 && base.kind != BASE_CONTEXT;
	if (r == 0 && base.kind == BASE_CONTEXT)
		r = open_named(job, base.name, err);
	base_done(&base);
	return r;
}

/* ---- keys ---- */

static void add_words(struct key *key, const struct copy_job *job)
{
	const struct copy_words *w = &job->words;

	key_add_list(key, &w->sources);
	key_add(key, w->dest);
	key_add(key, w->chown);
	key_add(key, w->chmod);
	key_add(key, w->checksum);
	key_add_list(key, &w->excludes);
	key_add_int(key, w->parents * 100 + w->unpack * 10 + job->plan.is_add);
	for (size_t i = 0; i < w->n_inlines; i++) {
		key_add(key, w->inlines[i].name);
		key_add(key, w->inlines[i].data);
	}
	key_add(key, job->workdir);
	key_add_int(key, job->step->build->epoch);
	key_add_int(key, job->step->build->owners);
}

/* Without --link the result depends on what is there: links on the way, directories, names of users. */
static void key_below(struct key *key, const struct copy_job *job)
{
	if (job->step->linked)
		key_add(key, "on nothing");
	else
		key_add_snapshot(key, job->step->snap);
}

static void quick_key(struct copy_job *job)
{
	struct key key = { 0 };

	key_add(&key, "copy from");
	key_below(&key, job);
	key_add_snapshot(&key, &job->from);
	add_words(&key, job);
	key_end_both(&key, job->quick, job->quick_portable);
}

static int digest_of(struct copy_job *job, char ret[SHA256_HEX], struct err *err)
{
	struct build *b = job->step->build;
	struct tree_copy copy = { .build = b,
		.plan = &job->plan,
		.from = &job->from,
		.target = -1,
		.dir = job->dir,
		.digest = ret };
	autofd int memory = -EBADF;

	if (job->has_from)
		return tree_copy(&copy, err);
	memory = cache_memory(&b->cache, err);
	TRY(memory);
	return copy_digest(job->source, &job->plan, memory, ret, err);
}

static int full_key(struct copy_job *job, struct err *err)
{
	struct key key = { 0 };
	char digest[SHA256_HEX], more[SHA256_HEX];

	TRY(digest_of(job, digest, err));
	if (job->more.words)
		TRY(copy_digest(job->remote.dir, &job->more, -1, more, err));
	key_add(&key, "copy");
	key_below(&key, job);
	key_add(&key, digest);
	add_words(&key, job);
	if (job->more.words)
		key_add(&key, more);
	key_end_both(&key, job->key, job->portable);
	return 0;
}

/* ---- doing it ---- */

/* An empty directory that becomes the layer. */
static int make_upper(const struct copy_job *job, struct err *err)
{
	autofree char *path = xasprintf("%s/%s/upper", job->step->build->work, job->dir);
	autofd int fd = -EBADF;

	if (mkdir(path, 0700) < 0)
		return fs_err(err, AT_FDCWD, path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fchmod(fd, 0755) < 0)
		return err_sys(err, "make a layer");
	return move_fd(&fd);
}

static int copy_in(struct copy_job *job, struct cached *ret, struct err *err)
{
	struct step *s = job->step;
	autofd int target = s->linked ? make_upper(job, err) : -EBADF;
	struct tree_copy copy = { .build = s->build,
		.plan = &job->plan,
		.from = job->has_from ? &job->from : NULL,
		.source = job->source,
		.to = s->linked ? NULL : s->snap,
		.target = target,
		.more = job->more.words ? &job->more : NULL,
		.more_source = job->remote.dir,
		.dir = job->dir };

	if (s->linked)
		TRY(target);
	TRY(tree_copy(&copy, err));
	(void)time_text(s->build->epoch, ret->created);
	TRY(cache_add(&s->build->cache, s->build->work_fd, job->dir, job->key, s->written->text,
		ret, err));
	if (*job->quick)
		TRY(cache_alias(&s->build->cache, job->quick, ret, s->written->text, err));
	return 0;
}

static int told(struct copy_job *job, int r, const struct err *err)
{
	struct step *s = job->step;

	if (r < 0) {
		report(s->build, REPORT_START, vertex_of(s->stage, s->index), s->name);
		report(s->build, REPORT_ERROR, vertex_of(s->stage, s->index), err->text);
	}
	return r;
}

static int look_up(struct copy_job *job, struct cached *ret, struct err *err)
{
	const struct cache *cache = &job->step->build->cache;
	int r;

	if (job->has_from) {
		quick_key(job);
		r = step_find(job->step, job->quick, job->quick_portable, ret, err);
		if (r != 0)
			return r;
		if (job->step->look_only)
			return 0;
		TRY(step_dir(job->step, job->dir, err)); /* the digest needs a place to mount */
	}
	TRY(full_key(job, err));
	r = step_find(job->step, job->key, job->portable, ret, err);
	if (r <= 0)
		return r;
	if (*job->quick)
		TRY(cache_alias(cache, job->quick, ret, job->step->written->text, err));
	return 1;
}

/* The quick key comes first: it is always there, so what it leads to has one name everywhere. */
static char *portable_keys(const struct copy_job *job)
{
	if (!*job->quick)
		return xstrdup(job->portable);
	return *job->portable ? xasprintf("%s %s", job->quick_portable, job->portable)
			      : xstrdup(job->quick_portable);
}

static int solve_layer(struct copy_job *job, struct cached *ret, struct err *err)
{
	struct step *s = job->step;
	int found = look_up(job, ret, err);

	TRY(told(job, found, err));
	if (found) {
		report(s->build, REPORT_CACHED, vertex_of(s->stage, s->index), s->name);
		return 0;
	}
	if (s->look_only)
		return STEP_MISSED;
	report(s->build, REPORT_START, vertex_of(s->stage, s->index), s->name);
	if (!*job->dir)
		TRY(step_dir(s, job->dir, err));
	TRY(told(job, copy_in(job, ret, err), err));
	report(s->build, REPORT_DONE, vertex_of(s->stage, s->index), NULL);
	return 0;
}

/* Names of users are looked up in what is below: then the layer is none of its own. */
static bool is_linked(const struct copy_words *w)
{
	return w->link && (!w->chown || w->chown[strspn(w->chown, "0123456789:")] == '\0');
}

/* "COPY --chown=1 a b /c/ # buildkit" */
static char *history_line(const struct step *s)
{
	const struct copy_words *w = &s->in.copy;
	autobuf struct buf line = BUF_INIT;

	buf_adds(&line, instruction_name(s->in.kind));
	if (w->link)
		buf_adds(&line, " --link");
	if (w->parents)
		buf_adds(&line, " --parents");
	if (w->chown)
		buf_addf(&line, " --chown=%s", w->chown);
	if (w->chmod)
		buf_addf(&line, " --chmod=%s", w->chmod);
	for (size_t i = 0; i < w->n_inlines; i++)
		buf_addf(&line, " <<%s", w->inlines[i].name);
	strv_each (source, &w->sources)
		buf_addf(&line, " %s", *source);
	buf_addf(&line, " %s # buildkit", w->dest);
	return buf_steal(&line);
}

static int solve_copy(struct copy_job *job, struct err *err)
{
	struct step *s = job->step;
	autofree char *line = NULL, *keys = NULL;
	struct cached layer;
	int r;

	job->words = s->in.copy;
	s->linked = is_linked(&job->words);
	job->workdir = step_workdir_path(s->snap, "");
	job->plan.words = &job->words;
	job->plan.workdir = job->workdir;
	job->plan.is_add = s->in.kind == INS_ADD;
	job->plan.epoch = s->build->epoch;
	r = find_source(job, err);
	if (r != 0)
		return r;
	r = solve_layer(job, &layer, err);
	if (r != 0)
		return r;
	line = history_line(s);
	keys = portable_keys(job);
	step_layer(s, &layer, keys, line);
	return 0;
}

int step_copy(struct step *s, struct err *err)
{
	struct copy_job job = {
		.step = s, .source = -1, .remote = { .dir = -EBADF }, .named = CONTEXT_INIT
	};
	int r = solve_copy(&job, err);

	job_done(&job);
	return r;
}

/* ---- WORKDIR ---- */

/* The directory is made as COPY would make its destination; one that is there stays as it is. */
static int solve_workdir(struct copy_job *job, const char *path, struct err *err)
{
	struct step *s = job->step;
	const char *user = json_str(json_path(s->snap->doc, "config", "User", NULL), NULL);
	autofree char *empty = xasprintf("%s/build/.empty", s->build->cache.root);
	autofree char *line = xasprintf("WORKDIR %s", path);
	autofd int source = -EBADF;
	struct cached layer;
	int r;

	TRY(fs_mkdirs(empty, 0755, err));
	source = open(empty, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (source < 0)
		return err_sys(err, "open '%s'", empty);
	strv_add(&job->words.sources, ".");
	job->words.dest = xasprintf("%s/", path);
	job->words.chown = user && *user ? xstrdup(user) : NULL;
	job->workdir = xstrdup("/");
	job->source = source;
	job->plan = (struct copy_plan){
		.words = &job->words, .workdir = "/", .epoch = s->build->epoch
	};
	r = solve_layer(job, &layer, err);
	strv_done(&job->words.sources);
	free(job->words.dest);
	free(job->words.chown);
	if (r < 0)
		return err_wrap(err, "WORKDIR %s", path);
	if (r != 0)
		return r;
	json_put_string(snapshot_config(s->snap), "WorkingDir", path);
	step_layer(s, &layer, job->portable, line);
	return 0;
}

int step_workdir(struct step *s, struct err *err)
{
	struct copy_job job = {
		.step = s, .source = -1, .remote = { .dir = -EBADF }, .named = CONTEXT_INIT
	};
	autofree char *path = step_workdir_path(s->snap, s->in.args.n ? s->in.args.v[0] : "");
	int r = 0;

	if (strcmp(path, "/") == 0) {
		json_put_string(snapshot_config(s->snap), "WorkingDir", path);
		snapshot_history(s->snap, "WORKDIR /", true);
		return 0;
	}
	r = solve_workdir(&job, path, err);
	job_done(&job);
	return r;
}
