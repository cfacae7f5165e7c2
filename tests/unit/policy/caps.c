/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"

#include <errno.h>
#include <string.h>

#include "policy/caps.h"

static uint64_t chosen(const char *add, const char *drop)
{
	struct strv added = STRV_INIT, dropped = STRV_INIT;
	struct err err = ERR_INIT;
	uint64_t caps = 0;

	if (add)
		strv_add(&added, add);
	if (drop)
		strv_add(&dropped, drop);
	assert_int_equal(caps_choose(&added, &dropped, &caps, &err), 0);
	strv_done(&added);
	strv_done(&dropped);
	return caps;
}

static void names_come_with_or_without_prefix_in_any_case(void **state)
{
	(void)state;
	assert_int_equal(caps_number("CAP_NET_RAW"), CAP_NET_RAW);
	assert_int_equal(caps_number("net_raw"), CAP_NET_RAW);
	assert_int_equal(caps_number("Cap_Checkpoint_Restore"), 40);
	assert_int_equal(caps_number("NET"), -EINVAL);
	assert_int_equal(caps_number("CAP_ALL"), -EINVAL);
	assert_int_equal(caps_number(""), -EINVAL);
}

static void the_default_set_is_podmans_eleven(void **state)
{
	(void)state;
	assert_int_equal(chosen(NULL, NULL), 0x800405fb & ~0u); /* podman run … grep CapEff */
	assert_int_equal(__builtin_popcountll(CAPS_DEFAULT), 11);
}

static void adding_and_dropping_change_the_default(void **state)
{
	(void)state;
	assert_int_equal(chosen("NET_RAW", NULL), CAPS_DEFAULT | CAPS_BIT(CAP_NET_RAW));
	assert_int_equal(chosen(NULL, "cap_chown"), CAPS_DEFAULT & ~CAPS_BIT(CAP_CHOWN));
	assert_int_equal(chosen("CHOWN", "CHOWN"), CAPS_DEFAULT); /* adding wins, as in Docker */
}

static void all_turns_the_meaning_around(void **state)
{
	(void)state;
	assert_int_equal(chosen("ALL", NULL), CAPS_ALL);
	assert_int_equal(chosen("all", "SYS_ADMIN"), CAPS_ALL & ~CAPS_BIT(CAP_SYS_ADMIN));
	assert_int_equal(chosen(NULL, "ALL"), 0);
	assert_int_equal(chosen("KILL", "ALL"), CAPS_BIT(CAP_KILL));
	assert_int_equal(chosen("ALL", "ALL"), 0);
}

static void unknown_names_are_errors_in_dockers_words(void **state)
{
	struct strv add = STRV_INIT, drop = STRV_INIT;
	struct err err = ERR_INIT;
	uint64_t caps = 0;

	(void)state;
	strv_add(&add, "FLY");
	assert_int_equal(caps_choose(&add, &drop, &caps, &err), -EINVAL);
	assert_string_equal(err.text, "invalid CapAdd: unknown capability: \"FLY\"");
	assert_int_equal(err.exit, 125);
	assert_int_equal(caps_choose(&drop, &add, &caps, &err), -EINVAL);
	assert_string_equal(err.text, "invalid CapDrop: unknown capability: \"FLY\"");
	strv_done(&add);
}

TEST_MAIN(cmocka_unit_test(names_come_with_or_without_prefix_in_any_case),
	cmocka_unit_test(the_default_set_is_podmans_eleven),
	cmocka_unit_test(adding_and_dropping_change_the_default),
	cmocka_unit_test(all_turns_the_meaning_around),
	cmocka_unit_test(unknown_names_are_errors_in_dockers_words))
