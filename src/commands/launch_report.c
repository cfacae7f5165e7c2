/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run --report and --policy-learn: what a container did, put together by its monitor when it ends.
 * report.json lies in the container's directory; the launcher holds it open, so that with --rm it can
 * still be shown. What is missing because it could not be found out is missing, not guessed.
 */
#include "commands/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/own.h"
#include "base/xalloc.h"
#include "commands/changed.h"
#include "commands/common.h"

#define REPORT_MAX (16 * 1024 * 1024)
#define FILES_MAX  10000 /* more are counted only */
/* of a time as records have it */
#define MILLISECONDS_END (sizeof("2026-11-22T09:00:00.000") - 1)

/* What a program always needs, and what a run too short does not show. */
static const char *const always[] = { "execve", "exit", "exit_group", "rt_sigreturn",
	"restart_syscall" };

bool launch_reports(const struct launch *launch)
{
	return launch->opts.report || launch->opts.policy_learn;
}

static int open_policy(const struct launch *launch, int flags, struct err *err)
{
	const char *path = launch->opts.policy_learn;
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | flags, 0644);

	return fd < 0 ? err_sys(err, "write the learned policy '%s'", path) : fd;
}

int launch_report_open(struct launch *launch, struct err *err)
{
	if (!launch_reports(launch))
		return 0;
	if (launch->opts.policy_learn) { /* before the run, which may be long */
		autofd int policy = open_policy(launch, 0, err);

		TRY(policy);
	}
	fd_drop(&launch->report);
	launch->report = openat(launch->container.dir, "report.json",
		O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	return launch->report < 0 ? err_sys(err, "make the report") : 0;
}

int launch_report_read(int fd, struct json **ret, struct err *err)
{
	autofree char *path = xasprintf("/proc/self/fd/%d", fd);
	struct stat st;

	if (fstat(fd, &st) == 0 && st.st_size == 0)
		return err_set(err, -ENODATA,
			"there is no report: the container's monitor or its watcher was killed");
	if (json_read_at(AT_FDCWD, path, REPORT_MAX, ret, err) < 0)
		return err_wrap(err, "read the report");
	return 0;
}

struct collect {
	struct json *files;
	int64_t n, bytes;
};

static int add_file(void *data, const struct changed_file *file, struct err *err)
{
	struct collect *collect = data;
	struct json *row;

	(void)err;
	collect->n++;
	collect->bytes += file->size;
	if (collect->n > FILES_MAX)
		return 0;
	row = json_new_map();
	json_put_string(row, "change",
		file->kind == 'A'   ? "added"
		: file->kind == 'D' ? "deleted"
				    : "changed");
	json_put_string(row, "path", file->path);
	json_put_int(row, "size", file->size);
	json_push(collect->files, row);
	return 0;
}

static void add_files(const struct launch *launch, struct json *doc)
{
	struct collect collect = { .files = json_new_list() };
	struct err err = ERR_INIT;

	if (changed_in_container(&launch->container, add_file, &collect, &err) < 0) {
		json_put_string(doc, "filesError", err.text);
		json_free(collect.files);
		return;
	}
	json_put(doc, "files", collect.files);
	json_put_int(doc, "filesChanged", collect.n);
	json_put_int(doc, "bytesChanged", collect.bytes);
}

/* As of `network log`, with the names that JSON of ours has. Earlier runs of the container are in its record too. */
static struct json *connections_since(const struct json *rows, const char *since)
{
	struct json *ret = json_new_list();

	json_each (it, rows) {
		struct json *row;

		if (strcmp(json_str(json_get(it.value, "Time"), ""), since) < 0)
			continue;
		row = json_new_map();
		json_each (value, it.value) {
			autofree char *name = xstrdup(value.key);

			name[0] = (char)(name[0] | 0x20); /* a letter */
			json_put(row, name, json_ref(value.value));
		}
		json_push(ret, row);
	}
	return ret;
}

/* They are seen where sbx-netstack carries them; a container without any network of its own made none. */
static void add_connections(const struct launch *launch, struct json *doc)
{
	autojson struct json *rows = NULL;
	struct err err = ERR_INIT;
	char since[STATE_TIME_MAX];

	if (launch->network.kind == NETWORK_HOST || launch->network.kind == NETWORK_CONTAINER) {
		json_put_string(doc, "connectionsError",
			"not seen: the network is the host's or another container's");
		return;
	}
	state_time_format(launch->container.started, true, since);
	since[MILLISECONDS_END] = '\0'; /* the record's times have no more digits */
	if (launch->network.kind != NETWORK_BRIDGE)
		rows = json_new_list();
	else if (connections_read(&launch->container, &rows, &err) < 0)
		json_put_string(doc, "connectionsError", err.text);
	if (rows)
		json_put(doc, "connections", connections_since(rows, since));
}

static int write_doc(int fd, const struct json *doc, struct err *err)
{
	autobuf struct buf text = BUF_INIT;

	json_write(doc, 2, &text);
	buf_addc(&text, '\n');
	if (ftruncate(fd, 0) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return err_sys(err, "rewind the file");
	return fs_write_all(fd, text.data, text.len, err);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

char *launch_report_rule(const struct json *connection)
{
	return connection_rule(json_str(json_get(connection, "name"), ""),
		json_str(json_get(connection, "address"), ""),
		(int)json_int(json_get(connection, "port"), 0));
}

/* Each rule once, sorted; of what failed too, since it may answer the next time. */
static struct json *egress_of(const struct json *connections)
{
	autostrv struct strv rules = STRV_INIT;

	json_each (it, connections) {
		autofree char *rule = launch_report_rule(it.value);

		if (strcmp(json_str(json_get(it.value, "verdict"), ""), "refused") != 0 &&
			!strv_has(&rules, rule))
			strv_add(&rules, rule);
	}
	if (rules.n > 0)
		qsort(rules.v, rules.n, sizeof(*rules.v), by_name);
	return json_new_strv(&rules);
}

/* The policy that this run would have needed. Capabilities cannot be seen in use: they stay. */
static struct json *learned(const struct launch *launch, const struct json *doc)
{
	struct json *policy = json_new_map(), *seccomp = json_new_map(), *part = json_new_map();
	autostrv struct strv only = STRV_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(always); i++)
		strv_add(&only, always[i]);
	json_each (it, json_get(doc, "calls"))
		if (!strv_has(&only, it.key) && it.key[0] >= 'a')
			strv_add(&only, it.key);
	qsort(only.v, only.n, sizeof(*only.v), by_name);
	json_put_int(policy, "sbxPolicy", 1);
	json_put(policy, "summary", json_new_string(launch->opts.image));
	json_put_string(policy, "extends", "default");
	json_put(seccomp, "only", json_new_strv(&only));
	json_put(policy, "seccomp", seccomp);
	if (!json_bool(json_get(doc, "inet"), true))
		json_put_string(part, "mode", "none");
	else if (json_get(doc, "connections"))
		json_put(part, "egress", egress_of(json_get(doc, "connections")));
	if (json_len(part) > 0)
		json_put(policy, "network", json_ref(part));
	json_free(part);
	if (json_int(json_get(doc, "filesChanged"), 1) == 0) {
		part = json_new_map();
		json_put_bool(part, "readOnlyRoot", true);
		json_put(policy, "files", part);
	}
	return policy;
}

static int write_policy(const struct launch *launch, const struct json *doc, struct err *err)
{
	autojson struct json *policy = learned(launch, doc);
	autofd int fd = open_policy(launch, O_TRUNC, err);

	TRY(fd);
	return write_doc(fd, policy, err);
}

/* The watcher could not read it, but it is what we asked for. */
static void name_first(const struct launch *launch, struct json *started)
{
	const char *program = launch->argv.v[0];
	int64_t times = json_int(json_get(started, "?"), 0);

	if (!times)
		return;
	json_del(started, "?");
	json_put_int(started, program, json_int(json_get(started, program), 0) + times);
}

/* Of a cgroup the kernel counts; of resource limits only those show that end a program by a signal of their own. */
static void add_limits(const struct launch *launch, int status, struct json *doc)
{
	struct json *hits = cgroup_hits(launch->container.cgroup);

	json_put_bool(doc, "limitsCounted", hits != NULL);
	if (!hits)
		hits = json_new_map();
	if (status == 128 + SIGXCPU)
		json_put_int(hits, "cpuSeconds", 1);
	if (status == 128 + SIGXFSZ)
		json_put_int(hits, "fileSize", 1);
	json_put(doc, "limits", hits);
}

static int finish(const struct launch *launch, int status, struct err *err)
{
	autojson struct json *doc = NULL;

	TRY(launch_report_read(launch->report, &doc, err));
	json_put_string(doc, "container", launch->container.name);
	json_put_string(doc, "image", launch->opts.image);
	json_put_int(doc, "exitCode", status);
	json_put_int(doc, "seconds", (state_now() - launch->container.started) / 1000000000);
	name_first(launch, json_get(doc, "started"));
	add_limits(launch, status, doc);
	add_connections(launch, doc);
	add_files(launch, doc);
	if (launch->opts.policy_learn && write_policy(launch, doc, err) < 0)
		json_put_string(doc, "policyError", err->text); /* the launcher tells it */
	TRY(write_doc(launch->report, doc, err));
	return json_get(doc, "policyError") ? err->code : 0;
}

void launch_report_end(struct launch *launch, int status)
{
	struct err err = ERR_INIT;

	if (!launch_reports(launch))
		return;
	if (finish(launch, status, &err) >= 0)
		return;
	free(launch->log_lost); /* becomes the container's Error, which inspect shows */
	launch->log_lost = xstrdup(err.text);
}
