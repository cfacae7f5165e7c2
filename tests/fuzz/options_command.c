/* SPDX-License-Identifier: Apache-2.0 */
/* Whole command lines of run, words separated by newlines; what is accepted must parse again. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "options/options.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A bare name (the caller lacks it) is not kept: `start` has the environment on record. */
static size_t assignments(const struct strv *env)
{
	size_t n = 0;

	strv_each (item, env)
		n += strchr(*item, '=') != NULL;
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	autofree char *text = xstrndup((const char *)data, size);
	struct strv argv = STRV_INIT, again = STRV_INIT;
	autochoice struct choice choice = { 0 };
	struct run_opts a = { 0 }, b = { 0 };
	struct err err = ERR_INIT;

	strv_add(&argv, "run");
	for (char *rest = text, *word; (word = strsep(&rest, "\n"));)
		if (!strstr(word, "env-file")) /* would read files of this machine */
			strv_add(&argv, word);
	assert(options_find_command((int)argv.n, argv.v, &choice, &err) == 0);
	if (!choice.text && run_opts_parse((int)argv.n, argv.v, &a, &err) == 0) {
		strv_add(&again, "run");
		strv_extend(&again, &a.args);
		if (run_opts_parse((int)again.n, again.v, &b, &err) < 0)
			abort();
		assert(a.n_ports == b.n_ports && a.n_volumes == b.n_volumes);
		assert(assignments(&a.env) == assignments(&b.env));
		assert(strcmp(a.image, b.image) == 0 && a.command.n == b.command.n);
		run_opts_done(&a);
		run_opts_done(&b);
	}
	strv_done(&argv);
	strv_done(&again);
	return 0;
}
