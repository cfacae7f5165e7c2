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

static char *command_text(const struct container *c, bool no_trunc)
{
	autobuf struct buf line = BUF_INIT, cut = BUF_INIT;
	struct buf quoted = BUF_INIT;

	json_each (it, json_get(c->config, "argv"))
		buf_addf(&line, "%s%s", it.index ? " " : "", json_str(it.value, ""));
	buf_adds(&line, ""); /* data is a string now */
	add_cut(line.data ? line.data : "", no_trunc ? SIZE_MAX : COMMAND_LEN, &cut);
	value_quote(cut.data ? cut.data : "", &quoted);
	return buf_steal(&quoted);
}

static char *labels_text(const struct container *c)
{
	struct buf out = BUF_INIT;

	json_each (it, json_get(c->config, "labels"))
		buf_addf(&out, "%s%s=%s", out.len ? "," : "", it.key, json_str(it.value, ""));
	return buf_steal(&out);
}

/* Mounts by volume name or source; cut at 15 characters as Docker does. */
static char *mounts_text(const struct container *c, bool no_trunc, int64_t *ret_volumes)
{
	struct buf out = BUF_INIT;

	*ret_volumes = 0;
	json_each (it, json_get(c->config, "mounts")) {
		const char *name = json_str(json_get(it.value, "name"), "");

		*ret_volumes += *name != '\0';
		if (!*name)
			name = json_str(json_get(it.value, "source"), "");
		if (!*name)
			continue;
		if (out.len)
			buf_addc(&out, ',');
		add_cut(name, no_trunc ? SIZE_MAX : 15, &out);
	}
	return buf_steal(&out);
}

static void put_text(struct json *row, const char *key, struct buf *text)
{
	json_put_string(row, key, text->data ? text->data : "");
	buf_reset(text);
	if (text->data)
		text->data[0] = '\0';
}

static void put_created(struct json *row, const struct container *c)
{
	char text[UNITS_MAX];

	units_local_time(state_created(c), text);
	json_put_string(row, "CreatedAt", text);
}

static void put_running_for(struct json *row, const struct container *c, int64_t now)
{
	char text[UNITS_MAX], ago[UNITS_MAX + 8];

	units_duration((now - state_created(c)) / NS, text);
	snprintf(ago, sizeof(ago), "%s ago", text);
	json_put_string(row, "RunningFor", ago);
}

static void put_networks(struct json *row, const struct container *c)
{
	autojson struct json *list = container_endpoints(c);
	autobuf struct buf names = BUF_INIT;

	buf_adds(&names, "");
	json_each (it, list)
		buf_addf(&names, "%s%s", names.len ? "," : "",
			json_str(json_get(it.value, "network"), ""));
	json_put_string(row, "Networks", names.data);
}

struct json *ps_row(const struct container *c, bool no_trunc, const char *size)
{
	autofree char *command = command_text(c, no_trunc), *labels = labels_text(c);
	autobuf struct buf text = BUF_INIT;
	int64_t now = state_now(), volumes;
	autofree char *mounts = mounts_text(c, no_trunc, &volumes);
	struct json *row = json_new_map();

	json_put_string(row, "Command", command);
	put_created(row, c);
	buf_addf(&text, "%.*s", no_trunc ? 64 : 12, c->id);
	put_text(row, "ID", &text);
	json_put_string(row, "Image", json_str(json_get(c->config, "image"), ""));
	json_put_string(row, "Labels", labels);
	buf_addf(&text, "%lld", (long long)volumes);
	put_text(row, "LocalVolumes", &text);
	json_put_string(row, "Mounts", mounts);
	json_put_string(row, "Names", c->name);
	put_networks(row, c);
	json_put(row, "Platform", json_new_null()); /* the daemon's, where it has several */
	ports_text(c, &text);
	put_text(row, "Ports", &text);
	put_running_for(row, c, now);
	json_put_string(row, "Size", size ? size : "0B");
	json_put_string(row, "State", state_status_name(c->status));
	container_status_text(c, now, &text);
	put_text(row, "Status", &text);
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
