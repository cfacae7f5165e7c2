/* SPDX-License-Identifier: Apache-2.0 */
#include "sample.h"

#include <errno.h>

static int filter_with(const char *a, const char *b, struct ps_filter **ret, struct err *err)
{
	struct globals globals = { .root = (char *)"/nonexistent",
		.runroot = (char *)"/nonexistent" };
	autostrv struct strv list = STRV_INIT;

	strv_add(&list, a);
	if (b)
		strv_add(&list, b);
	return ps_filter_new(&globals, &list, ret, err);
}

static void filters_choose_as_dockers(void **state)
{
	static const struct {
		const char *a, *b;
		bool want;
	} cases[] = {
		{ "name=we", NULL, true },
		{ "name=^/web$", NULL, true },
		{ "name=^eb", NULL, false },
		{ "id=0123", NULL, true },
		{ "id=ffff", NULL, false },
		{ "label=a", NULL, true },
		{ "label=a=1", NULL, true },
		{ "label=a=2", NULL, false },
		{ "label=a=1", "label=z", true },
		{ "label=a=1", "label=nope", false }, /* labels must all hold */
		{ "status=running", NULL, true },
		{ "status=exited", "status=running", true }, /* one of them is enough */
		{ "status=running", "name=nope", false },    /* keys must all hold */
		{ "exited=0", NULL, false },
		{ "ancestor=redis:7", NULL, true },
		{ "ancestor=redis", NULL, false },
		{ "ancestor=feed0000", NULL, true },
		{ "ancestor=sha256:feed", NULL, true },
		{ "volume=data", NULL, true },
		{ "volume=/w", NULL, true },
		{ "volume=other", NULL, false },
		{ "network=bridge", NULL, true },
		{ "network=none", NULL, false },
		{ "expose=6379", NULL, true },
		{ "expose=6370-6380/tcp", NULL, true },
		{ "expose=53", NULL, false },
		{ "expose=53/udp", NULL, true },
		{ "publish=32768", NULL, true },
		{ "publish=32768/udp", NULL, false },
		{ "health=none", NULL, true },
		{ "health=healthy", NULL, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		autocontainer struct container c = sample();
		struct ps_filter *filter = NULL;
		struct err err = ERR_INIT;
		bool got;

		assert_int_equal(filter_with(cases[i].a, cases[i].b, &filter, &err), 0);
		got = ps_filter_match(filter, &c);
		ps_filter_free(filter);
		if (got != cases[i].want)
			print_message("# %s %s\n", cases[i].a, cases[i].b ? cases[i].b : "");
		assert_int_equal(got, cases[i].want);
	}
}

static void bad_filters_are_refused_with_status_1(void **state)
{
	static const char *const bad[] = { "name", "nope=1", "status=flying", "exited=x", "name=[",
		"before=nosuch" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct ps_filter *filter = NULL;
		struct err err = ERR_INIT;

		assert_true(filter_with(bad[i], NULL, &filter, &err) < 0);
		assert_int_equal(err.exit, 1);
		assert_null(filter);
	}
}

static void asking_for_a_status_includes_stopped_ones(void **state)
{
	struct ps_filter *filter = NULL;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(filter_with("status=exited", NULL, &filter, &err), 0);
	assert_true(ps_filter_asks_stopped(filter));
	ps_filter_free(filter);
	assert_int_equal(filter_with("name=x", NULL, &filter, &err), 0);
	assert_false(ps_filter_asks_stopped(filter));
	ps_filter_free(filter);
}

TEST_MAIN(cmocka_unit_test(filters_choose_as_dockers),
	cmocka_unit_test(bad_filters_are_refused_with_status_1),
	cmocka_unit_test(asking_for_a_status_includes_stopped_ones))
