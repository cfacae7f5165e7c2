/* SPDX-License-Identifier: Apache-2.0 */
/* rmi: removes names of images, and images that no name and no container holds any more. */
#include "commands/commands.h"

#include <errno.h>

#include "base/own.h"
#include "commands/common.h"
#include "commands/output.h"
#include "image/image.h"
#include "options/verbs.h"

struct removing {
	const struct globals *globals;
	bool force;
	const char *platform; /* or NULL */
	struct container *list;
	size_t n;
};

static void removing_done(struct removing *rmi)
{
	state_list_free(rmi->list, rmi->n);
}

static const char *in_use(void *data, const char *image_id, bool *ret_running)
{
	const struct removing *rmi = data;
	const char *user = NULL;

	for (size_t i = 0; i < rmi->n; i++) {
		const struct container *c = &rmi->list[i];

		if (!container_uses_image(c, image_id))
			continue;
		user = c->id;
		*ret_running = container_up(c);
		if (*ret_running)
			break; /* the stronger objection */
	}
	return user;
}

static int check_platform(const struct removing *rmi, const char *name, struct err *err)
{
	autojson struct json *doc = NULL;
	struct image image = { .ref = (char *)name }; /* all that is looked at */
	autojson struct json *config = json_new_map();

	TRY(image_inspect(rmi->globals, name, &doc, err));
	json_put_string(config, "os", json_str(json_get(doc, "Os"), ""));
	json_put_string(config, "architecture", json_str(json_get(doc, "Architecture"), ""));
	json_put_string(config, "variant", json_str(json_get(doc, "Variant"), ""));
	image.config = config;
	if (image_check_platform(&image, rmi->platform, err) == 0)
		return 0;
	return err_id(err, -ENOENT, "E-ARCH",
		"image %s is for %s/%s, not for %s: nothing is removed", name,
		json_str(json_get(doc, "Os"), ""), json_str(json_get(doc, "Architecture"), ""),
		rmi->platform);
}

static int rmi_one(void *data, const char *name, struct err *err)
{
	struct removing *rmi = data;
	autostrv struct strv report = STRV_INIT;
	autobuf struct buf text = BUF_INIT;
	struct image_users users = { .fn = in_use, .data = rmi };

	if (rmi->platform)
		TRY(check_platform(rmi, name, err));
	TRY(image_remove(rmi->globals, name, rmi->force, &users, &report, err));
	strv_each (line, &report) {
		const char *what = strchr(*line, ' ');
		bool untagged = strncmp(*line, "Untagged:", strlen("Untagged:")) == 0;

		buf_addf(&text, "%s\n", *line);
		if (what)
			event_tell_named(rmi->globals, "image", untagged ? "untag" : "delete",
				what + 1, what + 1);
	}
	return out_write(&text, err);
}

int cmd_rmi(struct globals *globals, int argc, char **argv, struct err *err)
{
	__attribute__((cleanup(rmi_opts_done))) struct rmi_opts opts = { 0 };
	__attribute__((cleanup(removing_done))) struct removing rmi = { .globals = globals };

	TRY(rmi_opts_parse(argc, argv, &opts, err));
	rmi.force = opts.force;
	rmi.platform = opts.platform;
	TRY(state_list(globals, &rmi.list, &rmi.n, err));
	return for_each_operand(&opts.images, rmi_one, &rmi);
}
