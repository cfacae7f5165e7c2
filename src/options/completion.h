/* SPDX-License-Identifier: Apache-2.0 */
/* What the three writers of completion scripts share. */
#ifndef SBX_OPTIONS_COMPLETION_H
#define SBX_OPTIONS_COMPLETION_H

#include <stdbool.h>

#include "base/buf.h"
#include "options/command.h"

bool completion_shown(const struct opt *opt);
/* The kind of a command's operands, from its usage line: "CONTAINER", "IMAGE", … or "". */
const char *completion_operand(const struct command *c);
/* "FILE", "DIR", "words" for "a|b|c", else "none". */
const char *completion_value(const char *placeholder);
void completion_add_words(const char *alternatives, struct buf *out); /* "a|b|c" → "a b c" */
/* Calls fn for each way to name a command: "ps", "container ls", "container list". */
void completion_each_name(const struct command *c,
	void (*fn)(const char *name, const struct command *c, struct buf *out), struct buf *out);
/* A fn for the above: 'ps' | 'container ls' for a case of bash or zsh. */
void completion_add_pattern(const char *name, const struct command *c, struct buf *out);
void completion_add_groups(struct buf *out);      /* "container image system" */
void completion_add_first_words(struct buf *out); /* groups and commands */
void completion_add_group_words(const char *group, struct buf *out);

void completion_bash(struct buf *out);
void completion_zsh(struct buf *out);
void completion_fish(struct buf *out);

#endif
