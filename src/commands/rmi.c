/* SPDX-License-Identifier: Apache-2.0 */
/* rmi: removes names of images, and images that no name and no container holds any more. */
#include "commands/commands.h"

#include "base/own.h"
#include "commands/common.h"
#include "commands/output.h"
#include "image/image.h"
#include "options/verbs.h"

struct removing {
	const struct globals *globals;
	bool force;
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

		if (strcmp(json_str(json_get(c->config, "imageId"), ""), image_id) != 0)
			continue;
		user = c->id;
		*ret_running = container_up(c);
		if (*ret_running)
			break; /* the stronger objection */
	}
	return user;
}

static int rmi_one(void *data, const char *name, struct err *err)
{
	struct removing *rmi = data;
	autostrv struct strv report = STRV_INIT;
	autobuf struct buf text = BUF_INIT;
	struct image_users users = { .fn = in_use, .data = rmi };

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
	TRY(state_list(globals, &rmi.list, &rmi.n, err));
	return for_each_operand(&opts.images, rmi_one, &rmi);
}
