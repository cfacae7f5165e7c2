/* SPDX-License-Identifier: Apache-2.0 */
/* /etc/subuid and /etc/passwd of the host: ranges that are taken do not overlap and do not wrap. */
#include <stdint.h>
#include <stdlib.h>

#include "base/own.h"
#include "base/passwd.h"
#include "base/userns.h"
#include "base/xalloc.h"

#define RANGES 7

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct idrange *ranges, int n)
{
	for (int i = 0; i < n; i++) {
		if (!ranges[i].count || ranges[i].outside + ranges[i].count < ranges[i].outside)
			abort();
		for (int j = 0; j < i; j++)
			if (ranges[i].outside < ranges[j].outside + ranges[j].count &&
				ranges[j].outside < ranges[i].outside + ranges[i].count)
				abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	autofree char *text = xstrndup((const char *)data, size);
	autopasswd struct passwd_entry entry = { 0 };
	struct idrange ranges[RANGES] = { 0 };
	struct err err = ERR_INIT;
	int n = idmap_parse_subid(text, "u", 1000, ranges, RANGES, &err);

	if (n > RANGES || (n < 0 && !*err.text))
		abort();
	check(ranges, n);
	if (passwd_parse(text, 1000, &entry) == 0 && (!entry.name || !*entry.name || !entry.home))
		abort();
	return 0;
}
