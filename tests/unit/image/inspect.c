/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <errno.h>
#include <string.h>

static void the_object_has_dockers_shape(void **state)
{
	struct fixture *fx = *state;
	struct json *doc = NULL;
	char id[DIGEST_MAX], chain[65];
	struct err err = ERR_INIT;

	fixture_image(fx, "docker.io/library/redis:latest", "one", id);
	fixture_chain("one", chain);
	assert_int_equal(image_tag(&fx->globals, "redis", "redis:7", &err), 0);
	assert_int_equal(image_inspect(&fx->globals, "redis", &doc, &err), 0);
	assert_string_equal(json_str(json_get(doc, "Id"), ""), id);
	assert_int_equal(json_len(json_get(doc, "RepoTags")), 2);
	assert_string_equal(json_str(json_at(json_get(doc, "RepoTags"), 0), ""), "redis:latest");
	assert_int_equal(json_len(json_get(doc, "RepoDigests")), 1);
	assert_memory_equal(
		json_str(json_at(json_get(doc, "RepoDigests"), 0), ""), "redis@sha256:", 13);
	assert_string_equal(json_str(json_get(doc, "Architecture"), ""), "amd64");
	assert_string_equal(json_str(json_get(doc, "Os"), ""), "linux");
	assert_string_equal(json_str(json_get(doc, "Created"), ""), "2024-05-06T07:08:09.5Z");
	assert_int_equal(json_int(json_get(doc, "Size"), -1), 1000);
	assert_string_equal(json_str(json_path(doc, "Config", "User", NULL), ""), "redis");
	assert_string_equal(json_str(json_path(doc, "RootFS", "Type", NULL), ""), "layers");
	assert_string_equal(
		json_str(json_at(json_path(doc, "RootFS", "Layers", NULL), 0), "") + 7, chain);
	json_free(doc);
}

static void a_missing_image_is_enoent(void **state)
{
	struct fixture *fx = *state;
	struct json *doc = NULL;
	struct err err = ERR_INIT;

	assert_int_equal(image_inspect(&fx->globals, "redis", &doc, &err), -ENOENT);
	assert_string_equal(err.text, "No such image: redis:latest");
}

TEST_MAIN(FIXTURE_TEST(the_object_has_dockers_shape), FIXTURE_TEST(a_missing_image_is_enoent))
