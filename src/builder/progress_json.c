/* SPDX-License-Identifier: Apache-2.0 */
/* --progress rawjson: one object per line, the fields of BuildKit's status messages. */
#include "builder/progress.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/xalloc.h"

static void put_time(struct json *map, const char *key, int64_t ns)
{
	time_t seconds = (time_t)(ns / 1000000000);
	struct tm tm = { 0 };
	char text[64];
	size_t n;

	(void)gmtime_r(&seconds, &tm); /* fails only in the year 2^31 */
	n = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(text + n, sizeof(text) - n, ".%09lldZ", (long long)(ns % 1000000000));
	json_put_string(map, key, text);
}

static void base64(const char *bytes, size_t len, struct buf *out)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < len; i += 3) {
		unsigned n = (unsigned)(unsigned char)bytes[i] << 16;

		n |= i + 1 < len ? (unsigned)(unsigned char)bytes[i + 1] << 8 : 0;
		n |= i + 2 < len ? (unsigned char)bytes[i + 2] : 0;
		buf_addc(out, digits[n >> 18]);
		buf_addc(out, digits[n >> 12 & 63]);
		buf_addc(out, i + 1 < len ? digits[n >> 6 & 63] : '=');
		buf_addc(out, i + 2 < len ? digits[n & 63] : '=');
	}
}

static void digest_of(const struct vertex *v, char ret[SHA256_HEX + 8])
{
	autofree char *text = xasprintf("%u:%s", v->id, v->name);
	char hex[SHA256_HEX];

	sha256_hex(text, strlen(text), hex);
	(void)snprintf(ret, SHA256_HEX + 8, "sha256:%s", hex);
}

static struct json *vertex_json(
	const struct vertex *v, const char *digest, const struct report *head, const char *text)
{
	struct json *map = json_new_map();

	json_put_string(map, "digest", digest);
	json_put_string(map, "name", v->name);
	put_time(map, "started", v->started);
	if (v->ended)
		put_time(map, "completed", v->ended);
	if (v->cached)
		json_put_bool(map, "cached", true);
	if (head->kind == REPORT_ERROR)
		json_put_string(map, "error", text);
	return map;
}

static struct json *log_json(
	const char *digest, const struct report *head, const char *bytes, size_t len)
{
	struct json *map = json_new_map();
	autobuf struct buf data = BUF_INIT;

	base64(bytes, len, &data);
	json_put_string(map, "vertex", digest);
	json_put_int(map, "stream", head->kind == REPORT_NOTE ? 2 : head->number);
	json_put_string(map, "data", data.data ? data.data : "");
	put_time(map, "timestamp", head->when);
	return map;
}

void progress_json(struct progress *p, const struct vertex *v, const struct report *head,
	const char *text, size_t len)
{
	bool log = head->kind == REPORT_OUTPUT || head->kind == REPORT_NOTE;
	autojson struct json *message = json_new_map();
	struct json *list = json_new_list();
	autobuf struct buf out = BUF_INIT;
	char digest[SHA256_HEX + 8];

	digest_of(v, digest);
	json_push(
		list, log ? log_json(digest, head, text, len) : vertex_json(v, digest, head, text));
	json_put(message, log ? "logs" : "vertexes", list);
	json_write(message, 0, &out);
	buf_addc(&out, '\n');
	(void)fs_write_all(p->fd, out.data, out.len, &(struct err)ERR_INIT); /* nobody looks */
}
