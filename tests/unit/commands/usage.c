/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/usage.h"

#include "commands/output.h"
#include "harness.h"

static void traffic_is_that_of_all_interfaces_but_lo(void **state)
{
	struct usage usage = { 0 };

	(void)state;
	usage_net(
		"Inter-|   Receive                |  Transmit\n"
		" face |bytes    packets errs drop fifo frame compressed multicast|bytes ...\n"
		"    lo:    100       1    0    0    0     0          0         0      100 1 0 0 0 0 0 0\n"
		"  tap0:   2000       9    0    0    0     0          0         0      300 4 0 0 0 0 0 0\n"
		"  eth1:5 1 0 0 0 0 0 0 7 1 0 0 0 0 0 0\n",
		&usage);
	assert_int_equal(usage.received, 2005);
	assert_int_equal(usage.sent, 307);
}

static void files_are_summed_over_devices(void **state)
{
	struct usage usage = { 0 };

	(void)state;
	usage_io("8:0 rbytes=10 wbytes=20 rios=1 wios=1 dbytes=0 dios=0\n"
		 "8:16 rbytes=1 wbytes=2 rios=0 wios=0 dbytes=9 dios=0\n",
		&usage);
	assert_int_equal(usage.read, 11);
	assert_int_equal(usage.written, 22);
}

static void binary_sizes_have_four_digits(void **state)
{
	char text[UNITS_MAX];

	(void)state;
	units_binary(0, text);
	assert_string_equal(text, "0B");
	units_binary(1536, text);
	assert_string_equal(text, "1.5KiB");
	units_binary(16755412992, text);
	assert_string_equal(text, "15.6GiB");
}

TEST_MAIN(cmocka_unit_test(traffic_is_that_of_all_interfaces_but_lo),
	cmocka_unit_test(files_are_summed_over_devices),
	cmocka_unit_test(binary_sizes_have_four_digits))
