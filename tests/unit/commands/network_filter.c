/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "commands/common.h"
#include "harness.h"

static bool matches(const struct network_facts *facts, const char *a, const char *b)
{
	struct strv filters = STRV_INIT;
	bool r;

	strv_add(&filters, a);
	if (b)
		strv_add(&filters, b);
	r = network_matches(facts, &filters);
	strv_done(&filters);
	return r;
}

static void labels_by_all_and_others_by_any(void **state)
{
	struct network_record record = { .name = "backend", .id = "abcdef0123" };
	const struct network_facts facts = { &record, "bridge", false, true };

	record.labels = json_new_map();
	json_put_string(record.labels, "tier", "db");
	assert_true(matches(&facts, "name=back", NULL));
	assert_true(matches(&facts, "name=front", "name=end"));
	assert_false(matches(&facts, "name=front", NULL));
	assert_false(matches(&facts, "name=back", "driver=host"));
	assert_true(matches(&facts, "label=tier", "label=tier=db"));
	assert_false(matches(&facts, "label=tier", "label=other"));
	assert_false(matches(&facts, "label!=tier", NULL));
	assert_true(matches(&facts, "id=abcdef", "type=custom"));
	assert_false(matches(&facts, "type=builtin", NULL));
	assert_false(matches(&facts, "dangling=true", NULL));
	assert_true(matches(&facts, "dangling=false", NULL));
	network_record_done(&record);
}

static void unknown_keys_and_values_are_refused(void **state)
{
	static const char *const bad[] = { "colour=red", "dangling=perhaps", "type=both", "name" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct strv filters = STRV_INIT;
		struct err err = ERR_INIT;

		strv_add(&filters, bad[i]);
		assert_int_equal(network_filters_check(&filters, false, &err), -EINVAL);
		strv_done(&filters);
	}
}

static bool pruned(const char *created, const char *filter)
{
	struct network_record record = { 0 };
	const struct network_facts facts = { &record, "bridge", false, false };
	struct strv filters = STRV_INIT;
	struct err err = ERR_INIT;
	bool yes;

	(void)snprintf(record.created, sizeof(record.created), "%s", created);
	strv_add(&filters, filter);
	assert_int_equal(network_filters_check(&filters, true, &err), 0);
	yes = network_matches(&facts, &filters);
	strv_done(&filters);
	return yes;
}

static void prune_goes_by_age_and_labels_only(void **state)
{
	static const char *const bad[] = { "name=x", "type=custom", "dangling=true",
		"until=never" };

	assert_true(pruned("2026-01-01T00:00:00Z", "until=2026-01-02T00:00:00Z"));
	assert_false(pruned("2026-01-03T00:00:00Z", "until=2026-01-02T00:00:00Z"));
	assert_true(pruned("", "label!=x"));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct strv filters = STRV_INIT;
		struct err err = ERR_INIT;

		strv_add(&filters, bad[i]);
		assert_true(network_filters_check(&filters, true, &err) < 0);
		strv_done(&filters);
	}
}

TEST_MAIN(cmocka_unit_test(prune_goes_by_age_and_labels_only),
	cmocka_unit_test(labels_by_all_and_others_by_any),
	cmocka_unit_test(unknown_keys_and_values_are_refused))
