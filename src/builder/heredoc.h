/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SBX_BUILDER_HEREDOC_H
#define SBX_BUILDER_HEREDOC_H

#include "builder/dockerfile.h"

/* Adds the heredocs that the line begins to the node, without content. */
void heredoc_find(const char *line, struct node *node);

#endif
