/* SPDX-License-Identifier: Apache-2.0 */
/* What all prune commands share: the question before and the account after. */
#include "commands/common.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "commands/output.h"

int prune_confirm(const char *warning, struct err *err)
{
	autobuf struct buf text = BUF_INIT;
	char answer[64] = "";

	buf_addf(&text, "%s\nAre you sure you want to continue? [y/N] ", warning);
	TRY(out_write(&text, err));
	if (fflush(stdout) != 0)
		return err_sys(err, "write to stdout");
	if (!fgets(answer, sizeof(answer), stdin)) {
		buf_reset(&text);
		buf_addc(&text, '\n');
		TRY(out_write(&text, err));
		return 0; /* nobody there to ask */
	}
	answer[strcspn(answer, "\r\n")] = '\0';
	return strcasecmp(answer, "y") == 0;
}

void prune_tell(const struct globals *globals, const char *type, int64_t bytes)
{
	autofree char *text = xasprintf("%lld", (long long)bytes);
	autojson struct json *more = json_new_map();

	json_put_string(more, "reclaimed", text);
	event_tell(globals, type, "prune", "", more);
}

int prune_report(const char *title, const struct strv *deleted, int64_t bytes, struct err *err)
{
	autobuf struct buf text = BUF_INIT;
	char size[UNITS_MAX];

	if (deleted->n)
		buf_addf(&text, "%s\n", title);
	strv_each (item, deleted)
		buf_addf(&text, "%s\n", *item);
	units_size(bytes, 4, size);
	buf_addf(&text, "%sTotal reclaimed space: %s\n", deleted->n ? "\n" : "", size);
	return out_write(&text, err);
}
