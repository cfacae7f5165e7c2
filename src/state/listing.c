/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What listings show of containers that do not run, remembered in one file, <runroot>/listing, so that a
 * store with a thousand of them is listed without reading two thousand files.
 *
 * Invariant: the records are the truth. A line counts only while inode and times of both files of the
 * record are those that it was made from; so whoever changes a record, also by hand, needs not know of this
 * file. It is written without a lock and replaced as a whole; lost, torn or not writable, it costs time only.
 * Not remembered: what runs, what will remove itself, what has a health check (its state is in a file of its
 * own), damaged records, and records so young that a second change could bear the same time.
 */
#include "state/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/own.h"
#include "base/xalloc.h"

#define LISTING_NAME "listing"
#define LISTING_HEAD "sbx listing 1\n"
#define LISTING_MAX  (256u << 20)
#define YOUNG_NS     2000000000LL /* no file system in use counts times more coarsely */
#define FEW          16           /* not worth writing the file anew for */

/* ID STAMP, STATUS EXIT STARTED FINISHED, NAME, CREATED, IMAGE, COMMAND, CONFIG: apart by tabs, the last four as
 * JSON; without its newline. Sorted by id. */
struct line {
	const char *text; /* in `old` or `fresh` */
	size_t len;
	bool served; /* true of its container now */
};

struct listing {
	const struct globals *globals;
	struct buf old;
	struct line *lines; /* of old */
	size_t n, served;
	struct strv fresh;
	int64_t opened;
};

static bool is_line(const char *text, size_t len)
{
	return len > ID_LEN + 2 && text[ID_LEN] == ' ' &&
	       strspn(text, "0123456789abcdef") == ID_LEN && text[len - 1] == '}';
}

/* Nothing of a file of which a part is not as we write it. */
static void find_lines(struct listing *l)
{
	const char *end = l->old.data + l->old.len, *p = l->old.data + strlen(LISTING_HEAD);
	size_t cap = 0;

	while (p < end) {
		const char *newline = memchr(p, '\n', (size_t)(end - p));
		struct line line = { .text = p, .len = newline ? (size_t)(newline - p) : 0 };

		if (!is_line(p, line.len) ||
			(l->n && memcmp(l->lines[l->n - 1].text, p, ID_LEN) >= 0)) {
			l->n = 0;
			return;
		}
		if (l->n == cap) {
			cap = cap ? 2 * cap : 256;
			l->lines = xreallocarray(l->lines, cap, sizeof(*l->lines));
		}
		l->lines[l->n++] = line;
		p = newline + 1;
	}
}

struct listing *listing_open(const struct globals *globals)
{
	struct listing *l = xcalloc(1, sizeof(*l));
	autofd int dir = open(globals->runroot, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct err none = ERR_INIT;
	size_t head = strlen(LISTING_HEAD);

	l->globals = globals;
	l->opened = state_now();
	if (dir >= 0 &&
		fs_read_at(dir, LISTING_NAME, LISTING_MAX, &l->old.data, &l->old.len, &none) == 0 &&
		l->old.len >= head && memcmp(l->old.data, LISTING_HEAD, head) == 0)
		find_lines(l);
	return l;
}

static int by_id(const void *key, const void *line)
{
	return memcmp(key, ((const struct line *)line)->text, ID_LEN);
}

static int64_t ns_of(struct timespec ts)
{
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* As "%llx.", of which a thousand rows need six thousand. */
static char *put_hex(uint64_t n, char *p)
{
	int shift = 60;

	while (shift > 0 && !(n >> shift))
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		*p++ = "0123456789abcdef"[n >> shift & 15];
	*p++ = '.';
	return p;
}

/* What both files of a record are now; false: it cannot be remembered. */
static bool stamp(int containers, const char *id, int64_t youngest, char ret[LISTING_STAMP_MAX])
{
	static const char *const names[] = { CONFIG_NAME, STATE_NAME };
	char path[ID_LEN + sizeof("/" CONFIG_NAME)];
	char *p = ret;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct stat st = { 0 };

		snprintf(path, sizeof(path), "%s/%s", id, names[i]);
		if (fstatat(containers, path, &st, AT_SYMLINK_NOFOLLOW) < 0 &&
			(errno != ENOENT || i == 0))
			return false;
		if (ns_of(st.st_ctim) > youngest || ns_of(st.st_mtim) > youngest)
			return false;
		p = put_hex(st.st_ino, p);
		p = put_hex((uint64_t)ns_of(st.st_mtim), p);
		p = put_hex((uint64_t)ns_of(st.st_ctim), p);
	}
	*p = '\0';
	return true;
}

static struct line *find(struct listing *l, int containers, const char *id)
{
	struct line *line = l->n ? bsearch(id, l->lines, l->n, sizeof(*l->lines), by_id) : NULL;
	char now[LISTING_STAMP_MAX];
	size_t len;

	if (!line || !stamp(containers, id, l->opened - YOUNG_NS, now))
		return NULL;
	len = strlen(now);
	if (line->len < ID_LEN + 1 + len + 1 || memcmp(line->text + ID_LEN + 1, now, len) != 0 ||
		line->text[ID_LEN + 1 + len] != '\t')
		return NULL;
	l->served += !line->served;
	line->served = true;
	return line;
}

bool listing_knows(struct listing *l, int containers, const char *id)
{
	return find(l, containers, id) != NULL;
}

/* Cuts what is before the next tab, or the rest, off *rest; NULL: there is nothing. */
static bool cut(struct line *rest, struct line *ret)
{
	const char *tab = rest->len ? memchr(rest->text, '\t', rest->len) : NULL;

	if (!rest->len)
		return false;
	ret->text = rest->text;
	ret->len = tab ? (size_t)(tab - rest->text) : rest->len;
	rest->text += ret->len + (tab != NULL);
	rest->len -= ret->len + (tab != NULL);
	return true;
}

/* A JSON string; most have nothing to decode. */
static struct json *text_of(const struct line *part)
{
	struct json *value = NULL;
	struct err none = ERR_INIT;

	if (part->len >= 2 && !memchr(part->text, '\\', part->len)) {
		autofree char *text = xstrndup(part->text + 1, part->len - 2);

		return json_new_string(text);
	}
	return json_parse(part->text, part->len, &value, &none) < 0 ? NULL : value;
}

static bool read_state(const struct line *part, struct container *ret)
{
	autofree char *text = xstrndup(part->text, part->len);
	char *p = text + strcspn(text, " ");

	if (!*p)
		return false;
	*p++ = '\0';
	ret->status = strcmp(text, state_status_name(STATUS_CREATED)) == 0 ? STATUS_CREATED
									   : STATUS_EXITED;
	ret->exit_code = (int)strtol(p, &p, 10);
	ret->started = strtoll(p, &p, 10);
	ret->finished = strtoll(p, &p, 10);
	return *p == '\0';
}

enum part { STAMP, STATE, NAME, CREATED, IMAGE, COMMAND, CONFIG, PARTS };

static struct json *table_config(const struct line *parts)
{
	struct json *config = json_new_map(), *argv = json_new_list();
	struct json *created = text_of(&parts[CREATED]), *image = text_of(&parts[IMAGE]),
		    *command = text_of(&parts[COMMAND]);

	json_put(config, "created", created ? created : json_new_null());
	json_put(config, "image", image ? image : json_new_null());
	json_push(argv, command ? command : json_new_null());
	json_put(config, "argv", argv);
	return config;
}

bool listing_get(
	struct listing *l, int containers, const char *id, bool table, struct container *ret)
{
	const struct line *line = find(l, containers, id);
	struct line parts[PARTS], rest;
	struct err none = ERR_INIT;

	if (!line)
		return false;
	rest = *line;
	for (size_t i = 0; i < PARTS; i++)
		if (!cut(&rest, &parts[i]))
			return false;
	if (!read_state(&parts[STATE], ret))
		return false;
	if (table)
		ret->config = table_config(parts);
	else if (json_parse(parts[CONFIG].text, parts[CONFIG].len, &ret->config, &none) < 0)
		return false;
	memcpy(ret->id, id, ID_LEN + 1);
	ret->name = xstrndup(parts[NAME].text, parts[NAME].len);
	return true;
}

static bool is_remembered(const struct container *c)
{
	return (c->status == STATUS_CREATED || c->status == STATUS_EXITED) &&
	       c->exit_code != 255 && /* perhaps a damaged record, whose error is told each time */
	       !json_bool(json_get(c->config, "autoRemove"), false) &&
	       !json_get(c->config, "health") && state_name_valid(c->name);
}

/* Those of the keys that say something. */
static struct json *part_of(const struct json *map, const char *const *keys)
{
	struct json *part = json_new_map();

	for (; *keys; keys++) {
		const struct json *value = json_get(map, *keys);
		enum json_type kind = json_kind(value);

		if (value && ((kind != JSON_MAP && kind != JSON_LIST) || json_len(value)))
			json_put(part, *keys, json_ref(value));
	}
	return part;
}

static struct json *parts_of(const struct json *list, const char *const *keys)
{
	struct json *parts = json_new_list();

	json_each (it, list)
		json_push(parts, part_of(it.value, keys));
	return parts;
}

static void add_text(const char *text, struct buf *out)
{
	autojson struct json *value = json_new_string(text);

	buf_addc(out, '\t');
	json_write(value, 0, out);
}

static void add_config(const struct container *c, struct buf *out)
{
	static const char *const shown[] = { "name", "created", "image", "imageId", "argv",
		"labels", "exposedPorts", "network", "ports", NULL };
	static const char *const of_mounts[] = { "name", "source", "destination", NULL };
	static const char *const of_endpoints[] = { "network", NULL };
	const struct json *endpoints = c->endpoints ? c->endpoints
						    : json_get(c->config, "endpoints");
	autojson struct json *config = part_of(c->config, shown);

	if (json_len(json_get(c->config, "mounts")))
		json_put(config, "mounts", parts_of(json_get(c->config, "mounts"), of_mounts));
	if (endpoints)
		json_put(config, "endpoints", parts_of(endpoints, of_endpoints));
	json_write(config, 0, out);
}

static void add_line(const struct container *c, const char *stamp_before, struct buf *out)
{
	autobuf struct buf command = BUF_INIT;

	json_each (it, json_get(c->config, "argv"))
		buf_addf(&command, "%s%s", it.index ? " " : "", json_str(it.value, ""));
	buf_addf(out, "%s %s\t%s %d %lld %lld\t%s", c->id, stamp_before,
		state_status_name(c->status), c->exit_code, (long long)c->started,
		(long long)c->finished, c->name);
	add_text(json_str(json_get(c->config, "created"), ""), out);
	add_text(json_str(json_get(c->config, "image"), ""), out);
	add_text(command.data ? command.data : "", out);
	buf_addc(out, '\t');
	add_config(c, out);
}

bool listing_stamp(
	const struct listing *l, int containers, const char *id, char ret[LISTING_STAMP_MAX])
{
	return stamp(containers, id, l->opened - YOUNG_NS, ret);
}

void listing_put(struct listing *l, const struct container *c, const char *stamp_before)
{
	autobuf struct buf text = BUF_INIT;

	if (!is_remembered(c))
		return;
	add_line(c, stamp_before, &text);
	strv_add(&l->fresh, text.data);
}

static int by_text(const void *a, const void *b)
{
	return memcmp(((const struct line *)a)->text, ((const struct line *)b)->text, ID_LEN);
}

/* What is neither served nor fresh is of containers that have changed, or are gone. */
static void write_all(const struct listing *l, struct err *err)
{
	autofree struct line *all = xcalloc(l->served + l->fresh.n + 1, sizeof(*all));
	autofd int dir = fs_open_private_dir(l->globals->runroot, err);
	autobuf struct buf text = BUF_INIT;
	size_t n = 0;

	if (dir < 0)
		return;
	strv_each (line, &l->fresh)
		all[n++] = (struct line){ .text = *line, .len = strlen(*line) };
	for (size_t i = 0; i < l->n; i++)
		if (l->lines[i].served)
			all[n++] = l->lines[i];
	qsort(all, n, sizeof(*all), by_text);
	buf_adds(&text, LISTING_HEAD);
	for (size_t i = 0; i < n; i++) {
		buf_add(&text, all[i].text, all[i].len);
		buf_addc(&text, '\n');
	}
	(void)fs_write_at(dir, LISTING_NAME, text.data, text.len, FS_NOSYNC, err);
}

void listing_close(struct listing *l)
{
	struct err why = ERR_INIT;

	if (l->fresh.n > FEW + l->served / 16) {
		write_all(l, &why);
		if (why.code)
			log_msg(LOG_DEBUG, "remember what was listed: %s", why.text);
	}
	strv_done(&l->fresh);
	buf_done(&l->old);
	free(l->lines);
	free(l);
}
