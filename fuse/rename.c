/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rename. A file is copied up and moved; a directory that a lower layer has a part in is made the
 * upper's alone first (pure.h), or where that is asked for says where the lower layers have it (redirect.h). The old name is covered by a whiteout where a lower layer would show
 * through, in the same step (RENAME_WHITEOUT, or an exchange with a whiteout). A directory that comes
 * to lie over a lower directory is made opaque first.
 */
#include "overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "copyup.h"
#include "lookup.h"
#include "pure.h"
#include "readdir.h"
#include "redirect.h"
#include "upper.h"
#include "whiteout.h"

#include "base/own.h"

struct side {
	struct node *dir;
	const char *name;
	struct node *node; /* NULL = nothing there */
	struct at at;
	int lower;      /* 1: a lower layer has something visible of this name */
	char *new_name; /* for the node that comes here */
};

struct move {
	struct side from, to;
	unsigned flags;
};

static int find_side(struct ovl *fs, struct side *side)
{
	int r = lookup_child(fs, side->dir, side->name, &side->node, NULL);

	if (r == 0)
		node_ref(side->node);
	return r;
}

static bool is_below(const struct node *node, const struct node *top)
{
	while (node && node != top)
		node = node_parent(node);
	return node == top;
}

static int check_target(struct ovl *fs, const struct node *node, struct node *target)
{
	if (S_ISDIR(target->type) && !S_ISDIR(node->type))
		return -EISDIR;
	if (!S_ISDIR(target->type))
		return S_ISDIR(node->type) ? -ENOTDIR : 0;
	return listing_check_empty(fs, target);
}

static int check(struct ovl *fs, struct move *move)
{
	struct node *node = move->from.node, *target = move->to.node;
	bool exchange = move->flags & RENAME_EXCHANGE;

	if (move->flags & ~(unsigned)(RENAME_EXCHANGE | RENAME_NOREPLACE))
		return -EINVAL;
	if (!fs->upper)
		return -EROFS;
	if (exchange && !target)
		return -ENOENT;
	if ((move->flags & RENAME_NOREPLACE) && target)
		return -EEXIST;
	if (is_below(move->to.dir, node) || (exchange && is_below(move->from.dir, target)))
		return -EINVAL;
	return exchange || !target ? 0 : check_target(fs, node, target);
}

/* Everything that can fail without a trace: copies, names, pins. */
static int prepare_side(struct ovl *fs, struct side *side, const struct side *other)
{
	TRY(copyup_dir(fs, side->dir));
	side->new_name = strdup(side->name);
	if (!side->new_name)
		return -ENOMEM;
	side->lower = whiteout_needed(fs, side->dir, side->name);
	if (side->lower < 0)
		return side->lower;
	if (side->lower && other->node && S_ISDIR(other->node->type) && !other->node->body->parts) {
		struct where where;

		if (other->node->body->xwhite)
			return -EXDEV; /* its mark cannot say both things */
		TRY(node_where(fs, other->node, &where));
		TRY(whiteout_set_opaque(fs, where.at));
	}
	return 0;
}

static int prepare(struct ovl *fs, struct move *move)
{
	bool exchange = move->flags & RENAME_EXCHANGE;

	TRY(copyup_node(fs, move->from.node, COPYUP_ALL));
	if (exchange)
		TRY(copyup_node(fs, move->to.node, COPYUP_ALL));
	TRY(prepare_side(fs, &move->to, &move->from));
	TRY(prepare_side(fs, &move->from, exchange ? &move->to : &(struct side){ 0 }));
	move->from.at = (struct at){ node_dir_handle(fs, move->from.dir, -1), move->from.name };
	move->to.at = (struct at){ node_dir_handle(fs, move->to.dir, -1), move->to.name };
	if (move->from.at.dir < 0 || move->to.at.dir < 0)
		return -ESTALE;
	/* The lock was free during a copy-up: is everything still what it was? */
	if (move->from.node->orphan || move->from.dir->orphan || move->to.dir->orphan)
		return -ESTALE;
	return move->to.node && !exchange ? node_pin(fs, move->to.node) : 0;
}

static int rename_at(const struct side *from, const struct side *to, unsigned flags)
{
	return renameat2(from->at.dir, from->at.name, to->at.dir, to->at.name, flags) < 0 ? -errno
											  : 0;
}

/* After an exchange the old name holds what was in the way: cover it or take it away. */
static int clear_old_name(struct ovl *fs, const struct side *from, int type)
{
	char tmp[TMP_NAME];
	int r = 0;

	if (type != S_IFDIR) {
		if (from->lower)
			return whiteout_replace(fs, from->at);
		return unlinkat(from->at.dir, from->at.name, 0) < 0 ? -errno : 0;
	}
	if (from->lower) {
		TRY(whiteout_make_tmp(fs, tmp));
		if (renameat2(fs->work, tmp, from->at.dir, from->at.name, RENAME_EXCHANGE) < 0)
			r = -errno;
	} else {
		work_name(fs, tmp);
		if (renameat(from->at.dir, from->at.name, fs->work, tmp) < 0)
			return -errno;
	}
	work_remove(fs, tmp);
	return r;
}

/* Old name covered, new name taken, in one step where RENAME_WHITEOUT is known. */
static int rename_and_cover(struct ovl *fs, struct move *move, int in_the_way)
{
	int r = rename_at(&move->from, &move->to, RENAME_WHITEOUT);

	if (r != -EINVAL && r != -EPERM && r != -ENOSYS)
		return r;
	if (!in_the_way)
		TRY(whiteout_make(fs, move->to.at));
	TRY(rename_at(&move->from, &move->to, RENAME_EXCHANGE));
	return in_the_way ? whiteout_replace(fs, move->from.at) : 0;
}

/* Type of what the upper has at the new name; 0 = nothing. */
static int type_at_target(struct ovl *fs, const struct move *move)
{
	const struct node *node = move->to.node;

	if (node && (S_ISDIR(node->type) ? node->upper : node->layer == 0))
		return (int)node->type;
	if (!node && lookup_absent(fs, move->to.dir, move->to.name) == 0)
		return 0;
	return upper_type(fs, move->to.at);
}

static int rename_over(struct ovl *fs, struct move *move)
{
	int in_the_way = type_at_target(fs, move);

	if (in_the_way < 0)
		return in_the_way;
	if (S_ISDIR(move->from.node->type) && in_the_way) {
		TRY(rename_at(&move->from, &move->to, RENAME_EXCHANGE));
		if (in_the_way != S_IFDIR && move->from.lower)
			return 0; /* that is a whiteout, just where it is needed */
		return clear_old_name(fs, &move->from, in_the_way);
	}
	if (move->from.lower)
		return rename_and_cover(fs, move, in_the_way);
	return rename_at(&move->from, &move->to, 0);
}

/* The tables follow the disk; nothing here can fail. */
static void settle(struct ovl *fs, struct move *move)
{
	struct side *from = &move->from, *to = &move->to;
	bool exchange = move->flags & RENAME_EXCHANGE;
	bool from_moves = !node_has_other_name(from->node, from->dir, from->name);
	bool to_moves = to->node && !node_has_other_name(to->node, to->dir, to->name);

	listing_changed(fs, from->dir);
	listing_changed(fs, to->dir);
	if (to_moves && !exchange)
		node_unlink(fs, to->node);
	else if (to->node && !exchange && !to->node->orphan)
		node_unpin(to->node);
	if (to_moves && exchange)
		node_relink(fs, to->node, from->dir, move_ptr(&from->new_name));
	if (from_moves)
		node_relink(fs, from->node, to->dir, move_ptr(&to->new_name));
}

static void forget_side(struct ovl *fs, struct side *side)
{
	if (side->node)
		node_unref(fs, side->node);
	side->node = NULL;
}

static bool is_merged(const struct ovl *fs, const struct node *node)
{
	return node->body->parts && !(fs->config.redirect_write && node->body->redirected);
}

/* 1 when there is a directory that has to be made the upper's alone first, or redirected. */
static int find_sides(struct ovl *fs, struct move *move, struct node **ret_merged)
{
	bool exchange = move->flags & RENAME_EXCHANGE;
	int r;

	TRY(find_side(fs, &move->from));
	r = find_side(fs, &move->to);
	if (r < 0 && r != -ENOENT)
		return r;
	TRY(check(fs, move));
	*ret_merged = NULL;
	if (is_merged(fs, move->from.node))
		*ret_merged = move->from.node;
	else if (exchange && is_merged(fs, move->to.node))
		*ret_merged = move->to.node;
	return *ret_merged && move->from.node != move->to.node;
}

/* What no redirect can say is copied. */
static int make_movable(struct ovl *fs, struct node *dir)
{
	int r = fs->config.redirect_write ? redirect_make(fs, dir) : -EOPNOTSUPP;

	return r == -EOPNOTSUPP || r == -ENAMETOOLONG || r == -ENOSPC ? pure_make(fs, dir) : r;
}

/* The lock is free while data is copied: then both sides are looked for again. */
static int find_movable(struct ovl *fs, struct move *move)
{
	struct node *merged;
	int r;

	while ((r = find_sides(fs, move, &merged)) == 1) {
		r = fs->config.xdev ? -EXDEV : make_movable(fs, merged);
		if (r < 0)
			return r;
		forget_side(fs, &move->from);
		forget_side(fs, &move->to);
		if (move->from.dir->orphan || move->to.dir->orphan)
			return -ENOENT;
	}
	return r;
}

static int do_move(struct ovl *fs, struct move *move)
{
	struct fact_key gone = { 0 };
	int r;

	TRY(find_movable(fs, move));
	if (move->from.node == move->to.node)
		return 0; /* two names of one file: both stay */
	r = prepare(fs, move);
	if (r == 0 && move->to.node && !(move->flags & RENAME_EXCHANGE))
		beside_key(fs->upper->beside, move->to.at, &gone);
	if (r == 0)
		r = move->flags & RENAME_EXCHANGE
			    ? rename_at(&move->from, &move->to, RENAME_EXCHANGE)
			    : rename_over(fs, move);
	if (r == 0)
		beside_drop(fs->upper->beside, &gone);
	if (r == 0)
		settle(fs, move);
	else if (move->to.node && !move->to.node->orphan)
		node_unpin(move->to.node);
	if (r < 0)
		fs->absent.dir = 0; /* it may have gone half the way */
	return r;
}

static void side_done(struct ovl *fs, struct side *side)
{
	forget_side(fs, side);
	free(side->new_name);
	node_unref(fs, side->dir);
}

int ovl_rename(struct ovl *fs, const struct ovl_rename *want)
{
	struct move move = {
		.from.name = want->name, .to.name = want->new_name, .flags = want->flags
	};
	int r;

	TRY(lookup_check_name(want->name));
	TRY(lookup_check_name(want->new_name));
	ovl_lock(fs);
	r = node_get_dir(fs, want->parent, &move.from.dir);
	if (r == 0)
		r = node_get_dir(fs, want->new_parent, &move.to.dir);
	if (r == 0) {
		node_ref(move.from.dir);
		node_ref(move.to.dir);
		r = do_move(fs, &move);
		side_done(fs, &move.from);
		side_done(fs, &move.to);
	}
	ovl_unlock(fs);
	return r;
}
