/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"

#include <errno.h>
#include <string.h>

#include "base/err.h"

static void a_failed_call_keeps_errno_and_says_why(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	errno = ENOENT;
	assert_int_equal(err_sys(&err, "open '%s'", "x"), -ENOENT);
	assert_int_equal(err.code, -ENOENT);
	assert_string_equal(err.text, "open 'x': No such file or directory");
	assert_string_equal(err.id, "");
}

static void a_failure_without_errno_is_still_a_failure(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	errno = 0;
	assert_int_equal(err_sys(&err, "odd"), -EIO);
}

static void verdicts_carry_id_and_exit_status(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(err_id(&err, -EADDRINUSE, "E-PORT-USED", "port %d", 80), -EADDRINUSE);
	assert_int_equal(err_exit(&err, 125), -EADDRINUSE);
	assert_string_equal(err.id, "E-PORT-USED");
	assert_int_equal(err.exit, 125);
	assert_int_equal(err_set(&err, -EINVAL, "again"), -EINVAL);
	assert_string_equal(err.id, "");
	assert_int_equal(err.exit, 0);
}

static void wrapping_prefixes_and_keeps_the_rest(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	err_id(&err, -EPERM, "E-X", "inner");
	assert_int_equal(err_wrap(&err, "run %s", "redis"), -EPERM);
	assert_string_equal(err.text, "run redis: inner");
	assert_string_equal(err.id, "E-X");
}

static void long_texts_are_cut_and_terminated(void **state)
{
	struct err err = ERR_INIT;
	char big[2000];

	(void)state;
	memset(big, 'a', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	err_set(&err, -EINVAL, "%s", big);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	err_wrap(&err, "%s", big);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	errno = EACCES;
	err_sys(&err, "%s", big);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
}

static void foreign_bytes_cannot_drive_the_terminal(void **state)
{
	char out[64];

	(void)state;
	assert_string_equal(
		err_escape(out, sizeof(out), "a\033[2Jb\n\r\x7f"), "a\\x1b[2Jb\\x0a\\x0d\\x7f");
	assert_string_equal(err_escape(out, sizeof(out), "密码 é"), "密码 é");
	assert_string_equal(err_escape(out, sizeof(out),
				    "\xc2\x9b"
				    "1m"),
		"\\xc2\\x9b"
		"1m"); /* C1 CSI */
	assert_string_equal(err_escape(out, sizeof(out), "\xc0\xaf\xff"), "\\xc0\\xaf\\xff");
	assert_string_equal(
		err_escape(out, sizeof(out), "\xed\xa0\x80"), "\\xed\\xa0\\x80");    /* surrogate */
	assert_string_equal(err_escape(out, sizeof(out), "\xe5\xaf"), "\\xe5\\xaf"); /* cut short */
}

static void a_message_may_quote_the_one_it_replaces(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	err_set(&err, -EIO, "no manager");
	err_set(&err, -EPERM, "no cgroup; %s", err.text);
	assert_string_equal(err.text, "no cgroup; no manager");
}

static void escaping_respects_the_size(void **state)
{
	char out[6] = "zzzzz";

	(void)state;
	assert_string_equal(err_escape(out, 4, "a\033"), "a"); /* \x1b would need four bytes */
	assert_string_equal(err_escape(out, 6, "a\033"), "a\\x1b");
	assert_string_equal(err_escape(out, 3, "é"), "é");
	assert_string_equal(err_escape(out, 2, "é"), "");
}

TEST_MAIN(cmocka_unit_test(a_failed_call_keeps_errno_and_says_why),
	cmocka_unit_test(a_failure_without_errno_is_still_a_failure),
	cmocka_unit_test(verdicts_carry_id_and_exit_status),
	cmocka_unit_test(wrapping_prefixes_and_keeps_the_rest),
	cmocka_unit_test(long_texts_are_cut_and_terminated),
	cmocka_unit_test(foreign_bytes_cannot_drive_the_terminal),
	cmocka_unit_test(a_message_may_quote_the_one_it_replaces),
	cmocka_unit_test(escaping_respects_the_size))
