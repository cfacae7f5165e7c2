/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <errno.h>
#include <string.h>
#include <sys/xattr.h>

static int set(struct overlay *o, const char *path, const char *name, const char *value)
{
	return ovl_setxattr(
		o->fs, id(o, path), &(struct ovl_xattr){ name, value, strlen(value), 0 });
}

static void attributes_are_set_listed_and_removed(void **state)
{
	struct overlay *o = *state;
	char buf[64];

	disk_file(o, "l1/a", "a");
	disk_xattr(o, "l1/a", "user.old", "1");
	overlay_start(o);
	assert_int_equal(ovl_getxattr(o->fs, id(o, "a"), "user.old", buf, 64), 1);
	assert_int_equal(set(o, "a", "user.new", "22"), 0);
	assert_int_equal(set(o, "a", "user.empty", ""), 0);
	assert_int_equal(ovl_getxattr(o->fs, id(o, "a"), "user.new", NULL, 0), 2);
	assert_int_equal(ovl_getxattr(o->fs, id(o, "a"), "user.new", buf, 1), -ERANGE);
	assert_int_equal(ovl_getxattr(o->fs, id(o, "a"), "user.empty", buf, 64), 0);
	assert_int_equal(ovl_removexattr(o->fs, id(o, "a"), "user.empty"), 0);
	assert_int_equal(ovl_removexattr(o->fs, id(o, "a"), "user.empty"), -ENODATA);
	assert_int_equal(ovl_listxattr(o->fs, id(o, "a"), buf, 64),
		strlen("user.old") + strlen("user.new") + 2);
	overlay_restart(o);
	assert_int_equal(ovl_getxattr(o->fs, id(o, "a"), "user.new", buf, 64), 2);
}

static void removing_what_is_not_there_copies_nothing_up(void **state)
{
	struct overlay *o = *state;

	disk_file(o, "l1/a", "a");
	overlay_start(o);
	assert_int_equal(ovl_removexattr(o->fs, id(o, "a"), "user.none"), -ENODATA);
	assert_false(disk_has(o, "upper/a"));
}

static void removing_an_acl_that_is_not_there_is_no_error(void **state)
{
	struct overlay *o = *state;

	disk_file(o, "l1/a", "a");
	overlay_start(o);
	assert_int_equal(ovl_removexattr(o->fs, id(o, "a"), "system.posix_acl_access"), 0);
	assert_int_equal(ovl_removexattr(o->fs, id(o, "a"), "system.posix_acl_default"), 0);
	assert_false(disk_has(o, "upper/a"));
}

static void the_names_of_the_format_do_not_exist_inside(void **state)
{
	struct overlay *o = *state;
	char buf[64];

	disk_dir(o, "upper/d");
	disk_xattr(o, "upper/d", "user.overlay.opaque", "y");
	disk_xattr(o, "upper/d", "user.sbx.stat", "1:2:40755:0");
	disk_xattr(o, "upper/d", "user.seen", "1");
	overlay_start(o);
	assert_int_equal(ovl_listxattr(o->fs, id(o, "d"), buf, 64), 10);
	assert_string_equal(buf, "user.seen");
	assert_int_equal(
		ovl_getxattr(o->fs, id(o, "d"), "user.overlay.opaque", buf, 64), -EOPNOTSUPP);
	assert_int_equal(set(o, "d", "user.overlay.opaque", "n"), -EOPNOTSUPP);
	assert_int_equal(set(o, "d", "user.overlay.anything", "n"), -EOPNOTSUPP);
	assert_int_equal(set(o, "d", "user.sbx.stat", "0:0:40777:0"), -EOPNOTSUPP);
	assert_int_equal(ovl_removexattr(o->fs, id(o, "d"), "user.overlay.opaque"), -EOPNOTSUPP);
	assert_true(disk_is_opaque(o, "upper/d"));
}

static void flags_of_set_are_obeyed(void **state)
{
	struct overlay *o = *state;
	struct ovl_xattr x = { "user.a", "1", 1, XATTR_REPLACE };

	overlay_start(o);
	assert_int_equal(make_file(o, "a", ""), 0);
	assert_int_equal(ovl_setxattr(o->fs, id(o, "a"), &x), -ENODATA);
	x.flags = XATTR_CREATE;
	assert_int_equal(ovl_setxattr(o->fs, id(o, "a"), &x), 0);
	assert_int_equal(ovl_setxattr(o->fs, id(o, "a"), &x), -EEXIST);
}

TEST_MAIN(overlay_test(attributes_are_set_listed_and_removed),
	overlay_test(removing_what_is_not_there_copies_nothing_up),
	overlay_test(removing_an_acl_that_is_not_there_is_no_error),
	overlay_test(the_names_of_the_format_do_not_exist_inside),
	overlay_test(flags_of_set_are_obeyed))
