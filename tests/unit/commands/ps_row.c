/* SPDX-License-Identifier: Apache-2.0 */
#include "sample.h"

static void check(const struct json *row, const char *key, const char *want)
{
	assert_string_equal(json_str(json_get(row, key), "?"), want);
}

static void a_row_has_dockers_fields(void **state)
{
	autocontainer struct container c = sample();
	autojson struct json *row = ps_row(&c, &(struct ps_view){ 0 }), *methods = ps_methods(&c);
	autojson struct json *titles = ps_titles();

	(void)state;
	check(row, "ID", "0123456789ab");
	check(row, "Image", "redis:7");
	check(row, "Command", "\"docker-entrypoint.s\xe2\x80\xa6\"");
	check(row, "Status", "Up About a minute");
	check(row, "State", "running");
	check(row, "Ports", "53/udp, 0.0.0.0:32768->6379/tcp");
	check(row, "Names", "web");
	check(row, "Labels", "z=26,a=1");
	check(row, "Mounts", "/home/ana/a/lo\xe2\x80\xa6,data");
	check(row, "LocalVolumes", "1");
	check(row, "Networks", "bridge");
	assert_non_null(strstr(json_str(json_get(row, "RunningFor"), ""), " ago"));
	assert_string_equal(json_str(json_path(methods, "Label", "a", NULL), ""), "1");
	json_each (it, row)
		assert_non_null(json_get(titles, it.key));
}

static void no_trunc_shows_all(void **state)
{
	autocontainer struct container c = sample();
	autojson struct json *row = ps_row(
		&c, &(struct ps_view){ .no_trunc = true, .size = "1kB" });

	(void)state;
	check(row, "ID", SAMPLE_ID);
	check(row, "Command", "\"docker-entrypoint.sh redis-server --save\"");
	check(row, "Mounts", "/home/ana/a/long/path,data");
	check(row, "Size", "1kB");
}

static void each_status_has_its_words(void **state)
{
	autocontainer struct container c = sample();
	int64_t now = c.started + 120000000000LL;
	static const struct {
		enum status status;
		const char *want;
	} cases[] = {
		{ STATUS_CREATED, "Created" },
		{ STATUS_RUNNING, "Up 2 minutes" },
		{ STATUS_PAUSED, "Up 2 minutes (Paused)" },
		{ STATUS_EXITED, "Exited (137) About a minute ago" },
	};

	(void)state;
	c.exit_code = 137;
	c.finished = now - 61000000000LL;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		autobuf struct buf out = BUF_INIT;

		c.status = cases[i].status;
		container_status_text(&c, now, &out);
		assert_string_equal(out.data, cases[i].want);
	}
}

static void a_hostile_command_is_quoted(void **state)
{
	autocontainer struct container c = sample();
	autojson struct json *row = NULL;

	(void)state;
	json_put(c.config, "argv", sample_json("[\"\\u001b[2J\",\"a\\nb\"]"));
	row = ps_row(&c, &(struct ps_view){ 0 });
	check(row, "Command", "\"\\x1b[2J a\\nb\"");
}

TEST_MAIN(cmocka_unit_test(a_row_has_dockers_fields), cmocka_unit_test(no_trunc_shows_all),
	cmocka_unit_test(each_status_has_its_words), cmocka_unit_test(a_hostile_command_is_quoted))
