/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SBX_UNIT_RUN_REFUSED_H
#define SBX_UNIT_RUN_REFUSED_H

#include <string.h>

#include "options/options.h"

#include "harness.h"

#define ARGV(...) ((char **)(const char *[]){ __VA_ARGS__, NULL })

/* `run a b image` fails and says so. */
static inline void refused_with(const char *a, const char *b, const char *says)
{
	struct run_opts o = { 0 };
	struct err err = ERR_INIT;

	assert_true(run_opts_parse(4, ARGV("run", a, b, "image"), &o, &err) < 0);
	if (!strstr(err.text, says))
		fail_msg("%s %s: %s", a, b, err.text);
}

#endif
