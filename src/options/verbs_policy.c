/* SPDX-License-Identifier: Apache-2.0 */
/* Options of the commands that deal with policies, which have none, and of report. See verbs.h. */
#include "options/internal.h"
#include "options/verbs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "options/command.h"

int policy_names_parse(int argc, char **argv, struct strv *ret_names, struct err *err)
{
	int none = 0;
	size_t len = strlen(argv[0]);

	(void)argc;
	for (const struct command *c = policy_commands; c->id != CMD_COUNT; c++) {
		const char *word = strstr(c->group_names, argv[0]);

		if (word && (word[len] == ' ' || !word[len]))
			return opt_parse_command(c->id, argv, &none, ret_names, err);
	}
	return err_set(err, -ENOENT, "no command 'policy %s'", argv[0]);
}

static int report_format(void *target, const char *value, struct err *err)
{
	bool json = strcmp(value, "json") == 0;

	if (!json && strcmp(value, "table") != 0)
		return err_set(err, -EINVAL, "the format is table or json");
	((struct report_opts *)target)->json = json;
	return 0;
}

const struct opt report_table[] = {
	OPT_CALL(0, "format", report_format, "table|json", "For people (default) or programs"),
	OPT_END,
};

int report_opts_parse(int argc, char **argv, struct report_opts *ret, struct err *err)
{
	autostrv struct strv operands = STRV_INIT;

	(void)argc;
	TRY(opt_parse_command(CMD_REPORT, argv, ret, &operands, err));
	ret->container = xstrdup(operands.v[0]);
	return 0;
}

void report_opts_done(struct report_opts *opts)
{
	free(opts->container);
	*opts = (struct report_opts){ 0 };
}
