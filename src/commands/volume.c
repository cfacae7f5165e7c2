/* SPDX-License-Identifier: Apache-2.0 */
/* volume create, ls, rm and prune: one call of the store each, and Docker's words around it. */
#include "commands/commands.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/own.h"
#include "base/xalloc.h"
#include "commands/common.h"
#include "commands/output.h"
#include "options/verbs.h"

#define TABLE "table {{.Driver}}\t{{.Name}}"
#define TYPE  "*formatter.volumeContext"

struct volumes {
	struct stored_volume *list;
	size_t n;
	struct container *containers; /* who uses them */
	size_t n_containers;
};

static void volumes_done(struct volumes *v)
{
	state_volume_list_free(v->list, v->n);
	state_list_free(v->containers, v->n_containers);
}
#define autovolumes __attribute__((cleanup(volumes_done)))

static int volumes_read(const struct globals *globals, struct volumes *ret, struct err *err)
{
	TRY(state_list(globals, &ret->containers, &ret->n_containers, err));
	return state_volume_list(globals, &ret->list, &ret->n, err);
}

static bool is_used(const struct volumes *v, const char *name)
{
	autostrv struct strv users = STRV_INIT;

	state_volume_users(v->containers, v->n_containers, name, &users);
	return users.n > 0;
}

/* ---- create ---- */

int cmd_volume_create(struct globals *globals, int argc, char **argv, struct err *err)
{
	__attribute__((cleanup(volume_create_opts_done))) struct volume_create_opts opts = { 0 };
	autovolume struct stored_volume v = { 0 };

	TRY(volume_create_opts_parse(argc, argv, &opts, err));
	if (opts.driver && strcmp(opts.driver, "local") != 0)
		return err_set(err, -EINVAL,
			"create %s: error looking up volume plugin %s: plugin \"%s\" not found",
			opts.name ? opts.name : "", opts.driver, opts.driver);
	TRY(state_volume_create(globals, opts.name, opts.labels, opts.options, &v, err));
	event_tell_named(globals, "volume", "create", v.name, NULL);
	return out_line(v.name, err);
}

/* ---- inspect ---- */

struct json *volume_inspect(const struct stored_volume *v)
{
	struct json *doc = json_new_map();
	char created[STATE_TIME_MAX];

	state_time_format(v->created / 1000000000 * 1000000000, false, created);
	json_put_string(doc, "CreatedAt", created);
	json_put_string(doc, "Driver", "local");
	json_put(doc, "Labels", v->labels ? json_ref(v->labels) : json_new_null());
	json_put_string(doc, "Mountpoint", v->path);
	json_put_string(doc, "Name", v->name);
	json_put(doc, "Options", v->options ? json_ref(v->options) : json_new_null());
	json_put_string(doc, "Scope", "local");
	return doc;
}

/* ---- ls ---- */

static struct json *titles(void)
{
	static const char *const names[][2] = { { "Availability", "AVAILABILITY" },
		{ "Driver", "DRIVER" }, { "Group", "GROUP" }, { "Labels", "LABELS" },
		{ "Links", "LINKS" }, { "Mountpoint", "MOUNTPOINT" }, { "Name", "VOLUME NAME" },
		{ "Scope", "SCOPE" }, { "Size", "SIZE" }, { "Status", "STATUS" } };
	struct json *row = json_new_map();

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		json_put_string(row, names[i][0], names[i][1]);
	return row;
}

/* "a=1,b=2" */
static char *labels_text(const struct json *labels)
{
	struct buf text = BUF_INIT;

	json_each (it, labels)
		buf_addf(&text, "%s%s=%s", text.len ? "," : "", it.key, json_str(it.value, ""));
	return buf_steal(&text);
}

static struct json *row_of(const struct stored_volume *v)
{
	struct json *row = json_new_map();
	autofree char *labels = labels_text(v->labels);

	json_put_string(row, "Availability", "N/A");
	json_put_string(row, "Driver", "local");
	json_put_string(row, "Group", "N/A");
	json_put_string(row, "Labels", labels);
	json_put_string(row, "Links", "N/A");
	json_put_string(row, "Mountpoint", v->path);
	json_put_string(row, "Name", v->name);
	json_put_string(row, "Scope", "local");
	json_put_string(row, "Size", "N/A");
	json_put_string(row, "Status", "N/A");
	return row;
}

/* {{.Label "key"}} */
static struct json *methods_of(const struct stored_volume *v)
{
	struct json *methods = json_new_map();

	json_put(methods, "Label", v->labels ? json_ref(v->labels) : json_new_map());
	return methods;
}

int cmd_volume_ls(struct globals *globals, int argc, char **argv, struct err *err)
{
	__attribute__((cleanup(volume_ls_opts_done))) struct volume_ls_opts opts = { 0 };
	autovolumes struct volumes v = { 0 };
	autoformat struct format format = { 0 };
	autojson struct json *heading = titles();

	TRY(volume_ls_opts_parse(argc, argv, &opts, err));
	TRY(volume_filters_check(&opts.filters, false, err));
	TRY(format_init(&format, opts.format, opts.quiet ? "{{.Name}}" : TABLE, TYPE, err));
	TRY(volumes_read(globals, &v, err));
	TRY(format_heading(&format, heading, err));
	for (size_t i = 0; i < v.n; i++) {
		autojson struct json *row = row_of(&v.list[i]);
		autojson struct json *methods = methods_of(&v.list[i]);
		int r = volume_matches(&v.list[i], is_used(&v, v.list[i].name), &opts.filters, err);

		TRY(r);
		if (r > 0)
			TRY(format_row(&format, row, methods, err));
	}
	return format_finish(&format, err);
}

/* ---- rm ---- */

struct removing {
	const struct globals *globals;
	bool force;
};

static int rm_one(void *data, const char *name, struct err *err)
{
	const struct removing *rm = data;
	int r = state_volume_remove(rm->globals, name, err);

	if (r < 0 && (r != -ENOENT || !rm->force))
		return r;
	if (r == 0)
		event_tell_named(rm->globals, "volume", "destroy", name, NULL);
	return out_line(name, err);
}

int cmd_volume_rm(struct globals *globals, int argc, char **argv, struct err *err)
{
	__attribute__((cleanup(volume_rm_opts_done))) struct volume_rm_opts opts = { 0 };
	struct removing rm = { .globals = globals };

	TRY(volume_rm_opts_parse(argc, argv, &opts, err));
	rm.force = opts.force;
	return for_each_operand(&opts.names, rm_one, &rm);
}

/* ---- prune ---- */

static bool wants_named(const struct prune_opts *opts)
{
	return opts->all || strv_has(&opts->filters, "all=1") ||
	       strv_has(&opts->filters, "all=true");
}

static int choose(
	const struct volumes *v, const struct prune_opts *opts, struct strv *ret, struct err *err)
{
	for (size_t i = 0; i < v->n; i++) {
		bool used = is_used(v, v->list[i].name);
		int r = volume_matches(&v->list[i], used, &opts->filters, err);

		TRY(r);
		if (r > 0 && !used && (v->list[i].anonymous || wants_named(opts)))
			strv_add(ret, v->list[i].name);
	}
	return 0;
}

int volumes_prune(const struct globals *globals, const struct prune_opts *opts,
	struct strv *ret_deleted, int64_t *ret_bytes, struct err *err)
{
	autovolumes struct volumes v = { 0 };
	autostrv struct strv chosen = STRV_INIT, paths = STRV_INIT;
	autofree int64_t *sizes = NULL;

	TRY(volumes_read(globals, &v, err));
	TRY(choose(&v, opts, &chosen, err));
	strv_each (name, &chosen)
		strv_addf(&paths, "%s/volumes/%s/_data", globals->root, *name);
	sizes = xcalloc(chosen.n + 1, sizeof(*sizes));
	TRY(tree_sizes(&paths, sizes, err));
	for (size_t i = 0; i < chosen.n; i++) {
		struct err why = ERR_INIT;
		int r = state_volume_remove(globals, chosen.v[i], &why);

		if (r == 0) {
			event_tell_named(globals, "volume", "destroy", chosen.v[i], NULL);
			strv_add(ret_deleted, chosen.v[i]);
			*ret_bytes += sizes[i];
		} else if (r != -ENOENT && r != -EBUSY) { /* else taken or gone just now */
			log_err(&why);
		}
	}
	return 0;
}

int cmd_volume_prune(struct globals *globals, int argc, char **argv, struct err *err)
{
	__attribute__((cleanup(prune_opts_done))) struct prune_opts opts = { 0 };
	autostrv struct strv deleted = STRV_INIT;
	int64_t bytes = 0;
	int yes = 1;

	TRY(volume_prune_opts_parse(argc, argv, &opts, err));
	TRY(volume_filters_check(&opts.filters, true, err));
	if (opts.all && (strv_has(&opts.filters, "all=1") || strv_has(&opts.filters, "all=true")))
		return err_set(err, -EINVAL,
			"conflicting options: cannot specify both --all and --filter all=1");
	if (!opts.force)
		yes = prune_confirm(
			wants_named(&opts)
				? "WARNING! This will remove all local volumes not used by "
				  "at least one container."
				: "WARNING! This will remove anonymous local volumes not "
				  "used by at least one container.",
			err);
	if (yes <= 0)
		return yes;
	TRY(volumes_prune(globals, &opts, &deleted, &bytes, err));
	prune_tell(globals, "volume", bytes);
	return prune_report("Deleted Volumes:", &deleted, bytes, err);
}
