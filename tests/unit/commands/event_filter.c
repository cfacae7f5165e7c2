/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/event_filter.h"

#include <errno.h>
#include <string.h>

#include "harness.h"

static const char die[] =
	"{\"Type\":\"container\",\"Action\":\"exec_start: sh -c true\",\"scope\":\"local\","
	"\"Actor\":{\"ID\":\"abcdef0123\",\"Attributes\":{\"image\":\"redis:7\",\"name\":\"c1\","
	"\"team\":\"x\",\"net\":\"\"}}}";

static bool matches(const char *a, const char *b)
{
	struct strv filters = STRV_INIT;
	struct json *event = NULL;
	struct err err = ERR_INIT;
	bool r;

	assert_int_equal(json_parse(die, strlen(die), &event, &err), 0);
	strv_add(&filters, a);
	if (b)
		strv_add(&filters, b);
	assert_int_equal(event_filters_check(&filters, &err), 0);
	r = event_matches(event, &filters);
	strv_done(&filters);
	json_free(event);
	return r;
}

static void values_of_one_key_are_alternatives_but_labels(void **state)
{
	(void)state;
	assert_true(matches("container=abcdef", NULL));
	assert_true(matches("container=c1", NULL));
	assert_false(matches("container=c", NULL));
	assert_true(matches("container=c2", "container=c1"));
	assert_true(matches("event=exec_start", NULL));
	assert_false(matches("event=exec", NULL));
	assert_true(matches("image=redis", "type=container"));
	assert_true(matches("image=redis:7", NULL));
	assert_false(matches("image=red", NULL));
	assert_false(matches("image=redis", "type=image"));
	assert_true(matches("label=team=x", "label=net"));
	assert_false(matches("label=team=x", "label=none"));
	assert_false(matches("volume=c1", NULL));
	assert_true(matches("scope=local", NULL));
}

static void an_unknown_key_is_named(void **state)
{
	struct strv filters = STRV_INIT;
	struct err err = ERR_INIT;

	(void)state;
	strv_add(&filters, "color=red");
	assert_int_equal(event_filters_check(&filters, &err), -EINVAL);
	assert_non_null(strstr(err.text, "invalid filter 'color'"));
	strv_done(&filters);
}

TEST_MAIN(cmocka_unit_test(values_of_one_key_are_alternatives_but_labels),
	cmocka_unit_test(an_unknown_key_is_named))
