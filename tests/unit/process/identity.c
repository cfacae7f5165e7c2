/* SPDX-License-Identifier: Apache-2.0 */
#include "process/identity.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>

#include "base/own.h"
#include "harness.h"

#define SET(who, call, ...) identity_set(who, call, (const uint64_t[6]){ __VA_ARGS__ })
#define SAME                UINT32_MAX

static void assert_uids(const struct identity *who, uid_t real, uid_t effective, uid_t saved)
{
	assert_int_equal(who->uid[IDENTITY_REAL], real);
	assert_int_equal(who->uid[IDENTITY_EFFECTIVE], effective);
	assert_int_equal(who->uid[IDENTITY_SAVED], saved);
}

static void root_becomes_another_for_good(void **state)
{
	struct identity who;

	(void)state;
	identity_init(&who, 0, 0);
	assert_int_equal(SET(&who, SYS_setgid, 33), 0);
	assert_int_equal(SET(&who, SYS_setuid, 33), 0);
	assert_uids(&who, 33, 33, 33);
	assert_int_equal(SET(&who, SYS_setuid, 0), -EPERM);
	assert_int_equal(SET(&who, SYS_setresuid, SAME, 0, SAME), -EPERM);
	assert_int_equal(SET(&who, SYS_setreuid, 0, 0), -EPERM);
	assert_int_equal(SET(&who, SYS_setgid, 0), -EPERM);
	assert_int_equal(SET(&who, SYS_setuid, 33), 0);
	assert_int_equal(SET(&who, SYS_setuid, SAME), -EINVAL);
	assert_uids(&who, 33, 33, 33);
}

static void the_saved_id_leads_back(void **state)
{
	struct identity who;

	(void)state;
	identity_init(&who, 0, 0);
	assert_int_equal(SET(&who, SYS_setresuid, SAME, 42, SAME), 0);
	assert_uids(&who, 0, 42, 0);
	assert_int_equal(SET(&who, SYS_setresuid, 7, SAME, SAME), -EPERM);
	assert_int_equal(SET(&who, SYS_setuid, 0), 0);
	assert_uids(&who, 0, 0, 0);
}

static void setreuid_takes_the_saved_id_along(void **state)
{
	struct identity who;

	(void)state;
	identity_init(&who, 0, 0);
	assert_int_equal(SET(&who, SYS_setreuid, SAME, 5), 0);
	assert_uids(&who, 0, 5, 5);
	assert_int_equal(SET(&who, SYS_setreuid, 5, 0), 0);
	assert_uids(&who, 5, 0, 0);
}

/* setpriv(1) changes the user first and its groups afterwards. */
static void kept_rights_last_until_execve(void **state)
{
	const gid_t groups[] = { 33, 50 };
	struct identity who;

	(void)state;
	identity_init(&who, 0, 0);
	identity_keep(&who, true);
	assert_int_equal(SET(&who, SYS_setresuid, 33, 33, 33), 0);
	assert_int_equal(SET(&who, SYS_setresgid, 33, 33, 33), 0);
	assert_int_equal(identity_set_groups(&who, groups, 2), 0);
	identity_execute(&who);
	assert_int_equal(SET(&who, SYS_setresuid, 0, 0, 0), -EPERM);
	assert_int_equal(identity_set_groups(&who, NULL, 0), -EPERM);
	assert_true(identity_in_group(&who, 50));
	assert_false(identity_in_group(&who, 51));
}

static void owners_are_given_away_as_chown_allows(void **state)
{
	struct identity who;

	(void)state;
	identity_init(&who, 0, 0);
	assert_int_equal(identity_may_chown(&who, 7, 7, 33, 33), 0);
	identity_init(&who, 33, 33);
	assert_int_equal(identity_may_chown(&who, 33, 33, SAME, SAME), 0);
	assert_int_equal(identity_may_chown(&who, 33, 7, 33, 33), 0);
	assert_int_equal(identity_may_chown(&who, 33, 33, 0, SAME), -EPERM);
	assert_int_equal(identity_may_chown(&who, 33, 33, SAME, 50), -EPERM);
	assert_int_equal(identity_may_chown(&who, 0, 0, SAME, 33), -EPERM);
}

static void an_identity_has_one_number(void **state)
{
	struct identity_table *table = test_calloc(1, sizeof(*table));
	struct identity root, other;

	(void)state;
	identity_init(&root, 0, 0);
	identity_init(&other, 33, 33);
	assert_int_equal(identity_number(table, &root), 0);
	assert_int_equal(identity_number(table, &other), 1);
	assert_int_equal(identity_number(table, &root), 0);
	assert_int_equal(identity_number(table, &other), 1);
	assert_int_equal(table->n, 2);
	table->n = IDENTITY_MAX;
	other.keep = 1;
	assert_int_equal(identity_number(table, &other), -ENOSPC);
	test_free(table);
}

static void too_many_groups_are_refused(void **state)
{
	gid_t groups[IDENTITY_GROUPS + 1] = { 0 };
	struct identity who;

	(void)state;
	identity_init(&who, 0, 0);
	assert_int_equal(identity_set_groups(&who, groups, ARRAY_SIZE(groups)), -EINVAL);
	assert_int_equal(identity_set_groups(&who, groups, IDENTITY_GROUPS), 0);
	assert_int_equal(SET(&who, SYS_getpid, 0), -ENOSYS);
}

TEST_MAIN(cmocka_unit_test(root_becomes_another_for_good),
	cmocka_unit_test(the_saved_id_leads_back),
	cmocka_unit_test(setreuid_takes_the_saved_id_along),
	cmocka_unit_test(kept_rights_last_until_execve),
	cmocka_unit_test(owners_are_given_away_as_chown_allows),
	cmocka_unit_test(an_identity_has_one_number), cmocka_unit_test(too_many_groups_are_refused))
