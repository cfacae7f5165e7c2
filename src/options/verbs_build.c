/* SPDX-License-Identifier: Apache-2.0 */
/* Options of build and builder prune. See build_verbs.h. */
#include "options/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/own.h"
#include "base/xalloc.h"

#define BUILD struct build_opts

static int call_build_arg(void *target, const char *value, struct err *err)
{
	return parse_env(value, &((BUILD *)target)->build_args, err);
}

static int call_image_label(void *target, const char *value, struct err *err)
{
	BUILD *o = target;

	if (!*value || *value == '=')
		return err_set(err, -EINVAL, "invalid label '%s': empty name", value);
	if (strchr(value, '='))
		strv_add(&o->labels, value);
	else
		strv_addf(&o->labels, "%s=", value);
	return 0;
}

static int call_add_host(void *target, const char *value, struct err *err)
{
	return parse_add_host(value, &((BUILD *)target)->add_host, err);
}

static int call_context(void *target, const char *value, struct err *err)
{
	const char *equal = strchr(value, '=');

	if (!equal || equal == value || !equal[1])
		return err_set(
			err, -EINVAL, "invalid context value: %s, expected key=value", value);
	strv_add(&((BUILD *)target)->contexts, value);
	return 0;
}

static int call_shm_size(void *target, const char *value, struct err *err)
{
	int64_t size;

	TRY(parse_size(value, &size, err));
	if (size <= 0)
		return err_set(err, -EINVAL, "shm-size must be greater than 0");
	((BUILD *)target)->shm_size = size;
	return 0;
}

static int call_ulimit(void *target, const char *value, struct err *err)
{
	BUILD *o = target;
	struct ulimit u;

	TRY(parse_ulimit(value, &u, err));
	o->ulimits = xreallocarray(o->ulimits, o->n_ulimits + 1, sizeof(*o->ulimits));
	o->ulimits[o->n_ulimits++] = u;
	return 0;
}

static int call_output(void *target, const char *value, struct err *err)
{
	struct build_output output;
	BUILD *o = target;

	TRY(parse_build_output(value, &output, err));
	o->outputs = xreallocarray(o->outputs, o->n_outputs + 1, sizeof(*o->outputs));
	o->outputs[o->n_outputs++] = output;
	if (output.name && !strv_has(&o->tags, output.name))
		strv_add(&o->tags, output.name);
	return 0;
}

static int call_secret(void *target, const char *value, struct err *err)
{
	struct build_secret secret;
	BUILD *o = target;

	TRY(parse_build_secret(value, &secret, err));
	o->secrets = xreallocarray(o->secrets, o->n_secrets + 1, sizeof(*o->secrets));
	o->secrets[o->n_secrets++] = secret;
	return 0;
}

static int call_ssh(void *target, const char *value, struct err *err)
{
	(void)target;
	return err_set(err, -EOPNOTSUPP,
		"'%s': builds cannot use your SSH agent. Give the key that is needed with --secret "
		"id=KEY,src=FILE and RUN --mount=type=secret,id=KEY",
		value);
}

static int call_platform(void *target, const char *value, struct err *err)
{
	BUILD *o = target;

	TRY(parse_platform(value, err));
	free(o->platform);
	o->platform = xstrdup(value);
	return 0;
}

static int call_progress(void *target, const char *value, struct err *err)
{
	static const char *const names[] = { "auto", "plain", "tty", "rawjson" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcmp(names[i], value) == 0) {
			((BUILD *)target)->progress = (enum build_progress)i;
			return 0;
		}
	}
	return err_set(err, -EINVAL, "want auto, plain, tty or rawjson");
}

static int call_on_error(void *target, const char *value, struct err *err)
{
	bool shell = strcmp(value, "shell") == 0;

	if (!shell && strcmp(value, "stop") != 0)
		return err_set(err, -EINVAL, "want shell or stop");
	((BUILD *)target)->shell_on_error = shell;
	return 0;
}

static int add_cache(struct build_cache **list, size_t *n, struct build_cache *adopt)
{
	*list = xreallocarray(*list, *n + 1, sizeof(**list));
	(*list)[(*n)++] = *adopt;
	return 0;
}

static int call_cache_from(void *target, const char *value, struct err *err)
{
	struct build_cache cache;
	BUILD *o = target;

	TRY(parse_build_cache(value, false, &cache, err));
	return add_cache(&o->cache_from, &o->n_cache_from, &cache);
}

static int call_cache_to(void *target, const char *value, struct err *err)
{
	struct build_cache cache;
	BUILD *o = target;

	TRY(parse_build_cache(value, true, &cache, err));
	return add_cache(&o->cache_to, &o->n_cache_to, &cache);
}

/* Judged now, and read again for each RUN. */
static int call_volume(void *target, const char *value, struct err *err)
{
	struct volume volume;
	bool named;

	TRY(parse_volume(value, &volume, err));
	named = volume.type != VOLUME_ANONYMOUS;
	volume_done(&volume);
	if (!named)
		return err_set(err, -EINVAL,
			"a build mounts SOURCE:PATH: nobody would find the volume of '%s' again",
			value);
	strv_add(&((BUILD *)target)->volumes, value);
	return 0;
}

/* Options of `sbx run`, which judges them: see builder_build(). */
static int run_word(void *target, const char *name, const char *value)
{
	strv_addf(&((BUILD *)target)->run_words, "--%s=%s", name, value);
	return 0;
}

#define RUN_WORD(function, name)                                              \
	static int function(void *target, const char *value, struct err *err) \
	{                                                                     \
		(void)err;                                                    \
		return run_word(target, name, value);                         \
	}

RUN_WORD(word_memory, "memory")
RUN_WORD(word_memory_swap, "memory-swap")
RUN_WORD(word_cpus, "cpus")
RUN_WORD(word_cpu_period, "cpu-period")
RUN_WORD(word_cpu_quota, "cpu-quota")
RUN_WORD(word_cpu_shares, "cpu-shares")
RUN_WORD(word_cpuset_cpus, "cpuset-cpus")
RUN_WORD(word_cpuset_mems, "cpuset-mems")
RUN_WORD(word_cgroup_parent, "cgroup-parent")
RUN_WORD(word_limits, "limits")
RUN_WORD(word_policy, "policy")
RUN_WORD(word_security_opt, "security-opt")

const struct opt build_table[] = {
	OPT_CALL(0, "add-host", call_add_host, "HOST:IP", "Add a line to /etc/hosts during RUN"),
	OPT_CALL(0, "build-arg", call_build_arg, "NAME[=VALUE]", "Set an ARG of the Dockerfile"),
	OPT_CALL(0, "build-context", call_context, "NAME=DIR|docker-image://REF",
		"A further source for FROM and --from"),
	OPT_CALL(0, "cache-from", call_cache_from, "REF|type=local,src=DIR",
		"Take layers from a cache made elsewhere"),
	OPT_CALL(0, "cache-to", call_cache_to, "type=TYPE,...",
		"Export it: inline, registry or local"),
	OPT_CALL(0, "cgroup-parent", word_cgroup_parent, "CGROUP", "Parent of RUN's cgroups"),
	OPT_FLAG(0, "compress", BUILD, no_effect, "No effect: the context is read in place"),
	OPT_CALL(0, "cpu-period", word_cpu_period, "MICROSECONDS", "Period of RUN's CPU quota"),
	OPT_CALL(0, "cpu-quota", word_cpu_quota, "MICROSECONDS", "CPU time of RUN in each period"),
	OPT_CALL('c', "cpu-shares", word_cpu_shares, "SHARES", "CPU weight of RUN"),
	OPT_CALL(0, "cpus", word_cpus, "NUMBER", "CPUs that RUN may use"),
	OPT_CALL(0, "cpuset-cpus", word_cpuset_cpus, "LIST", "CPUs on which RUN may run"),
	OPT_CALL(0, "cpuset-mems", word_cpuset_mems, "LIST", "Memory nodes that RUN may use"),
	OPT_STRING('f', "file", BUILD, file, "FILE", "Dockerfile (default PATH/Dockerfile)"),
	OPT_FLAG(0, "force-rm", BUILD, no_effect, "No effect: nothing is left behind"),
	OPT_STRING(0, "iidfile", BUILD, iidfile, "FILE", "Write the image's id to a file"),
	OPT_CALL(0, "label", call_image_label, "NAME[=VALUE]", "Attach a label to the image"),
	OPT_CALL(0, "limits", word_limits, "strict|best-effort", "Limits that cannot be enforced"),
	OPT_FLAG(0, "load", BUILD, load, "Keep the image here, beside other outputs"),
	OPT_CALL('m', "memory", word_memory, "SIZE", "Memory that RUN may use"),
	OPT_CALL(0, "memory-swap", word_memory_swap, "SIZE", "Memory and swap that RUN may use"),
	OPT_STRING(0, "metadata-file", BUILD, metadata_file, "FILE", "Write digests as JSON"),
	OPT_STRING(0, "network", BUILD, network, "default|none|host|NAME", "Network of RUN"),
	OPT_FLAG(0, "no-cache", BUILD, no_cache, "Carry out every step"),
	OPT_CALL(0, "on-error", call_on_error, "shell|stop",
		"shell: a terminal where a RUN has failed"),
	OPT_CALL('o', "output", call_output, "DIR|type=TYPE,dest=PATH",
		"Where: local tar oci docker image registry"),
	OPT_CALL(0, "platform", call_platform, "OS/ARCH", "Platform of base images"),
	OPT_CALL(0, "policy", word_policy, "POLICY", "What RUN may do, as of `sbx run`"),
	OPT_CALL(0, "progress", call_progress, "auto|plain|tty|rawjson", "How to show progress"),
	OPT_FLAG(0, "pull", BUILD, pull, "Ask the registries for newer base images"),
	OPT_FLAG(0, "push", BUILD, push, "Push the image to its registry"),
	OPT_FLAG('q', "quiet", BUILD, quiet, "Print the image's id only"),
	OPT_FLAG(0, "rm", BUILD, no_effect, "No effect: nothing is left behind"),
	OPT_CALL(0, "secret", call_secret, "id=ID[,src=FILE|env=NAME]",
		"A secret for RUN --mount=type=secret"),
	OPT_CALL(0, "security-opt", word_security_opt, "OPTION", "As of `sbx run`, for RUN"),
	OPT_CALL(0, "shm-size", call_shm_size, "SIZE", "Size of /dev/shm (default 64m)"),
	OPT_CALL(0, "ssh", call_ssh, "ID", "Refused: use --secret"),
	OPT_LIST('t', "tag", BUILD, tags, "NAME[:TAG]", "Name of the image; may be repeated"),
	OPT_STRING(0, "target", BUILD, target, "STAGE", "Build up to this stage"),
	OPT_STRING(0, "timestamp", BUILD, timestamp, "SECONDS",
		"Times of the image, since 1970: reproducible"),
	OPT_CALL(0, "ulimit", call_ulimit, "NAME=SOFT[:HARD]", "Set a resource limit for RUN"),
	OPT_CALL('v', "volume", call_volume, "SOURCE:PATH[:OPTIONS]",
		"Mount a folder or volume during RUN"),
	OPT_END,
};

int build_opts_parse(int argc, char **argv, struct build_opts *ret, struct err *err)
{
	struct build_opts o = { .shm_size = -1 };
	autostrv struct strv operands = STRV_INIT;
	int r = opt_parse_command(CMD_BUILD, argv, &o, &operands, err);

	(void)argc;
	if (r == 0 && operands.n != 1)
		r = err_exit(err,
			(err_set(err, -EINVAL,
				 "'sbx build' requires 1 argument: the folder with the files to "
				 "build from, often '.'"),
				1));
	if (r < 0) {
		build_opts_done(&o);
		return r;
	}
	o.context = xstrdup(operands.v[0]);
	*ret = o;
	return 0;
}

void build_opts_done(struct build_opts *o)
{
	char *strings[] = { o->file, o->target, o->iidfile, o->metadata_file, o->network,
		o->platform, o->context, o->timestamp };
	struct strv *lists[] = { &o->tags, &o->build_args, &o->labels, &o->add_host, &o->contexts,
		&o->run_words, &o->volumes };

	for (size_t i = 0; i < ARRAY_SIZE(strings); i++)
		free(strings[i]);
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		strv_done(lists[i]);
	for (size_t i = 0; i < o->n_outputs; i++)
		free(o->outputs[i].dest), free(o->outputs[i].name);
	for (size_t i = 0; i < o->n_secrets; i++) {
		free(o->secrets[i].id);
		free(o->secrets[i].file);
		free(o->secrets[i].env);
	}
	for (size_t i = 0; i < o->n_cache_from; i++)
		free(o->cache_from[i].where);
	for (size_t i = 0; i < o->n_cache_to; i++)
		free(o->cache_to[i].where);
	free(o->cache_from);
	free(o->cache_to);
	free(o->outputs);
	free(o->secrets);
	free(o->ulimits);
	*o = (struct build_opts){ 0 };
}

/* ---- builder prune ---- */

static int64_t now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail for this clock */
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int call_filter(void *target, const char *value, struct err *err)
{
	TRY(check_filter(value, err));
	if (strncmp(value, "until=", 6) != 0 && strncmp(value, "unused-for=", 11) != 0)
		return err_set(err, -EINVAL, "invalid filter '%s': until is known", value);
	return parse_time(strchr(value, '=') + 1, now_ns(),
		&((struct builder_prune_opts *)target)->until, err);
}

static int call_reserve(void *target, const char *value, struct err *err)
{
	return parse_size(value, &((struct builder_prune_opts *)target)->reserve, err);
}

const struct opt builder_prune_table[] = {
	OPT_FLAG('a', "all", struct builder_prune_opts, all,
		"What images are made of too: later builds run it again"),
	OPT_CALL(0, "filter", call_filter, "until=TIME", "Only what was not used since then"),
	OPT_FLAG('f', "force", struct builder_prune_opts, force, "Do not ask"),
	OPT_CALL(0, "keep-storage", call_reserve, "SIZE", "Keep so much of it, the newest"),
	OPT_END,
};

int builder_prune_opts_parse(int argc, char **argv, struct builder_prune_opts *ret, struct err *err)
{
	struct builder_prune_opts o = { .until = INT64_MAX };
	autostrv struct strv none = STRV_INIT;

	(void)argc;
	TRY(opt_parse_command(CMD_BUILDER_PRUNE, argv, &o, &none, err));
	*ret = o;
	return 0;
}
