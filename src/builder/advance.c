/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stage, step by step. Called twice for a stage at most: once by the process that was started, which only
 * looks into the cache, and then, if a step was not there, by the stage's worker.
 */
#include "builder/build.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/xalloc.h"

/* ---- names ---- */

static bool makes_layer(const struct instruction *in)
{
	return in->kind == INS_RUN || in->kind == INS_COPY || in->kind == INS_ADD ||
	       in->kind == INS_WORKDIR;
}

/* "[2/3] ", "[build 2/3] " */
static void add_place(const struct build *b, size_t stage, size_t step, struct buf *out)
{
	const struct stage *st = &b->stages.all[stage];
	size_t at = 1, total = 1;
	char width[24];

	for (size_t i = 0; i < st->n_steps; i++) {
		if (!makes_layer(&st->steps[i]))
			continue;
		total++;
		at += i < step;
	}
	(void)snprintf(width, sizeof(width), "%zu", total);
	buf_addc(out, '[');
	if (b->stages.n > 1 && st->from.stage_name)
		buf_addf(out, "%s ", st->from.stage_name);
	else if (b->stages.n > 1)
		buf_addf(out, "stage-%zu ", stage);
	buf_addf(out, "%*zu/%zu] ", (int)strlen(width), at, total);
}

/* One line, whatever the Dockerfile holds. */
static char *step_name(const struct build *b, size_t stage, size_t step, const char *text)
{
	autobuf struct buf out = BUF_INIT;

	add_place(b, stage, step, &out);
	for (const char *c = text; *c; c++)
		buf_addc(&out, *c == '\n' || *c == '\t' ? ' ' : *c);
	return buf_steal(&out);
}

/* ---- bases ---- */

static int pull(struct build *b, const char *name, const char *platform, struct err *err)
{
	autostrv struct strv args = STRV_INIT;
	int status;

	strv_add(&args, "pull");
	strv_add(&args, "--quiet");
	if (platform)
		strv_addf(&args, "--platform=%s", platform);
	strv_add(&args, "--");
	strv_add(&args, name);
	autofd int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (null < 0)
		return err_sys(err, "open /dev/null");
	status = image_helper(b->globals, args.v, null, err);
	if (status > 0) /* the helper has said why */
		return err_told(err, -EREMOTEIO, 1);
	return status;
}

/* An image that does not say what it is for may be for anything. */
static bool is_for(const struct image *image, const char *platform, struct err *err)
{
	return !*json_str(json_get(image->config, "architecture"), "") ||
	       image_check_platform(image, platform, err) == 0;
}

int base_image(
	struct build *b, const char *name, const char *platform, struct image *ret, struct err *err)
{
	const char *asked = platform ? platform : b->opts->platform;
	const char *wanted = asked ? asked : platform_host();
	int r;

	if (strncmp(name, "docker-image://", 15) == 0)
		name += 15;
	r = b->opts->pull ? -ENOENT : image_resolve(b->globals, name, ret, err);
	if (r == 0 && !is_for(ret, wanted, err)) { /* another stage, or a pull, has had that name */
		image_done(ret);
		r = -ENOENT;
	}
	if (r != -ENOENT)
		return r;
	TRY(pull(b, name, asked, err));
	return image_resolve(b->globals, name, ret, err);
}

static const char *context_value(const struct build *b, const char *name)
{
	return strv_env_get(&b->opts->contexts, name);
}

static int begin_image(struct build *b, size_t stage, const char *name, struct err *err)
{
	struct stage_run *run = &b->runs[stage];
	autostrv struct strv triggers = STRV_INIT;
	autoimage struct image image = { 0 };

	TRY(base_image(b, name, b->stages.all[stage].platform, &image, err));
	TRY(snapshot_image(&image, &run->snap, &triggers, err));
	(void)time_text(b->epoch, run->snap.created);
	return stage_add_triggers(&b->stages.all[stage], &triggers, b->file.escape, err);
}

static int begin_stage(struct build *b, size_t stage, size_t base, struct err *err)
{
	const struct snapshot *from;
	struct snapshot *snap = &b->runs[stage].snap;
	autostrv struct strv triggers = STRV_INIT;

	TRY(stage_result(b, base, false, &from, err));
	snapshot_copy(from, snap);
	snap->cmd_set = false;
	json_strv(json_get(snapshot_config(snap), "OnBuild"), &triggers);
	json_del(snapshot_config(snap), "OnBuild");
	return stage_add_triggers(&b->stages.all[stage], &triggers, b->file.escape, err);
}

static void begin_scratch(struct build *b, size_t stage)
{
	struct snapshot *snap = &b->runs[stage].snap;
	const char *platform = b->stages.all[stage].platform;

	if (!platform)
		platform = b->opts->platform ? b->opts->platform : platform_host();
	snapshot_scratch(snap, platform);
	(void)time_text(b->epoch, snap->created);
}

/* A directory is copied into nothing. */
static int begin_context(struct build *b, size_t stage, const char *name, struct err *err)
{
	const char *value = context_value(b, name);
	autostrv struct strv copy = STRV_INIT;

	if (value && strncmp(value, "docker-image://", 15) == 0)
		return begin_image(b, stage, value + 15, err);
	strv_addf(&copy, "COPY --from=%s / /", name);
	begin_scratch(b, stage);
	return stage_add_triggers(&b->stages.all[stage], &copy, b->file.escape, err);
}

int stage_begin(struct build *b, size_t stage, struct err *err)
{
	struct stage *st = &b->stages.all[stage];
	struct stage_run *run = &b->runs[stage];
	autofree char *text = xasprintf("FROM %s", st->base.name), *name = NULL;

	switch (st->base.kind) {
	case BASE_SCRATCH:
		begin_scratch(b, stage);
		run->begun = true;
		return 0;
	case BASE_STAGE:
		TRY(begin_stage(b, stage, st->base.stage, err));
		run->begun = true;
		return 0;
	case BASE_IMAGE:
		TRY(begin_image(b, stage, st->base.name, err));
		break;
	case BASE_CONTEXT:
		TRY(begin_context(b, stage, st->base.name, err));
		break;
	}
	name = step_name(b, stage, 0, text);
	report(b, REPORT_CACHED, vertex_of(stage, 0xffff), name);
	run->begun = true;
	return 0;
}

/* ---- other stages ---- */

/* The worker of that stage holds the other end until it has ended. */
static int wait_for(struct build *b, size_t stage, struct err *err)
{
	struct stage_run *run = &b->runs[stage];
	struct pollfd fd = { .fd = run->ended, .events = POLLIN };
	char name[40];

	while (poll(&fd, 1, -1) < 0)
		if (errno != EINTR)
			return err_sys(err, "wait for another stage");
	(void)snprintf(name, sizeof(name), "stage-%zu.json", stage);
	snapshot_done(&run->snap);
	if (snapshot_load(b->work_fd, name, &run->snap, err) < 0)
		return err_told(err, -ECANCELED, 1); /* it has failed, and said so */
	run->complete = true;
	fd_drop(&run->ended);
	return 0;
}

int stage_result(
	struct build *b, size_t stage, bool look_only, const struct snapshot **ret, struct err *err)
{
	struct stage_run *run = &b->runs[stage];

	if (!run->complete) {
		if (look_only)
			return STEP_MISSED;
		if (run->ended < 0)
			return err_set(err, -EINVAL, "stage %zu is not there yet", stage);
		TRY(wait_for(b, stage, err));
	}
	*ret = &run->snap;
	return 0;
}

int stage_from(struct step *s, const char *name, struct base *ret_base, struct snapshot *ret_snap,
	struct err *err)
{
	struct build *b = s->build;
	autostrv struct strv triggers = STRV_INIT;
	autoimage struct image image = { 0 };
	const struct snapshot *snap;
	const char *value;

	TRY(stage_source(&b->stages, s->stage, &b->stage_options, name, ret_base, err));
	if (ret_base->kind == BASE_STAGE) {
		int r = stage_result(b, ret_base->stage, s->look_only, &snap, err);

		if (r == 0)
			snapshot_copy(snap, ret_snap);
		return r;
	}
	value = ret_base->kind == BASE_CONTEXT ? context_value(b, name) : ret_base->name;
	if (ret_base->kind == BASE_CONTEXT && value && strncmp(value, "docker-image://", 15) == 0)
		ret_base->kind = BASE_IMAGE;
	if (ret_base->kind != BASE_IMAGE)
		return 0;
	TRY(base_image(b, value, NULL, &image, err));
	return snapshot_image(&image, ret_snap, &triggers, err);
}

/* ---- steps ---- */

void step_scope(const struct snapshot *snap, struct strv *ret)
{
	autostrv struct strv env = STRV_INIT;

	json_strv(json_path(snap->doc, "config", "Env", NULL), &env);
	strv_each (arg, &snap->args) {
		autofree char *name = xstrndup(*arg, strcspn(*arg, "="));

		if (!strv_env_get(&env, name)) /* ENV beats ARG */
			strv_add(ret, *arg);
	}
	strv_extend(ret, &env);
}

int step_dir(struct step *s, char name[40], struct err *err)
{
	(void)snprintf(name, 40, "%zu-%zu", s->stage, s->index);
	if (mkdirat(s->build->work_fd, name, 0700) < 0)
		return fs_err(err, s->build->work_fd, name);
	return 0;
}

int step_find(
	struct step *s, const char *key, const char *portable, struct cached *ret, struct err *err)
{
	struct build *b = s->build;

	if (cache_find(&b->cache, key, ret))
		return 1;
	for (size_t i = 0; i < b->n_imported; i++) {
		if (strcmp(b->imported[i].key, portable) != 0)
			continue;
		(void)snprintf(ret->created, sizeof(ret->created), "%s", b->imported[i].created);
		TRY(cache_adopt(&b->cache, &b->imported[i].layer, key, s->written->text, ret, err));
		return 1;
	}
	return 0;
}

void step_layer(
	struct step *s, const struct cached *layer, const char *portable, const char *created_by)
{
	if (s->linked)
		snapshot_push_linked(s->snap, layer->layer, layer->created, portable);
	else
		snapshot_push(s->snap, layer->layer, layer->created, portable);
	snapshot_history(s->snap, created_by, false);
}

int snapshot_dirs(struct build *b, const struct snapshot *snap, struct strv *ret, struct err *err)
{
	strv_extend(ret, &snap->base_dirs);
	strv_each (layer, &snap->layers) {
		char *dir;

		TRY(cache_dir(&b->cache, *layer, &dir, err));
		strv_adopt(ret, dir);
	}
	if (ret->n == 0) { /* scratch: overlayfs wants something to lie below */
		autofree char *empty = xasprintf("%s/build/.empty", b->cache.root);

		TRY(fs_mkdirs(empty, 0755, err));
		strv_add(ret, empty);
	}
	return 0;
}

static int carry_out(struct step *s, struct err *err)
{
	autostrv struct strv scope = STRV_INIT;
	const struct expansion how = { .escape = s->build->file.escape, .env = &scope };

	step_scope(s->snap, &scope);
	instruction_copy(s->written, &s->in);
	TRY(instruction_expand(&s->in, &how, err));
	switch (s->in.kind) {
	case INS_RUN:
		return step_run(s, err);
	case INS_COPY:
	case INS_ADD:
		return step_copy(s, err);
	case INS_WORKDIR:
		return step_workdir(s, err);
	case INS_FROM:
	case INS_KINDS:
		return err_set(err, -EINVAL, "FROM inside a stage");
	case INS_ARG:
	case INS_CMD:
	case INS_ENTRYPOINT:
	case INS_ENV:
	case INS_EXPOSE:
	case INS_HEALTHCHECK:
	case INS_LABEL:
	case INS_MAINTAINER:
	case INS_ONBUILD:
	case INS_SHELL:
	case INS_STOPSIGNAL:
	case INS_USER:
	case INS_VOLUME:
		break;
	}
	return step_metadata(s, err);
}

int stage_advance(struct build *b, size_t stage, bool look_only, struct err *err)
{
	struct stage_run *run = &b->runs[stage];

	if (!run->begun)
		TRY(stage_begin(b, stage, err));
	for (; run->next < b->stages.all[stage].n_steps; run->next++) {
		const struct instruction *written = &b->stages.all[stage].steps[run->next];
		struct step s = { .build = b,
			.stage = stage,
			.index = run->next,
			.snap = &run->snap,
			.written = written,
			.look_only = look_only };
		int r;

		if (makes_layer(written)) /* others are not told of */
			s.name = step_name(b, stage, run->next + 1, written->text);
		r = carry_out(&s, err);
		instruction_done(&s.in);
		free(s.name);
		if (r < 0)
			b->fault = written->lines;
		if (r != 0)
			return r;
	}
	run->complete = true;
	return 0;
}
