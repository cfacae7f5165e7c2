/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --mount type=image: the layers of another image, read-only, at a place in the container. Which layers
 * those are is decided when the container is made and stays on its record, so the image's name may move
 * on; rmi and prune leave an image alone that a container mounts. Nothing is pulled, as Docker has it.
 */
#include "commands/launch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "base/xalloc.h"

void launch_images_done(struct launch *launch)
{
	for (size_t i = 0; i < launch->n_mounted; i++)
		strv_done(&launch->mounted[i].layers);
	free(launch->mounted);
	launch->mounted = NULL;
	launch->n_mounted = 0;
}

static int find_one(const struct launch *launch, const struct volume *v, struct mounted_image *ret,
	struct err *err)
{
	autoimage struct image image = { 0 };
	int r = image_resolve(launch->globals, v->source, &image, err);

	if (r == -ENOENT)
		return err_exit(err, (err_set(err, -ENOENT,
					      "No such image: %s, to be mounted on %s; `sbx pull "
					      "%s` gets it",
					      v->source, v->destination, v->source),
					     125));
	TRY(r);
	if (image.layers.n == 0)
		return err_set(err, -EINVAL, "image %s has no layers: there is nothing to mount",
			v->source);
	strv_extend(&ret->layers, &image.layers);
	(void)snprintf(ret->id, sizeof(ret->id), "%s", image.id);
	return 0;
}

static int find_again(const struct launch *launch, const struct volume *v,
	struct mounted_image *ret, struct err *err)
{
	json_each (it, json_get(launch->container.config, "mounts")) {
		if (strcmp(json_str(json_get(it.value, "destination"), ""), v->destination) != 0)
			continue;
		json_strv(json_get(it.value, "layers"), &ret->layers);
		(void)snprintf(ret->id, sizeof(ret->id), "%s",
			json_str(json_get(it.value, "imageId"), ""));
	}
	if (ret->layers.n == 0)
		return err_set(err, -ENOENT, "the record does not say which image is on %s",
			v->destination);
	return 0;
}

static int find_all(struct launch *launch,
	int (*find)(const struct launch *launch, const struct volume *v, struct mounted_image *ret,
		struct err *err),
	struct err *err)
{
	launch_images_done(launch);
	launch->mounted = xcalloc(launch->opts.n_volumes + 1, sizeof(*launch->mounted));
	for (size_t i = 0; i < launch->opts.n_volumes; i++) {
		struct volume *v = &launch->opts.volumes[i];
		struct mounted_image *found = &launch->mounted[launch->n_mounted];

		if (v->type != VOLUME_IMAGE)
			continue;
		launch->n_mounted++;
		TRY(find(launch, v, found, err));
		v->layers = &found->layers;
	}
	return 0;
}

int launch_mount_images(struct launch *launch, struct err *err)
{
	return find_all(launch, find_one, err);
}

int launch_mount_images_again(struct launch *launch, struct err *err)
{
	return find_all(launch, find_again, err);
}

void launch_images_record(const struct launch *launch, const struct volume *v, struct json *mount)
{
	for (size_t i = 0; i < launch->n_mounted; i++) {
		const struct mounted_image *m = &launch->mounted[i];

		if (v->layers != &m->layers)
			continue;
		json_put(mount, "layers", json_new_strv(&m->layers));
		json_put_string(mount, "imageId", m->id);
	}
}
