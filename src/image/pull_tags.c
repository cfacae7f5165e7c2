/* SPDX-License-Identifier: Apache-2.0 */
/* `sbx pull --all-tags`: the registry says which there are; each is then a pull of its own, whose layers
 * the next finds in the store. A tag that cannot be had does not keep the others. */
#include "image/pull.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/own.h"
#include "base/xalloc.h"
#include "image/confined.h"
#include "image/registry.h"
#include "image/store_private.h"

#define LIST_MAX ((size_t)16 << 20)

struct list { /* borrowed */
	const struct globals *globals;
	const struct ref *ref;
	const struct server_opts *server;
	int out; /* gets the tags, one a line */
};

static int ask_tags(void *data, struct err *err)
{
	const struct list *list = data;
	autofree char *path = xasprintf("/v2/%s/tags/list?n=1000", list->ref->path);
	autoregistry struct registry *registry = NULL;
	autostrv struct strv tags = STRV_INIT;
	autobuf struct buf text = BUF_INIT;

	TRY(registry_open(list->ref, list->globals, list->server, &registry, err));
	TRY(confined_registry(NULL, err));
	if (registry_list_any(registry, path, "tags", &tags, err) < 0)
		return err_wrap(err, "list the tags of %s", registry->familiar);
	if (tags.n == 0)
		return err_id(err, -ENOENT, "E-IMAGE-NAME", "%s has no tags", registry->full_name);
	strv_each (tag, &tags)
		buf_addf(&text, "%s\n", *tag);
	return fs_write_all(list->out, text.data, text.len, err);
}

/* Those that are no tags are told when they are pulled. */
static int list_tags(const struct globals *globals, const struct pull *pull, const struct ref *ref,
	struct strv *ret, struct err *err)
{
	autofd int fd = memfd_create("sbx-tags", MFD_CLOEXEC);
	struct list list = { globals, ref, pull->server, fd };
	autofree char *text = NULL;
	size_t len = 0;

	if (fd < 0)
		return err_sys(err, "memfd_create");
	TRY(image_run_apart(ask_tags, &list, err));
	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_sys(err, "read the list of tags");
	TRY(fs_read_fd(fd, "the list of tags", LIST_MAX, &text, &len, err));
	for (char *next = text, *line; (line = strsep(&next, "\n")) != NULL;)
		if (*line)
			strv_add(ret, line);
	return 0;
}

struct one { /* borrowed */
	const struct globals *globals;
	const struct pull *pull;
};

/* In a process of its own, because it locks itself in. */
static int pull_one(void *data, struct err *err)
{
	const struct one *one = data;
	int r = pull_image(one->globals, one->pull, err);

	return r < 0 || fflush(stdout) == 0 ? r : err_sys(err, "write");
}

int pull_all_tags(const struct globals *globals, const struct pull *pull, struct err *err)
{
	autostrv struct strv tags = STRV_INIT;
	autoref struct ref ref = { 0 };
	int r = 0;

	TRY(ref_parse(pull->name, &ref, err));
	if (!ref.default_tag)
		return err_set(err, -EINVAL, "tag can't be used with --all-tags/-a");
	TRY(list_tags(globals, pull, &ref, &tags, err));
	strv_each (tag, &tags) {
		autofree char *name = xasprintf("%s/%s:%s", ref.domain, ref.path, *tag);
		struct err why = ERR_INIT;
		struct pull this = *pull;
		struct one one = { globals, &this };

		this.name = name;
		if (fflush(stdout) != 0) /* or it is written twice */
			return err_sys(err, "write");
		if (image_run_apart(pull_one, &one, &why) >= 0)
			continue;
		if (r < 0)
			log_err(err); /* the last one is main's to tell */
		*err = why;
		r = why.code;
	}
	return r;
}
