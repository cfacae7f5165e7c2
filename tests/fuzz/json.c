/* SPDX-License-Identifier: Apache-2.0 */
/* JSON that is taken is written as JSON that reads the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/own.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	autojson struct json *first = NULL, *second = NULL;
	autobuf struct buf one = BUF_INIT, two = BUF_INIT;
	struct err err = ERR_INIT;

	if (json_parse((const char *)data, size, &first, &err) < 0) {
		if (!*err.text)
			abort();
		return 0;
	}
	json_write(first, 0, &one);
	if (json_parse(one.data, one.len, &second, &err) < 0)
		abort();
	json_write(second, 0, &two);
	if (one.len != two.len || memcmp(one.data, two.data, one.len) != 0)
		abort();
	return 0;
}
