/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "commands/common.h"
#include "harness.h"

static void check(const char *name, const char *address, int port, const char *want)
{
	char *rule = connection_rule(name, address, port);

	assert_string_equal(rule, want);
	free(rule);
}

static void a_connection_needs_the_rule_of_its_name_or_address(void **state)
{
	check("good.test", "192.0.2.1", 443, "good.test:443");
	check("", "192.0.2.1", 443, "192.0.2.1:443");
	check("", "fd00::1", 443, "[fd00::1]:443");
	check("good.test", "192.0.2.1", 0, "good.test");
}

/* Who owns a zone, or says a name in its first bytes, would write the list. */
static void a_name_that_would_be_another_rule_is_none(void **state)
{
	static const char *const bad[] = { "all", "none", "x,all,y.evil.test", "*.evil.test", ":53",
		"a:1.test", "10.0.0.0/8", "\x1b[2J.test", "[fd00::1]", ".test" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		check(bad[i], "192.0.2.1", 443, "192.0.2.1:443");
}

TEST_MAIN(cmocka_unit_test(a_connection_needs_the_rule_of_its_name_or_address),
	cmocka_unit_test(a_name_that_would_be_another_rule_is_none))
