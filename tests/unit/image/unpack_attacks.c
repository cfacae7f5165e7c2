/* SPDX-License-Identifier: Apache-2.0 */
/* Archives that try to leave their layer, or to make others see something else than is in it. After
 * each one unpack_tar() checks that nothing outside has changed. */
#include "tarball.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/own.h"
#include "base/xalloc.h"

/* <scratch>/outside/NAME without the first slash: where it lands inside when the layer is "/". */
static char *inside(const struct target *t, const char *name)
{
	return xasprintf("%s/%s", t->outside + 1, name);
}

static void absolute_names_land_inside(void **state)
{
	struct target *t = *state;
	autofree char *name = xasprintf("%s/canary", t->outside);

	assert_true(strlen(name) < 100);
	TAR_ADD(&t->tar, .name = name, .data = "bad");
	TAR_ADD(&t->tar, .name = "//a//b/", .type = '5');
	assert_unpacked(t);
	assert_true(file_is(t, name + 1, "bad"));
	assert_true(S_ISDIR(in_layer(t, "a/b").st_mode));
}

static void dotdot_in_names_is_refused(void **state)
{
	static const struct member bad[] = {
		{ .name = "../outside/x", .data = "bad" },
		{ .name = "a/../../outside/x", .data = "bad" },
		{ .name = "./../outside/x", .type = '5' },
		{ .name = "..", .type = '5' },
		{ .name = "..", .type = '0' },
		{ .name = "a/..", .type = '2', .link = "x" },
		{ .name = "/..", .type = '2', .link = "x" },
	};
	struct target *t = *state;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		buf_reset(&t->tar);
		tar_add(&t->tar, &bad[i]);
		assert_refused(t, "..");
	}
}

static void absolute_links_lead_inside(void **state)
{
	struct target *t = *state;
	autofree char *landed = inside(t, "p");

	TAR_ADD(&t->tar, .name = "l", .type = '2', .link = t->outside);
	TAR_ADD(&t->tar, .name = "l/p", .data = "in");
	assert_unpacked(t);
	assert_true(file_is(t, landed, "in"));
	assert_true(link_is(t, "l", t->outside));
}

static void relative_links_and_chains_lead_inside(void **state)
{
	struct target *t = *state;

	TAR_ADD(&t->tar, .name = "d", .type = '5');
	TAR_ADD(&t->tar, .name = "d/up", .type = '2', .link = "../../../../../../outside");
	TAR_ADD(&t->tar, .name = "d/chain", .type = '2', .link = "up/..");
	TAR_ADD(&t->tar, .name = "d/up/canary", .data = "one");
	TAR_ADD(&t->tar, .name = "d/chain/two", .data = "two");
	TAR_ADD(&t->tar, .name = "hard", .type = '1', .link = "d/up");
	TAR_ADD(&t->tar, .name = "hard/three", .data = "three");
	assert_unpacked(t);
	assert_true(file_is(t, "outside/canary", "one"));
	assert_true(file_is(t, "two", "two"));
	/* The hard link is the symlink itself; from the root its ".." end there. */
	assert_true(link_is(t, "hard", "../../../../../../outside"));
	assert_true(file_is(t, "outside/three", "three"));
}

static void chains_longer_than_path_max_do_not_escape(void **state)
{
	struct target *t = *state;
	char name[100], link[100];
	char component[200];

	memset(component, 'd', 90);
	component[90] = '\0';
	TAR_ADD(&t->tar, .name = component, .type = '5');
	(void)snprintf(link, sizeof(link), "%s", component);
	for (int i = 0; i < 60; i++) {
		(void)snprintf(name, sizeof(name), "%.80s/l%d", component, i);
		TAR_ADD(&t->tar, .name = name, .type = '2',
			.link = i ? link : "../../../../outside");
		(void)snprintf(link, sizeof(link), "l%d/.", i);
	}
	(void)snprintf(name, sizeof(name), "%.80s/l59/canary", component);
	TAR_ADD(&t->tar, .name = name, .data = "bad");
	assert_refused(t, "symbolic links");
}

static void a_link_to_itself_is_refused(void **state)
{
	struct target *t = *state;

	TAR_ADD(&t->tar, .name = "loop", .type = '2', .link = "loop");
	TAR_ADD(&t->tar, .name = "loop/x", .data = "bad");
	assert_refused(t, "symbolic links");
}

static void a_directory_replaced_by_a_link_is_not_written_through(void **state)
{
	struct target *t = *state;
	autofree char *landed = inside(t, "p");

	TAR_ADD(&t->tar, .name = "d", .type = '5');
	TAR_ADD(&t->tar, .name = "d/sub", .type = '5');
	TAR_ADD(&t->tar, .name = "d/sub/a", .data = "a");
	TAR_ADD(&t->tar, .name = "d", .type = '2', .link = t->outside);
	TAR_ADD(&t->tar, .name = "d/p", .data = "in");
	assert_unpacked(t);
	assert_true(link_is(t, "d", t->outside));
	assert_true(file_is(t, landed, "in"));
}

static void a_link_replaced_by_a_directory_is_forgotten(void **state)
{
	struct target *t = *state;

	TAR_ADD(&t->tar, .name = "real", .type = '5');
	TAR_ADD(&t->tar, .name = "d", .type = '2', .link = "real");
	TAR_ADD(&t->tar, .name = "d/one", .data = "1");
	TAR_ADD(&t->tar, .name = "d", .type = '5');
	TAR_ADD(&t->tar, .name = "d/two", .data = "2");
	assert_unpacked(t);
	assert_true(file_is(t, "real/one", "1"));
	assert_true(S_ISDIR(in_layer(t, "d").st_mode));
	assert_true(file_is(t, "d/two", "2"));
	assert_int_equal(in_layer(t, "real/two").st_mode, 0);
}

static void the_root_can_only_be_a_directory(void **state)
{
	static const char *const names[] = { ".", "./", "/" };
	static const char types[] = { '0', '2', '6', '1', '3' };
	struct target *t = *state;

	for (size_t i = 0; i < ARRAY_SIZE(names) * ARRAY_SIZE(types); i++) {
		char type = types[i % ARRAY_SIZE(types)];

		/* "./" with type '0' is a directory by tar's old convention. */
		if (type == '0' && strcmp(names[i / ARRAY_SIZE(types)], ".") != 0)
			continue;
		buf_reset(&t->tar);
		TAR_ADD(&t->tar, .name = names[i / ARRAY_SIZE(types)], .type = type, .link = "x");
		assert_true(unpack_tar(t) < 0);
	}
}

static void the_roots_mode_stays_usable(void **state)
{
	struct target *t = *state;

	TAR_ADD(&t->tar, .name = "./", .type = '5', .mode = MODE_NONE | 07000, .mtime = 12345);
	TAR_ADD(&t->tar, .name = "f", .data = "x");
	assert_unpacked(t);
	assert_int_equal(in_layer(t, ".").st_mode & 07777, 0700);
	assert_int_equal(in_layer(t, ".").st_mtim.tv_sec, 12345);
}

static void hard_links_find_their_target_inside_only(void **state)
{
	struct target *t = *state;
	autofree char *canary = xasprintf("%s/canary", t->outside);
	const char *const bad[] = { "/etc/passwd", "../outside/canary", canary, "dir", "later",
		"self", "" };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		buf_reset(&t->tar);
		TAR_ADD(&t->tar, .name = "dir", .type = '5');
		TAR_ADD(&t->tar, .name = "self", .type = '1', .link = bad[i]);
		TAR_ADD(&t->tar, .name = "later", .data = "x");
		assert_true(unpack_tar(t) < 0);
	}
}

static void a_hard_link_through_a_link_stays_inside(void **state)
{
	struct target *t = *state;

	TAR_ADD(&t->tar, .name = "l", .type = '2', .link = t->outside);
	TAR_ADD(&t->tar, .name = "h", .type = '1', .link = "l/canary");
	assert_refused(t, "canary");
}

static void a_hard_link_changes_nothing_of_its_target(void **state)
{
	struct target *t = *state;

	TAR_ADD(&t->tar, .name = "file", .data = "good", .mode = 0600, .mtime = 77);
	TAR_ADD(&t->tar, .name = "link", .type = '1', .link = "file", .mode = 04777, .uid = 5,
		.mtime = 99);
	TAR_ADD(&t->tar, .name = "sym", .type = '2', .link = "/outside/canary");
	TAR_ADD(&t->tar, .name = "symlink", .type = '1', .link = "sym", .mode = 04777);
	assert_unpacked(t);
	assert_true(file_is(t, "file", "good"));
	assert_int_equal(in_layer(t, "file").st_mode & 07777, 0600);
	assert_int_equal(in_layer(t, "file").st_mtim.tv_sec, 77);
	assert_int_equal(in_layer(t, "link").st_ino, in_layer(t, "file").st_ino);
	assert_true(link_is(t, "symlink", "/outside/canary"));
}

static void directory_times_are_not_set_through_a_late_link(void **state)
{
	struct target *t = *state;

	TAR_ADD(&t->tar, .name = "d", .type = '5', .mtime = 5);
	TAR_ADD(&t->tar, .name = "d/e", .type = '5', .mtime = 6);
	TAR_ADD(&t->tar, .name = "d", .type = '2', .link = t->outside);
	assert_unpacked(t);
	assert_true(link_is(t, "d", t->outside));
}

static void impossible_whiteouts_are_refused(void **state)
{
	static const struct member bad[] = {
		{ .name = ".wh..." },
		{ .name = ".wh.." },
		{ .name = ".wh." },
		{ .name = "etc/.wh..." },
		{ .name = "gone/../.wh.etc" },
		{ .name = ".wh.etc/somefile" },
		{ .name = ".wh.etc", .type = '5' },
		{ .name = ".wh.etc", .type = '2', .link = "x" },
		{ .name = ".wh..wh..opq", .type = '5' },
		{ .name = "d/.wh..wh..opq", .type = '2', .link = "/" },
	};
	struct target *t = *state;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		buf_reset(&t->tar);
		TAR_ADD(&t->tar, .name = "etc", .type = '5');
		tar_add(&t->tar, &bad[i]);
		assert_true(unpack_tar(t) < 0);
		assert_true(S_ISDIR(in_layer(t, "etc").st_mode));
	}
}

static void a_whiteout_hides_what_is_below_and_nothing_of_its_layer(void **state)
{
	struct target *t = *state;
	char value[8];

	TAR_ADD(&t->tar, .name = "link", .type = '2', .link = "/outside");
	TAR_ADD(&t->tar, .name = ".wh.link");
	TAR_ADD(&t->tar, .name = "full/file", .data = "x");
	TAR_ADD(&t->tar, .name = ".wh.full");
	TAR_ADD(&t->tar, .name = ".wh.gone");
	TAR_ADD(&t->tar, .name = ".wh.back");
	TAR_ADD(&t->tar, .name = "back", .type = '5');
	TAR_ADD(&t->tar, .name = ".wh.file");
	TAR_ADD(&t->tar, .name = "file", .data = "new");
	assert_unpacked(t);
	assert_true(link_is(t, "link", "/outside"));
	assert_true(file_is(t, "full/file", "x"));
	assert_int_equal(xattr_of(t, "full", "user.overlay.opaque", value, 8), 1);
	assert_string_equal(value, "y");
	assert_true(S_ISCHR(in_layer(t, "gone").st_mode));
	assert_int_equal(in_layer(t, "gone").st_rdev, 0);
	assert_int_equal(xattr_of(t, "back", "user.overlay.opaque", value, 8), 1);
	assert_true(file_is(t, "file", "new"));
	assert_int_equal(in_layer(t, ".wh.gone").st_mode, 0);
}

static void whiteouts_through_links_stay_inside(void **state)
{
	struct target *t = *state;
	autofree char *landed = inside(t, "canary");

	TAR_ADD(&t->tar, .name = "l", .type = '2', .link = t->outside);
	TAR_ADD(&t->tar, .name = "l/.wh.canary");
	TAR_ADD(&t->tar, .name = "l/.wh..wh..opq");
	assert_unpacked(t);
	assert_true(S_ISCHR(in_layer(t, landed).st_mode));
}

static void opaque_marks_work_in_any_order(void **state)
{
	struct target *t = *state;
	char value[8];

	TAR_ADD(&t->tar, .name = "first/.wh..wh..opq");
	TAR_ADD(&t->tar, .name = "first", .type = '5');
	TAR_ADD(&t->tar, .name = "first/a", .data = "a");
	TAR_ADD(&t->tar, .name = "last", .type = '5');
	TAR_ADD(&t->tar, .name = "last/a", .data = "a");
	TAR_ADD(&t->tar, .name = "last/.wh..wh..opq");
	TAR_ADD(&t->tar, .name = ".wh..wh.plnk", .type = '5');
	TAR_ADD(&t->tar, .name = ".wh..wh.plnk/123.456", .data = "aufs");
	TAR_ADD(&t->tar, .name = ".wh..wh.orph", .type = '5');
	TAR_ADD(&t->tar, .name = ".wh..wh.aufs", .data = "");
	assert_unpacked(t);
	assert_int_equal(xattr_of(t, "first", "user.overlay.opaque", value, 8), 1);
	assert_int_equal(xattr_of(t, "last", "user.overlay.opaque", value, 8), 1);
	assert_true(file_is(t, "first/a", "a"));
	assert_true(file_is(t, "last/a", "a"));
	assert_int_equal(in_layer(t, ".wh..wh.plnk").st_mode, 0);
	assert_int_equal(in_layer(t, ".wh..wh.aufs").st_mode, 0);
}

static void forged_overlay_marks_are_dropped(void **state)
{
	static const char *const names[] = { "user.overlay.opaque", "user.overlay.redirect",
		"user.overlay.metacopy", "user.overlay.origin", "user.overlay.whiteout",
		"trusted.overlay.opaque", "trusted.overlay.redirect", "user.fuseoverlayfs.opaque",
		"user.containers.override_stat", "user.sbx.stat", "security.selinux",
		"system.posix_acl_access" };
	struct target *t = *state;
	autobuf struct buf records = BUF_INIT;
	char value[64];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		autofree char *key = xasprintf("SCHILY.xattr.%s", names[i]);

		pax_record(&records, key, "y", 1);
	}
	pax_record(&records, "SCHILY.xattr.user.mine", "kept", 4);
	tar_pax(&t->tar, 'x', &records);
	TAR_ADD(&t->tar, .name = "d", .type = '5');
	tar_pax(&t->tar, 'x', &records);
	TAR_ADD(&t->tar, .name = "f", .data = "x");
	TAR_ADD(&t->tar, .name = "dev", .type = '3');
	TAR_ADD(&t->tar, .name = "hard", .type = '1', .link = "f");
	assert_unpacked(t);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		assert_int_equal(xattr_of(t, "d", names[i], value, 64), -1);
		assert_int_equal(xattr_of(t, "f", names[i], value, 64), -1);
	}
	assert_int_equal(xattr_of(t, "f", "user.mine", value, 64), 4);
	assert_int_equal(in_layer(t, "dev").st_mode, 0); /* no whiteout by the back door */
}

static void a_hard_link_cannot_copy_a_whiteout(void **state)
{
	struct target *t = *state;

	TAR_ADD(&t->tar, .name = ".wh.a");
	TAR_ADD(&t->tar, .name = "b", .type = '1', .link = "a");
	assert_refused(t, "not a file");
}

static void the_last_entry_of_a_name_wins(void **state)
{
	struct target *t = *state;

	TAR_ADD(&t->tar, .name = "x", .data = "one");
	TAR_ADD(&t->tar, .name = "x", .type = '5');
	TAR_ADD(&t->tar, .name = "x/y", .data = "in");
	TAR_ADD(&t->tar, .name = "x", .type = '2', .link = "/outside/canary");
	TAR_ADD(&t->tar, .name = "./x", .data = "two");
	TAR_ADD(&t->tar, .name = "a//b", .data = "1");
	TAR_ADD(&t->tar, .name = "a/b", .data = "2");
	TAR_ADD(&t->tar, .name = "A", .data = "upper");
	assert_unpacked(t);
	assert_true(file_is(t, "x", "two"));
	assert_true(file_is(t, "a/b", "2"));
	assert_true(file_is(t, "A", "upper"));
}

static void writing_again_breaks_a_hard_link(void **state)
{
	struct target *t = *state;

	TAR_ADD(&t->tar, .name = "a", .data = "old");
	TAR_ADD(&t->tar, .name = "b", .type = '1', .link = "a");
	TAR_ADD(&t->tar, .name = "b", .data = "new");
	TAR_ADD(&t->tar, .name = "c", .type = '1', .link = "a");
	TAR_ADD(&t->tar, .name = "c", .type = '1', .link = "c");
	assert_unpacked(t);
	assert_true(file_is(t, "a", "old"));
	assert_true(file_is(t, "b", "new"));
	assert_int_equal(in_layer(t, "c").st_ino, in_layer(t, "a").st_ino);
}

static void an_unknown_type_is_no_file(void **state)
{
	static const char unknown[] = { 'Z', 'M', '8', 'v' };
	struct target *t = *state;
	autofree char *text = xasprintf("%0140000d", 0); /* headers at all places of the pieces */

	for (size_t i = 0; i < ARRAY_SIZE(unknown); i++) {
		TAR_ADD(&t->tar, .name = "before", .data = text + i * 512);
		TAR_ADD(&t->tar, .name = "seven", .type = '7', .data = "7");
		tar_pax1(&t->tar, "path", "named/by/pax");
		TAR_ADD(&t->tar, .name = "x", .type = unknown[i], .data = "text");
		assert_refused(t, "'named/by/pax' has a type");
	}
}

static void a_header_between_two_pieces_is_found(void **state)
{
	struct target *t = *state;

	for (size_t pad = 68; pad < 72;
		pad++) { /* pieces of 70001 bytes: one ends within the header */
		autofree char *text = xasprintf("%0*d", (int)(pad * 1000 - 512), 0);

		TAR_ADD(&t->tar, .name = "before", .data = text);
		for (int i = 0; i < 8; i++)
			TAR_ADD(&t->tar, .name = "empty");
		TAR_ADD(&t->tar, .name = "x", .type = 'Z');
		assert_refused(t, "has a type");
	}
}

TEST_MAIN(TARGET_TEST(an_unknown_type_is_no_file),
	TARGET_TEST(a_header_between_two_pieces_is_found), TARGET_TEST(absolute_names_land_inside),
	TARGET_TEST(dotdot_in_names_is_refused), TARGET_TEST(absolute_links_lead_inside),
	TARGET_TEST(relative_links_and_chains_lead_inside),
	TARGET_TEST(chains_longer_than_path_max_do_not_escape),
	TARGET_TEST(a_link_to_itself_is_refused),
	TARGET_TEST(a_directory_replaced_by_a_link_is_not_written_through),
	TARGET_TEST(a_link_replaced_by_a_directory_is_forgotten),
	TARGET_TEST(the_root_can_only_be_a_directory), TARGET_TEST(the_roots_mode_stays_usable),
	TARGET_TEST(hard_links_find_their_target_inside_only),
	TARGET_TEST(a_hard_link_through_a_link_stays_inside),
	TARGET_TEST(a_hard_link_changes_nothing_of_its_target),
	TARGET_TEST(directory_times_are_not_set_through_a_late_link),
	TARGET_TEST(impossible_whiteouts_are_refused),
	TARGET_TEST(a_whiteout_hides_what_is_below_and_nothing_of_its_layer),
	TARGET_TEST(whiteouts_through_links_stay_inside),
	TARGET_TEST(opaque_marks_work_in_any_order), TARGET_TEST(forged_overlay_marks_are_dropped),
	TARGET_TEST(a_hard_link_cannot_copy_a_whiteout), TARGET_TEST(the_last_entry_of_a_name_wins),
	TARGET_TEST(writing_again_breaks_a_hard_link))
