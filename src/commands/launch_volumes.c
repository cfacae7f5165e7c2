/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --volumes-from: what another container has on record becomes mounts of this one. The other need not
 * run, nor live: what is inherited is put on record with the child, by source and by name, and that is
 * what a later `start` goes by. And --mount's volume-label and volume-opt: they are for a volume that the
 * mount makes, so that one is made here with its record instead of by the launch.
 */
#include "commands/launch.h"

#include <stdlib.h>
#include <string.h>

#include <errno.h>

#include "base/own.h"
#include "base/xalloc.h"

/* tmpfs mounts belong to one container, as Docker has it. */
static bool is_heritable(const struct json *mount)
{
	const char *type = json_str(json_get(mount, "type"), "");

	return strcmp(type, "bind") == 0 || strcmp(type, "volume") == 0;
}

static char *copy_or_null(const char *text)
{
	return text ? xstrdup(text) : NULL;
}

static void add_mount(struct run_opts *opts, const struct json *mount, bool read_only)
{
	bool is_bind = strcmp(json_str(json_get(mount, "type"), ""), "bind") == 0;
	bool anonymous = json_bool(json_get(mount, "anonymous"), false);
	struct volume volume = {
		.type = is_bind     ? VOLUME_BIND
			: anonymous ? VOLUME_ANONYMOUS
				    : VOLUME_NAMED,
		.source = xstrdup(json_str(json_get(mount, is_bind ? "source" : "name"), "")),
		.destination = xstrdup(json_str(json_get(mount, "destination"), "")),
		.read_only = read_only || !json_bool(json_get(mount, "rw"), true),
		.create_source = is_bind,
		.squash = json_bool(json_get(mount, "squash"), false),
		.no_exec = json_bool(json_get(mount, "noexec"), false),
		.not_recursive = json_bool(json_get(mount, "nonrecursive"), false),
		.slave = json_bool(json_get(mount, "slave"), false),
		.subpath = copy_or_null(json_str(json_get(mount, "subpath"), NULL)),
		.inherited = true,
	};

	opts->volumes = xreallocarray(opts->volumes, opts->n_volumes + 1, sizeof(*opts->volumes));
	opts->volumes[opts->n_volumes++] = volume;
}

static int inherit_from(struct launch *launch, const char *value, struct err *err)
{
	size_t len = strcspn(value, ":");
	autofree char *name = xstrndup(value, len);
	autocontainer struct container c = CONTAINER_INIT;

	if (state_open(launch->globals, name, &c, err) < 0)
		return err_exit(err, (err_wrap(err, "--volumes-from"), 125));
	json_each (it, json_get(c.config, "mounts"))
		if (is_heritable(it.value))
			add_mount(&launch->opts, it.value, strcmp(value + len, ":ro") == 0);
	return 0;
}

int launch_inherit(struct launch *launch, struct err *err)
{
	for (size_t i = launch->opts.volumes_from.n; i-- > 0;) /* the last of a place counts */
		TRY(inherit_from(launch, launch->opts.volumes_from.v[i], err));
	return 0;
}

int launch_inherit_again(struct launch *launch, struct err *err)
{
	(void)err;
	json_each (it, json_get(launch->container.config, "mounts"))
		if (json_bool(json_get(it.value, "inherited"), false) && is_heritable(it.value))
			add_mount(&launch->opts, it.value, false);
	return 0;
}

static int make_volume(struct launch *launch, const struct volume *v, struct err *err)
{
	autovolume struct stored_volume made = { 0 };
	autojson struct json *labels = v->labels ? json_ref(v->labels) : json_new_map();
	struct err none = ERR_INIT;

	if (state_volume_open(launch->globals, v->source, &made, &none) == 0)
		return 0; /* it keeps its own, as Docker has it */
	if (v->type == VOLUME_ANONYMOUS)
		json_put_string(labels, "com.docker.volume.anonymous", "");
	TRY(state_volume_create(launch->globals, v->source, labels, v->options, &made, err));
	event_tell_named(launch->globals, "volume", "create", made.name, NULL);
	return 0;
}

/* A volume without settings is made with the mounts. */
static void tell_volume(const struct launch *launch, const struct volume *v)
{
	autovolume struct stored_volume there = { 0 };
	struct err none = ERR_INIT;

	if (state_volume_open(launch->globals, v->source, &there, &none) == -ENOENT)
		event_tell_named(launch->globals, "volume", "create", v->source, NULL);
}

int launch_make_volumes(struct launch *launch, struct err *err)
{
	for (size_t i = 0; i < launch->rootfs.n_mounts; i++) {
		const struct volume *v = &launch->rootfs.mounts[i];

		if (v->type != VOLUME_NAMED && v->type != VOLUME_ANONYMOUS)
			continue;
		if (v->labels || v->options)
			TRY(make_volume(launch, v, err));
		else
			tell_volume(launch, v);
	}
	return 0;
}
