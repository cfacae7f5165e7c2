/* SPDX-License-Identifier: Apache-2.0 */
/* ps: lists containers. */
#include "commands/commands.h"

#include <string.h>

#include "base/own.h"
#include "commands/common.h"
#include "commands/output.h"
#include "options/verbs.h"

#define TABLE                                                                               \
	"table {{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}" \
	"\t{{.Names}}"
#define TYPE "*formatter.ContainerContext"

struct listed {
	struct container *list;
	size_t n;
};

static void listed_done(struct listed *l)
{
	state_list_free(l->list, l->n);
}

/* Sizes need to know where each of them is, filters and some fields all of the configuration. */
static int list_all(const struct globals *globals, const struct ps_view *view, bool filtered,
	struct listed *ret, struct err *err)
{
	bool table = !filtered && !view->methods && ps_fields_are_few(view->fields);

	return view->sized ? state_list(globals, &ret->list, &ret->n, err)
			   : state_list_brief(globals, table, &ret->list, &ret->n, err);
}

static void filter_done(struct ps_filter **filter)
{
	ps_filter_free(*filter);
}

static const char *fallback(const struct ps_opts *opts)
{
	if (opts->quiet)
		return "{{.ID}}";
	return opts->size ? TABLE "\t{{.Size}}" : TABLE;
}

static int size_text(const struct globals *globals, const struct container *c, char *ret,
	size_t len, struct err *err)
{
	char own[UNITS_MAX], all[UNITS_MAX];
	int64_t written, image;

	TRY(container_size(globals, c, &written, &image, err));
	units_size(written, 3, own);
	units_size(written + image, 3, all);
	snprintf(ret, len, "%s (virtual %s)", own, all);
	return 0;
}

static int add_row(const struct globals *globals, struct ps_view *view, const struct container *c,
	struct format *format, struct err *err)
{
	autojson struct json *row = NULL, *methods = view->methods ? ps_methods(c) : NULL;
	char size[2 * UNITS_MAX + 16];

	if (view->sized)
		TRY(size_text(globals, c, size, sizeof(size), err));
	view->size = view->sized ? size : NULL;
	row = ps_row(c, view);
	return format_row(format, row, methods, err);
}

static size_t limit(const struct ps_opts *opts)
{
	if (opts->latest)
		return 1;
	return opts->last > 0 ? (size_t)opts->last : SIZE_MAX;
}

/* Docker tries what the user gave on a row of empty texts, before anything is listed. */
static int check_template(const char *text, const struct json *titles, struct err *err)
{
	autojson struct json *row = json_new_map(), *methods = json_new_map();
	struct template_env env = { .data = row, .methods = methods, .type = TYPE };
	autotemplate struct template *template = NULL;
	autobuf struct buf out = BUF_INIT;

	if (!text)
		return 0;
	json_each (it, titles)
		if (strcmp(it.key, "Label") != 0)
			json_put_string(row, it.key, "");
	json_put(methods, "Label", json_new_map());
	if (template_parse(text, &template, err) < 0)
		(void)err_wrap(err, "failed to parse template");
	else if (template_execute(template, &env, &out, err) < 0)
		(void)err_wrap(err, "failed to execute template");
	else
		return 0;
	return err_exit(err, 1);
}

int cmd_ps(struct globals *globals, int argc, char **argv, struct err *err)
{
	__attribute__((cleanup(ps_opts_done))) struct ps_opts opts = { 0 };
	__attribute__((cleanup(filter_done))) struct ps_filter *filter = NULL;
	__attribute__((cleanup(listed_done))) struct listed l = { 0 };
	autojson struct json *titles = ps_titles();
	autoformat struct format format = { 0 };
	size_t shown = 0;
	struct ps_view view;
	bool all, quiet;

	TRY(ps_opts_parse(argc, argv, &opts, err));
	TRY(check_template(opts.format, titles, err));
	quiet = opts.quiet && (!opts.format || strcmp(opts.format, "json") != 0);
	TRY(format_init(&format, quiet ? NULL : opts.format, fallback(&opts), TYPE, err));
	TRY(ps_filter_new(globals, &opts.filters, &filter, err));
	all = opts.all || limit(&opts) != SIZE_MAX || ps_filter_asks_stopped(filter);
	view = (struct ps_view){ .no_trunc = opts.no_trunc,
		.sized = opts.size || template_uses(format.template, "Size"),
		.methods = template_uses(format.template, "Label") ||
			   template_uses(format.template, "HealthStatus"),
		.fields = ps_fields(format.template) };
	TRY(all ? list_all(globals, &view, !ps_filter_is_empty(filter), &l, err)
		: state_list_up(globals, &l.list, &l.n, err));
	TRY(format_heading(&format, titles, err));
	for (size_t i = 0; i < l.n && shown < limit(&opts); i++) {
		if (!ps_filter_match(filter, &l.list[i]))
			continue;
		TRY(add_row(globals, &view, &l.list[i], &format, err));
		shown++;
	}
	return format_finish(&format, err);
}
