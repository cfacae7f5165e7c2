/* SPDX-License-Identifier: Apache-2.0 */
/* The owner and mode that lie beside a file, which other programs may have written: nonsense changes
 * nothing, what is taken keeps directories directories and reads back the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/kept.h"
#include "base/own.h"
#include "base/xalloc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void one(const char *text, mode_t mode)
{
	struct stat st = { .st_mode = mode, .st_uid = 5, .st_gid = 6 }, again;
	struct stat before = st;
	char written[KEPT_MAX];

	if (kept_parse(text, &st) < 0) {
		if (memcmp(&st, &before, sizeof(st)) != 0)
			abort();
		return;
	}
	if (S_ISDIR(st.st_mode) != S_ISDIR(mode))
		abort();
	again = before;
	if (kept_format(written, &st) >= KEPT_MAX || kept_parse(written, &again) < 0 ||
		memcmp(&st, &again, sizeof(st)) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	autofree char *text = xstrndup((const char *)data, size);

	one(text, S_IFREG | 0644);
	one(text, S_IFDIR | 0755);
	one(text, S_IFLNK | 0777);
	return 0;
}
