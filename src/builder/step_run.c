/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RUN. The root is mounted from the layers with a new upper directory, and that directory is the layer:
 * no tree is compared. What it depends on: the file system below, the words, environment, user,
 * directory, network and mounts. Values of predefined proxy arguments and of secrets are no part of that.
 */
#include "builder/run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/xalloc.h"
#include "state/state.h"

#define DEFAULT_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static const char *const proxies[] = { "HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy",
	"FTP_PROXY", "ftp_proxy", "NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy" };

void run_job_done(struct run_job *job)
{
	strv_done(&job->argv);
	strv_done(&job->env);
	free(job->script);
	free(job->workdir);
	free(job->user);
	run_opts_done(&job->opts);
	strv_each (path, &job->secrets)
		(void)run_secret_remove(
			*path); /* of a program that was never started, or gone already */
	strv_done(&job->secrets);
	for (size_t i = 0; i < job->n_locks; i++)
		(void)close(job->locks[i]); /* releases */
	free(job->locks);
	for (size_t i = 0; job->binds && i < job->step->in.run.n_mounts; i++) {
		snapshot_done(&job->binds[i].from);
		strv_done(&job->binds[i].layers);
		free(job->binds[i].place);
		free(job->binds[i].secret);
	}
	free(job->binds);
	policy_done(&job->policy);
	network_done(&job->net);
	rootfs_done(&job->rootfs);
}

static void plan_argv(struct run_job *job)
{
	const struct step *s = job->step;
	bool script = false;
	char *text;

	if (s->in.exec_form) {
		strv_extend(&job->argv, &s->in.args);
		return;
	}
	text = instruction_shell_text(&s->in, &script);
	if (script) {
		job->script = text;
		strv_add(&job->argv, "/dev/pipes/EOF");
		return;
	}
	json_strv(json_path(s->snap->doc, "config", "Shell", NULL), &job->argv);
	if (job->argv.n == 0) {
		strv_add(&job->argv, "/bin/sh");
		strv_add(&job->argv, "-c");
	}
	strv_adopt(&job->argv, text);
}

/* ENV over ARG, without what only the build's caller sees. */
static void plan_env(struct run_job *job)
{
	const struct step *s = job->step;

	step_scope(s->snap, &job->env);
	if (!strv_env_get(&job->env, "PATH"))
		strv_add(&job->env, DEFAULT_PATH);
}

/* Given with --build-arg and not declared: seen by RUN, kept out of key and history. */
static void add_proxies(struct run_job *job)
{
	for (size_t i = 0; i < ARRAY_SIZE(proxies); i++) {
		const char *value = strv_env_get(&job->step->build->args_given, proxies[i]);

		if (value && !strv_env_get(&job->env, proxies[i]))
			strv_addf(&job->env, "%s=%s", proxies[i], value);
	}
}

static int plan_network(struct run_job *job, struct err *err)
{
	const struct build *b = job->step->build;
	const char *policy = job->opts.network ? job->opts.network : "default";
	const char *asked = b->opts->network ? b->opts->network : policy;
	enum run_network network = job->step->in.run.network;

	if (network == RUN_NETWORK_HOST && strcmp(asked, "host") != 0)
		return err_set(err, -EPERM,
			"network.host is not allowed: a Dockerfile cannot choose the host's network "
			"by itself. Allow it with --network host");
	job->network = network;
	if (network == RUN_NETWORK_NONE)
		asked = "none";
	free(job->opts.network);
	job->opts.network = xstrdup(strcmp(asked, "default") == 0 ? "bridge" : asked);
	return 0;
}

/* Behind the policy's: the last of a resource counts. */
static void add_ulimits(struct run_opts *o, const struct build_opts *given)
{
	if (given->n_ulimits == 0)
		return;
	o->ulimits = xreallocarray(
		o->ulimits, o->n_ulimits + given->n_ulimits, sizeof(*o->ulimits));
	memcpy(o->ulimits + o->n_ulimits, given->ulimits, given->n_ulimits * sizeof(*o->ulimits));
	o->n_ulimits += given->n_ulimits;
}

/* -v. What is in them is not known to the cache, as in buildah. */
static int add_volumes(struct run_job *job, const struct strv *given, struct err *err)
{
	strv_each (text, given) {
		struct volume volume;

		TRY(parse_volume(*text, &volume, err));
		volume.create_source = false;
		job->opts.volumes = xreallocarray(
			job->opts.volumes, job->opts.n_volumes + 1, sizeof(*job->opts.volumes));
		job->opts.volumes[job->opts.n_volumes++] = volume;
	}
	return 0;
}

static int plan(struct run_job *job, struct err *err)
{
	const struct step *s = job->step;
	const struct build *b = s->build;
	const struct json *config = json_get(s->snap->doc, "config");

	if (s->in.run.insecure)
		return err_set(err, -EPERM,
			"security.insecure is not allowed: RUN has the rights of `sbx run`, no more");
	TRY(build_run_opts(b->opts, &job->opts, err));
	TRY(add_volumes(job, &b->opts->volumes, err));
	plan_argv(job);
	plan_env(job);
	job->workdir = step_workdir_path(s->snap, "");
	job->user = xstrdup(json_str(json_get(config, "User"), ""));
	if (b->opts->shm_size >= 0)
		job->opts.shm_size = b->opts->shm_size;
	job->opts.remove = true;
	strv_extend(&job->opts.add_host, &b->opts->add_host);
	add_ulimits(&job->opts, b->opts);
	return plan_network(job, err);
}

static int make_key(
	struct run_job *job, char ret[SHA256_HEX], char ret_portable[SHA256_HEX], struct err *err)
{
	const struct step *s = job->step;
	struct key key = { 0 };
	int r;

	key_add(&key, "run");
	key_add_snapshot(&key, s->snap);
	key_add_list(&key, &job->argv);
	key_add_list(&key, &job->env);
	key_add(&key, job->script);
	key_add(&key, job->workdir);
	key_add(&key, job->user);
	key_add(&key, job->opts.network);
	key_add(&key, job->opts.policy);
	key_add_list(&key, &job->opts.add_host);
	key_add_int(&key, job->opts.shm_size);
	key_add_int(&key, s->build->owners);
	key_add_list(&key, &s->build->opts->volumes);
	r = run_mounts_key(job, &key, err);
	key_end_both(&key, ret, ret_portable);
	return r;
}

/* "RUN |1 A=b /bin/sh -c true # buildkit" */
static char *history_line(const struct run_job *job)
{
	const struct snapshot *snap = job->step->snap;
	autobuf struct buf line = BUF_INIT;

	buf_adds(&line, "RUN ");
	if (snap->args.n)
		buf_addf(&line, "|%zu ", snap->args.n);
	strv_each (arg, &snap->args)
		buf_addf(&line, "%s ", *arg);
	strv_each (word, &job->argv)
		buf_addf(&line, "%s ", *word);
	buf_adds(&line, "# buildkit");
	return buf_steal(&line);
}

static char *words_of(const struct strv *argv)
{
	autobuf struct buf text = BUF_INIT;

	strv_each (word, argv)
		buf_addf(&text, "%s%s", text.len ? " " : "", *word);
	return buf_steal(&text);
}

static int failed(struct run_job *job, int status, struct err *err)
{
	struct step *s = job->step;
	autofree char *words = words_of(&job->argv);
	struct err why = ERR_INIT;
	int shell = 0;
	uint32_t vertex = vertex_of(s->stage, s->index);
	autofree char *text = xasprintf(
		"process \"%.300s\" did not complete successfully: exit code: %d", words, status);

	report(s->build, REPORT_ERROR, vertex, text);
	if (s->build->opts->shell_on_error) {
		report(s->build, REPORT_SHELL, vertex, "");
		shell = run_shell(job, &why);
	}
	(void)err_set(err, -ECHILD, "failed to solve: %s%s%s", text,
		!s->build->opts->shell_on_error
			? ". Look around there with: sbx build --on-error shell"
		: shell < 0 ? ". There is no shell: "
			    : "",
		shell < 0 ? why.text : "");
	return err_exit(err, 1);
}

/* Only `upper` becomes the layer. */
static int keep(struct run_job *job, const char *key, struct cached *ret, struct err *err)
{
	struct step *s = job->step;
	autofd int dir = openat(s->build->work_fd, job->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	autofree char *upper = xasprintf("%s/%s/upper", s->build->work, job->dir);

	if (dir < 0)
		return err_sys(err, "open the step's directory");
	stubs_remove(&job->rootfs, upper);
	TRY(fs_remove_tree(dir, "work", err));
	TRY(fs_remove_tree(dir, "run", err));
	(void)unlinkat(dir, "fuse.log", 0); /* only the fuse driver has one */
	(void)time_text(s->build->epoch, ret->created);
	return cache_add(
		&s->build->cache, s->build->work_fd, job->dir, key, s->written->text, ret, err);
}

/* A build makes nothing on the host; `run -v` would. */
static int check_volumes(const struct run_job *job, struct err *err)
{
	for (size_t i = 0; i < job->opts.n_volumes; i++) {
		const struct volume *v = &job->opts.volumes[i];

		if (v->type == VOLUME_BIND && access(v->source, F_OK) < 0 && errno == ENOENT)
			return err_set(err, -ENOENT,
				"-v: the source '%s' does not exist, and a build makes none",
				v->source);
	}
	return 0;
}

/* portable: becomes a name that nothing has when the result is not what the key says. */
static int execute(struct run_job *job, const char *key, char portable[SHA256_HEX],
	struct cached *ret, struct err *err)
{
	struct step *s = job->step;
	uint32_t vertex = vertex_of(s->stage, s->index);
	int status;

	report(s->build, REPORT_START, vertex, s->name);
	add_proxies(job);
	status = step_dir(s, job->dir, err);
	if (status >= 0)
		status = check_volumes(job, err);
	if (status >= 0)
		status = run_mounts_prepare(job, err);
	if (status >= 0)
		status = run_execute(job, err);
	if (status < 0 && err->exit != 126 && err->exit != 127) {
		report(s->build, REPORT_ERROR, vertex, err->text);
		return status;
	}
	if (status < 0) { /* the image has no such program */
		struct report head = { .kind = REPORT_OUTPUT, .vertex = vertex, .number = 2 };
		autofree char *line = xasprintf("%s\n", err->text);

		report_bytes(s->build, &head, line, strlen(line));
		status = err->exit;
	}
	if (status != 0)
		return failed(job, status, err);
	if (!run_binds_unchanged(job)) {
		key = NULL;
		state_new_id(portable);
	}
	TRY(keep(job, key, ret, err));
	report(s->build, REPORT_DONE, vertex, NULL);
	return 0;
}

static int solve(struct run_job *job, struct err *err)
{
	struct step *s = job->step;
	autofree char *line = NULL;
	struct cached layer;
	char key[SHA256_HEX], portable[SHA256_HEX];
	int r;

	TRY(plan(job, err));
	r = make_key(job, key, portable, err);
	if (r != 0)
		return r;
	r = step_find(s, key, portable, &layer, err);
	TRY(r);
	if (r == 1)
		report(s->build, REPORT_CACHED, vertex_of(s->stage, s->index), s->name);
	else if (s->look_only)
		return STEP_MISSED;
	else
		TRY(execute(job, key, portable, &layer, err));
	line = history_line(job);
	step_layer(s, &layer, portable, line);
	return 0;
}

int step_run(struct step *s, struct err *err)
{
	struct run_job job = { .step = s, .net = NETWORK_INIT };
	int r = solve(&job, err);

	run_job_done(&job);
	return r;
}
