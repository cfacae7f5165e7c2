/* SPDX-License-Identifier: Apache-2.0 */
/* What instructions are called and what they own; parse_instruction.c reads them. */
#include "builder/instruction.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

static const char *const names[INS_KINDS] = {
	[INS_ADD] = "ADD",
	[INS_ARG] = "ARG",
	[INS_CMD] = "CMD",
	[INS_COPY] = "COPY",
	[INS_ENTRYPOINT] = "ENTRYPOINT",
	[INS_ENV] = "ENV",
	[INS_EXPOSE] = "EXPOSE",
	[INS_FROM] = "FROM",
	[INS_HEALTHCHECK] = "HEALTHCHECK",
	[INS_LABEL] = "LABEL",
	[INS_MAINTAINER] = "MAINTAINER",
	[INS_ONBUILD] = "ONBUILD",
	[INS_RUN] = "RUN",
	[INS_SHELL] = "SHELL",
	[INS_STOPSIGNAL] = "STOPSIGNAL",
	[INS_USER] = "USER",
	[INS_VOLUME] = "VOLUME",
	[INS_WORKDIR] = "WORKDIR",
};

const char *instruction_name(enum instruction_kind kind)
{
	return names[kind];
}

static void copy_words_done(struct copy_words *copy)
{
	strv_done(&copy->sources);
	strv_done(&copy->excludes);
	free(copy->dest);
	free(copy->from);
	free(copy->chown);
	free(copy->chmod);
	free(copy->checksum);
	for (size_t i = 0; i < copy->n_inlines; i++) {
		free(copy->inlines[i].name);
		free(copy->inlines[i].data);
	}
	free(copy->inlines);
}

void run_mount_done(struct run_mount *mount)
{
	free(mount->from);
	free(mount->source);
	free(mount->target);
	free(mount->id);
	free(mount->env);
	*mount = (struct run_mount){ 0 };
}

static void run_words_done(struct run_words *run)
{
	strv_done(&run->mount_texts);
	for (size_t i = 0; i < run->n_mounts; i++)
		run_mount_done(&run->mounts[i]);
	free(run->mounts);
}

void instruction_done(struct instruction *in)
{
	free(in->text);
	strv_done(&in->args);
	for (size_t i = 0; i < in->n_heredocs; i++)
		heredoc_done(&in->heredocs[i]);
	free(in->heredocs);
	for (size_t i = 0; i < in->n_pairs; i++) {
		free(in->pairs[i].key);
		free(in->pairs[i].value);
	}
	free(in->pairs);
	free(in->stage_name);
	free(in->platform);
	copy_words_done(&in->copy);
	run_words_done(&in->run);
	*in = (struct instruction){ 0 };
}

static char *dup(const char *s)
{
	return s ? xstrdup(s) : NULL;
}

static void strv_clone(struct strv *sv)
{
	struct strv mine = STRV_INIT;

	strv_extend(&mine, sv);
	*sv = mine;
}

static void copy_words_clone(struct copy_words *copy)
{
	struct copy_inline *inlines = xcalloc(copy->n_inlines, sizeof(*inlines));

	strv_clone(&copy->sources);
	strv_clone(&copy->excludes);
	copy->dest = dup(copy->dest);
	copy->from = dup(copy->from);
	copy->chown = dup(copy->chown);
	copy->chmod = dup(copy->chmod);
	copy->checksum = dup(copy->checksum);
	for (size_t i = 0; i < copy->n_inlines; i++)
		inlines[i] = (struct copy_inline){
			.name = dup(copy->inlines[i].name),
			.data = dup(copy->inlines[i].data),
			.expand = copy->inlines[i].expand,
		};
	copy->inlines = inlines;
}

static void run_words_clone(struct run_words *run)
{
	struct run_mount *mounts = xcalloc(run->n_mounts, sizeof(*mounts));

	strv_clone(&run->mount_texts);
	for (size_t i = 0; i < run->n_mounts; i++) {
		mounts[i] = run->mounts[i];
		mounts[i].from = dup(mounts[i].from);
		mounts[i].source = dup(mounts[i].source);
		mounts[i].target = dup(mounts[i].target);
		mounts[i].id = dup(mounts[i].id);
		mounts[i].env = dup(mounts[i].env);
	}
	run->mounts = mounts;
}

/* A struct copy first, so that plain values need no line here; then everything owned is made anew. */
void instruction_copy(const struct instruction *from, struct instruction *ret)
{
	struct instruction in = *from;

	in.text = dup(in.text);
	strv_clone(&in.args);
	in.heredocs = xcalloc(in.n_heredocs, sizeof(*in.heredocs));
	for (size_t i = 0; i < in.n_heredocs; i++) {
		in.heredocs[i] = from->heredocs[i];
		in.heredocs[i].name = dup(from->heredocs[i].name);
		in.heredocs[i].content = dup(from->heredocs[i].content);
	}
	in.pairs = xcalloc(in.n_pairs, sizeof(*in.pairs));
	for (size_t i = 0; i < in.n_pairs; i++)
		in.pairs[i] = (struct pair){
			.key = dup(from->pairs[i].key),
			.value = dup(from->pairs[i].value),
			.bare = from->pairs[i].bare,
		};
	in.stage_name = dup(in.stage_name);
	in.platform = dup(in.platform);
	copy_words_clone(&in.copy);
	run_words_clone(&in.run);
	*ret = in;
}
