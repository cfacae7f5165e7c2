/* SPDX-License-Identifier: Apache-2.0 */
/*
 * network log and logs --net: what a container with egress rules reached, from the two files of each of its networks
 * (docs/formats.md). sbx-netstack writes them, and names in them are a hostile container's: what is no line of ours is
 * left out. The file that was begun first is read first.
 */
#include "commands/commands.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/xalloc.h"
#include "commands/common.h"
#include "commands/output.h"
#include "network/network.h"
#include "options/verbs.h"

#define FILE_MAX (16u << 20)
#define TABLE                                                                             \
	"table {{.Time}}\t{{.Verdict}}\t{{.Proto}}\t{{.Name}}\t{{.Address}}\t{{.Port}}\t" \
	"{{.Sent}}\t{{.Received}}"
#define TYPE "*formatter.connectionContext"

/* Of one network: lines with the same id belong together, the latest beginning to the ends behind it. */
struct reading {
	struct json *rows, *by_id; /* a list; id → its row */
};

#define HOST_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."

/* Names are the container's own words. What no host has in its name could speak to the terminal. */
static void put_name(struct json *row, const char *name)
{
	autofree char *shown = xstrdup(name);

	for (char *c = shown; *c; c++)
		*c = strchr(HOST_LETTERS "[]:", *c) ? *c : '?';
	json_put_string(row, "Name", shown);
}

static void begin_row(struct reading *reading, const char *id, const struct json *line)
{
	struct json *row = json_new_map();

	json_put_string(row, "Time", json_str(json_get(line, "time"), ""));
	json_put_string(row, "Verdict", json_str(json_get(line, "verdict"), ""));
	json_put_string(row, "Proto", json_str(json_get(line, "proto"), ""));
	put_name(row, json_str(json_get(line, "name"), ""));
	json_put_string(row, "Address", json_str(json_get(line, "address"), ""));
	json_put_int(row, "Port", json_int(json_get(line, "port"), 0));
	json_put_int(row, "Sent", 0);
	json_put_int(row, "Received", 0);
	json_put_string(row, "End", "");
	json_put(reading->by_id, id, json_ref(row));
	json_push(reading->rows, row);
}

static void end_row(struct json *row, const struct json *line)
{
	const char *how = json_str(json_get(line, "how"), "closed");

	json_put_int(row, "Sent", json_int(json_get(line, "sent"), 0));
	json_put_int(row, "Received", json_int(json_get(line, "received"), 0));
	json_put_string(row, "End", json_str(json_get(line, "end"), ""));
	if (strcmp(how, "closed") != 0)
		json_put_string(row, "Verdict", how);
}

static void take_line(struct reading *reading, const struct json *line)
{
	char id[24];
	struct json *row;

	(void)snprintf(id, sizeof(id), "%lld", (long long)json_int(json_get(line, "id"), 0));
	row = json_get(reading->by_id, id);
	if (json_get(line, "time"))
		begin_row(reading, id, line);
	else if (row && json_get(line, "end"))
		end_row(row, line);
	else if (row && json_get(line, "said"))
		put_name(row, json_str(json_get(line, "said"), ""));
}

static void take_text(struct reading *reading, const char *text)
{
	while (*text) {
		size_t len = strcspn(text, "\n");
		autojson struct json *line = NULL;
		struct err torn = ERR_INIT;

		if (json_parse(text, len, &line, &torn) == 0 && json_kind(line) == JSON_MAP)
			take_line(reading, line);
		text += len + (text[len] == '\n');
	}
}

/* Both files of a network; the first is named name. */
static int read_network(
	const struct container *c, const char *name, struct json *rows, struct err *err)
{
	autofree char *first = NULL, *second = NULL, *other = xstrdup(name);
	struct reading reading = { .rows = rows, .by_id = json_new_map() };
	struct err none = ERR_INIT;
	int r;

	other[strlen(other) - 1] = '1';
	r = fs_read_at(c->dir, name, FILE_MAX, &first, NULL, err);
	if (r >= 0 && fs_read_at(c->dir, other, FILE_MAX, &second, NULL, &none) < 0)
		second = xstrdup("");
	if (r >= 0) { /* {"id":N,"time":… of equal lengths would do; the times decide */
		const char *a = strstr(first, "\"time\""), *b = strstr(second, "\"time\"");
		bool turned = a && b &&
			      strncmp(a, b, strlen("\"time\":\"2026-11-22T09:00:00.000")) > 0;

		take_text(&reading, turned ? second : first);
		take_text(&reading, turned ? first : second);
	}
	json_free(reading.by_id);
	return r < 0 ? r : 0;
}

static int by_time(const void *a, const void *b)
{
	const struct json *const *x = a, *const *y = b;

	return strcmp(json_str(json_get(*x, "Time"), ""), json_str(json_get(*y, "Time"), ""));
}

static struct json *sorted(const struct json *rows)
{
	size_t n = json_len(rows), i = 0;
	autofree struct json **list = xcalloc(n + 1, sizeof(*list));
	struct json *ret = json_new_list();

	json_each (it, rows)
		list[i++] = it.value;
	qsort(list, n, sizeof(*list), by_time);
	for (i = 0; i < n; i++)
		json_push(ret, json_ref(list[i]));
	return ret;
}

static bool is_first_file(const char *name)
{
	size_t len = strlen(name), prefix = strlen(NETWORK_LOG);

	return len > prefix + 2 && strncmp(name, NETWORK_LOG, prefix) == 0 &&
	       strcmp(name + len - 2, ".0") == 0;
}

int connections_read(const struct container *c, struct json **ret, struct err *err)
{
	int again = openat(c->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	autodir DIR *stream = again < 0 ? NULL : fdopendir(again); /* takes again over */
	autojson struct json *rows = json_new_list();
	bool any = false;

	if (!stream)
		return err_sys(err, "list the directory of container %s", c->name);
	for (struct dirent *e = readdir(stream); e; e = readdir(stream)) {
		if (!is_first_file(e->d_name))
			continue;
		any = true;
		TRY(read_network(c, e->d_name, rows, err));
	}
	if (!any)
		return err_set(err, -ENOENT,
			"there is no record of what container %s reached: it has not run with "
			"--egress, of which \"all\" refuses nothing and records",
			c->name);
	*ret = sorted(rows);
	return 0;
}

static struct json *titles(void)
{
	static const char *const names[][2] = { { "Time", "TIME" }, { "Verdict", "VERDICT" },
		{ "Proto", "PROTO" }, { "Name", "NAME" }, { "Address", "ADDRESS" },
		{ "Port", "PORT" }, { "Sent", "SENT" }, { "Received", "RECEIVED" },
		{ "End", "END" } };
	struct json *row = json_new_map();

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		json_put_string(row, names[i][0], names[i][1]);
	return row;
}

int connections_print(const struct container *c, const char *user, struct err *err)
{
	autojson struct json *rows = NULL, *heading = titles(), *methods = json_new_map();
	autoformat struct format format = { 0 };

	TRY(format_init(&format, user, TABLE, TYPE, err));
	TRY(connections_read(c, &rows, err));
	TRY(format_heading(&format, heading, err));
	json_each (it, rows)
		TRY(format_row(&format, it.value, methods, err));
	return format_finish(&format, err);
}

/* What would be another rule, or more than one ("all", "x,*.y"), is none. */
static bool can_be_rule(const char *name)
{
	return strspn(name, HOST_LETTERS) == strlen(name) && strchr(name, '.') && *name != '.';
}

char *connection_rule(const char *name, const char *address, int port)
{
	bool named = can_be_rule(name), bracket = !named && strchr(address, ':');

	if (!named)
		name = address;
	if (!port)
		return xstrdup(name);
	return xasprintf(bracket ? "[%s]:%d" : "%s:%d", name, port);
}

static int print_list(const struct container *c, struct err *err)
{
	autojson struct json *rows = NULL, *seen = json_new_map();
	autobuf struct buf text = BUF_INIT;

	TRY(connections_read(c, &rows, err));
	json_each (it, rows) {
		autofree char *rule = connection_rule(json_str(json_get(it.value, "Name"), ""),
			json_str(json_get(it.value, "Address"), ""),
			(int)json_int(json_get(it.value, "Port"), 0));

		if (!strcmp(json_str(json_get(it.value, "Verdict"), ""), "refused") ||
			json_get(seen, rule))
			continue;
		json_put_bool(seen, rule, true);
		buf_addf(&text, "%s%s", text.len ? "," : "", rule);
	}
	return out_line(text.len ? text.data : "none", err);
}

int cmd_network_log(struct globals *globals, int argc, char **argv, struct err *err)
{
	__attribute__((cleanup(network_log_opts_done))) struct network_log_opts opts = { 0 };
	autocontainer struct container c = CONTAINER_INIT;

	TRY(network_log_opts_parse(argc, argv, &opts, err));
	TRY(state_open(globals, opts.container, &c, err));
	return opts.list ? print_list(&c, err) : connections_print(&c, opts.format, err);
}
