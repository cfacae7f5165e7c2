/* SPDX-License-Identifier: Apache-2.0 */
/* container prune, image prune, system prune: what nobody uses goes. volume.c has volume prune. */
#include "commands/commands.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/own.h"
#include "base/xalloc.h"
#include "builder/builder.h"
#include "commands/common.h"
#include "commands/output.h"
#include "image/image.h"
#include "options/verbs.h"

#define NS 1000000000

struct pruned {
	struct strv containers, images, volumes, cache;
	int64_t bytes;
};

static void pruned_done(struct pruned *p)
{
	strv_done(&p->containers);
	strv_done(&p->images);
	strv_done(&p->volumes);
	strv_done(&p->cache);
}
#define autopruned __attribute__((cleanup(pruned_done)))

struct listed {
	struct container *list;
	size_t n;
};

static void listed_done(struct listed *l)
{
	state_list_free(l->list, l->n);
}
#define autolisted __attribute__((cleanup(listed_done)))

/* ---- --filter: all must hold ---- */

static bool has_label(const struct json *labels, const char *want)
{
	size_t len = strcspn(want, "=");
	autofree char *key = xstrndup(want, len);
	const char *value = json_str(json_get(labels, key), NULL);

	return value && (!want[len] || strcmp(value, want + len + 1) == 0);
}

static int matches(
	const struct strv *filters, int64_t created, const struct json *labels, struct err *err)
{
	strv_each (item, filters) {
		const char *filter = *item;
		int64_t until;

		if (strncmp(filter, "until=", 6) == 0) {
			TRY(parse_time(filter + 6, state_now(), &until, err));
			if (created >= until)
				return 0;
		} else if (strncmp(filter, "label=", 6) == 0) {
			if (!has_label(labels, filter + 6))
				return 0;
		} else if (strncmp(filter, "label!=", 7) == 0) {
			if (has_label(labels, filter + 7))
				return 0;
		} else {
			return err_set(err, -EINVAL, "invalid filter '%.*s'",
				(int)strcspn(filter, "="), filter);
		}
	}
	return 1;
}

/* Wrong filters are errors even where there is nothing to compare. */
static int check_filters(const struct strv *filters, struct err *err)
{
	int r = matches(filters, 0, NULL, err);

	return r < 0 ? r : 0;
}

/* ---- containers ---- */

static int remove_container(
	const struct globals *globals, struct container *c, struct pruned *p, struct err *err)
{
	int64_t own = 0, image = 0;

	TRY(container_size(globals, c, &own, &image, err));
	TRY(state_remove(globals, c, false, err));
	strv_add(&p->containers, c->id);
	p->bytes += own;
	return 0;
}

static int prune_containers(const struct globals *globals, const struct prune_opts *opts,
	struct pruned *p, struct err *err)
{
	autolisted struct listed l = { 0 };

	TRY(state_list(globals, &l.list, &l.n, err));
	for (size_t i = 0; i < l.n; i++) {
		struct container *c = &l.list[i];
		struct err why = ERR_INIT;
		int r = matches(
			&opts->filters, state_created(c), json_get(c->config, "labels"), err);

		TRY(r);
		if (r == 0 || container_up(c))
			continue;
		if (remove_container(globals, c, p, &why) < 0 && why.code != -ENOENT)
			log_err(&why); /* the others go on */
	}
	return 0;
}

/* ---- images ---- */

static const char *user_of(void *data, const char *image_id, bool *ret_running)
{
	const struct listed *l = data;

	for (size_t i = 0; i < l->n; i++) {
		if (!container_uses_image(&l->list[i], image_id))
			continue;
		*ret_running = container_up(&l->list[i]);
		return l->list[i].id;
	}
	return NULL;
}

static int image_matches(const struct globals *globals, const struct prune_opts *opts,
	const struct image_row *row, struct err *err)
{
	autojson struct json *doc = NULL;

	TRY(image_inspect(globals, row->id, &doc, err));
	return matches(
		&opts->filters, row->created * NS, json_path(doc, "Config", "Labels", NULL), err);
}

static void report_images(struct pruned *p, struct strv *report)
{
	strv_each (line, report) {
		(*line)[0] = (*line)[0] == 'U' ? 'u' : (*line)[0] == 'D' ? 'd' : (*line)[0];
		strv_add(&p->images, *line);
	}
}

static int remove_image(const struct globals *globals, const char *id, struct listed *l,
	struct pruned *p, struct err *err)
{
	autostrv struct strv report = STRV_INIT;
	struct image_users users = { .fn = user_of, .data = l };

	TRY(image_remove(globals, id, true, &users, &report, err));
	report_images(p, &report);
	return 0;
}

static int prune_rows(const struct globals *globals, const struct prune_opts *opts,
	const struct image_row *rows, size_t n, struct pruned *p, struct err *err)
{
	autolisted struct listed l = { 0 };
	bool running;

	TRY(state_list(globals, &l.list, &l.n, err));
	for (size_t i = 0; i < n; i++) {
		struct err why = ERR_INIT;
		int r;

		if ((rows[i].tag && !opts->all) || user_of(&l, rows[i].id, &running))
			continue;
		r = image_matches(globals, opts, &rows[i], &why);
		if (r > 0)
			r = remove_image(globals, rows[i].id, &l, p, &why);
		if (r < 0 && r != -ENOENT) /* ENOENT: gone with another of its names */
			log_err(&why);
	}
	return 0;
}

static int prune_images(const struct globals *globals, const struct prune_opts *opts,
	struct pruned *p, struct err *err)
{
	struct image_row *rows = NULL;
	size_t n = 0;
	int64_t before = layers_size(globals);
	int r;

	TRY(image_list(globals, NULL, &rows, &n, err));
	r = prune_rows(globals, opts, rows, n, p, err);
	image_rows_free(rows, n);
	p->bytes += before - layers_size(globals);
	return r;
}

/* What belonged to images that are gone already: the build cache may have kept it, a pull held it. */
static int prune_rest(const struct globals *globals, const struct prune_opts *opts,
	struct pruned *p, struct err *err)
{
	autostrv struct strv dirs = STRV_INIT, used = STRV_INIT, report = STRV_INIT;
	autolisted struct listed l = { 0 };
	int64_t before = layers_size(globals);

	if (opts->filters.n > 0)
		return 0; /* it has neither a label nor a date */
	TRY(state_list(globals, &l.list, &l.n, err));
	for (size_t i = 0; i < l.n; i++)
		container_all_layers(&l.list[i], &dirs);
	strv_each (dir, &dirs) {
		const char *slash = strrchr(*dir, '/');

		strv_add(&used, slash ? slash + 1 : *dir);
	}
	TRY(image_sweep(globals, &used, &report, err));
	report_images(p, &report);
	p->bytes += before - layers_size(globals);
	return 0;
}

/* ---- commands ---- */

static int agree(const struct prune_opts *opts, const char *warning, struct err *err)
{
	TRY(check_filters(&opts->filters, err));
	return opts->force ? 1 : prune_confirm(warning, err);
}

int cmd_container_prune(struct globals *globals, int argc, char **argv, struct err *err)
{
	__attribute__((cleanup(prune_opts_done))) struct prune_opts opts = { 0 };
	autopruned struct pruned p = { 0 };
	int yes;

	TRY(container_prune_opts_parse(argc, argv, &opts, err));
	yes = agree(&opts, "WARNING! This will remove all stopped containers.", err);
	if (yes <= 0)
		return yes;
	TRY(prune_containers(globals, &opts, &p, err));
	prune_tell(globals, "container", p.bytes);
	return prune_report("Deleted Containers:", &p.containers, p.bytes, err);
}

int cmd_image_prune(struct globals *globals, int argc, char **argv, struct err *err)
{
	__attribute__((cleanup(prune_opts_done))) struct prune_opts opts = { 0 };
	autopruned struct pruned p = { 0 };
	int yes;

	TRY(image_prune_opts_parse(argc, argv, &opts, err));
	yes = agree(&opts,
		opts.all ? "WARNING! This will remove all images without at least one container "
			   "associated to them."
			 : "WARNING! This will remove all dangling images.",
		err);
	if (yes <= 0)
		return yes;
	TRY(prune_images(globals, &opts, &p, err));
	TRY(prune_rest(globals, &opts, &p, err));
	prune_tell(globals, "image", p.bytes);
	return prune_report("Deleted Images:", &p.images, p.bytes, err);
}

static int list_deleted(const char *title, const struct strv *deleted, struct err *err)
{
	autobuf struct buf text = BUF_INIT;

	if (deleted->n == 0)
		return 0;
	buf_addf(&text, "%s\n", title);
	strv_each (item, deleted)
		buf_addf(&text, "%s\n", *item);
	buf_addc(&text, '\n');
	return out_write(&text, err);
}

/* Volumes know no time: until is for the others. */
static int prune_volumes(const struct globals *globals, const struct prune_opts *opts,
	struct pruned *p, struct err *err)
{
	struct prune_opts anonymous = { 0 };
	int r;

	strv_each (filter, &opts->filters)
		if (strncmp(*filter, "label", 5) == 0)
			strv_add(&anonymous.filters, *filter);
	r = volumes_prune(globals, &anonymous, &p->volumes, &p->bytes, err);
	prune_opts_done(&anonymous);
	return r;
}

/* Of its filters only `until` means something here; labels are for other things. */
static int prune_cache(const struct globals *globals, const struct prune_opts *opts,
	struct pruned *p, struct err *err)
{
	struct builder_prune_opts cache = { .all = opts->all, .until = INT64_MAX };

	strv_each (filter, &opts->filters) {
		if (strncmp(*filter, "until=", 6) != 0)
			return 0;
		TRY(parse_time(*filter + 6, state_now(), &cache.until, err));
	}
	return builder_prune(globals, &cache, &p->cache, &p->bytes, err);
}

int cmd_system_prune(struct globals *globals, int argc, char **argv, struct err *err)
{
	__attribute__((cleanup(prune_opts_done))) struct prune_opts opts = { 0 };
	autopruned struct pruned p = { 0 };
	autobuf struct buf warning = BUF_INIT;
	const struct strv none = STRV_INIT;
	int yes;

	TRY(system_prune_opts_parse(argc, argv, &opts, err));
	buf_addf(&warning, "WARNING! This will remove:\n  - all stopped containers\n%s%s",
		opts.volumes ? "  - all anonymous volumes not used by at least one container\n"
			     : "",
		opts.all ? "  - all images without at least one container associated to them\n"
			 : "  - all dangling images\n");
	buf_adds(&warning, opts.all ? "  - all build cache\n" : "  - unused build cache\n");
	yes = agree(&opts, warning.data, err);
	if (yes <= 0)
		return yes;
	TRY(prune_containers(globals, &opts, &p, err));
	if (opts.volumes)
		TRY(prune_volumes(globals, &opts, &p, err));
	TRY(prune_images(globals, &opts, &p, err));
	TRY(prune_cache(globals, &opts, &p, err));
	TRY(prune_rest(globals, &opts, &p, err));
	prune_tell(globals, "container", p.bytes);
	prune_tell(globals, "image", 0); /* all of the bytes are told above */
	if (opts.volumes)
		prune_tell(globals, "volume", 0);
	TRY(list_deleted("Deleted Containers:", &p.containers, err));
	TRY(list_deleted("Deleted Volumes:", &p.volumes, err));
	TRY(list_deleted("Deleted Images:", &p.images, err));
	TRY(list_deleted("Deleted build cache objects:", &p.cache, err));
	return prune_report("", &none, p.bytes, err);
}
