/* SPDX-License-Identifier: Apache-2.0 */
/* -v, --mount and --tmpfs: a destination that is accepted is absolute and never climbs. The first byte
 * chooses the parser. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "options/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_path(const char *path)
{
	assert(path[0] == '/' && !strstr(path, "//"));
	assert(!strstr(path, "/../") && !strstr(path, "/./"));
	assert(strlen(path) == 1 || path[strlen(path) - 1] != '/');
	assert(strlen(path) < 3 || strcmp(path + strlen(path) - 3, "/..") != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int (*const parsers[])(const char *, struct volume *, struct err *) = { parse_volume,
		parse_mount, parse_tmpfs };
	autofree char *text = size ? xstrndup((const char *)data + 1, size - 1) : NULL;
	struct volume v = { 0 };
	struct err err = ERR_INIT;

	if (!text)
		return 0;
	if (parsers[data[0] % ARRAY_SIZE(parsers)](text, &v, &err) < 0) {
		assert(!v.destination && err.code < 0 && err.text[0]);
		return 0;
	}
	check_path(v.destination);
	assert(v.destination[1]);
	if (v.type == VOLUME_BIND)
		check_path(v.source);
	if (v.type == VOLUME_NAMED)
		assert(valid_name(v.source, 2));
	volume_done(&v);
	return 0;
}
