/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "fuse/redirect.h"

#define REDIRECT "user.overlay.redirect"

static const char *redirect_of(struct overlay *o, const char *path)
{
	static char value[512];
	ssize_t n = getxattr(disk_path(o, path), REDIRECT, value, sizeof(value) - 1);

	value[n < 0 ? 0 : n] = '\0';
	return value;
}

static ino_t number_of(struct overlay *o, const char *path)
{
	struct stat st;

	assert_int_equal(ovl_getattr(o->fs, id(o, path), &st), 0);
	return st.st_ino;
}

static int lookup(struct overlay *o, const char *path)
{
	uint64_t unused;

	return path_id(o, path, &unused);
}

/* l1/d/{a,sub/}, l2/d/{a,sub/deep/f,removed} */
static void fill(struct overlay *o)
{
	disk_dir(o, "l1/d");
	disk_dir(o, "l1/d/sub");
	disk_dir(o, "l2/d");
	disk_dir(o, "l2/d/sub");
	disk_dir(o, "l2/d/sub/deep");
	disk_file(o, "l1/d/a", "a1");
	disk_file(o, "l2/d/a", "a2");
	disk_file(o, "l2/d/removed", "x");
	disk_file(o, "l2/d/sub/deep/f", "deep");
	o->redirect = true;
	overlay_start(o);
}

static void a_directory_moves_without_a_copy(void **state)
{
	struct overlay *o = *state;
	uint64_t deep;
	ino_t number;

	fill(o);
	assert_int_equal(make_file(o, "d/own", "own"), 0);
	assert_int_equal(unlink_path(o, "d/removed"), 0);
	deep = id(o, "d/sub/deep/f");
	number = number_of(o, "d");
	assert_int_equal(rename_path(o, "d", "e", 0), 0);
	for (int mount = 0; mount < 2; mount++) {
		assert_int_equal(number_of(o, "e"), number);
		assert_string_equal(names_in(o, ""), "e");
		assert_string_equal(names_in(o, "e"), "a own sub");
		assert_string_equal(text_of(o, "e/a"), "a1");
		assert_string_equal(text_of(o, "e/sub/deep/f"), "deep");
		if (mount == 0) {
			assert_int_equal(id(o, "e/sub/deep/f"), deep);
			overlay_restart(o);
		}
	}
	assert_string_equal(redirect_of(o, "upper/e"), "/d");
	assert_true(disk_is_whiteout(o, "upper/d"));
	assert_false(disk_has(o, "upper/e/a"));
	assert_false(disk_has(o, "upper/e/sub"));
}

static void moved_again_and_back_it_is_the_same(void **state)
{
	struct overlay *o = *state;

	fill(o);
	assert_int_equal(make(o, "top", S_IFDIR | 0755), 0);
	assert_int_equal(rename_path(o, "d", "e", 0), 0);
	assert_int_equal(rename_path(o, "e", "top/f", 0), 0);
	assert_false(disk_has(o, "upper/e")); /* no layer has anything of that name */
	overlay_restart(o);
	assert_int_equal(rename_path(o, "top/f", "d", 0), 0);
	assert_string_equal(names_in(o, "d"), "a removed sub");
	overlay_restart(o);
	assert_string_equal(names_in(o, ""), "d top");
	assert_string_equal(names_in(o, "top"), "");
	assert_string_equal(text_of(o, "d/sub/deep/f"), "deep");
}

static void the_old_name_is_free_for_another_directory(void **state)
{
	struct overlay *o = *state;

	fill(o);
	assert_int_equal(rename_path(o, "d", "e", 0), 0);
	assert_int_equal(make(o, "d", S_IFDIR | 0755), 0);
	assert_int_equal(make_file(o, "d/a", "other"), 0);
	overlay_restart(o);
	assert_string_equal(names_in(o, "d"), "a");
	assert_string_equal(text_of(o, "d/a"), "other");
	assert_string_equal(names_in(o, "e"), "a removed sub");
	assert_int_equal(rename_path(o, "d", "e", RENAME_EXCHANGE), 0);
	overlay_restart(o);
	assert_string_equal(names_in(o, "e"), "a");
	assert_string_equal(names_in(o, "d"), "a removed sub");
}

static void what_is_in_it_moves_out_by_itself(void **state)
{
	struct overlay *o = *state;

	fill(o);
	assert_int_equal(rename_path(o, "d", "e", 0), 0);
	assert_int_equal(rename_path(o, "e/sub", "s", 0), 0);
	assert_string_equal(redirect_of(o, "upper/s"), "/d/sub");
	assert_true(disk_is_whiteout(o, "upper/e/sub"));
	assert_int_equal(rename_path(o, "s/deep", "e/deep", 0), 0);
	assert_int_equal(rename_path(o, "e/a", "s/a", 0), 0);
	overlay_restart(o);
	assert_string_equal(names_in(o, "e"), "deep removed");
	assert_string_equal(names_in(o, "s"), "a");
	assert_string_equal(text_of(o, "s/a"), "a1");
	assert_string_equal(text_of(o, "e/deep/f"), "deep");
}

static void removed_it_leaves_nothing(void **state)
{
	struct overlay *o = *state;

	disk_dir(o, "l1/d");
	disk_dir(o, "l1/e");
	o->redirect = true;
	overlay_start(o);
	assert_int_equal(rename_path(o, "d", "f", 0), 0);
	assert_int_equal(rmdir_path(o, "f"), 0);
	assert_false(disk_has(o, "upper/f"));
	assert_int_equal(make(o, "d", S_IFDIR | 0755), 0);
	assert_int_equal(rename_path(o, "e", "d", 0), 0); /* over an empty one */
	assert_int_equal(rmdir_path(o, "d"), 0);
	overlay_restart(o);
	assert_string_equal(names_in(o, ""), "");
	assert_true(disk_is_whiteout(o, "upper/d"));
	assert_true(disk_is_whiteout(o, "upper/e"));
}

/* l1 as an upper that was: in it d was moved to x, and x/y to z. */
static void a_lower_layer_has_redirects_for_those_below_it(void **state)
{
	struct overlay *o = *state;

	disk_whiteout(o, "l1/d");
	disk_dir(o, "l1/x");
	disk_xattr(o, "l1/x", REDIRECT, "/d");
	disk_whiteout(o, "l1/x/y");
	disk_dir(o, "l1/z");
	disk_xattr(o, "l1/z", REDIRECT, "/d/y");
	disk_dir(o, "l1/twin");
	disk_xattr(o, "l1/twin", REDIRECT, "other");
	disk_dir(o, "l2/d");
	disk_dir(o, "l2/d/y");
	disk_dir(o, "l2/d/w");
	disk_dir(o, "l2/other");
	disk_file(o, "l2/d/y/f", "f");
	disk_file(o, "l2/d/w/g", "g");
	disk_file(o, "l2/other/h", "h");
	o->redirect = true;
	overlay_start(o);
	assert_string_equal(names_in(o, ""), "other twin x z");
	assert_string_equal(names_in(o, "x"), "w");
	assert_string_equal(text_of(o, "z/f"), "f");
	assert_string_equal(text_of(o, "twin/h"), "h");
	assert_int_equal(rename_path(o, "x/w", "w", 0), 0);
	assert_string_equal(
		redirect_of(o, "upper/w"), "/x/w"); /* where the layers together have it */
	assert_int_equal(rename_path(o, "z", "twin/z", 0), 0);
	assert_int_equal(rename_path(o, "twin", "t", 0), 0);
	overlay_restart(o);
	assert_string_equal(names_in(o, ""), "other t w x");
	assert_string_equal(text_of(o, "w/g"), "g");
	assert_string_equal(text_of(o, "t/z/f"), "f");
	assert_string_equal(text_of(o, "t/h"), "h");
	assert_string_equal(names_in(o, "x"), "");
}

static void an_opaque_directory_on_the_way_ends_it(void **state)
{
	struct overlay *o = *state;

	disk_dir(o, "l1/d");
	disk_xattr(o, "l1/d", "user.overlay.opaque", "y");
	disk_dir(o, "l1/d/moved");
	disk_xattr(o, "l1/d/moved", REDIRECT, "/far");
	disk_dir(o, "l2/d");
	disk_dir(o, "l2/d/sub");
	disk_file(o, "l2/d/sub/hidden", "x");
	disk_dir(o, "l2/far");
	disk_file(o, "l2/far/f", "f");
	disk_dir(o, "upper/u");
	disk_xattr(o, "upper/u", REDIRECT, "/d/sub");
	disk_dir(o, "upper/v");
	disk_xattr(o, "upper/v", REDIRECT, "/d/moved");
	o->redirect = true;
	overlay_start(o);
	assert_string_equal(names_in(o, "u"), "");
	assert_string_equal(names_in(o, "v"), "f"); /* but a path from the root leads on */
}

static void no_redirect_leads_out_of_a_layer(void **state)
{
	static const char *const bad[] = { "/../upper", "..", ".", "/d/../../upper", "/d//a", "/",
		"/d/", "d/a", "/." };
	struct overlay *o = *state;
	char longer[1024];

	disk_dir(o, "l1/d");
	disk_file(o, "l1/d/a", "a");
	disk_dir(o, "upper/x");
	assert_int_equal(symlink(disk_path(o, "l1"), strdupa(disk_path(o, "l1/link"))), 0);
	o->redirect = true;
	overlay_start(o);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		disk_xattr(o, "upper/x", REDIRECT, bad[i]);
		assert_int_equal(lookup(o, "x"), -EINVAL);
	}
	memset(longer, 'n', sizeof(longer));
	longer[0] = '/';
	longer[NAME_MAX + 2] = '\0';
	disk_xattr(o, "upper/x", REDIRECT, longer);
	assert_int_equal(lookup(o, "x"), -EINVAL);
	assert_int_equal(setxattr(disk_path(o, "upper/x"), REDIRECT, "/d\0/a", 5, 0), 0);
	assert_int_equal(lookup(o, "x"), -EINVAL);
	disk_xattr(o, "upper/x", REDIRECT, "/link/d"); /* no link is followed */
	assert_string_equal(names_in(o, "x"), "");
}

static void a_redirect_to_what_is_no_directory_shows_nothing(void **state)
{
	struct overlay *o = *state;

	disk_dir(o, "l1/d");
	disk_file(o, "l1/d/a", "a");
	disk_dir(o, "upper/x");
	disk_xattr(o, "upper/x", REDIRECT, "/d/a");
	disk_dir(o, "upper/y");
	disk_xattr(o, "upper/y", REDIRECT, "/d/a/b");
	disk_dir(o, "upper/z");
	disk_xattr(o, "upper/z", REDIRECT, "/absent/b");
	o->redirect = true;
	overlay_start(o);
	assert_string_equal(names_in(o, "x"), "");
	assert_string_equal(names_in(o, "y"), "");
	assert_string_equal(names_in(o, "z"), "");
	assert_int_equal(rename_path(o, "z", "d/z", 0), 0);
	assert_int_equal(make_file(o, "d/z/f", "f"), 0);
	overlay_restart(o);
	assert_string_equal(text_of(o, "d/z/f"), "f");
}

/* A directory below itself: as deep as the layers are, and no deeper. */
static void a_redirect_to_a_directory_above_comes_to_an_end(void **state)
{
	struct overlay *o = *state;

	disk_dir(o, "l1/d");
	disk_dir(o, "l1/d/x");
	disk_dir(o, "upper/d");
	disk_dir(o, "upper/d/x");
	disk_xattr(o, "upper/d/x", REDIRECT, "/d");
	o->redirect = true;
	overlay_start(o);
	assert_string_equal(names_in(o, "d/x"), "x");
	assert_string_equal(names_in(o, "d/x/x"), "");
	assert_int_equal(rename_path(o, "d/x/x", "d/y", 0), 0);
	assert_string_equal(names_in(o, "d"), "x y");
}

static void a_path_too_long_for_a_redirect_is_copied(void **state)
{
	struct overlay *o = *state;
	char path[512] = "l1", part[101];
	size_t len = 2;

	memset(part, 'p', sizeof(part) - 1);
	part[sizeof(part) - 1] = '\0';
	for (int i = 0; i < 3; i++) {
		len += (size_t)snprintf(path + len, sizeof(path) - len, "/%s", part);
		disk_dir(o, path);
	}
	(void)snprintf(path + len, sizeof(path) - len, "/f");
	disk_file(o, path, "f");
	o->redirect = true;
	overlay_start(o);
	path[len] = '\0';
	assert_int_equal(rename_path(o, path + 3, "short", 0), 0);
	assert_string_equal(redirect_of(o, "upper/short"), "");
	assert_true(disk_is_opaque(o, "upper/short"));
	assert_string_equal(text_of(o, "short/f"), "f");
}

static void without_the_option_a_redirect_is_refused(void **state)
{
	struct overlay *o = *state;

	fill(o);
	assert_int_equal(rename_path(o, "d", "e", 0), 0);
	o->redirect = false;
	overlay_restart(o);
	assert_int_equal(lookup(o, "e"), -EPERM);
	assert_int_equal(lookup(o, "d"), -ENOENT);
}

TEST_MAIN(overlay_test(a_directory_moves_without_a_copy),
	overlay_test(moved_again_and_back_it_is_the_same),
	overlay_test(the_old_name_is_free_for_another_directory),
	overlay_test(what_is_in_it_moves_out_by_itself), overlay_test(removed_it_leaves_nothing),
	overlay_test(a_lower_layer_has_redirects_for_those_below_it),
	overlay_test(an_opaque_directory_on_the_way_ends_it),
	overlay_test(no_redirect_leads_out_of_a_layer),
	overlay_test(a_redirect_to_what_is_no_directory_shows_nothing),
	overlay_test(a_redirect_to_a_directory_above_comes_to_an_end),
	overlay_test(a_path_too_long_for_a_redirect_is_copied),
	overlay_test(without_the_option_a_redirect_is_refused))
