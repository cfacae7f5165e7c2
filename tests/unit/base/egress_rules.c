/* SPDX-License-Identifier: Apache-2.0 */
#include "base/egress_rules.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"

static void the_words_are_no_lists(void **state)
{
	struct egress_rules rules = { 0 };
	struct err err = ERR_INIT;

	assert_int_equal(egress_rules_parse("all", &rules, &err), 0);
	assert_true(rules.open && !rules.n);
	assert_int_equal(egress_rules_parse("none", &rules, &err), 0);
	assert_true(!rules.open && !rules.n);
	egress_rules_done(&rules);
}

static void names_networks_and_ports_are_told_apart(void **state)
{
	struct egress_rules rules = { 0 };
	struct err err = ERR_INIT;

	assert_int_equal(egress_rules_parse("A.example:443,*.b.test,10.0.0.0/8,[fd00::/8]:1-9,:53",
				 &rules, &err),
		0);
	assert_int_equal(rules.n, 5);
	assert_string_equal(rules.list[0].name, "a.example");
	assert_int_equal(rules.list[0].first, 443);
	assert_int_equal(rules.list[1].kind, EGRESS_RULE_BELOW);
	assert_string_equal(rules.list[1].name, "b.test");
	assert_int_equal(rules.list[1].last, 65535);
	assert_int_equal(rules.list[2].prefix, 104);
	assert_int_equal(rules.list[3].prefix, 8);
	assert_int_equal(rules.list[3].last, 9);
	assert_int_equal(rules.list[4].kind, EGRESS_RULE_ANY);
	egress_rules_done(&rules);
}

static void a_wrong_one_is_named_and_nothing_is_kept(void **state)
{
	struct egress_rules rules = { 0 };
	struct err err = ERR_INIT;

	assert_int_equal(egress_rules_parse("ok.example,no/thing", &rules, &err), -EINVAL);
	assert_non_null(strstr(err.text, "'no/thing'"));
	assert_null(rules.list);
}

static void there_is_an_end_to_rules(void **state)
{
	struct egress_rules rules = { 0 };
	struct err err = ERR_INIT;
	char *text = calloc(EGRESS_RULES_MAX + 1, 2);

	assert_non_null(text);
	for (size_t i = 0; i <= EGRESS_RULES_MAX; i++)
		memcpy(text + 2 * i, "a,", 2);
	text[2 * EGRESS_RULES_MAX + 1] = '\0';
	assert_int_equal(egress_rules_parse(text, &rules, &err), -E2BIG);
	free(text);
}

TEST_MAIN(cmocka_unit_test(the_words_are_no_lists),
	cmocka_unit_test(names_networks_and_ports_are_told_apart),
	cmocka_unit_test(a_wrong_one_is_named_and_nothing_is_kept),
	cmocka_unit_test(there_is_an_end_to_rules))
