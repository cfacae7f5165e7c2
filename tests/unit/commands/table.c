/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"

#include "commands/output.h"

static void columns_are_as_wide_as_their_widest_cell(void **state)
{
	autobuf struct buf out = BUF_INIT;

	(void)state;
	table_align(
		"ID\tIMAGE\tNAMES\n0123456789ab\tredis\tone\nab\tbusy\xe2\x80\xa6\ttwo\n", &out);
	assert_string_equal(out.data, "ID             IMAGE     NAMES\n"
				      "0123456789ab   redis     one\n"
				      "ab             busy\xe2\x80\xa6     two\n");
}

static void a_long_last_cell_moves_nothing(void **state)
{
	autobuf struct buf out = BUF_INIT;

	(void)state;
	table_align("A\tB\nx\taaaaaaaaaaaaaaaaaaaaaaaa\n\ty\n", &out);
	assert_string_equal(
		out.data, "A         B\nx         aaaaaaaaaaaaaaaaaaaaaaaa\n          y\n");
}

TEST_MAIN(cmocka_unit_test(columns_are_as_wide_as_their_widest_cell),
	cmocka_unit_test(a_long_last_cell_moves_nothing))
