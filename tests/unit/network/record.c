/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "harness.h"
#include "network/network.h"

static int setup(void **state)
{
	struct globals *globals = calloc(1, sizeof(*globals));

	assert_non_null(globals);
	globals->root = strdup("/tmp/sbx-record-XXXXXX");
	assert_non_null(mkdtemp(globals->root));
	globals->runroot = globals->root;
	*state = globals;
	return 0;
}

static int teardown(void **state)
{
	struct globals *globals = *state;
	struct err err = ERR_INIT;

	assert_int_equal(fs_remove_tree(AT_FDCWD, globals->root, &err), 0);
	free(globals->root);
	free(globals);
	return 0;
}

static struct network_record make(const char *name, const char *subnet, char id)
{
	struct network_record record = { .created = "2026-11-22T10:00:00Z" };

	memset(record.id, id, 64);
	(void)snprintf(record.name, sizeof(record.name), "%s", name);
	(void)snprintf(record.subnet, sizeof(record.subnet), "%s", subnet);
	return record;
}

static int create(const struct globals *globals, struct network_record record, struct err *err)
{
	return network_create(globals, &record, err);
}

static void a_network_is_read_back_as_it_was_made(void **state)
{
	struct network_record record = make("backend", "172.20.0.0/16", 'a'), got;
	struct err err = ERR_INIT;

	(void)snprintf(record.ip_range, sizeof(record.ip_range), "172.20.5.0/24");
	record.internal = true;
	record.mtu = 1400;
	record.labels = json_new_map();
	json_put_string(record.labels, "tier", "db");
	assert_int_equal(network_create(*state, &record, &err), 0);
	assert_string_equal(record.gateway, "172.20.0.1");
	assert_int_equal(network_open(*state, "backend", &got, &err), 0);
	assert_string_equal(got.id, record.id);
	assert_string_equal(got.subnet, "172.20.0.0/16");
	assert_string_equal(got.gateway, "172.20.0.1");
	assert_string_equal(got.ip_range, "172.20.5.0/24");
	assert_true(got.internal);
	assert_int_equal(got.mtu, 1400);
	assert_string_equal(json_str(json_get(got.labels, "tier"), ""), "db");
	network_record_done(&got);
	assert_int_equal(network_open(*state, "aaaaaa", &got, &err), 0); /* the start of its id */
	assert_string_equal(got.name, "backend");
	network_record_done(&got);
	assert_int_equal(network_remove(*state, &record, &err), 0);
	assert_int_equal(network_open(*state, "backend", &got, &err), -ENOENT);
	assert_non_null(strstr(err.text, "network backend not found"));
	network_record_done(&record);
}

static void names_and_subnets_are_taken_once(void **state)
{
	struct err err = ERR_INIT;

	assert_int_equal(create(*state, make("one", "10.9.0.0/24", 'a'), &err), 0);
	assert_int_equal(create(*state, make("one", "10.9.1.0/24", 'b'), &err), -EEXIST);
	assert_int_equal(create(*state, make("two", "10.9.0.128/25", 'b'), &err), -EINVAL);
	assert_non_null(strstr(err.text, "Pool overlaps"));
	assert_int_equal(create(*state, make("two", "10.8.0.0/13", 'b'), &err), -EINVAL);
	assert_int_equal(create(*state, make("two", "10.9.1.0/24", 'b'), &err), 0);
}

static void a_subnet_is_chosen_that_no_other_has(void **state)
{
	struct network_record *list;
	struct err err = ERR_INIT;
	size_t n = 0;

	for (char c = 'a'; c < 'f'; c++)
		assert_int_equal(create(*state, make((char[]){ c, c, 0 }, "", c), &err), 0);
	assert_int_equal(network_list(*state, &list, &n, &err), 0);
	assert_int_equal(n, 5);
	for (size_t i = 0; i < n; i++) {
		assert_string_not_equal(list[i].subnet, "10.88.0.0/24"); /* bridge's */
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(list[i].subnet, list[k].subnet);
	}
	for (size_t i = 0; i < n; i++)
		network_record_done(&list[i]);
	free(list);
}

static void what_cannot_work_is_refused(void **state)
{
	static const struct {
		const char *name, *subnet, *gateway, *range;
	} bad[] = {
		{ "bridge", "", "", "" },
		{ "host", "", "", "" },
		{ "../up", "", "", "" },
		{ ".lock", "", "", "" },
		{ "a b", "", "", "" },
		{ "n", "10.0.0.0/30", "", "" },
		{ "n", "0.0.0.0/0", "", "" },
		{ "n", "10.0.0.5/24", "", "" },
		{ "n", "fd00::/64", "", "" },
		{ "n", "10.9.0.0/24", "10.9.1.1", "" },
		{ "n", "10.9.0.0/24", "10.9.0.255", "" },
		{ "n", "", "10.9.0.1", "" },
		{ "n", "10.9.0.0/24", "", "10.9.1.0/28" },
		{ "n", "10.9.0.0/24", "", "10.9.0.0/24" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct network_record record = make(bad[i].name, bad[i].subnet, 'a');
		struct err err = ERR_INIT;

		(void)snprintf(record.gateway, sizeof(record.gateway), "%s", bad[i].gateway);
		(void)snprintf(record.ip_range, sizeof(record.ip_range), "%s", bad[i].range);
		assert_true(network_create(*state, &record, &err) < 0);
	}
}

static void a_half_made_network_is_none_and_can_be_made(void **state)
{
	const struct globals *globals = *state;
	struct network_record got;
	struct err err = ERR_INIT;
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/networks", globals->root);
	assert_int_equal(mkdir(path, 0700), 0);
	(void)snprintf(path, sizeof(path), "%s/networks/half", globals->root);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(network_open(globals, "half", &got, &err), -ENOENT);
	assert_int_equal(create(globals, make("half", "10.9.0.0/24", 'a'), &err), 0);
	assert_int_equal(network_open(globals, "half", &got, &err), 0);
	network_record_done(&got);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
static void ipv6_needs_its_option_and_is_read_back(void **state)
{
	struct network_record record = make("six", "", 'b'), got = { 0 };
	struct err err = ERR_INIT;

	(void)snprintf(record.subnet6, sizeof(record.subnet6), "2001:db8:5::/64");
	assert_int_equal(create(*state, record, &err), -EINVAL);
	assert_non_null(strstr(err.text, "--ipv6"));
	record.ipv6 = true;
	assert_int_equal(create(*state, record, &err), 0);
	assert_int_equal(network_open(*state, "six", &got, &err), 0);
	assert_true(got.ipv6);
	assert_string_equal(got.subnet6, "2001:db8:5::/64");
	assert_string_equal(got.gateway6, "2001:db8:5::1");
	network_record_done(&got);
	record = make("again", "", 'c');
	record.ipv6 = true;
	(void)snprintf(record.subnet6, sizeof(record.subnet6), "2001:db8:5::/64");
	assert_int_equal(create(*state, record, &err), -EINVAL);
	assert_non_null(strstr(err.text, "overlaps"));
}

TEST_MAIN(CASE(a_network_is_read_back_as_it_was_made), CASE(names_and_subnets_are_taken_once),
	CASE(a_subnet_is_chosen_that_no_other_has), CASE(what_cannot_work_is_refused),
	CASE(a_half_made_network_is_none_and_can_be_made),
	CASE(ipv6_needs_its_option_and_is_read_back))
