/* SPDX-License-Identifier: Apache-2.0 */
#include "builder/words.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/own.h"
#include "harness.h"

static void env_set(struct strv *env)
{
	strv_add(env, "HOME=/home/gtl");
	strv_add(env, "FILE=archive.tar.gz");
	strv_add(env, "EMPTY=");
	strv_add(env, "TWO=a  b");
}

static void becomes(const char *text, const char *want)
{
	autostrv struct strv env = STRV_INIT;
	struct expansion how = { .escape = '\\', .env = &env };
	struct err err = ERR_INIT;
	autofree char *got = NULL;

	env_set(&env);
	if (expand_word(&how, text, &got, &err) < 0)
		got = strdup(strrchr(err.text, ':') + 2);
	assert_string_equal(got, want);
}

static void splits(const char *text, const char *want)
{
	autostrv struct strv env = STRV_INIT, words = STRV_INIT;
	struct expansion how = { .escape = '\\', .env = &env };
	struct err err = ERR_INIT;
	autobuf struct buf got = BUF_INIT;

	env_set(&env);
	assert_int_equal(expand_words(&how, text, &words, &err), 0);
	strv_each (word, &words)
		buf_addf(&got, "<%s>", *word);
	assert_string_equal(got.data ? got.data : "", want);
}

static void variables_and_their_defaults(void **state)
{
	becomes("$HOME/go", "/home/gtl/go");
	becomes("${HOME}go $NONE.", "/home/gtlgo .");
	becomes("${NONE:-x} ${EMPTY:-x} ${EMPTY-x} ${NONE-$HOME}", "x x  /home/gtl");
	becomes("${HOME:+y} ${EMPTY:+y} ${EMPTY+y} ${NONE+y}", "y  y ");
	becomes("${NONE:?must be given}", "must be given");
	becomes("${EMPTY:?}", "is not allowed to be empty");
	becomes("\\$HOME '$HOME' \"$HOME\"", "$HOME $HOME /home/gtl");
	becomes("$", "$");
	becomes("密码$HOME", "密码/home/gtl");
}

static void heads_and_tails_are_cut(void **state)
{
	becomes("${FILE#*.}", "tar.gz");
	becomes("${FILE##*.}", "gz");
	becomes("${FILE%.*}", "archive.tar");
	becomes("${FILE%%.*}", "archive");
	becomes("${FILE#x} ${NONE%x}", "archive.tar.gz ");
	becomes("${FILE/a/A} ${FILE//a/A} ${FILE//.*/}", "Archive.tar.gz Archive.tAr.gz archive");
}

static void faults_are_named(void **state)
{
	becomes("${}", "bad substitution");
	becomes("${HOME", "missing '}'");
	becomes("${HOME:-x", "missing '}'");
	becomes("${HOME/x", "missing '/' in ${}");
	becomes("${HOME^}", "unsupported modifier (^) in substitution");
	becomes("'open", "unexpected end of statement while looking for matching single-quote");
}

static void blanks_split_outside_quotes_only(void **state)
{
	splits("a  b\tc", "<a><b><c>");
	splits("$TWO \"$TWO\" x$TWO", "<a><b><a  b><xa><b>");
	splits("a\\ b ''", "<a b>");
	splits("pre${NONE:-d e}post", "<pred><epost>");
}

static void what_was_used_is_told(void **state)
{
	autostrv struct strv env = STRV_INIT, used = STRV_INIT, unset = STRV_INIT;
	struct expansion how = {
		.escape = '\\', .env = &env, .ret_used = &used, .ret_unset = &unset
	};
	struct err err = ERR_INIT;
	autofree char *got = NULL;

	env_set(&env);
	assert_int_equal(expand_word(&how, "$HOME ${HOME} ${GONE:-$FILE} '$TWO'", &got, &err), 0);
	assert_int_equal(used.n, 2);
	assert_string_equal(used.v[0], "HOME");
	assert_string_equal(used.v[1], "FILE");
	assert_int_equal(unset.n, 1);
	assert_string_equal(unset.v[0], "GONE");
}

static void bodies_of_heredocs_keep_their_quotes(void **state)
{
	autostrv struct strv env = STRV_INIT;
	struct expansion how = { .escape = '\\', .env = &env, .skip_quotes = true };
	struct err err = ERR_INIT;
	autofree char *got = NULL;

	env_set(&env);
	assert_int_equal(expand_word(&how, "don't \"$HOME\" \\$X", &got, &err), 0);
	assert_string_equal(got, "don't \"/home/gtl\" $X");
}

static void bombs_do_not_go_off(void **state)
{
	autostrv struct strv env = STRV_INIT;
	struct expansion how = { .escape = '\\', .env = &env };
	struct err err = ERR_INIT;
	autobuf struct buf text = BUF_INIT, nested = BUF_INIT;
	char *got;

	strv_adopt(&env, calloc(1, 300002));
	env.v[0][0] = 'A';
	env.v[0][1] = '=';
	for (size_t i = 2; i < 300001; i++)
		env.v[0][i] = 'x';
	for (int i = 0; i < 100000; i++)
		buf_adds(&nested, "${Q:-");
	assert_int_equal(expand_word(&how, "$A$A$A$A", &got, &err), -E2BIG);
	assert_int_equal(expand_word(&how, nested.data, &got, &err), -E2BIG);
	buf_adds(&text, "${A//");
	for (int i = 0; i < 2000; i++)
		buf_adds(&text, "*y");
	buf_adds(&text, "/}");
	assert_int_equal(expand_word(&how, text.data, &got, &err), -E2BIG);
}

TEST_MAIN(cmocka_unit_test(variables_and_their_defaults), cmocka_unit_test(heads_and_tails_are_cut),
	cmocka_unit_test(faults_are_named), cmocka_unit_test(blanks_split_outside_quotes_only),
	cmocka_unit_test(what_was_used_is_told),
	cmocka_unit_test(bodies_of_heredocs_keep_their_quotes),
	cmocka_unit_test(bombs_do_not_go_off))
