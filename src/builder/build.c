/* SPDX-License-Identifier: Apache-2.0 */
/* The pipeline of `sbx build`, top to bottom. */
#include "builder/build.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/own.h"
#include "base/xalloc.h"
#include "builder/builder.h"
#include "builder/diagnose.h"
#include "builder/progress.h"
#include "policy/policy.h"

/* ---- a place to work ---- */

/* Others collect what is in tmp/ and not locked. */
static int make_work(struct build *b, struct err *err)
{
	for (int tries = 0; tries < 10; tries++) {
		autofree char *path = NULL;
		autofd int fd = -EBADF;
		uint64_t random;
		struct stat st;

		if (getrandom(&random, sizeof(random), 0) != sizeof(random))
			return err_sys(err, "get a random name");
		path = xasprintf("%s/tmp/%016llx", b->cache.root, (unsigned long long)random);
		if (mkdir(path, 0700) < 0)
			return fs_err(err, AT_FDCWD, path);
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0 || stat(path, &st) < 0)
			continue; /* a collector was faster */
		b->work = move_ptr(&path);
		b->work_fd = move_fd(&fd);
		return 0;
	}
	return err_set(err, -EAGAIN, "could not make a temporary directory in the image store");
}

static int remove_child(void *data, struct err *err)
{
	return fs_remove_tree(AT_FDCWD, data, err);
}

/* A step that failed may have left files of sub-ids. */
static void remove_work(struct build *b)
{
	struct err ignored = ERR_INIT; /* what stays is collected by the next build or pull */

	if (!b->work || fs_remove_tree(AT_FDCWD, b->work, &ignored) >= 0)
		return;
	(void)userns_run(&b->idmap, 0, remove_child, b->work, &ignored);
}

static void build_done(struct build *b)
{
	for (size_t i = 0; b->runs && i < b->stages.n; i++) {
		snapshot_done(&b->runs[i].snap);
		fd_drop(&b->runs[i].ended);
	}
	free(b->runs);
	stages_done(&b->stages);
	dockerfile_done(&b->file);
	context_done(&b->context);
	remove_work(b);
	free(b->work);
	fd_drop(&b->work_fd);
	fd_drop(&b->userns);
	image_compose_drop(&b->composer);
	cache_done(&b->cache);
	fd_drop(&b->hold);
	strv_done(&b->platform_args);
	strv_done(&b->context_names);
	strv_done(&b->args_given);
	free(b->imported);
	progress_free(b->progress);
}

/* ---- what was asked for ---- */

static int check_tag(const char *tag, struct err *err)
{
	autoref struct ref ref = { 0 };
	autofree char *lower = xstrdup(tag);
	struct err why = ERR_INIT;

	if (ref_parse(tag, &ref, &why) == 0)
		return ref.digest ? err_exit(err,
					    (err_set(err, -EINVAL,
						     "invalid tag '%s': a tag has no digest", tag),
						    125))
				  : 0;
	for (char *c = lower; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c += 'a' - 'A';
	if (strcmp(lower, tag) != 0 && ref_parse(lower, &ref, &(struct err)ERR_INIT) == 0)
		(void)err_set(
			err, why.code, "invalid tag \"%s\": %s. Try: -t %s", tag, why.text, lower);
	else
		(void)err_set(err, why.code, "invalid tag \"%s\": %s", tag, why.text);
	return err_exit(err, 125);
}

static void add_platform_args(struct build *b)
{
	static const char *const prefixes[] = { "TARGET", "BUILD" };
	const char *host = platform_host();

	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		const char *platform = i == 0 && b->opts->platform ? b->opts->platform : host;
		const char *arch = strchr(platform, '/') + 1;
		const char *variant = strchr(arch, '/');

		strv_addf(&b->platform_args, "%sPLATFORM=%s", prefixes[i], platform);
		strv_addf(&b->platform_args, "%sOS=%.*s", prefixes[i], (int)(arch - platform - 1),
			platform);
		strv_addf(&b->platform_args, "%sARCH=%.*s", prefixes[i],
			variant ? (int)(variant - arch) : (int)strlen(arch), arch);
		strv_addf(
			&b->platform_args, "%sVARIANT=%s", prefixes[i], variant ? variant + 1 : "");
	}
	if (b->opts->target)
		strv_addf(&b->platform_args, "TARGETSTAGE=%s", b->opts->target);
}

static int read_epoch(struct build *b, struct err *err)
{
	const char *text = getenv("SOURCE_DATE_EPOCH");
	const char *given = strv_env_get(&b->args_given, "SOURCE_DATE_EPOCH");
	char *end;

	b->epoch = -1;
	text = b->opts->timestamp ? b->opts->timestamp : given ? given : text;
	if (!text || !*text)
		return 0;
	errno = 0;
	b->epoch = strtoll(text, &end, 10);
	if (errno || *end || b->epoch < 0)
		return err_set(err, -EINVAL, "%s '%s' is not a number of seconds",
			b->opts->timestamp ? "--timestamp" : "SOURCE_DATE_EPOCH", text);
	if (setenv("SOURCE_DATE_EPOCH", text, 1) < 0) /* for sbx-image */
		return err_sys(err, "setenv");
	return 0;
}

static int take_options(struct build *b, struct err *err)
{
	const struct build_opts *o = b->opts;
	autorunopts struct run_opts run = { 0 };

	strv_each (tag, &o->tags)
		TRY(check_tag(*tag, err));
	strv_each (arg, &o->build_args)
		if (strchr(*arg, '='))
			strv_env_set(&b->args_given, *arg);
	strv_each (context, &o->contexts)
		strv_addf(&b->context_names, "%.*s", (int)strcspn(*context, "="), *context);
	TRY(build_run_opts(o, &run, err));
	if (export_pushes(b) && o->tags.n == 0)
		return err_set(err, -EINVAL, "--push needs a name: -t NAME");
	add_platform_args(b);
	b->stage_options = (struct stage_options){ .build_args = &b->args_given,
		.platform_args = &b->platform_args,
		.contexts = &b->context_names,
		.target = o->target };
	return read_epoch(b, err);
}

static int open_all(struct build *b, struct err *err)
{
	TRY(take_options(b, err));
	b->hold = image_hold(b->globals, err);
	TRY(b->hold);
	TRY(cache_open(b->globals, &b->cache, err));
	b->cache.unwanted = b->opts->no_cache;
	TRY(make_work(b, err));
	TRY(idmap_detect(&b->idmap, err));
	TRY(rootfs_driver(b->globals, &b->idmap, &b->driver, NULL, 0, err));
	b->progress = progress_new(b->opts->progress, b->opts->quiet);
	if (b->idmap.kind == IDMAP_SINGLE)
		b->owners = policy_can_answer() ? OWNERS_KEPT : OWNERS_FORGOTTEN;
	if (b->idmap.kind == IDMAP_SINGLE && !b->opts->quiet)
		log_msg(LOG_WARN, "one user id is mapped: %s",
			b->owners == OWNERS_KEPT
				? "owners are kept as metadata, and are those asked for in the image"
				: "RUN's changes of owners and users are answered as done, what it "
				  "makes belongs to root");
	return 0;
}

/* ---- the Dockerfile ---- */

static int load(struct build *b, struct err *err)
{
	autofree char *name = NULL, *note = NULL;

	TRY(context_open(b->opts->context, b->opts->file, b->work, &b->context, err));
	name = xasprintf("[internal] load build definition from %s", b->context.dockerfile_name);
	note = xasprintf("transferring dockerfile: %zuB done", b->context.dockerfile_len);
	report(b, REPORT_START, VERTEX_LOAD, name);
	report(b, REPORT_NOTE, VERTEX_LOAD, note);
	report(b, REPORT_DONE, VERTEX_LOAD, NULL);
	TRY(dockerfile_parse(b->context.dockerfile_name, b->context.dockerfile,
		b->context.dockerfile_len, &b->file, err));
	TRY(stages_plan(&b->file, &b->stage_options, &b->stages, err));
	TRY(cache_import(b, err));
	b->runs = xcalloc(b->stages.n + 1, sizeof(*b->runs));
	for (size_t i = 0; i < b->stages.n; i++)
		b->runs[i].ended = -EBADF;
	return 0;
}

/* Those that mean something without an ARG. */
static bool is_predefined(const char *name)
{
	static const char *const names[] = { "HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY",
		"ALL_PROXY", "SOURCE_DATE_EPOCH" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcasecmp(name, names[i]) == 0)
			return true;
	return strncmp(name, "BUILDKIT_", 9) == 0;
}

/* A name that is typed wrong would otherwise do nothing, and say so nowhere. */
static void warn_unused_args(const struct build *b)
{
	autobuf struct buf unused = BUF_INIT;

	strv_each (arg, &b->args_given) {
		autofree char *name = xstrndup(*arg, strcspn(*arg, "="));

		if (!is_predefined(name) && !stages_have_arg(&b->stages, name))
			buf_addf(&unused, "%s%s", unused.len ? " " : "", name);
	}
	if (unused.len)
		log_msg(LOG_WARN,
			"One or more build-args [%s] were not consumed: no ARG names them",
			unused.data);
}

/* Once, however often it is used. */
static void warn_maintainer(const struct build *b)
{
	for (size_t i = 0; i < b->stages.n; i++)
		for (size_t j = 0; j < b->stages.all[i].n_steps; j++) {
			const struct instruction *in = &b->stages.all[i].steps[j];

			if (in->kind != INS_MAINTAINER)
				continue;
			log_msg(LOG_WARN,
				"%s:%u: MAINTAINER is deprecated in favor of a label: LABEL "
				"org.opencontainers.image.authors=\"…\"",
				b->file.name, in->lines.first);
			return;
		}
}

static void warn(const struct build *b)
{
	if (b->opts->quiet)
		return;
	warn_maintainer(b);
	if (b->stages.n > 0)
		warn_unused_args(b);
	for (size_t i = 0; i < b->file.n_warnings; i++)
		log_msg(LOG_WARN, "%s:%u: %s", b->file.name, b->file.warnings[i].lines.first,
			b->file.warnings[i].text);
}

/* ---- the stages ---- */

static bool base_is_there(const struct build *b, size_t stage)
{
	const struct base *base = &b->stages.all[stage].base;

	return base->kind != BASE_STAGE || b->runs[base->stage].complete;
}

/* Images come first: their ONBUILD triggers may need other stages, which then may need other images. */
static int begin_images(struct build *b, struct err *err)
{
	for (size_t i = 0; i < b->stages.n; i++) {
		struct stage *stage = &b->stages.all[i];
		size_t steps = stage->n_steps;

		if (!stage->needed || stage->base.kind == BASE_STAGE || b->runs[i].begun)
			continue;
		b->fault = stage->from.lines;
		TRY(stage_begin(b, i, err));
		if (stage->n_steps == steps)
			continue;
		TRY(stages_mark(&b->stages, &b->stage_options, &b->fault, err));
		i = (size_t)-1; /* from the top again */
	}
	b->fault = (struct lines){ 0 };
	return 0;
}

/* What the cache has, without starting anything. */
static int look(struct build *b, bool *ret_complete, struct err *err)
{
	*ret_complete = true;
	TRY(begin_images(b, err));
	for (size_t i = 0; i < b->stages.n; i++) {
		int r;

		if (!b->stages.all[i].needed)
			continue;
		r = base_is_there(b, i) ? stage_advance(b, i, true, err) : STEP_MISSED;
		TRY(r);
		if (r == STEP_MISSED)
			*ret_complete = false;
	}
	return 0;
}

static int solve(struct build *b, struct err *err)
{
	bool complete;

	TRY(load(b, err));
	TRY(look(b, &complete, err));
	if (!complete)
		TRY(workers_run(b, err));
	return export_all(b, &b->runs[b->stages.target].snap, err);
}

/* BuildKit's last words: the output's tail, and the place in the Dockerfile. */
static void explain(struct build *b, const struct err *why)
{
	autobuf struct buf text = BUF_INIT;
	struct lines at = b->fault.first ? b->fault : b->file.fault;

	if (b->progress) {
		progress_pause(b->progress, true);
		if (b->progress->mode == PROGRESS_RAWJSON)
			return;
		progress_failure(b->progress, &text);
	}
	if (b->file.text && why->code != -EINTR)
		diagnose(&b->file, at, &text);
	if (text.len)
		(void)fs_write_all(STDERR_FILENO, text.data, text.len, &(struct err)ERR_INIT);
}

int builder_build(struct globals *globals, const struct build_opts *opts, struct err *err)
{
	struct build b = { .globals = globals,
		.opts = opts,
		.context = CONTEXT_INIT,
		.cache = CACHE_INIT,
		.hold = -EBADF,
		.userns = -EBADF,
		.composer = { .to = -EBADF },
		.work_fd = -EBADF,
		.reports = -EBADF };
	int r = open_all(&b, err);

	if (r >= 0)
		r = solve(&b, err);
	if (r < 0)
		explain(&b, err);
	else if (b.progress)
		progress_pause(b.progress, true);
	warn(&b);
	build_done(&b);
	return r < 0 ? r : 0;
}
