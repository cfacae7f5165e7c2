/* SPDX-License-Identifier: Apache-2.0 */
/* The small value parsers: sizes, signals, times, env files, ulimits, platforms, hosts. The first byte
 * chooses. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "options/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int try_numbers(int which, const char *text, struct err *err)
{
	struct ulimit u;
	int64_t n = 0;
	int r;

	switch (which) {
	case 0:
		r = parse_size(text, &n, err);
		assert(r < 0 || n >= 0);
		return r;
	case 1:
		r = parse_signal(text, err);
		assert(r < 0 || (r >= 1 && r <= 64));
		return r;
	case 2:
		return parse_time(text, 1793700000000000000, &n, err);
	case 3:
		return parse_duration(text, &n, err);
	default:
		r = parse_ulimit(text, &u, err);
		assert(r < 0 || u.limit.rlim_cur <= u.limit.rlim_max);
		return r;
	}
}

static int try_texts(int which, char *text, struct err *err)
{
	struct strv list = STRV_INIT;
	int r;

	if (which == 0)
		r = parse_env_text(text, &list, err);
	else if (which == 1)
		r = parse_platform(text, err);
	else
		r = parse_add_host(text, &list, err);
	strv_each (line, &list)
		assert(strchr(*line, which == 0 ? '=' : ':') && !strchr(*line, '\n'));
	strv_done(&list);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	autofree char *text = size ? xstrndup((const char *)data + 1, size - 1) : NULL;
	struct err err = ERR_INIT;
	int which, r;

	if (!text)
		return 0;
	which = data[0] % 8;
	r = which < 5 ? try_numbers(which, text, &err) : try_texts(which - 5, text, &err);
	assert(r >= 0 || (err.code < 0 && err.text[0]));
	return 0;
}
