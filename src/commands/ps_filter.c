/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ps --filter key=value, with Docker's meaning: values of one key are alternatives (labels must all
 * hold), keys must all hold; id and name are regular expressions, matched anywhere.
 */
#include "commands/common.h"
#include "commands/endpoints.h"

#include <errno.h>
#include <regex.h>

#include "base/own.h"
#include "base/xalloc.h"

struct term {
	const struct term_kind *kind;
	char *value;
	regex_t regex;  /* id, name */
	int64_t number; /* before, since: creation time; exited: code */
};

struct ps_filter {
	const struct globals *globals;
	struct term *terms;
	size_t n;
};

struct term_kind {
	const char *key;
	bool (*match)(const struct term *term, const struct container *c);
	int (*prepare)(const struct ps_filter *filter, struct term *term, struct err *err);
	bool all;     /* every value must hold */
	bool stopped; /* asks for stopped ones too */
};

/* ---- preparing values ---- */

static int prepare_regex(const struct ps_filter *filter, struct term *term, struct err *err)
{
	(void)filter;
	if (regcomp(&term->regex, term->value, REG_EXTENDED | REG_NOSUB) != 0)
		return err_set(
			err, -EINVAL, "invalid filter '%s=%s'", term->kind->key, term->value);
	return 0;
}

static int prepare_number(const struct ps_filter *filter, struct term *term, struct err *err)
{
	char *end;

	(void)filter;
	errno = 0;
	term->number = strtoll(term->value, &end, 10);
	if (errno || *end || end == term->value)
		return err_set(
			err, -EINVAL, "invalid filter '%s=%s'", term->kind->key, term->value);
	return 0;
}

static int prepare_status(const struct ps_filter *filter, struct term *term, struct err *err)
{
	static const char *const names[] = { "created", "restarting", "running", "removing",
		"paused", "exited", "dead" };

	(void)filter;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(term->value, names[i]) == 0)
			return 0;
	return err_set(err, -EINVAL, "invalid filter 'status=%s'", term->value);
}

static int prepare_health(const struct ps_filter *filter, struct term *term, struct err *err)
{
	static const char *const names[] = { "starting", "healthy", "unhealthy", "none" };

	(void)filter;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(term->value, names[i]) == 0)
			return 0;
	return err_set(err, -EINVAL, "invalid filter 'health=%s'", term->value);
}

static int prepare_time(const struct ps_filter *filter, struct term *term, struct err *err)
{
	autocontainer struct container c = CONTAINER_INIT;

	TRY(state_open(filter->globals, term->value, &c, err));
	term->number = state_created(&c);
	return 0;
}

/* ---- matching ---- */

static bool match_id(const struct term *term, const struct container *c)
{
	return regexec(&term->regex, c->id, 0, NULL, 0) == 0;
}

static bool match_name(const struct term *term, const struct container *c)
{
	autofree char *slashed = xasprintf("/%s", c->name);

	return regexec(&term->regex, c->name, 0, NULL, 0) == 0 ||
	       regexec(&term->regex, slashed, 0, NULL, 0) == 0;
}

static bool match_label(const struct term *term, const struct container *c)
{
	const char *equals = strchr(term->value, '=');
	autofree char *key = equals ? xstrndup(term->value, (size_t)(equals - term->value))
				    : xstrdup(term->value);
	const char *value = json_str(json_path(c->config, "labels", key, NULL), NULL);

	return value && (!equals || strcmp(value, equals + 1) == 0);
}

static bool match_status(const struct term *term, const struct container *c)
{
	return strcmp(term->value, state_status_name(c->status)) == 0;
}

static bool match_exited(const struct term *term, const struct container *c)
{
	return c->status == STATUS_EXITED && c->exit_code == term->number;
}

static bool match_before(const struct term *term, const struct container *c)
{
	return state_created(c) < term->number;
}

static bool match_since(const struct term *term, const struct container *c)
{
	return state_created(c) > term->number;
}

/* "redis", "redis:latest" and a digest or its beginning, as typed at run or by id. */
static bool match_ancestor(const struct term *term, const struct container *c)
{
	const char *image = json_str(json_get(c->config, "image"), "");
	const char *id = json_str(json_get(c->config, "imageId"), "");
	const char *bare = strncmp(id, "sha256:", 7) == 0 ? id + 7 : id;
	autofree char *tagged = xasprintf("%s:latest", term->value);
	autofree char *image_tagged = xasprintf("%s:latest", image);
	size_t n = strlen(term->value);

	if (strcmp(term->value, image) == 0 || strcmp(tagged, image) == 0 ||
		strcmp(term->value, image_tagged) == 0)
		return true;
	return n >= 4 && (strncmp(term->value, id, n) == 0 || strncmp(term->value, bare, n) == 0);
}

static bool match_volume(const struct term *term, const struct container *c)
{
	json_each (it, json_get(c->config, "mounts"))
		if (strcmp(json_str(json_get(it.value, "name"), ""), term->value) == 0 ||
			strcmp(json_str(json_get(it.value, "destination"), ""), term->value) == 0)
			return true;
	return false;
}

static bool match_network(const struct term *term, const struct container *c)
{
	return container_on_network(c, term->value);
}

/* "80", "80/tcp", "8000-8010/udp" against one port */
static bool port_in(const char *value, int64_t port, const char *proto)
{
	char *end;
	long long first = strtoll(value, &end, 10), last = first;

	if (*end == '-')
		last = strtoll(end + 1, &end, 10);
	return port >= first && port <= last && strcmp(*end == '/' ? end + 1 : "tcp", proto) == 0;
}

static bool port_published(const struct json *ports, const char *value)
{
	json_each (it, ports)
		if (port_in(value, json_int(json_get(it.value, "hostPort"), 0),
			    json_str(json_get(it.value, "proto"), "tcp")))
			return true;
	return false;
}

/* As it is now, or as it was asked for. */
static bool match_publish(const struct term *term, const struct container *c)
{
	return port_published(json_get(c->network, "ports"), term->value) ||
	       port_published(json_get(c->config, "ports"), term->value);
}

static bool match_expose(const struct term *term, const struct container *c)
{
	json_each (it, json_get(c->config, "exposedPorts")) {
		const char *text = json_str(it.value, ""), *slash = strchr(text, '/');

		if (port_in(term->value, strtoll(text, NULL, 10), slash ? slash + 1 : "tcp"))
			return true;
	}
	return false;
}

static bool match_health(const struct term *term, const struct container *c)
{
	char health[16];

	return strcmp(term->value, container_health_name(c, health)) == 0;
}

static const struct term_kind kinds[] = {
	{ "ancestor", match_ancestor, NULL, false, false },
	{ "before", match_before, prepare_time, false, false },
	{ "exited", match_exited, prepare_number, false, true },
	{ "expose", match_expose, NULL, false, false },
	{ "health", match_health, prepare_health, false, false },
	{ "id", match_id, prepare_regex, false, false },
	{ "label", match_label, NULL, true, false },
	{ "name", match_name, prepare_regex, false, false },
	{ "network", match_network, NULL, false, false },
	{ "publish", match_publish, NULL, false, false },
	{ "since", match_since, prepare_time, false, false },
	{ "status", match_status, prepare_status, false, true },
	{ "volume", match_volume, NULL, false, false },
};

static int add_term(struct ps_filter *filter, const char *text, struct err *err)
{
	const char *equals = strchr(text, '=');
	struct term term = { 0 };

	if (!equals)
		return err_set(err, -EINVAL,
			"invalid argument \"%s\" for \"-f, --filter\" flag: bad "
			"format of filter (expected name=value)",
			text);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strncmp(text, kinds[i].key, (size_t)(equals - text)) == 0 &&
			kinds[i].key[equals - text] == '\0')
			term.kind = &kinds[i];
	if (!term.kind)
		return err_set(err, -EINVAL, "invalid filter '%.*s'", (int)(equals - text), text);
	term.value = xstrdup(equals + 1);
	if (term.kind->prepare && term.kind->prepare(filter, &term, err) < 0) {
		free(term.value);
		return err->code;
	}
	filter->terms = xreallocarray(filter->terms, filter->n + 1, sizeof(*filter->terms));
	filter->terms[filter->n++] = term;
	return 0;
}

int ps_filter_new(const struct globals *globals, const struct strv *filters, struct ps_filter **ret,
	struct err *err)
{
	struct ps_filter *filter = xcalloc(1, sizeof(*filter));

	filter->globals = globals;
	strv_each (text, filters) {
		if (add_term(filter, *text, err) < 0) {
			ps_filter_free(filter);
			return err_exit(err, 1);
		}
	}
	*ret = filter;
	return 0;
}

void ps_filter_free(struct ps_filter *filter)
{
	if (!filter)
		return;
	for (size_t i = 0; i < filter->n; i++) {
		if (filter->terms[i].kind->prepare == prepare_regex)
			regfree(&filter->terms[i].regex);
		free(filter->terms[i].value);
	}
	free(filter->terms);
	free(filter);
}

/* Does some term of this kind hold (all of them, for kind->all)? */
static bool kind_matches(
	const struct ps_filter *filter, const struct term_kind *kind, const struct container *c)
{
	bool asked = false;

	for (size_t i = 0; i < filter->n; i++) {
		const struct term *term = &filter->terms[i];

		if (term->kind != kind)
			continue;
		asked = true;
		if (kind->match(term, c) != kind->all)
			return !kind->all;
	}
	return !asked || kind->all;
}

bool ps_filter_match(const struct ps_filter *filter, const struct container *c)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!kind_matches(filter, &kinds[i], c))
			return false;
	return true;
}

bool ps_filter_asks_stopped(const struct ps_filter *filter)
{
	for (size_t i = 0; i < filter->n; i++)
		if (filter->terms[i].kind->stopped)
			return true;
	return false;
}

bool ps_filter_is_empty(const struct ps_filter *filter)
{
	return filter->n == 0;
}
