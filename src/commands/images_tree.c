/* SPDX-License-Identifier: Apache-2.0 */
/*
 * images --tree. An image stands on the one that has the most of its first layers, and all of whose
 * layers those are. Shared layers are stored once: OWN is what an image adds to those above it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "commands/common.h"
#include "commands/output.h"
#include "image/image.h"

#define NONE SIZE_MAX

struct node {
	char *names; /* "a:1, b:2" */
	const char *id;
	int64_t size;
	struct strv layers;
	size_t parent; /* index or NONE */
};

struct tree {
	struct image_row *rows;
	size_t n_rows;
	struct node *nodes;
	size_t n;
	struct buf out;
};

static void tree_done(struct tree *tree)
{
	for (size_t i = 0; i < tree->n; i++) {
		free(tree->nodes[i].names);
		strv_done(&tree->nodes[i].layers);
	}
	free(tree->nodes);
	image_rows_free(tree->rows, tree->n_rows);
	buf_done(&tree->out);
}

static char *row_name(const struct image_row *row)
{
	return row->repository ? xasprintf("%s:%s", row->repository, row->tag ? row->tag : "<none>")
			       : xstrdup("<none>");
}

/* One node per image, with all its names. */
static void add_row(struct tree *tree, const struct globals *globals, const struct image_row *row)
{
	autofree char *name = row_name(row);
	autojson struct json *doc = NULL;
	struct err ignored = ERR_INIT; /* a damaged image stands alone */
	struct node *node;

	for (size_t i = 0; i < tree->n; i++) {
		char *before = tree->nodes[i].names;

		if (strcmp(tree->nodes[i].id, row->id) != 0)
			continue;
		tree->nodes[i].names = xasprintf("%s, %s", before, name);
		free(before);
		return;
	}
	node = &tree->nodes[tree->n++];
	*node = (struct node){
		.names = move_ptr(&name), .id = row->id, .size = row->size, .parent = NONE
	};
	if (image_inspect(globals, row->id, &doc, &ignored) == 0)
		json_strv(json_path(doc, "RootFS", "Layers", NULL), &node->layers);
}

static bool stands_on(const struct node *image, const struct node *base)
{
	if (base->layers.n == 0 || base->layers.n >= image->layers.n)
		return false;
	for (size_t i = 0; i < base->layers.n; i++)
		if (strcmp(base->layers.v[i], image->layers.v[i]) != 0)
			return false;
	return true;
}

static void find_parents(struct tree *tree)
{
	for (size_t i = 0; i < tree->n; i++) {
		size_t best = NONE;

		for (size_t j = 0; j < tree->n; j++)
			if (stands_on(&tree->nodes[i], &tree->nodes[j]) &&
				(best == NONE ||
					tree->nodes[j].layers.n > tree->nodes[best].layers.n))
				best = j;
		tree->nodes[i].parent = best;
	}
}

static size_t next_child(const struct tree *tree, size_t parent, size_t after)
{
	while (after < tree->n && tree->nodes[after].parent != parent)
		after++;
	return after;
}

static void print_node(struct tree *tree, size_t at, const char *lead, const char *branch)
{
	const struct node *node = &tree->nodes[at];
	int64_t below = node->parent == NONE ? 0 : tree->nodes[node->parent].size;
	char size[UNITS_MAX], own[UNITS_MAX];
	const char *colon = strchr(node->id, ':');

	units_size(node->size, 3, size);
	units_size(node->size > below ? node->size - below : 0, 3, own);
	buf_addf(&tree->out, "%s%s%s\t%.12s\t%s\t%s\n", lead, branch, node->names,
		colon ? colon + 1 : node->id, size, own);
}

static void print_children(struct tree *tree, size_t parent, const char *lead)
{
	size_t at = next_child(tree, parent, 0);

	while (at < tree->n) {
		size_t next = next_child(tree, parent, at + 1);
		bool last = next >= tree->n, top = parent == NONE;
		autofree char *deeper = xasprintf("%s%s", lead, top ? "" : last ? "   " : "│  ");

		print_node(tree, at, lead, top ? "" : last ? "└─ " : "├─ ");
		print_children(tree, at, deeper);
		at = next;
	}
}

int images_tree(const struct globals *globals, const char *name, struct err *err)
{
	__attribute__((cleanup(tree_done))) struct tree tree = { 0 };
	autobuf struct buf aligned = BUF_INIT;

	TRY(image_list(globals, name, &tree.rows, &tree.n_rows, err));
	tree.nodes = xcalloc(tree.n_rows + 1, sizeof(*tree.nodes));
	for (size_t i = 0; i < tree.n_rows; i++)
		add_row(&tree, globals, &tree.rows[i]);
	find_parents(&tree);
	buf_adds(&tree.out, "IMAGE\tIMAGE ID\tSIZE\tOWN\n");
	print_children(&tree, NONE, "");
	table_align(tree.out.data, &aligned);
	return out_write(&aligned, err);
}
