/* SPDX-License-Identifier: Apache-2.0 */
#include "process/cgroup.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "harness.h"

static int files(const char *path)
{
	static const char *const names[] = { "memory.max", "memory.low", "memory.swap.max",
		"cpu.max", "cpu.weight", "cpuset.cpus", "pids.max", "io.weight" };
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		int fd = openat(dir, names[i], O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

		assert_true(fd >= 0);
		(void)close(fd);
	}
	return dir;
}

static void has(int dir, const char *name, const char *want)
{
	autofree char *text = NULL;
	struct err err = ERR_INIT;

	assert_int_equal(fs_read_at(dir, name, 100, &text, NULL, &err), 0);
	assert_string_equal(text, want);
}

static void options_become_the_kernel_s_numbers(void **state)
{
	struct scratch *scratch = *state;
	autofd int dir = files(scratch->path);
	struct err err = ERR_INIT;
	const struct limits l = { .memory = 64 << 20,
		.memory_reservation = 32 << 20,
		.nano_cpus = 1500000000,
		.cpu_shares = 1024,
		.cpuset_cpus = (char *)"0-1",
		.pids = 50,
		.blkio_weight = 1000 };

	assert_int_equal(cgroup_write(dir, &l, &err), 0);
	has(dir, "memory.max", "67108864");
	has(dir, "memory.swap.max", "67108864");
	has(dir, "memory.low", "33554432");
	has(dir, "cpu.max", "150000 100000");
	has(dir, "cpu.weight", "39");
	has(dir, "cpuset.cpus", "0-1");
	has(dir, "pids.max", "50");
	has(dir, "io.weight", "10000");
}

static void swap_is_what_goes_beyond_memory(void **state)
{
	struct scratch *scratch = *state;
	autofd int dir = files(scratch->path);
	struct err err = ERR_INIT;
	const struct limits l = { .memory = 10 << 20, .memory_swap = 11 << 20 };

	assert_int_equal(cgroup_write(dir, &l, &err), 0);
	has(dir, "memory.swap.max", "1048576");
}

static void what_cannot_be_written_names_its_option(void **state)
{
	struct scratch *scratch = *state;
	autofd int dir = open(scratch->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct err err = ERR_INIT;
	const struct limits l = { .pids = 5 };

	assert_int_equal(cgroup_write(dir, &l, &err), -ENOENT);
	assert_non_null(strstr(err.text, "--pids-limit"));
}

static void only_what_needs_a_cgroup_wants_one(void **state)
{
	(void)state;
	assert_false(cgroup_wanted(&(struct limits){ .oom_score_adj = 5, .pids = -1 }));
	assert_true(cgroup_wanted(&(struct limits){ .pids = 5 }));
	assert_true(cgroup_wanted(&(struct limits){ .cpuset_cpus = (char *)"0" }));
}

#define T(name) cmocka_unit_test_setup_teardown(name, harness_scratch, harness_scratch_done)

static void put(int dir, const char *name, const char *text)
{
	autofd int fd = openat(dir, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static void limits_that_were_hit_are_counted(void **state)
{
	struct scratch *scratch = *state;
	autofd int dir = files(scratch->path);

	put(dir, "memory.events", "low 0\nhigh 0\nmax 17\noom 2\noom_kill 1\noom_group_kill 5\n");
	put(dir, "cpu.stat", "usage_usec 10\nnr_periods 9\nnr_throttled 4\n");
	autojson struct json *hits = cgroup_hits(scratch->path);
	assert_int_equal(json_int(json_get(hits, "memory"), -1), 17);
	assert_int_equal(json_int(json_get(hits, "oomKills"), -1), 1);
	assert_int_equal(json_int(json_get(hits, "cpu"), -1), 4);
	assert_null(json_get(hits, "processes")); /* no such file: unknown, not 0 */
	assert_null(cgroup_hits(NULL));
	assert_null(cgroup_hits("/nonexistent"));
}

TEST_MAIN(T(options_become_the_kernel_s_numbers), T(swap_is_what_goes_beyond_memory),
	T(what_cannot_be_written_names_its_option), T(only_what_needs_a_cgroup_wants_one),
	T(limits_that_were_hit_are_counted))
