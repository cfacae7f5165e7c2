/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/own.h"
#include "image/store_private.h"

#define A "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define B "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static struct json *doc(const char *text)
{
	struct json *v = NULL;
	struct err err = ERR_INIT;

	if (json_parse(text, strlen(text), &v, &err) < 0)
		fail_msg("%s", err.text);
	return v;
}

static int apply(const char *text, struct image *image, struct err *err)
{
	autojson struct json *config = doc(text);

	*err = (struct err)ERR_INIT;
	return config_apply(config, image, err);
}

static void diff_ids_must_match_the_layers(void **state)
{
	autojson struct json *two = doc(
		"{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"" A "\",\"" B "\"]}}");
	autojson struct json *bad = doc(
		"{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:../x\"]}}");
	autojson struct json *none = doc("{}");
	autostrv struct strv ids = STRV_INIT;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(config_diff_ids(two, 1, &ids, &err), -EINVAL);
	assert_int_equal(config_diff_ids(two, 3, &ids, &err), -EINVAL);
	assert_int_equal(config_diff_ids(bad, 1, &ids, &err), -EINVAL);
	assert_int_equal(config_diff_ids(none, 0, &ids, &err), -EINVAL);
	assert_int_equal(ids.n, 0);
	assert_int_equal(config_diff_ids(two, 2, &ids, &err), 0);
	assert_string_equal(ids.v[1], B);
}

/* The vector was computed with sha256sum: printf '%s %s' A B. */
static void chain_ids_are_those_of_the_image_spec(void **state)
{
	autostrv struct strv diff = STRV_INIT, chain = STRV_INIT;

	(void)state;
	strv_add(&diff, A);
	strv_add(&diff, B);
	chain_ids(&diff, &chain);
	assert_int_equal(chain.n, 2);
	assert_string_equal(chain.v[0], &A[7]);
	assert_string_equal(
		chain.v[1], "dd8ddd90bdf3ccbd91abd3f399218c9d93e91246734fab743933f42048ac3e2c");
}

static void values_reach_the_image(void **state)
{
	autoimage struct image image = { 0 };
	struct err err;

	(void)state;
	assert_int_equal(apply("{\"config\":{\"Entrypoint\":[\"e\"],\"Cmd\":[\"a\",\"b\"],"
			       "\"Env\":[\"PATH=/bin\",\"PATH=/usr/bin\"],\"User\":\"redis\","
			       "\"WorkingDir\":\"/data\",\"Volumes\":{\"/data\":{}},"
			       "\"ExposedPorts\":{\"6379/tcp\":{}},\"StopSignal\":\"SIGINT\"}}",
				 &image, &err),
		0);
	assert_string_equal(image.entrypoint.v[0], "e");
	assert_string_equal(image.cmd.v[1], "b");
	assert_int_equal(image.env.n, 1);
	assert_string_equal(image.env.v[0], "PATH=/usr/bin");
	assert_string_equal(image.user, "redis");
	assert_string_equal(image.workdir, "/data");
	assert_string_equal(image.volumes.v[0], "/data");
	assert_string_equal(image.exposed_ports.v[0], "6379/tcp");
	assert_string_equal(image.stop_signal, "SIGINT");
}

static void variables_without_a_value_are_dropped(void **state)
{
	autoimage struct image image = { 0 };
	struct err err;

	(void)state;
	assert_int_equal(
		apply("{\"config\":{\"Env\":[\"HOME_SECRET\",\"FOO*\",\"=x\",\"\",\"A=\"]}}",
			&image, &err),
		0);
	assert_int_equal(image.env.n, 1);
	assert_string_equal(image.env.v[0], "A=");
}

static void nulls_are_absent_and_wrong_types_are_refused(void **state)
{
	static const char *const bad[] = { "{\"config\":7}", "{\"config\":{\"Env\":\"A=1\"}}",
		"{\"config\":{\"Cmd\":[1]}}", "{\"config\":{\"Volumes\":[\"/x\"]}}",
		"{\"config\":{\"User\":0}}", "{\"config\":{\"Entrypoint\":{}}}" };
	struct err err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		autoimage struct image image = { 0 };

		assert_int_equal(apply(bad[i], &image, &err), -EINVAL);
	}
	{
		autoimage struct image image = { 0 };

		assert_int_equal(apply("{\"config\":{\"Env\":null,\"Cmd\":null,\"Volumes\":null,"
				       "\"User\":\"\"}}",
					 &image, &err),
			0);
		assert_null(image.user);
	}
}

static void creation_times_are_read_with_their_zone(void **state)
{
	static const struct {
		const char *text;
		int64_t want;
	} rows[] = {
		{ "{\"created\":\"1970-01-01T00:01:00Z\"}", 60 },
		{ "{\"created\":\"1970-01-01T01:00:00.123456789+01:00\"}", 0 },
		{ "{\"created\":\"1969-12-31T23:00:30-01:00\"}", 30 },
		{ "{\"created\":\"yesterday\"}", 0 },
		{ "{}", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		autojson struct json *config = doc(rows[i].text);

		assert_int_equal(config_created(config), rows[i].want);
	}
}

static int history(const char *text, size_t n_layers)
{
	autojson struct json *doc = NULL;
	struct err err = ERR_INIT;

	assert_int_equal(json_parse(text, strlen(text), &doc, &err), 0);
	return config_check_history(doc, n_layers, &err);
}

static void a_history_fits_the_layers_or_is_missing(void **state)
{
	assert_int_equal(history("{}", 3), 0);
	assert_int_equal(history("{\"history\":[]}", 3), 0);
	assert_int_equal(history("{\"history\":[{\"empty_layer\":true}]}", 2), 0);
	assert_int_equal(history("{\"history\":[{},{\"empty_layer\":true},{}]}", 2), 0);
	assert_int_equal(history("{\"history\":[{},{},{}]}", 2), -EINVAL);
	assert_int_equal(history("{\"history\":[{}]}", 2), -EINVAL);
}

TEST_MAIN(cmocka_unit_test(a_history_fits_the_layers_or_is_missing),
	cmocka_unit_test(diff_ids_must_match_the_layers),
	cmocka_unit_test(chain_ids_are_those_of_the_image_spec),
	cmocka_unit_test(values_reach_the_image),
	cmocka_unit_test(variables_without_a_value_are_dropped),
	cmocka_unit_test(nulls_are_absent_and_wrong_types_are_refused),
	cmocka_unit_test(creation_times_are_read_with_their_zone))
