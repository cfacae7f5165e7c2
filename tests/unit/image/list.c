/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"

#define REDIS "docker.io/library/redis:latest"
#define OTHER "quay.io/team/app:1"

static size_t count(struct fixture *fx, const char *filter)
{
	struct image_row *rows = NULL;
	struct err err = ERR_INIT;
	size_t n = 0;

	assert_int_equal(image_list(&fx->globals, filter, &rows, &n, &err), 0);
	image_rows_free(rows, n);
	return n;
}

static void each_name_is_a_row_with_id_size_and_date(void **state)
{
	struct fixture *fx = *state;
	struct image_row *rows = NULL;
	char id[DIGEST_MAX];
	struct err err = ERR_INIT;
	size_t n = 0;

	fixture_image(fx, REDIS, "one", id);
	assert_int_equal(image_tag(&fx->globals, "redis", "mine:2", &err), 0);
	assert_int_equal(image_list(&fx->globals, NULL, &rows, &n, &err), 0);
	assert_int_equal(n, 2);
	assert_string_equal(rows[0].repository, "mine");
	assert_string_equal(rows[0].tag, "2");
	assert_string_equal(rows[1].repository, "redis");
	assert_string_equal(rows[1].tag, "latest");
	assert_string_equal(rows[0].id, id);
	assert_string_equal(rows[1].id, id);
	assert_int_equal(rows[0].size, 1000);
	assert_int_equal(rows[0].created, 1714979289);
	assert_memory_equal(rows[0].digest, "sha256:", 7);
	image_rows_free(rows, n);
}

static void a_row_needs_no_other_file_than_the_index(void **state)
{
	struct fixture *fx = *state;
	struct image_row *rows = NULL;
	char id[DIGEST_MAX];
	struct err err = ERR_INIT;
	size_t n = 0;
	autostore struct store store = STORE_INIT;

	fixture_image(fx, REDIS, "one", id);
	assert_int_equal(store_open(&fx->globals, false, &store, &err), 0);
	assert_int_equal(renameat(store.images, "blobs", store.images, "away"), 0);
	assert_int_equal(image_list(&fx->globals, NULL, &rows, &n, &err), 0);
	assert_int_equal(renameat(store.images, "away", store.images, "blobs"), 0);
	assert_int_equal(n, 1);
	assert_string_equal(rows[0].id, id);
	assert_int_equal(rows[0].size, 1000);
	assert_int_equal(rows[0].created, 1714979289);
	image_rows_free(rows, n);
}

/* Other tools write index.json, and older versions of this one have. */
static void notes_that_are_missing_or_no_numbers_are_not_believed(void **state)
{
	static const char *const values[] = { NULL, "", "-1", "12x", "99999999999999999999" };
	struct fixture *fx = *state;
	char id[DIGEST_MAX];
	struct err err = ERR_INIT;
	autostore struct store store = STORE_INIT;

	fixture_image(fx, REDIS, "one", id);
	assert_int_equal(store_open(&fx->globals, false, &store, &err), 0);
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		autojson struct json *index = NULL;
		struct json *notes;
		struct image_row *rows = NULL;
		size_t n = 0;

		assert_int_equal(index_load(&store, &index, &err), 0);
		notes = json_get(json_at(index_list(index), 0), "annotations");
		json_del(notes, INDEX_SIZE);
		if (values[i])
			json_put_string(notes, INDEX_SIZE, values[i]);
		assert_int_equal(index_save(&store, index, &err), 0);
		assert_int_equal(image_list(&fx->globals, NULL, &rows, &n, &err), 0);
		assert_int_equal(n, 1);
		assert_int_equal(rows[0].size, 1000);
		image_rows_free(rows, n);
	}
}

static void an_image_that_lost_its_tag_keeps_its_repository(void **state)
{
	struct fixture *fx = *state;
	struct image_row *rows = NULL;
	char id[DIGEST_MAX];
	struct err err = ERR_INIT;
	size_t n = 0, nameless = 0;

	fixture_image(fx, REDIS, "one", id);
	fixture_image(fx, REDIS, "two", id);
	assert_int_equal(image_list(&fx->globals, NULL, &rows, &n, &err), 0);
	assert_int_equal(n, 2);
	for (size_t i = 0; i < n; i++)
		nameless += strcmp(rows[i].repository, "redis") == 0 && rows[i].tag == NULL;
	assert_int_equal(nameless, 1);
	image_rows_free(rows, n);
}

static void operands_choose_repositories_and_tags(void **state)
{
	struct fixture *fx = *state;
	char id[DIGEST_MAX];
	struct err err = ERR_INIT;

	fixture_image(fx, REDIS, "one", id);
	fixture_image(fx, OTHER, "two", id);
	assert_int_equal(image_tag(&fx->globals, "redis", "redis:7", &err), 0);
	assert_int_equal(count(fx, NULL), 3);
	assert_int_equal(count(fx, "redis"), 2);
	assert_int_equal(count(fx, "redis:7"), 1);
	assert_int_equal(count(fx, "docker.io/library/redis"), 2);
	assert_int_equal(count(fx, "quay.io/team/app"), 1);
	assert_int_equal(count(fx, "red*"), 2);
	assert_int_equal(count(fx, "app"), 0);
}

static void an_empty_store_lists_nothing(void **state)
{
	struct globals globals = { .root = (char *)"/nonexistent/sbx" };
	struct image_row *rows = NULL;
	struct err err = ERR_INIT;
	size_t n = 7;

	(void)state;
	assert_int_equal(image_list(&globals, NULL, &rows, &n, &err), 0);
	assert_int_equal(n, 0);
	image_rows_free(rows, n);
}

static void a_damaged_image_is_still_listed(void **state)
{
	struct fixture *fx = *state;
	char id[DIGEST_MAX];

	fixture_image(fx, REDIS, "one", id);
	assert_int_equal(unlinkat(fx->store.blobs, id + 7, 0), 0);
	assert_int_equal(count(fx, NULL), 1);
}

TEST_MAIN(FIXTURE_TEST(each_name_is_a_row_with_id_size_and_date),
	FIXTURE_TEST(a_row_needs_no_other_file_than_the_index),
	FIXTURE_TEST(notes_that_are_missing_or_no_numbers_are_not_believed),
	FIXTURE_TEST(an_image_that_lost_its_tag_keeps_its_repository),
	FIXTURE_TEST(operands_choose_repositories_and_tags),
	FIXTURE_TEST(an_empty_store_lists_nothing), FIXTURE_TEST(a_damaged_image_is_still_listed))
