/* SPDX-License-Identifier: Apache-2.0 */
/* One container as a row of `ps`: the fields that Docker's templates know, in their order. */
#include "commands/common.h"
#include "commands/endpoints.h"

#include "base/own.h"
#include "base/xalloc.h"
#include "commands/output.h"
#include "commands/template_value.h"

#define COMMAND_LEN 20
#define NS          1000000000

void container_status_text(const struct container *c, int64_t now, struct buf *out)
{
	char since[UNITS_MAX], health[16];

	switch (c->status) {
	case STATUS_CREATED:
		buf_adds(out, "Created");
		return;
	case STATUS_RUNNING:
	case STATUS_PAUSED:
		units_duration((now - c->started) / NS, since);
		buf_addf(out, "Up %s", since);
		if (c->status == STATUS_PAUSED)
			buf_adds(out, " (Paused)");
		else if (json_get(c->config, "health"))
			buf_addf(out, " (%s%s)",
				strcmp(container_health_name(c, health), "starting") == 0
					? "health: "
					: "",
				health);
		return;
	case STATUS_RESTARTING:
	case STATUS_EXITED:
		break;
	}
	units_duration((now - c->finished) / NS, since);
	buf_addf(out, "%s (%d) %s ago", c->status == STATUS_RESTARTING ? "Restarting" : "Exited",
		c->exit_code, since);
}

/* The first `most` characters, the last of them an ellipsis if there are more. */
static void add_cut(const char *text, size_t most, struct buf *out)
{
	size_t n = 0, keep = 0, i = 0;

	for (; text[i]; i++) {
		if (((unsigned char)text[i] & 0xc0) == 0x80)
			continue;
		if (++n == most)
			keep = i;
	}
	if (n <= most) {
		buf_adds(out, text);
		return;
	}
	buf_add(out, text, keep);
	buf_adds(out, "\xe2\x80\xa6");
}

/* What the fields are made of. */
struct source {
	const struct container *c;
	bool no_trunc;
	const char *size; /* or NULL */
	int64_t now;
};

static void add_command(const struct source *s, struct buf *out)
{
	autobuf struct buf line = BUF_INIT, cut = BUF_INIT;

	json_each (it, json_get(s->c->config, "argv"))
		buf_addf(&line, "%s%s", it.index ? " " : "", json_str(it.value, ""));
	buf_adds(&line, ""); /* data is a string now */
	add_cut(line.data, s->no_trunc ? SIZE_MAX : COMMAND_LEN, &cut);
	value_quote(cut.data ? cut.data : "", out);
}

static void add_created(const struct source *s, struct buf *out)
{
	char text[UNITS_MAX];

	units_local_time(state_created(s->c), text);
	buf_adds(out, text);
}

static void add_id(const struct source *s, struct buf *out)
{
	buf_addf(out, "%.*s", s->no_trunc ? 64 : 12, s->c->id);
}

static void add_image(const struct source *s, struct buf *out)
{
	buf_adds(out, json_str(json_get(s->c->config, "image"), ""));
}

static void add_labels(const struct source *s, struct buf *out)
{
	json_each (it, json_get(s->c->config, "labels"))
		buf_addf(out, "%s%s=%s", out->len ? "," : "", it.key, json_str(it.value, ""));
}

static void add_local_volumes(const struct source *s, struct buf *out)
{
	unsigned volumes = 0;

	json_each (it, json_get(s->c->config, "mounts"))
		volumes += *json_str(json_get(it.value, "name"), "") != '\0';
	buf_addf(out, "%u", volumes);
}

/* By volume name or source; cut at 15 characters as Docker does. */
static void add_mounts(const struct source *s, struct buf *out)
{
	json_each (it, json_get(s->c->config, "mounts")) {
		const char *name = json_str(json_get(it.value, "name"), "");

		if (!*name)
			name = json_str(json_get(it.value, "source"), "");
		if (!*name)
			continue;
		if (out->len)
			buf_addc(out, ',');
		add_cut(name, s->no_trunc ? SIZE_MAX : 15, out);
	}
}

static void add_name(const struct source *s, struct buf *out)
{
	buf_adds(out, s->c->name);
}

static void add_networks(const struct source *s, struct buf *out)
{
	autojson struct json *list = container_endpoints(s->c);

	json_each (it, list)
		buf_addf(out, "%s%s", out->len ? "," : "",
			json_str(json_get(it.value, "network"), ""));
}

static void add_ports(const struct source *s, struct buf *out)
{
	ports_text(s->c, out);
}

static void add_running_for(const struct source *s, struct buf *out)
{
	char text[UNITS_MAX];

	units_duration((s->now - state_created(s->c)) / NS, text);
	buf_addf(out, "%s ago", text);
}

static void add_size(const struct source *s, struct buf *out)
{
	buf_adds(out, s->size ? s->size : "0B");
}

static void add_state(const struct source *s, struct buf *out)
{
	buf_adds(out, state_status_name(s->c->status));
}

static void add_status(const struct source *s, struct buf *out)
{
	container_status_text(s->c, s->now, out);
}

/* Docker's order. */
static const struct {
	const char *key;
	void (*add)(const struct source *s, struct buf *out); /* NULL: null */
	bool beyond; /* needs more than state_list_brief() tells for a table */
} fields[] = {
	{ "Command", add_command, false },
	{ "CreatedAt", add_created, false },
	{ "ID", add_id, false },
	{ "Image", add_image, false },
	{ "Labels", add_labels, true },
	{ "LocalVolumes", add_local_volumes, true },
	{ "Mounts", add_mounts, true },
	{ "Names", add_name, false },
	{ "Networks", add_networks, true },
	{ "Platform", NULL, false },   /* the daemon's, where it has several */
	{ "Ports", add_ports, false }, /* nothing of what does not run */
	{ "RunningFor", add_running_for, false },
	{ "Size", add_size, false },
	{ "State", add_state, false },
	{ "Status", add_status, false },
};

unsigned ps_fields(const struct template *template)
{
	unsigned used = 0;

	if (template_uses_all(template))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		used |= (unsigned)template_uses(template, fields[i].key) << i;
	return used;
}

bool ps_fields_are_few(unsigned used)
{
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (fields[i].beyond && used & 1u << i)
			return false;
	return used != 0;
}

struct json *ps_row(const struct container *c, const struct ps_view *view)
{
	const struct source source = {
		.c = c, .no_trunc = view->no_trunc, .size = view->size, .now = state_now()
	};
	autobuf struct buf text = BUF_INIT;
	struct json *row = json_new_map();

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		if (view->fields && !(view->fields & 1u << i))
			continue;
		buf_reset(&text);
		buf_adds(&text, ""); /* data is a string now */
		if (fields[i].add)
			fields[i].add(&source, &text);
		json_put(row, fields[i].key,
			fields[i].add ? json_new_string(text.data) : json_new_null());
	}
	return row;
}

struct json *ps_methods(const struct container *c)
{
	struct json *methods = json_new_map();
	struct json *labels = json_get(c->config, "labels");
	char health[16];

	json_put(methods, "Label", labels ? json_ref(labels) : json_new_map());
	json_put_string(methods, "HealthStatus", container_health_name(c, health));
	return methods;
}

struct json *ps_titles(void)
{
	static const char *const titles[][2] = { { "Command", "COMMAND" },
		{ "CreatedAt", "CREATED AT" }, { "RunningFor", "CREATED" },
		{ "HealthStatus", "HEALTH" }, { "ID", "CONTAINER ID" }, { "Image", "IMAGE" },
		{ "Labels", "LABELS" }, { "Label", "" }, { "LocalVolumes", "LOCAL VOLUMES" },
		{ "Mounts", "MOUNTS" }, { "Names", "NAMES" }, { "Networks", "NETWORKS" },
		{ "Platform", "PLATFORM" }, { "Ports", "PORTS" }, { "Size", "SIZE" },
		{ "State", "STATE" }, { "Status", "STATUS" } };
	struct json *row = json_new_map();

	for (size_t i = 0; i < ARRAY_SIZE(titles); i++)
		json_put_string(row, titles[i][0], titles[i][1]);
	return row;
}
