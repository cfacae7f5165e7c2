/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Docker's command line (28.2) has and sbx does not, with the reason: a habit of the fingers
 * is answered by why, not by "unknown". docs/commands.md says the same; lint-commands compares.
 */
#ifndef SBX_OPTIONS_ABSENT_H
#define SBX_OPTIONS_ABSENT_H

#include <stddef.h>

/* path: struct opt_spec's. The reason, or NULL: Docker has no such flag there, or sbx has it. */
const char *absent_flag(const char *path, const char *flag, size_t flag_len);

/* "swarm", or "trust" and "sign". word NULL: any command of the group. The reason, or NULL. */
const char *absent_command(const char *group, const char *word);

/* A row of the tables, for documentation; NULL past the end. */
struct absent {
	const char *of;    /* flags: paths, separated by commas; commands: a group, "" for none */
	const char *names; /* flags, or commands of the group, separated by blanks */
	const char *why;
};
const struct absent *absent_flags_at(size_t index);
const struct absent *absent_commands_at(size_t index);

#endif
