/* SPDX-License-Identifier: Apache-2.0 */
#include "base/userns.h"

#include <errno.h>
#include <stdint.h>

#include "base/own.h"
#include "harness.h"

static const struct idmap plain = { .kind = IDMAP_SUBID,
	.uid = { { 0, 2001, 1 }, { 1, 200000, 65536 } },
	.gid = { { 0, 2001, 1 }, { 1, 200000, 65536 } },
	.n_uid = 2,
	.n_gid = 2 };

static uint32_t uid(const struct idmap *map, uint32_t inside)
{
	return idmap_to_host(map->uid, map->n_uid, inside);
}

static void the_caller_and_the_user_change_places(void **state)
{
	struct idmap kept, stored;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(idmap_keep(&plain, (struct idpair){ 1000, 0 }, &kept, &stored, &err), 0);
	assert_int_equal(uid(&kept, 1000), 2001);
	assert_int_equal(uid(&kept, 0), uid(&plain, 1000));
	for (uint32_t id = 1; id <= 65536; id += 7)
		if (id != 1000)
			assert_int_equal(uid(&kept, id), uid(&plain, id));
	assert_int_equal(uid(&kept, 999), uid(&plain, 999));
	assert_int_equal(uid(&kept, 1001), uid(&plain, 1001));
	for (uint32_t id = 0; id <= 65536; id += 5)
		assert_int_equal(uid(&stored, id), uid(&plain, id));
	assert_int_equal(idmap_to_host(kept.gid, kept.n_gid, 0), 2001);
}

static void both_ends_of_a_range_can_be_the_user(void **state)
{
	static const uint32_t ids[] = { 1, 65536 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		struct idmap kept, stored;
		struct err err = ERR_INIT;

		assert_int_equal(
			idmap_keep(&plain, (struct idpair){ ids[i], ids[i] }, &kept, &stored, &err),
			0);
		assert_int_equal(uid(&kept, ids[i]), 2001);
		assert_int_equal(uid(&kept, 0), uid(&plain, ids[i]));
		assert_int_equal(uid(&kept, 2), uid(&plain, 2));
		assert_int_equal(kept.n_uid, 3);
	}
}

static void an_id_beyond_the_range_takes_the_last_ones_place(void **state)
{
	struct idmap kept, stored;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(
		idmap_keep(&plain, (struct idpair){ 4000000, 5 }, &kept, &stored, &err), 0);
	assert_int_equal(uid(&kept, 4000000), 2001);
	assert_int_equal(uid(&kept, 0), uid(&plain, 65536));
	assert_int_equal(uid(&kept, 65536), UINT32_MAX);
	assert_int_equal(uid(&stored, 4000000), uid(&plain, 65536));
	assert_int_equal(uid(&stored, 0), 2001);
}

static void of_one_id_there_is_no_root(void **state)
{
	struct idmap single = { .kind = IDMAP_SINGLE,
		.uid = { { 0, 2001, 1 } },
		.gid = { { 0, 2002, 1 } },
		.n_uid = 1,
		.n_gid = 1 };
	struct idmap kept, stored;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(idmap_keep(&single, (struct idpair){ 1000, 0 }, &kept, &stored, &err), 0);
	assert_int_equal(uid(&kept, 1000), 2001);
	assert_int_equal(uid(&kept, 0), UINT32_MAX);
	assert_int_equal(idmap_to_host(kept.gid, kept.n_gid, 0), 2002);
	assert_int_equal(kept.n_uid, 1);
	assert_int_equal(uid(&stored, 1000), 2001);
}

static void real_roots_whole_map_is_split(void **state)
{
	struct idmap whole = { .kind = IDMAP_ROOT,
		.uid = { { 0, 0, UINT32_MAX } },
		.gid = { { 0, 0, UINT32_MAX } },
		.n_uid = 1,
		.n_gid = 1 };
	struct idmap kept, stored;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(
		idmap_keep(&whole, (struct idpair){ 1000, 1000 }, &kept, &stored, &err), 0);
	assert_int_equal(uid(&kept, 1000), 0);
	assert_int_equal(uid(&kept, 0), 1000);
	assert_int_equal(uid(&kept, 5), 5);
	assert_int_equal(uid(&kept, 70000), 70000);
}

TEST_MAIN(cmocka_unit_test(the_caller_and_the_user_change_places),
	cmocka_unit_test(both_ends_of_a_range_can_be_the_user),
	cmocka_unit_test(an_id_beyond_the_range_takes_the_last_ones_place),
	cmocka_unit_test(of_one_id_there_is_no_root),
	cmocka_unit_test(real_roots_whole_map_is_split))
