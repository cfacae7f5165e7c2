/* SPDX-License-Identifier: Apache-2.0 */
/* Questions to a person at a terminal. */
#ifndef SBX_IMAGE_PROMPT_H
#define SBX_IMAGE_PROMPT_H

#include <stdbool.h>

#include "base/err.h"

/* One line from stdin, which must be a terminal, without its newline; caller frees. hidden: not shown
 * while it is typed. -ECANCELED: ctrl-C or end of input. */
int prompt_line(const char *question, bool hidden, char **ret, struct err *err);

/* All of stdin, without the newlines at its end; caller frees. */
int prompt_stdin(char **ret, struct err *err);

#endif
