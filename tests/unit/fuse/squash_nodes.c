/* SPDX-License-Identifier: Apache-2.0 */
#include "fuse/squash_nodes.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"
#include "harness.h"

static void start(struct nodes *nodes, const struct scratch *s)
{
	struct err err = ERR_INIT;
	int fd = openat(s->fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);

	assert_int_equal(nodes_init(nodes, fd, &err), 0);
	assert_int_equal(mkdirat(s->fd, "a", 0700), 0);
	assert_int_equal(mkdirat(s->fd, "a/b", 0700), 0);
	assert_int_equal(mkdirat(s->fd, "z", 0700), 0);
}

static ino_t inode(struct nodes *nodes, uint64_t id)
{
	autofd int fd = nodes_open(nodes, id);
	struct stat st;

	return fd < 0 || fstat(fd, &st) < 0 ? 0 : st.st_ino;
}

static ino_t inode_of(const struct scratch *s, const char *name)
{
	struct stat st;

	return fstatat(s->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ? 0 : st.st_ino;
}

static void a_node_is_opened_by_its_path(void **state)
{
	const struct scratch *s = *state;
	struct nodes nodes;
	uint64_t a, b;

	start(&nodes, s);
	a = nodes_get(&nodes, NODES_ROOT, "a");
	b = nodes_get(&nodes, a, "b");
	assert_int_equal(inode(&nodes, b), inode_of(s, "a/b"));
	assert_true(nodes_get(&nodes, a, "b") == b);
	assert_int_equal(nodes_open(&nodes, nodes_get(&nodes, b, "none")), -ENOENT);
	assert_int_equal(inode(&nodes, NODES_ROOT), inode_of(s, "."));
	nodes_done(&nodes);
}

static void a_removed_object_stays_reachable_until_it_is_forgotten(void **state)
{
	const struct scratch *s = *state;
	struct nodes nodes;
	uint64_t a, b;
	ino_t before;

	start(&nodes, s);
	a = nodes_get(&nodes, NODES_ROOT, "a");
	b = nodes_get(&nodes, a, "b");
	before = inode(&nodes, b);
	nodes_hold(&nodes, a, "b");
	assert_int_equal(unlinkat(s->fd, "a/b", AT_REMOVEDIR), 0);
	nodes_unname(&nodes, a, "b");
	assert_int_equal(inode(&nodes, b), before);
	assert_int_equal(mkdirat(s->fd, "a/b", 0700), 0);
	assert_false(nodes_get(&nodes, a, "b") == b);
	nodes_forget(&nodes, b, 1);
	nodes_done(&nodes);
}

static void what_is_below_a_renamed_directory_moves_along(void **state)
{
	const struct scratch *s = *state;
	struct nodes nodes;
	uint64_t a, b, z;

	start(&nodes, s);
	a = nodes_get(&nodes, NODES_ROOT, "a");
	b = nodes_get(&nodes, a, "b");
	z = nodes_get(&nodes, NODES_ROOT, "z");
	assert_int_equal(renameat(s->fd, "a", s->fd, "z/new"), 0);
	nodes_rename(&nodes, &(struct nodes_move){ NODES_ROOT, "a", z, "new", 0 });
	assert_int_equal(inode(&nodes, b), inode_of(s, "z/new/b"));
	assert_true(nodes_get(&nodes, z, "new") == a);
	nodes_done(&nodes);
}

static void exchanged_names_change_their_nodes(void **state)
{
	const struct scratch *s = *state;
	struct nodes nodes;
	uint64_t a, z;

	start(&nodes, s);
	a = nodes_get(&nodes, NODES_ROOT, "a");
	z = nodes_get(&nodes, NODES_ROOT, "z");
	assert_int_equal(renameat2(s->fd, "a", s->fd, "z", RENAME_EXCHANGE), 0);
	nodes_rename(&nodes, &(struct nodes_move){ NODES_ROOT, "a", NODES_ROOT, "z", 1 });
	assert_true(nodes_get(&nodes, NODES_ROOT, "a") == z);
	assert_int_equal(inode(&nodes, a), inode_of(s, "z"));
	nodes_done(&nodes);
}

static void forgotten_nodes_are_freed_with_their_parents(void **state)
{
	struct nodes nodes;
	char name[32];

	start(&nodes, *state);
	for (int i = 0; i < 5000; i++) {
		uint64_t dir, file;

		(void)snprintf(name, sizeof(name), "d%d", i);
		dir = nodes_get(&nodes, NODES_ROOT, name);
		file = nodes_get(&nodes, dir, "f");
		if (i % 2) {
			nodes_forget(&nodes, dir, 1); /* the kernel may forget in this order too */
			nodes_forget(&nodes, file, 1);
		}
	}
	assert_int_equal(nodes.n, 5000);
	nodes_done(&nodes);
}

#define T(name) cmocka_unit_test_setup_teardown(name, harness_scratch, harness_scratch_done)
TEST_MAIN(T(a_node_is_opened_by_its_path),
	T(a_removed_object_stays_reachable_until_it_is_forgotten),
	T(what_is_below_a_renamed_directory_moves_along), T(exchanged_names_change_their_nodes),
	T(forgotten_nodes_are_freed_with_their_parents))
