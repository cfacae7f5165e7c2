/* SPDX-License-Identifier: Apache-2.0 */
/* Options of build and builder prune; part of verbs.h. */
#ifndef SBX_OPTIONS_BUILD_VERBS_H
#define SBX_OPTIONS_BUILD_VERBS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/strv.h"

struct ulimit;

enum build_output_type { OUTPUT_IMAGE, OUTPUT_DOCKER, OUTPUT_OCI, OUTPUT_TAR, OUTPUT_LOCAL };

/* One --output. */
struct build_output {
	enum build_output_type type;
	char *dest; /* file, directory, "-" = standard output; NULL: the image store */
	char *name; /* a further name for the image, or NULL */
	bool push;
};

enum build_progress { PROGRESS_AUTO, PROGRESS_PLAIN, PROGRESS_TTY, PROGRESS_RAWJSON };

struct build_secret {
	char *id;
	char *file, *env; /* one of them: where the value is */
};

enum build_cache_type { CACHE_REGISTRY, CACHE_LOCAL, CACHE_INLINE };

/* One --cache-from or --cache-to. */
struct build_cache {
	enum build_cache_type type;
	char *where; /* a reference, or a folder; NULL for inline */
	bool max;    /* mode=max: stages that are not in the result too */
	bool asked;  /* type=registry was typed: what is here does not do */
};

struct build_opts {
	bool no_cache, pull, quiet, push, load, shell_on_error;
	bool no_effect;   /* of --rm, --force-rm, --compress: what they ask for is how it is */
	struct strv tags; /* as typed, judged by ref_parse() later */
	struct strv
		build_args; /* "NAME=value", the caller's value already in; a bare "NAME": unset */
	struct strv labels; /* "name=value" */
	struct strv add_host, contexts; /* "name=where" */
	struct build_cache *cache_from, *cache_to;
	size_t n_cache_from, n_cache_to;
	struct strv
		run_words; /* options of `sbx run` for every RUN: "--policy=build", "--memory=1g" */
	struct strv volumes; /* -v: of every RUN, as typed; judged already */
	char *timestamp;     /* --timestamp: SOURCE_DATE_EPOCH; NULL = none */
	char *file, *target, *iidfile, *metadata_file, *network, *platform;
	char *context; /* PATH, URL or "-" */
	enum build_progress progress;
	int64_t shm_size; /* -1 = not given */
	struct ulimit *ulimits;
	size_t n_ulimits;
	struct build_output *outputs;
	size_t n_outputs;
	struct build_secret *secrets;
	size_t n_secrets;
};
int build_opts_parse(int argc, char **argv, struct build_opts *ret, struct err *err);
void build_opts_done(struct build_opts *opts);

struct run_opts;
/* What run_words mean for a RUN; judged where `sbx run` does. *ret is the caller's to free. -EINVAL. */
int build_run_opts(const struct build_opts *build, struct run_opts *ret, struct err *err);

struct builder_prune_opts {
	bool all, force;
	int64_t until;   /* remove only what was last used before this, ns; INT64_MAX = no limit */
	int64_t reserve; /* bytes to keep */
};
int builder_prune_opts_parse(
	int argc, char **argv, struct builder_prune_opts *ret, struct err *err);

/* "type=tar,dest=x" or a directory, of --output. -EINVAL. Pure. */
int parse_build_output(const char *value, struct build_output *ret, struct err *err);
/* "type=local,dest=x" of --cache-to (to), "type=registry,ref=x" or a reference of --cache-from. -EINVAL. Pure. */
int parse_build_cache(const char *value, bool to, struct build_cache *ret, struct err *err);
/* "id=x,src=file" or "id=x,env=NAME", of --secret. -EINVAL. Pure. */
int parse_build_secret(const char *value, struct build_secret *ret, struct err *err);

#endif
