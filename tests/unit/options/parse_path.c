/* SPDX-License-Identifier: Apache-2.0 */
#include "options/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "harness.h"

static void paths_are_cleaned_as_text(void **state)
{
	static const struct {
		const char *text, *clean;
	} cases[] = {
		{ "/", "/" },
		{ "//", "/" },
		{ "/a", "/a" },
		{ "/a/", "/a" },
		{ "/a//b/./c", "/a/b/c" },
		{ "/a/../b", "/b" },
		{ "/a/..", "/" },
		{ "/a/b/../..", "/" },
		{ "/...", "/..." },
		{ "/.a/..b", "/.a/..b" },
		{ "/..", NULL },
		{ "/a/../../b", NULL },
		{ "a", NULL },
		{ "", NULL },
		{ ".", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		autofree char *clean = clean_path(cases[i].text);

		if (!cases[i].clean)
			assert_null(clean);
		else
			assert_string_equal(clean, cases[i].clean);
	}
}

static void names_are_bounded(void **state)
{
	char name[257];

	memset(name, 'a', sizeof(name));
	name[256] = '\0';
	assert_false(valid_name(name, 2));
	name[255] = '\0';
	assert_true(valid_name(name, 2));
	assert_false(valid_name("a", 2));
	assert_false(valid_name("", 1));
	assert_true(valid_name("a", 1));
	assert_true(valid_name("ab", 2));
	assert_false(valid_name("a\x1b", 2));
	assert_false(valid_name("..", 2)); /* threats: a name becomes a path */
	assert_false(valid_name("a/../b", 2));
}

static void only_dotted_sources_are_joined(void **state)
{
	struct err err = ERR_INIT;
	autofree char *a = NULL, *b = NULL;

	assert_int_equal(absolute_source("data", &a, &err), 0);
	assert_string_equal(a, "data");
	assert_int_equal(absolute_source(".", &b, &err), 0);
	assert_int_equal(b[0], '/');
}

TEST_MAIN(cmocka_unit_test(paths_are_cleaned_as_text), cmocka_unit_test(names_are_bounded),
	cmocka_unit_test(only_dotted_sources_are_joined))
