/* SPDX-License-Identifier: Apache-2.0 */
#include "base/passwd.h"

#include <errno.h>
#include <unistd.h>

#include "harness.h"

static const char text[] = "root:x:0:0:root:/root:/bin/sh\n"
			   "# a comment\n"
			   "short:x:1000\n"
			   ":x:1000:1000::/no-name:\n"
			   "ana:x:1000:1000:Ana,,,:/home/ana:/bin/bash\n"
			   "second:x:1000:1000::/second:/bin/sh\n"
			   "last:x:1001:1001::/last:";

static void the_first_whole_line_of_the_uid_counts(void **state)
{
	struct passwd_entry entry = { 0 };

	assert_int_equal(passwd_parse(text, 1000, &entry), 0);
	assert_string_equal(entry.name, "ana");
	assert_string_equal(entry.home, "/home/ana");
	passwd_entry_done(&entry);
}

static void the_last_line_needs_no_newline_and_no_shell(void **state)
{
	struct passwd_entry entry = { 0 };

	assert_int_equal(passwd_parse(text, 1001, &entry), 0);
	assert_string_equal(entry.name, "last");
	passwd_entry_done(&entry);
}

static void a_uid_is_not_found_by_its_digits(void **state)
{
	struct passwd_entry entry = { 0 };

	assert_int_equal(passwd_parse(text, 100, &entry), -ENOENT);
	assert_int_equal(passwd_parse("", 0, &entry), -ENOENT);
	assert_null(entry.name);
}

static void the_caller_is_found_and_a_stranger_is_not(void **state)
{
	struct passwd_entry entry = { 0 };
	struct err err = ERR_INIT;

	assert_int_equal(passwd_lookup(0, &entry, &err), 0);
	assert_string_equal(entry.name, "root");
	passwd_entry_done(&entry);
	assert_int_equal(passwd_lookup(3999999999u, &entry, &err), -ENOENT);
}

TEST_MAIN(cmocka_unit_test(the_first_whole_line_of_the_uid_counts),
	cmocka_unit_test(the_last_line_needs_no_newline_and_no_shell),
	cmocka_unit_test(a_uid_is_not_found_by_its_digits),
	cmocka_unit_test(the_caller_is_found_and_a_stranger_is_not))
