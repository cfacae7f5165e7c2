/* SPDX-License-Identifier: Apache-2.0 */
/* What `sbx build` was told about RUN in the words of `sbx run`: --policy, --memory and the like. */
#include "base/own.h"
#include "options/internal.h"

/* What a policy says of a container's root, mounts, ports and user is not about building. */
static void drop_the_rest(struct run_opts *o)
{
	for (size_t i = 0; i < o->n_volumes; i++)
		volume_done(&o->volumes[i]);
	o->n_volumes = o->n_ports = 0;
	o->read_only = o->publish_all = false;
	strv_done(&o->env);
	strv_done(&o->volumes_from);
}

int build_run_opts(const struct build_opts *build, struct run_opts *ret, struct err *err)
{
	autostrv struct strv argv = STRV_INIT;
	struct run_opts o = { 0 };

	if (build->run_words.n == 0) {
		*ret = (struct run_opts){ .shm_size = -1, .stop_timeout = -1 };
		return 0;
	}
	strv_add(&argv, "run");
	strv_extend(&argv, &build->run_words);
	strv_add(&argv, "image");
	TRY(run_opts_parse((int)argv.n, argv.v, &o, err));
	drop_the_rest(&o);
	*ret = o;
	return 0;
}
