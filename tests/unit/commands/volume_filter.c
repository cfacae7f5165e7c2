/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/common.h"

#include <errno.h>
#include <string.h>

#include "base/own.h"
#include "harness.h"

static int match(const struct stored_volume *v, bool used, const char *a, const char *b)
{
	autostrv struct strv filters = STRV_INIT;
	struct err err = ERR_INIT;

	strv_add(&filters, a);
	if (b)
		strv_add(&filters, b);
	return volume_matches(v, used, &filters, &err);
}

static void names_are_alternatives_and_labels_are_not(void **state)
{
	autojson struct json *labels = json_new_map();
	const struct stored_volume v = { .name = (char *)"shopdata", .labels = labels };

	json_put_string(labels, "app", "shop");
	json_put_string(labels, "keep", "");
	assert_int_equal(match(&v, false, "name=data", NULL), 1);
	assert_int_equal(match(&v, false, "name=^data", NULL), 0);
	assert_int_equal(match(&v, false, "name=^x", "name=^shop"), 1);
	assert_int_equal(match(&v, false, "label=app=shop", "label=keep"), 1);
	assert_int_equal(match(&v, false, "label=app=shop", "label=other"), 0);
	assert_int_equal(match(&v, false, "label=app=bank", NULL), 0);
	assert_int_equal(match(&v, false, "label!=keep", NULL), 0);
	assert_int_equal(match(&v, false, "label!=other", NULL), 1);
	assert_int_equal(match(&v, false, "driver=local", NULL), 1);
	assert_int_equal(match(&v, false, "driver=nfs", NULL), 0);
}

static void dangling_means_used_by_none(void **state)
{
	const struct stored_volume v = { .name = (char *)"aa" };

	assert_int_equal(match(&v, false, "dangling=true", NULL), 1);
	assert_int_equal(match(&v, true, "dangling=1", NULL), 0);
	assert_int_equal(match(&v, true, "dangling=false", NULL), 1);
	assert_int_equal(match(&v, true, "dangling=maybe", NULL), -EINVAL);
}

static void listing_and_pruning_know_different_filters(void **state)
{
	static const struct {
		const char *filter;
		int ls, prune;
	} cases[] = { { "name=a", 0, -EINVAL }, { "label=a", 0, 0 }, { "label!=a", -EINVAL, 0 },
		{ "all=1", -EINVAL, 0 }, { "until=1h", -EINVAL, -EINVAL },
		{ "dangling=true", 0, -EINVAL }, { "name=[", -EINVAL, -EINVAL } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		autostrv struct strv filters = STRV_INIT;
		struct err err = ERR_INIT;

		strv_add(&filters, cases[i].filter);
		assert_int_equal(volume_filters_check(&filters, false, &err) < 0, cases[i].ls < 0);
		assert_int_equal(
			volume_filters_check(&filters, true, &err) < 0, cases[i].prune < 0);
	}
}

TEST_MAIN(cmocka_unit_test(names_are_alternatives_and_labels_are_not),
	cmocka_unit_test(dangling_means_used_by_none),
	cmocka_unit_test(listing_and_pruning_know_different_filters))
