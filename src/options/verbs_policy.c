/* SPDX-License-Identifier: Apache-2.0 */
/* Options of the commands that deal with policies: they have none. See verbs.h. */
#include "options/internal.h"
#include "options/verbs.h"

#include <string.h>

#include "base/own.h"
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
