/* SPDX-License-Identifier: Apache-2.0 */
/* Filters that are not built in: compiled by the helper, kept in the cache, never trusted blindly. */
#include "harness.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "policy/caps.h"
#include "policy/filter.h"

static int choose(
	void **state, const char *file, uint64_t caps, struct policy *policy, struct err *err)
{
	struct scratch *dir = *state;
	struct globals globals = { .root = dir->path };

	*policy = (struct policy){ .caps = caps };
	*err = (struct err)ERR_INIT;
	const struct profile_edits none = { 0 };
	const struct filter_wish wish = { file, &none };

	return filter_choose(&globals, &wish, policy, err);
}

/* Name of the only file in the cache, relative to the scratch directory. */
static bool cached(void **state, char *ret, size_t size)
{
	const struct scratch *dir = *state;
	char path[300];
	bool found = false;

	snprintf(path, sizeof(path), "%s/cache/seccomp", dir->path);
	DIR *folder = opendir(path);
	if (!folder)
		return false;
	for (struct dirent *e = readdir(folder); e; e = readdir(folder)) {
		if (e->d_name[0] == '.')
			continue;
		assert_false(found);
		found = true;
		snprintf(ret, size, "cache/seccomp/%s", e->d_name);
	}
	closedir(folder);
	return found;
}

static void other_capabilities_are_compiled_once(void **state)
{
	uint64_t caps = CAPS_DEFAULT | CAPS_BIT(CAP_SYS_ADMIN);
	struct policy first, again;
	struct err err;
	char name[300];

	assert_false(cached(state, name, sizeof(name)));
	if (choose(state, NULL, caps, &first, &err) < 0)
		fail_msg("%s", err.text);
	assert_true(cached(state, name, sizeof(name)));
	assert_true(first.filter_len > 100);
	/* A recognisable stand-in: when it comes back, the cache was read. */
	scratch_write(*state, name, "12345678");
	assert_int_equal(choose(state, NULL, caps, &again, &err), 0);
	assert_int_equal(again.filter_len, 1);
	policy_done(&first);
	policy_done(&again);
}

static void a_damaged_cache_entry_is_made_again(void **state)
{
	struct policy policy;
	struct err err;
	char name[300];

	assert_int_equal(choose(state, NULL, 0, &policy, &err), 0);
	policy_done(&policy);
	assert_true(cached(state, name, sizeof(name)));
	scratch_write(*state, name, "1234567");
	assert_int_equal(choose(state, NULL, 0, &policy, &err), 0);
	assert_true(policy.filter_len > 100);
	policy_done(&policy);
	scratch_write(*state, name, "");
	assert_int_equal(choose(state, NULL, 0, &policy, &err), 0);
	assert_true(policy.filter_len > 100);
	policy_done(&policy);
}

static void a_cache_that_others_may_write_is_refused(void **state)
{
	const struct scratch *dir = *state;
	struct policy policy;
	struct err err;

	scratch_mkdir(dir, "cache");
	scratch_mkdir(dir, "cache/seccomp");
	assert_int_equal(fchmodat(dir->fd, "cache/seccomp", 0777, 0), 0);
	assert_int_equal(choose(state, NULL, 0, &policy, &err), -EPERM);
}

static void a_file_in_dockers_form_becomes_a_filter(void **state)
{
	const struct scratch *dir = *state;
	struct policy policy;
	struct err err;
	char path[300], name[300];

	scratch_write(dir, "p.json",
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"mkdir\"],\"action\":"
		"\"SCMP_ACT_ERRNO\"}]}");
	snprintf(path, sizeof(path), "%s/p.json", dir->path);
	if (choose(state, path, CAPS_DEFAULT, &policy, &err) < 0)
		fail_msg("%s", err.text);
	assert_true(policy.filter_len > 3 && policy.filter_len < 20);
	assert_true(cached(state, name, sizeof(name)));
	policy_done(&policy);
}

static void the_helpers_reason_is_ours(void **state)
{
	const struct scratch *dir = *state;
	struct policy policy;
	struct err err;
	char path[300], name[300];

	scratch_write(dir, "p.json", "{\"defaultAction\":\"SCMP_ACT_DANCE\"}");
	snprintf(path, sizeof(path), "%s/p.json", dir->path);
	assert_int_equal(choose(state, path, CAPS_DEFAULT, &policy, &err), -EINVAL);
	assert_non_null(strstr(err.text, "p.json: unsupported action 'SCMP_ACT_DANCE'"));
	assert_false(cached(state, name, sizeof(name)));
	scratch_write(dir, "p.json", "not json");
	assert_true(choose(state, path, CAPS_DEFAULT, &policy, &err) < 0);
}

#define IN_SCRATCH(test) \
	cmocka_unit_test_setup_teardown(test, harness_scratch, harness_scratch_done)
TEST_MAIN(IN_SCRATCH(other_capabilities_are_compiled_once),
	IN_SCRATCH(a_damaged_cache_entry_is_made_again),
	IN_SCRATCH(a_cache_that_others_may_write_is_refused),
	IN_SCRATCH(a_file_in_dockers_form_becomes_a_filter), IN_SCRATCH(the_helpers_reason_is_ours))
