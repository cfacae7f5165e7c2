/* SPDX-License-Identifier: Apache-2.0 */
#include "options/options.h"

#include <errno.h>

#include "base/own.h"
#include "harness.h"

static void what_run_would_take_is_taken(void **state)
{
	struct build_opts build = { .no_cache = false };
	autorunopts struct run_opts o = { 0 };
	struct err err = ERR_INIT;

	strv_add(&build.run_words, "--memory=64m");
	strv_add(&build.run_words, "--policy=untrusted");
	assert_int_equal(build_run_opts(&build, &o, &err), 0);
	assert_int_equal(o.limits.memory, 64 << 20);
	assert_string_equal(o.policy, "untrusted");
	assert_string_equal(o.network, "none");
	assert_false(o.read_only);
	assert_int_equal(o.n_volumes, 0);
	strv_done(&build.run_words);
}

static void what_run_refuses_is_refused(void **state)
{
	struct build_opts build = { .no_cache = false };
	struct run_opts o = { 0 };
	struct err err = ERR_INIT;

	strv_add(&build.run_words, "--policy=nosuch");
	assert_true(build_run_opts(&build, &o, &err) < 0);
	assert_non_null(strstr(err.text, "nosuch"));
	strv_done(&build.run_words);
}

static void without_words_nothing_is_said(void **state)
{
	const struct build_opts build = { .no_cache = false };
	struct run_opts o = { 0 };
	struct err err = ERR_INIT;

	assert_int_equal(build_run_opts(&build, &o, &err), 0);
	assert_int_equal(o.shm_size, -1);
	assert_null(o.network);
}

TEST_MAIN(cmocka_unit_test(what_run_would_take_is_taken),
	cmocka_unit_test(what_run_refuses_is_refused),
	cmocka_unit_test(without_words_nothing_is_said))
