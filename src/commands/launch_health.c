/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Health checks: what is run, from the options and the image's HEALTHCHECK, and what is known of them: the
 * file health.json in the container's directory, in the shape of inspect's State.Health, replaced by the
 * monitor after each probe.
 */
#include "commands/launch.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/own.h"
#include "base/xalloc.h"
#include "commands/common.h"

#define HEALTH_NAME "health.json"
#define HEALTH_MAX  (1u << 20)
#define KEPT        5 /* results, Docker's */
#define SECOND      1000000000LL
#define MS          1000000

static const char *const status_names[] = {
	[HEALTH_STARTING] = "starting",
	[HEALTH_HEALTHY] = "healthy",
	[HEALTH_UNHEALTHY] = "unhealthy",
};

/* ---- what is run ---- */

static int64_t choose(int64_t given, const struct json *image, const char *key, int64_t otherwise)
{
	int64_t of_image = json_int(json_get(image, key), 0);

	return given > 0 ? given : of_image > 0 ? of_image : otherwise;
}

static struct json *test_of(const struct health_opts *opts, const struct json *image)
{
	struct json *test, *of_image = json_get(image, "Test");

	if (opts->none)
		return NULL;
	if (!opts->cmd || !*opts->cmd)
		return json_len(of_image) ? json_ref(of_image) : NULL;
	test = json_new_list();
	json_push(test, json_new_string("CMD-SHELL"));
	json_push(test, json_new_string(opts->cmd));
	return test;
}

struct json *launch_health_record(const struct launch *launch)
{
	const struct health_opts *opts = &launch->opts.health;
	const struct json *image = json_path(launch->image.config, "config", "Healthcheck", NULL);
	struct json *test = test_of(opts, image), *doc;

	if (!test || strcmp(json_str(json_at(test, 0), ""), "NONE") == 0) {
		json_free(test);
		return NULL;
	}
	doc = json_new_map();
	json_put(doc, "Test", test);
	json_put_int(doc, "Interval", choose(opts->interval, image, "Interval", 30 * SECOND));
	json_put_int(doc, "Timeout", choose(opts->timeout, image, "Timeout", 30 * SECOND));
	json_put_int(doc, "StartPeriod", choose(opts->start_period, image, "StartPeriod", 0));
	json_put_int(doc, "StartInterval",
		choose(opts->start_interval, image, "StartInterval", 5 * SECOND));
	json_put_int(doc, "Retries", choose(opts->retries, image, "Retries", 3));
	return doc;
}

static int64_t ms_of(const struct json *record, const char *key)
{
	int64_t ms = json_int(json_get(record, key), 0) / MS;

	return ms > 0 || strcmp(key, "StartPeriod") == 0 ? ms : 1;
}

void launch_health_spec(struct launch *launch)
{
	const struct json *record = json_get(launch->container.config, "health");
	struct health_spec *spec = &launch->health;
	autostrv struct strv words = STRV_INIT;
	bool shell;

	strv_done(&spec->test);
	*spec = (struct health_spec){ 0 };
	json_strv(json_get(record, "Test"), &words);
	if (words.n < 2)
		return;
	shell = strcmp(words.v[0], "CMD-SHELL") == 0;
	if (shell) {
		strv_add(&spec->test, "/bin/sh");
		strv_add(&spec->test, "-c");
	}
	for (size_t i = 1; i < words.n; i++)
		strv_add(&spec->test, words.v[i]);
	spec->interval_ms = ms_of(record, "Interval");
	spec->timeout_ms = ms_of(record, "Timeout");
	spec->start_period_ms = ms_of(record, "StartPeriod");
	spec->start_interval_ms = ms_of(record, "StartInterval");
	spec->retries = (int)json_int(json_get(record, "Retries"), 3);
}

/* ---- what came of it ---- */

static void save(const struct launch *launch, const struct health_state *state, struct json *log)
{
	autojson struct json *doc = json_new_map();
	autobuf struct buf text = BUF_INIT;
	struct err err = ERR_INIT;

	json_put_string(doc, "Status", status_names[state->status]);
	json_put_int(doc, "FailingStreak", state->streak);
	json_put(doc, "Log", log);
	json_write(doc, 0, &text);
	if (fs_write_at(launch->container.dir, HEALTH_NAME, text.data, text.len, FS_NOSYNC, &err) <
		0)
		log_msg(LOG_DEBUG, "the health of container %.12s is not recorded: %s", launch->id,
			err.text);
}

void launch_health_begin(const struct launch *launch)
{
	const struct health_state starting = { HEALTH_STARTING, 0 };

	if (launch->health.test.n)
		save(launch, &starting, json_new_list());
}

bool launch_may_probe(void *data)
{
	const struct launch *launch = data;
	autofree char *note = xasprintf("%s/paused", launch->container.run_path);

	return access(note, F_OK) < 0;
}

static struct json *entry_of(const struct health_result *result)
{
	autofree char *output = xstrndup(result->output, result->len);
	struct json *entry = json_new_map();
	char time[STATE_TIME_MAX];

	state_time_format(result->start, false, time);
	json_put_string(entry, "Start", time);
	state_time_format(result->end, false, time);
	json_put_string(entry, "End", time);
	json_put_int(entry, "ExitCode", result->exit_code);
	json_put_string(entry, "Output", output);
	return entry;
}

void launch_probed(void *data, const struct health_state *state, const struct health_result *result)
{
	struct launch *launch = data;
	autojson struct json *before = NULL;
	struct json *log = json_new_list();
	struct err none = ERR_INIT;
	size_t n;

	(void)json_read_at(
		launch->container.dir, HEALTH_NAME, HEALTH_MAX, &before, &none); /* or begin anew */
	n = json_len(json_get(before, "Log"));
	for (size_t i = n >= KEPT ? n - KEPT + 1 : 0; i < n; i++)
		json_push(log, json_ref(json_at(json_get(before, "Log"), i)));
	json_push(log, entry_of(result));
	save(launch, state, log);
	if (strcmp(json_str(json_get(before, "Status"), ""), status_names[state->status]) != 0) {
		autofree char *action = xasprintf("health_status: %s", status_names[state->status]);

		event_container(launch->globals, &launch->container, action, NULL, NULL);
	}
}

/* ---- reading ---- */

struct json *container_health(const struct container *c)
{
	struct json *doc = NULL;
	struct err none = ERR_INIT;

	if (!json_get(c->config, "health") ||
		json_read_at(c->dir, HEALTH_NAME, HEALTH_MAX, &doc, &none) < 0)
		return NULL;  /* never started */
	if (!container_up(c)) /* Docker's: what does not run is not healthy */
		json_put_string(doc, "Status", "unhealthy");
	return doc;
}

const char *container_health_name(const struct container *c, char ret[16])
{
	autojson struct json *doc = container_health(c);

	snprintf(ret, 16, "%s",
		doc                             ? json_str(json_get(doc, "Status"), "")
		: json_get(c->config, "health") ? "starting"
						: "none");
	return ret;
}
