/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Launching a container once more: for start, restart and restart policies. Its options are the ones it
 * was made with (kept in long form in config.json), planned anew, because ports and addresses belong to
 * a run and not to a container. Its image is the one on record, whatever its name means today and even
 * if it has been removed: the layers are kept for as long as the container is.
 */
#include "commands/launch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "commands/endpoints.h"

static int parse_again(struct launch *launch, struct err *err)
{
	autostrv struct strv argv = STRV_INIT;
	autojson struct json *endpoints = container_endpoints(&launch->container);
	const char *network;

	strv_add(&argv, "run");
	json_strv(json_get(launch->container.config, "args"), &argv);
	TRY(run_opts_parse((int)argv.n, argv.v, &launch->opts, err));
	if (launch->container.endpoints) /* connect or disconnect changed them */
		endpoints_to_opts(endpoints, &launch->opts);
	network = json_str(json_get(launch->container.config, "network"), "");
	if (!launch->container.endpoints && strncmp(network, "container:", strlen("container:")) ==
						    0) { /* by id: names move on */
		free(launch->opts.network);
		launch->opts.network = xstrdup(network);
	}
	launch->opts.remove = json_bool(json_get(launch->container.config, "autoRemove"), false);
	return 0;
}

static int same_image(struct launch *launch, struct err *err)
{
	const struct json *config = launch->container.config;
	const char *id = json_str(json_get(config, "imageId"), "");
	autostrv struct strv layers = STRV_INIT;
	autojson struct json *bulk = NULL;
	struct err lost = ERR_INIT;

	if (state_read_launch(&launch->container, &bulk, &lost) < 0) /* a power cut took it */
		return image_resolve(launch->globals, id, &launch->image, err);
	json_strv(json_get(config, "layers"), &layers);
	TRY(image_restore(json_get(bulk, "image"), &layers, &launch->image, err));
	snprintf(launch->image.id, sizeof(launch->image.id), "%s", id);
	snprintf(launch->image.manifest, sizeof(launch->image.manifest), "%s",
		json_str(json_get(config, "imageManifest"), ""));
	return 0;
}

/* Docker's, too: a profile is read when a container is made; by now it may be gone or another one. */
static int same_profile(struct launch *launch, struct err *err)
{
	autojson struct json *bulk = NULL;
	struct err lost = ERR_INIT;

	if (!policy_reads_file(&launch->opts) ||
		state_read_launch(&launch->container, &bulk, &lost) < 0)
		return 0; /* a power cut took it: read again */
	TRY(policy_from_json(json_get(bulk, "policy"), &launch->policy, err));
	launch->recorded = true;
	return 0;
}

/* --storage-driver was said of this container, not of the next one of the same command line. */
static int plan_with_its_driver(struct launch *launch, struct err *err)
{
	char *was = xstrdup(launch->globals->storage_driver);
	int r;

	globals_override(launch->globals, &launch->opts);
	r = launch_plan(launch, err);
	free(launch->globals->storage_driver);
	launch->globals->storage_driver = was;
	return r;
}

int launch_again(struct launch *launch, struct err *err)
{
	snprintf(launch->id, sizeof(launch->id), "%s", launch->container.id);
	TRY(parse_again(launch, err));
	TRY(launch_inherit_again(launch, err));
	TRY(launch_mount_images_again(launch, err));
	TRY(same_image(launch, err));
	TRY(same_profile(launch, err));
	TRY(plan_with_its_driver(launch, err));
	strv_done(&launch->env); /* what -e took away is only missed there */
	json_strv(json_get(launch->container.config, "env"), &launch->env);
	return 0;
}
