/* SPDX-License-Identifier: Apache-2.0 */
/* Users and groups of images, including passwd and group files that attack (threats J02, J04, J06). */
#include "harness.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "process/user.h"

static const char passwd[] = "root:x:0:0:root:/root:/bin/sh\n"
			     "broken\n"
			     "negative:x:-1:0::/:/bin/sh\n"
			     "empty:x:::::\n"
			     "web:x:33:44:web,,,:/srv/web:/bin/sh\n"
			     "twin:x:33:55::/other:/bin/sh\n"
			     "4294967296:x:0:0::/root:/bin/sh\n"
			     "1000:x:0:0::/root:/bin/sh\n"
			     "nohome:x:70:70";
static const char group[] = "root:x:0:\nwww:x:44:\nssl:x:105:web,root\nadm:x:4:nobody,web,web\n"
			    "broken:x:zero:web\nhuge:x:4294967295:web\nwebish:x:6:webmaster\n";

static int setup(void **state)
{
	if (harness_scratch(state) != 0)
		return -1;
	scratch_mkdir(*state, "etc");
	scratch_write(*state, "etc/passwd", passwd);
	scratch_write(*state, "etc/group", group);
	return 0;
}

static int resolve(void **state, const char *spec, struct user *user, struct err *err)
{
	const struct scratch *dir = *state;

	*user = (struct user)USER_INIT;
	return user_resolve(dir->fd, spec, NULL, user, err);
}

static void refused(void **state, const char *spec, int code, const char *part)
{
	struct err err = ERR_INIT;
	struct user user;

	assert_int_equal(resolve(state, spec, &user, &err), code);
	assert_null(user.home);
	if (!strstr(err.text, part))
		fail_msg("'%s': %s", spec, err.text);
}

static void no_spec_is_root_with_its_home_and_groups(void **state)
{
	struct err err = ERR_INIT;
	struct user user;

	assert_int_equal(resolve(state, NULL, &user, &err), 0);
	assert_int_equal(user.uid, 0);
	assert_int_equal(user.gid, 0);
	assert_string_equal(user.home, "/root");
	assert_int_equal(user.n_groups, 2);
	assert_int_equal(user.groups[0], 0);
	assert_int_equal(user.groups[1], 105);
	user_done(&user);
}

static void a_name_brings_its_group_home_and_memberships(void **state)
{
	struct err err = ERR_INIT;
	struct user user;

	assert_int_equal(resolve(state, "web", &user, &err), 0);
	assert_int_equal(user.uid, 33);
	assert_int_equal(user.gid, 44);
	assert_string_equal(user.home, "/srv/web");
	assert_string_equal(user.name, "web");
	assert_int_equal(user.n_groups, 3); /* 44, 105, 4: the primary one included, none twice */
	assert_int_equal(user.groups[0], 44);
	assert_int_equal(user.groups[1], 105);
	assert_int_equal(user.groups[2], 4);
	user_done(&user);
}

static void a_number_takes_the_first_entry_of_that_uid(void **state)
{
	struct err err = ERR_INIT;
	struct user user;

	assert_int_equal(resolve(state, "33", &user, &err), 0);
	assert_string_equal(user.name, "web");
	assert_int_equal(user.gid, 44);
	user_done(&user);
}

static void a_number_without_entry_has_group_0_and_home_slash(void **state)
{
	struct err err = ERR_INIT;
	struct user user;

	assert_int_equal(resolve(state, "4294967294", &user, &err), 0);
	assert_int_equal(user.uid, 4294967294u);
	assert_int_equal(user.gid, 0);
	assert_null(user.name);
	assert_string_equal(user.home, "/");
	user_done(&user);
}

static void a_number_is_never_taken_for_a_name(void **state)
{
	struct err err = ERR_INIT;
	struct user user;

	assert_int_equal(resolve(state, "1000", &user, &err), 0);
	assert_int_equal(user.uid, 1000); /* not 0, which the entry *named* 1000 has */
	user_done(&user);
	refused(state, "4294967296", -EINVAL, "invalid user '4294967296'");
}

static void what_looks_like_a_number_but_is_none_is_refused(void **state)
{
	static const char *const bad[] = { "-1", "+0", "1 ", " 1", "0x0", "0X10", "4294967295",
		"99999999999999999999999", "1:2:3", "1:-1", "0:0x0", "1:4294967295", "\t0", "a b",
		"-x", "1:", "web:", "/", "root\n" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refused(state, bad[i], -EINVAL, "invalid ");
}

static void unknown_names_are_errors_in_dockers_words(void **state)
{
	refused(state, "mysql", -ENOENT,
		"unable to find user mysql: no matching entries in passwd file");
	refused(state, "web:dba", -ENOENT,
		"unable to find group dba: no matching entries in group file");
	refused(state, "negative", -ENOENT, "unable to find user negative");
	refused(state, "empty", -ENOENT, "unable to find user empty");
	refused(state, "broken", -ENOENT, "unable to find user broken");
}

static void an_explicit_group_replaces_the_memberships(void **state)
{
	struct err err = ERR_INIT;
	struct user user;

	assert_int_equal(resolve(state, "web:ssl", &user, &err), 0);
	assert_int_equal(user.gid, 105);
	assert_int_equal(user.n_groups, 1);
	user_done(&user);
	assert_int_equal(resolve(state, ":7", &user, &err), 0);
	assert_int_equal(user.uid, 0);
	assert_int_equal(user.gid, 7);
	user_done(&user);
}

static void group_add_takes_names_and_numbers(void **state)
{
	const struct scratch *dir = *state;
	char ssl[] = "ssl", number[] = "2000", again[] = "44", unknown[] = "nosuch";
	char *list[] = { ssl, number, again, NULL };
	struct strv add = { .v = list, .n = 3 };
	struct user user = USER_INIT;
	struct err err = ERR_INIT;

	assert_int_equal(user_resolve(dir->fd, "web", &add, &user, &err), 0);
	assert_int_equal(user.n_groups, 4); /* 44 105 4 2000 */
	assert_int_equal(user.groups[3], 2000);
	user_done(&user);
	list[1] = unknown;
	assert_int_equal(user_resolve(dir->fd, "web", &add, &user, &err), -ENOENT);
}

static void a_last_line_without_newline_counts(void **state)
{
	struct err err = ERR_INIT;
	struct user user;

	assert_int_equal(resolve(state, "nohome", &user, &err), 0);
	assert_int_equal(user.uid, 70);
	assert_string_equal(user.home, "/");
	user_done(&user);
}

static void missing_files_leave_numbers_usable(void **state)
{
	const struct scratch *dir = *state;
	struct err err = ERR_INIT;
	struct user user;

	assert_int_equal(unlinkat(dir->fd, "etc/passwd", 0), 0);
	assert_int_equal(unlinkat(dir->fd, "etc/group", 0), 0);
	assert_int_equal(resolve(state, "", &user, &err), 0);
	assert_int_equal(user.uid, 0);
	assert_int_equal(user.n_groups, 1);
	assert_string_equal(user.home, "/");
	user_done(&user);
	assert_int_equal(resolve(state, "5:6", &user, &err), 0);
	user_done(&user);
	refused(state, "root", -ENOENT, "unable to find user root");
}

static void a_fifo_as_passwd_does_not_hang(void **state)
{
	const struct scratch *dir = *state;

	assert_int_equal(unlinkat(dir->fd, "etc/passwd", 0), 0);
	assert_int_equal(mkfifoat(dir->fd, "etc/passwd", 0666), 0);
	refused(state, "0", -EINVAL, "not a regular file");
}

static void a_link_out_of_the_image_stays_inside(void **state)
{
	const struct scratch *dir = *state;
	struct err err = ERR_INIT;
	struct user user;

	scratch_write(dir, "etc/real", "inside:x:9:9::/:\n");
	assert_int_equal(unlinkat(dir->fd, "etc/passwd", 0), 0);
	assert_int_equal(symlinkat("/../../../etc/real", dir->fd, "etc/passwd"), 0);
	assert_int_equal(resolve(state, "inside", &user, &err), 0);
	user_done(&user);
	assert_int_equal(unlinkat(dir->fd, "etc/passwd", 0), 0);
	assert_int_equal(symlinkat("/dev/zero", dir->fd, "etc/passwd"), 0);
	refused(state, "daemon", -ENOENT, "unable to find user daemon"); /* the image has no /dev */
}

static void huge_files_are_refused_without_reading_them(void **state)
{
	const struct scratch *dir = *state;
	char path[300];

	snprintf(path, sizeof(path), "%s/etc/group", dir->path);
	assert_int_equal(truncate(path, (off_t)4 << 30), 0);
	refused(state, "0", -EFBIG, "/etc/group is larger than 1 MiB");
}

#define ON_FILES(test) cmocka_unit_test_setup_teardown(test, setup, harness_scratch_done)
TEST_MAIN(ON_FILES(no_spec_is_root_with_its_home_and_groups),
	ON_FILES(a_name_brings_its_group_home_and_memberships),
	ON_FILES(a_number_takes_the_first_entry_of_that_uid),
	ON_FILES(a_number_without_entry_has_group_0_and_home_slash),
	ON_FILES(a_number_is_never_taken_for_a_name),
	ON_FILES(what_looks_like_a_number_but_is_none_is_refused),
	ON_FILES(unknown_names_are_errors_in_dockers_words),
	ON_FILES(an_explicit_group_replaces_the_memberships),
	ON_FILES(group_add_takes_names_and_numbers), ON_FILES(a_last_line_without_newline_counts),
	ON_FILES(missing_files_leave_numbers_usable), ON_FILES(a_fifo_as_passwd_does_not_hang),
	ON_FILES(a_link_out_of_the_image_stays_inside),
	ON_FILES(huge_files_are_refused_without_reading_them))
