/* SPDX-License-Identifier: Apache-2.0 */
#include "builder/dockerfile.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

void heredoc_done(struct heredoc *heredoc)
{
	free(heredoc->name);
	free(heredoc->content);
	*heredoc = (struct heredoc){ 0 };
}

void node_done(struct node *node)
{
	free(node->keyword);
	free(node->original);
	strv_done(&node->flags);
	strv_done(&node->args);
	if (node->child) {
		node_done(node->child);
		free(node->child);
	}
	for (size_t i = 0; i < node->n_heredocs; i++)
		heredoc_done(&node->heredocs[i]);
	free(node->heredocs);
	*node = (struct node){ 0 };
}

void dockerfile_done(struct dockerfile *file)
{
	free(file->name);
	free(file->text);
	free(file->syntax);
	free(file->check);
	for (size_t i = 0; i < file->n_nodes; i++)
		node_done(&file->nodes[i]);
	free(file->nodes);
	for (size_t i = 0; i < file->n_warnings; i++)
		free(file->warnings[i].text);
	free(file->warnings);
	*file = (struct dockerfile){ 0 };
}
