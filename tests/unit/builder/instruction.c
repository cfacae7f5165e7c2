/* SPDX-License-Identifier: Apache-2.0 */
#include "builder/instruction.h"

#include <string.h>

#include "base/xalloc.h"
#include "harness.h"

static void a_copy_owns_everything_it_has(void **state)
{
	struct instruction in = { .kind = INS_COPY, .lines = { 3, 4 } }, copy;

	in.text = xstrdup("COPY a b");
	in.copy.dest = xstrdup("b");
	strv_add(&in.copy.sources, "a");
	in.copy.inlines = xcalloc(1, sizeof(*in.copy.inlines));
	in.copy.inlines[0].name = xstrdup("EOT");
	in.copy.inlines[0].data = xstrdup("body\n");
	in.copy.n_inlines = 1;
	in.run.mounts = xcalloc(1, sizeof(*in.run.mounts));
	in.run.mounts[0].target = xstrdup("/cache");
	in.run.n_mounts = 1;
	in.pairs = xcalloc(1, sizeof(*in.pairs));
	in.pairs[0].key = xstrdup("K");
	in.n_pairs = 1;

	instruction_copy(&in, &copy);
	instruction_done(&in);
	assert_int_equal(copy.kind, INS_COPY);
	assert_int_equal(copy.lines.last, 4);
	assert_string_equal(copy.text, "COPY a b");
	assert_string_equal(copy.copy.dest, "b");
	assert_string_equal(copy.copy.sources.v[0], "a");
	assert_string_equal(copy.copy.inlines[0].data, "body\n");
	assert_string_equal(copy.run.mounts[0].target, "/cache");
	assert_string_equal(copy.pairs[0].key, "K");
	assert_null(copy.pairs[0].value);
	instruction_done(&copy);
	instruction_done(&copy); /* again is harmless */
}

static void every_kind_has_a_name(void **state)
{
	for (int kind = 0; kind < INS_KINDS; kind++)
		assert_non_null(instruction_name((enum instruction_kind)kind));
}

TEST_MAIN(cmocka_unit_test(a_copy_owns_everything_it_has), cmocka_unit_test(every_kind_has_a_name))
