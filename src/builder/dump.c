/* SPDX-License-Identifier: Apache-2.0 */
/* BuildKit's S-expressions, byte by byte: its own parser tests compare with them. */
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "builder/dockerfile.h"
#include "builder/text.h"

static void dump_flags(const struct strv *flags, struct buf *out)
{
	if (flags->n == 0)
		return;
	buf_adds(out, " [");
	for (size_t i = 0; i < flags->n; i++) {
		buf_adds(out, i > 0 ? " " : "");
		text_quote(flags->v[i], out);
	}
	buf_addc(out, ']');
}

static void dump_node(const struct node *node, struct buf *out)
{
	autofree char *keyword = xstrdup(node->keyword);

	text_lower(keyword);
	buf_adds(out, keyword);
	dump_flags(&node->flags, out);
	if (node->child) {
		buf_adds(out, " (");
		dump_node(node->child, out);
		buf_addc(out, ')');
	}
	strv_each (arg, &node->args) {
		buf_addc(out, ' ');
		text_quote(*arg, out);
	}
}

void dockerfile_dump(const struct dockerfile *file, struct buf *out)
{
	for (size_t i = 0; i < file->n_nodes; i++) {
		buf_addc(out, '(');
		dump_node(&file->nodes[i], out);
		buf_adds(out, ")\n");
	}
}
