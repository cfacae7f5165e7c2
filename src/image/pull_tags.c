/* SPDX-License-Identifier: Apache-2.0 */
/* `sbx pull --all-tags`: the registry says which there are; each is then a pull of its own, whose layers
 * the next finds in the store. A tag that cannot be had does not keep the others. */
#include "image/pull.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/own.h"
#include "base/xalloc.h"
#include "image/registry.h"

static int list_tags(
	const struct globals *globals, const struct ref *ref, struct strv *ret, struct err *err)
{
	autofree char *path = xasprintf("/v2/%s/tags/list?n=1000", ref->path);
	autoregistry struct registry *registry = NULL;

	TRY(registry_open(ref, globals->settings, globals->config, &registry, err));
	if (registry_list_any(registry, path, "tags", ret, err) < 0)
		return err_wrap(err, "list the tags of %s", registry->familiar);
	if (ret->n == 0)
		return err_id(err, -ENOENT, "E-IMAGE-NAME", "%s has no tags", registry->full_name);
	return 0;
}

int pull_all_tags(const struct globals *globals, const struct pull *pull, struct err *err)
{
	autostrv struct strv tags = STRV_INIT;
	autoref struct ref ref = { 0 };
	int r = 0;

	TRY(ref_parse(pull->name, &ref, err));
	if (!ref.default_tag)
		return err_set(err, -EINVAL, "tag can't be used with --all-tags/-a");
	TRY(list_tags(globals, &ref, &tags, err));
	strv_each (tag, &tags) {
		autofree char *name = xasprintf("%s/%s:%s", ref.domain, ref.path, *tag);
		struct err why = ERR_INIT;
		struct pull one = *pull;

		one.name = name;
		if (pull_image(globals, &one, &why) >= 0)
			continue;
		if (r < 0)
			log_err(err); /* the last one is main's to tell */
		*err = why;
		r = why.code;
	}
	return r;
}
