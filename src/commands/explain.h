/* SPDX-License-Identifier: Apache-2.0 */
/* The table of messages: docs/errors.md, read row by row. */
#ifndef SBX_COMMANDS_EXPLAIN_H
#define SBX_COMMANDS_EXPLAIN_H

struct message { /* borrowed from the table */
	const char *id, *means, *mend;
};

/* Calls fn for each row of the page's tables, in order. `table` is cut into pieces. Pure. */
typedef void (*explain_fn)(void *data, const struct message *message);
void explain_each(char *table, explain_fn fn, void *data);

#endif
