/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names are resolved in the order of the file: a stage sees those above it. Only FROM and the sources of
 * COPY and RUN --mount make edges, so the graph has no cycles but the one of a stage that names itself.
 */
#include "builder/stage.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "builder/diagnose.h"
#include "builder/text.h"
#include "options/options.h"

#define STAGES_MAX 100000

void base_done(struct base *base)
{
	free(base->name);
	*base = (struct base){ 0 };
}

static void stage_done(struct stage *stage)
{
	instruction_done(&stage->from);
	base_done(&stage->base);
	free(stage->platform);
	for (size_t i = 0; i < stage->n_steps; i++)
		instruction_done(&stage->steps[i]);
	free(stage->steps);
}

void stages_done(struct stages *stages)
{
	for (size_t i = 0; i < stages->n_globals; i++)
		instruction_done(&stages->globals[i]);
	free(stages->globals);
	strv_done(&stages->global_args);
	for (size_t i = 0; i < stages->n; i++)
		stage_done(&stages->all[i]);
	free(stages->all);
	free(stages->names);
	*stages = (struct stages){ 0 };
}

/* ---- instructions into stages ---- */

static struct instruction *append(struct instruction **list, size_t *n)
{
	*list = xgrow(*list, *n, sizeof(**list));
	return &(*list)[(*n)++];
}

static int add_stage(struct stages *stages, struct instruction *adopt_from, struct err *err)
{
	size_t n = stages->n;

	if (n >= STAGES_MAX) {
		instruction_done(adopt_from);
		return err_set(err, -E2BIG, "more than %u stages", STAGES_MAX);
	}
	stages->all = xgrow(stages->all, n, sizeof(*stages->all));
	stages->all[stages->n++] = (struct stage){ .from = *adopt_from };
	return 0;
}

static int add_instruction(struct stages *stages, struct instruction *adopt, struct err *err)
{
	if (adopt->kind == INS_FROM)
		return add_stage(stages, adopt, err);
	if (stages->n == 0 && adopt->kind == INS_ARG) {
		*append(&stages->globals, &stages->n_globals) = *adopt;
		return 0;
	}
	if (stages->n > 0) {
		struct stage *last = &stages->all[stages->n - 1];

		*append(&last->steps, &last->n_steps) = *adopt;
		return 0;
	}
	instruction_done(adopt);
	return err_set(err, -EINVAL, "no build stage in current context");
}

static int sort_nodes(struct dockerfile *file, struct stages *stages, struct err *err)
{
	for (size_t i = 0; i < file->n_nodes; i++) {
		struct instruction in;

		file->fault = file->nodes[i].lines;
		TRY(instruction_parse(&file->nodes[i], &in, err));
		TRY(add_instruction(stages, &in, err));
	}
	if (stages->n == 0)
		return err_set(err, -EINVAL, "dockerfile contains no stages to build");
	return 0;
}

/* ---- global arguments ---- */

static const char *env_get(const struct strv *env, const char *name)
{
	return env ? strv_env_get(env, name) : NULL;
}

/* A default that --build-arg replaces is not even expanded. */
static int add_global(struct stages *stages, struct pair *pair, const struct stage_options *options,
	const struct expansion *how, struct err *err)
{
	const char *given = env_get(options->build_args, pair->key);
	autofree char *value = NULL;

	if (given)
		value = xstrdup(given);
	else if (pair->value)
		TRY(expand_word(how, pair->value, &value, err));
	if (value) {
		autofree char *assignment = xasprintf("%s=%s", pair->key, value);

		strv_env_set(&stages->global_args, assignment);
	}
	return 0;
}

static int expand_globals(struct dockerfile *file, const struct stage_options *options,
	struct stages *stages, struct err *err)
{
	if (options->platform_args)
		strv_extend(&stages->global_args, options->platform_args);
	for (size_t i = 0; i < stages->n_globals; i++) {
		struct instruction *arg = &stages->globals[i];
		struct expansion how = { .escape = file->escape, .env = &stages->global_args };

		file->fault = arg->lines;
		for (size_t j = 0; j < arg->n_pairs; j++)
			TRY(add_global(stages, &arg->pairs[j], options, &how, err));
	}
	return 0;
}

/* ---- names ---- */

static bool read_index(const char *name, size_t *ret)
{
	size_t n = 0;

	if (!*name || strlen(name) > 9)
		return false;
	for (; *name; name++) {
		if (!text_is_digit(*name))
			return false;
		n = n * 10 + (size_t)(*name - '0');
	}
	*ret = n;
	return true;
}

static int by_name(const void *a, const void *b)
{
	const struct stage_name *x = a, *y = b;
	int r = strcasecmp(x->name, y->name);

	return r ? r : x->stage < y->stage ? -1 : x->stage > y->stage;
}

/* Every FROM asks whether it means a stage: with a hundred thousand of them that must not be a search of all. */
static void sort_names(struct stages *stages)
{
	stages->names = xcalloc(stages->n + 1, sizeof(*stages->names));
	for (size_t i = 0; i < stages->n; i++)
		if (stages->all[i].from.stage_name)
			stages->names[stages->n_names++] =
				(struct stage_name){ stages->all[i].from.stage_name, i };
	if (stages->n_names > 1)
		qsort(stages->names, stages->n_names, sizeof(*stages->names), by_name);
}

/* The last stage of that name above `before`; false when there is none. */
static bool find_stage(const struct stages *stages, size_t before, const char *name, size_t *ret)
{
	const struct stage_name wanted = { name, before };
	size_t low = 0, high = stages->n_names;

	while (low < high) { /* the first that is not less */
		size_t middle = low + (high - low) / 2;

		if (by_name(&stages->names[middle], &wanted) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0 || strcasecmp(stages->names[low - 1].name, name) != 0)
		return false;
	*ret = stages->names[low - 1].stage;
	return true;
}

static bool is_context(const struct stage_options *options, const char *name)
{
	return options->contexts && strv_has(options->contexts, name);
}

static void set_base(struct base *base, enum base_kind kind, const char *name, size_t stage)
{
	*base = (struct base){ .kind = kind, .name = xstrdup(name), .stage = stage };
}

int stage_source(const struct stages *stages, size_t at, const struct stage_options *options,
	const char *name, struct base *ret, struct err *err)
{
	const char *own = stages->all[at].from.stage_name;
	size_t stage = 0;

	if (is_context(options, name))
		set_base(ret, BASE_CONTEXT, name, 0);
	else if (find_stage(stages, at, name, &stage))
		set_base(ret, BASE_STAGE, name, stage);
	else if (read_index(name, &stage)) {
		if (stage >= at)
			return err_set(err, -EINVAL,
				"invalid stage index %s: there is no such stage above", name);
		set_base(ret, BASE_STAGE, name, stage);
	} else if (own && strcasecmp(own, name) == 0) {
		return err_set(err, -EINVAL, "circular dependency detected on stage: %s", name);
	} else {
		set_base(ret, strcmp(name, "scratch") == 0 ? BASE_SCRATCH : BASE_IMAGE, name, 0);
	}
	return 0;
}

static int no_name(const struct stage *stage, struct err *err)
{
	return err_set(err, -EINVAL,
		"base name (%s) should not be blank: an ARG used by FROM must stand above the first "
		"FROM and have a value",
		stage->from.args.v[0]);
}

/* "arm64" alone is linux/arm64. */
static int resolve_platform(const struct expansion *how, struct stage *stage, struct err *err)
{
	autofree char *text = NULL;

	if (!stage->from.platform)
		return 0;
	TRY(expand_word(how, stage->from.platform, &text, err));
	if (!*text)
		return err_set(err, -EINVAL, "empty platform value from expression %s",
			stage->from.platform);
	stage->platform = strchr(text, '/') ? move_ptr(&text) : xasprintf("linux/%s", text);
	if (parse_platform(stage->platform, err) < 0)
		return err_wrap(err, "failed to parse platform %s", stage->from.platform);
	return 0;
}

static int resolve_base(const struct dockerfile *file, const struct stage_options *options,
	struct stages *stages, size_t at, struct err *err)
{
	struct stage *stage = &stages->all[at];
	struct expansion how = { .escape = file->escape, .env = &stages->global_args };
	autofree char *name = NULL;
	size_t index = 0;

	TRY(expand_word(&how, stage->from.args.v[0], &name, err));
	TRY(resolve_platform(&how, stage, err));
	if (!*name)
		return no_name(stage, err);
	if (is_context(options, name))
		set_base(&stage->base, BASE_CONTEXT, name, 0);
	else if (find_stage(stages, at, name, &index))
		set_base(&stage->base, BASE_STAGE, name, index);
	else
		set_base(&stage->base, strcmp(name, "scratch") == 0 ? BASE_SCRATCH : BASE_IMAGE,
			name, 0);
	return 0;
}

/* ---- the target and what it needs ---- */

static int no_target(const struct stages *stages, const char *name, struct err *err)
{
	const char **names = xcalloc(stages->n + 1, sizeof(*names));
	const char *near;
	size_t n = 0;

	for (size_t i = 0; i < stages->n; i++)
		if (stages->all[i].from.stage_name)
			names[n++] = stages->all[i].from.stage_name;
	near = diagnose_nearest(name, names);
	free(names);
	return err_set(err, -EINVAL, "target stage \"%s\" could not be found%s%s%s", name,
		near ? " (did you mean " : "", near ? near : "", near ? "?)" : "");
}

static int find_target(struct stages *stages, const char *name, struct err *err)
{
	stages->target = stages->n - 1;
	if (!name || !*name || find_stage(stages, stages->n, name, &stages->target))
		return 0;
	if (read_index(name, &stages->target) && stages->target < stages->n)
		return 0;
	return no_target(stages, name, err);
}

static int need(struct stages *stages, size_t at, const struct stage_options *options,
	const char *name, struct err *err)
{
	struct base base;

	TRY(stage_source(stages, at, options, name, &base, err));
	if (base.kind == BASE_STAGE)
		stages->all[base.stage].needed = true;
	base_done(&base);
	return 0;
}

static int parse_trigger(const char *text, char escape, struct instruction *ret, struct err *err)
{
	autodockerfile struct dockerfile file = { 0 };
	autofree char *with_escape = xasprintf("%s%s", escape == '`' ? "# escape=`\n" : "", text);

	TRY(dockerfile_parse("ONBUILD trigger", with_escape, strlen(with_escape), &file, err));
	if (file.n_nodes != 1)
		return err_set(
			err, -EINVAL, "an ONBUILD trigger holds %zu instructions", file.n_nodes);
	TRY(instruction_parse(&file.nodes[0], ret, err));
	if (ret->kind != INS_ONBUILD && ret->kind != INS_FROM && ret->kind != INS_MAINTAINER)
		return 0;
	(void)err_set(err, -EINVAL, "%s isn't allowed as an ONBUILD trigger",
		instruction_name(ret->kind));
	instruction_done(ret);
	return err->code;
}

static int need_sources(struct stages *stages, size_t at, const struct stage_options *options,
	const struct instruction *in, struct err *err)
{
	if (in->copy.from)
		TRY(need(stages, at, options, in->copy.from, err));
	for (size_t i = 0; i < in->run.n_mounts; i++)
		if (in->run.mounts[i].from)
			TRY(need(stages, at, options, in->run.mounts[i].from, err));
	return 0;
}

/* Stage `at` will begin with what its base, a stage of the file, says ONBUILD. */
static int need_trigger(struct stages *stages, size_t at, const struct stage_options *options,
	const struct instruction *in, struct err *err)
{
	struct instruction trigger;
	int r;

	if (in->kind != INS_ONBUILD || in->args.n == 0)
		return 0;
	TRY(parse_trigger(in->args.v[0], stages->escape, &trigger, err));
	r = need_sources(stages, at, options, &trigger, err);
	instruction_done(&trigger);
	return r;
}

static int need_of_base(struct stages *stages, size_t at, const struct stage_options *options,
	struct lines *fault, struct err *err)
{
	struct stage *base = &stages->all[stages->all[at].base.stage];

	base->needed = true;
	for (size_t i = 0; i < base->n_steps; i++) {
		*fault = base->steps[i].lines;
		TRY(need_trigger(stages, at, options, &base->steps[i], err));
	}
	return 0;
}

/* Edges lead upwards only, so one pass from the target to the top finds all. */
int stages_mark(struct stages *stages, const struct stage_options *options, struct lines *ret_fault,
	struct err *err)
{
	stages->all[stages->target].needed = true;
	for (size_t i = stages->target + 1; i > 0; i--) {
		struct stage *stage = &stages->all[i - 1];

		if (!stage->needed)
			continue;
		if (stage->base.kind == BASE_STAGE)
			TRY(need_of_base(stages, i - 1, options, ret_fault, err));
		for (size_t j = 0; j < stage->n_steps; j++) {
			*ret_fault = stage->steps[j].lines;
			TRY(need_sources(stages, i - 1, options, &stage->steps[j], err));
		}
	}
	return 0;
}

int stages_plan(struct dockerfile *file, const struct stage_options *options, struct stages *ret,
	struct err *err)
{
	*ret = (struct stages){ .escape = file->escape };
	TRY(sort_nodes(file, ret, err));
	sort_names(ret);
	TRY(expand_globals(file, options, ret, err));
	for (size_t i = 0; i < ret->n; i++) {
		file->fault = ret->all[i].from.lines;
		TRY(resolve_base(file, options, ret, i, err));
	}
	file->fault = (struct lines){ 0 };
	TRY(find_target(ret, options->target, err));
	TRY(stages_mark(ret, options, &file->fault, err));
	file->fault = (struct lines){ 0 };
	return 0;
}

static bool has_arg(const struct instruction *list, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; list[i].kind == INS_ARG && j < list[i].n_pairs; j++)
			if (strcmp(list[i].pairs[j].key, name) == 0)
				return true;
	return false;
}

bool stages_have_arg(const struct stages *stages, const char *name)
{
	bool has = has_arg(stages->globals, stages->n_globals, name);

	for (size_t i = 0; !has && i < stages->n; i++)
		has = has_arg(stages->all[i].steps, stages->all[i].n_steps, name);
	return has;
}

/* ---- ONBUILD of the base ---- */

int stage_add_triggers(
	struct stage *stage, const struct strv *triggers, char escape, struct err *err)
{
	struct instruction *steps = xcalloc(triggers->n + stage->n_steps, sizeof(*steps));
	size_t n = 0;

	strv_each (trigger, triggers) {
		if (parse_trigger(*trigger, escape, &steps[n], err) < 0) {
			while (n > 0)
				instruction_done(&steps[--n]);
			free(steps);
			return err_wrap(err, "ONBUILD of %s", stage->base.name);
		}
		steps[n++].lines = stage->from.lines;
	}
	for (size_t i = 0; i < stage->n_steps; i++)
		steps[n + i] = stage->steps[i];
	free(stage->steps);
	stage->steps = steps;
	stage->n_steps += n;
	return 0;
}
