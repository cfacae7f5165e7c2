/* SPDX-License-Identifier: Apache-2.0 */
/* What ordinary layers hold must arrive exactly. */
#include "tarball.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "base/xalloc.h"

static void modes_and_times_are_exact_whatever_the_umask(void **state)
{
	struct target *t = *state;

	(void)umask(077);
	TAR_ADD(&t->tar, .name = "dir", .type = '5', .mode = 0777, .mtime = 111);
	TAR_ADD(&t->tar, .name = "dir/file", .data = "x", .mode = 0666, .mtime = 222);
	TAR_ADD(&t->tar, .name = "tmp", .type = '5', .mode = 01777);
	TAR_ADD(&t->tar, .name = "closed", .type = '5', .mode = MODE_NONE);
	TAR_ADD(&t->tar, .name = "closed/none", .data = "x", .mode = MODE_NONE);
	TAR_ADD(&t->tar, .name = "suid", .data = "x", .mode = 04755);
	TAR_ADD(&t->tar, .name = "pipe", .type = '6', .mode = 0622);
	TAR_ADD(&t->tar, .name = "link", .type = '2', .link = "a b\tc", .mtime = 333);
	assert_unpacked(t);
	(void)umask(022);
	assert_int_equal(in_layer(t, "dir").st_mode, S_IFDIR | 0777);
	assert_int_equal(in_layer(t, "dir").st_mtim.tv_sec, 111);
	assert_int_equal(in_layer(t, "dir/file").st_mode, S_IFREG | 0666);
	assert_int_equal(in_layer(t, "dir/file").st_mtim.tv_sec, 222);
	assert_int_equal(in_layer(t, "tmp").st_mode, S_IFDIR | 01777);
	assert_int_equal(in_layer(t, "closed").st_mode, S_IFDIR | 0);
	assert_int_equal(in_layer(t, "suid").st_mode, S_IFREG | 04755);
	assert_int_equal(in_layer(t, "pipe").st_mode, S_IFIFO | 0622);
	assert_int_equal(in_layer(t, "link").st_mtim.tv_sec, 333);
	assert_true(link_is(t, "link", "a b\tc"));
}

static void owners_are_mapped(void **state)
{
	struct target *t = *state;
	uint32_t want = idmap_to_host(t->map.uid, t->map.n_uid, 999);
	uint32_t group = idmap_to_host(t->map.gid, t->map.n_gid, 998);

	if (t->map.kind == IDMAP_SINGLE)
		skip(); /* this user has no sub-ids */
	TAR_ADD(&t->tar, .name = "f", .data = "x", .uid = 999, .gid = 998, .mode = 06755);
	TAR_ADD(&t->tar, .name = "d", .type = '5', .uid = 999, .gid = 998, .mode = 02750);
	TAR_ADD(&t->tar, .name = "d/root", .data = "x");
	TAR_ADD(&t->tar, .name = "l", .type = '2', .link = "x", .uid = 999, .gid = 998);
	TAR_ADD(&t->tar, .name = "d", .type = '5');
	assert_unpacked(t);
	assert_int_equal(in_layer(t, "f").st_uid, want);
	assert_int_equal(in_layer(t, "f").st_gid, group);
	assert_int_equal(in_layer(t, "f").st_mode & 07777, 06755);
	assert_int_equal(in_layer(t, "l").st_uid, want);
	/* The group of a set-gid directory is not inherited, and a later entry gives it back. */
	assert_int_equal(in_layer(t, "d/root").st_gid, idmap_to_host(t->map.gid, t->map.n_gid, 0));
	assert_int_equal(in_layer(t, "d").st_uid, idmap_to_host(t->map.uid, t->map.n_uid, 0));
	assert_int_equal(in_layer(t, "d").st_mode & 07777, 0755);
}

static void a_single_id_keeps_owners_and_set_id_bits_as_metadata(void **state)
{
	struct target *t = *state;
	char value[64];

	TAR_ADD(&t->tar, .name = "suid", .data = "x", .mode = 04755);
	TAR_ADD(&t->tar, .name = "f", .data = "x", .uid = 999, .gid = 998, .mode = 0640);
	TAR_ADD(&t->tar, .name = "d", .type = '5', .uid = 70000, .gid = 5, .mode = 02775);
	TAR_ADD(&t->tar, .name = "plain", .data = "x");
	TAR_ADD(&t->tar, .name = "tmp", .type = '5', .mode = 01777);
	TAR_ADD(&t->tar, .name = "again", .type = '5', .uid = 7);
	TAR_ADD(&t->tar, .name = "again", .type = '5');
	assert_unpacked(t);
	assert_int_equal(in_layer(t, "suid").st_mode & 07777, 0755);
	assert_true(xattr_of(t, "suid", "user.sbx.stat", value, 64) > 0);
	assert_string_equal(value, "0:0:4755:0:0");
	assert_int_equal(in_layer(t, "f").st_uid, geteuid());
	assert_true(xattr_of(t, "f", "user.sbx.stat", value, 64) > 0);
	assert_string_equal(value, "999:998:640:0:0");
	assert_true(xattr_of(t, "d", "user.sbx.stat", value, 64) > 0);
	assert_string_equal(value, "70000:5:2775:0:0");
	assert_int_equal(in_layer(t, "d").st_mode & 07777, 0775);
	assert_int_equal(xattr_of(t, "plain", "user.sbx.stat", value, 64), -1);
	assert_int_equal(xattr_of(t, "again", "user.sbx.stat", value, 64), -1);
	assert_int_equal(in_layer(t, "tmp").st_mode & 07777, 01777);
}

/* A v2 file capability as PAX carries it: cap_net_bind_service, effective. */
static void file_capabilities_are_kept(void **state)
{
	static const unsigned char cap[20] = { 1, 0, 0, 2, 0, 4 };
	struct target *t = *state;
	autobuf struct buf records = BUF_INIT;
	char value[64];

	pax_record(&records, "SCHILY.xattr.security.capability", cap, sizeof(cap));
	tar_pax(&t->tar, 'x', &records);
	TAR_ADD(&t->tar, .name = "ping", .data = "x", .mode = 0755);
	assert_unpacked(t);
	assert_true(xattr_of(t, "ping", "security.capability", value, 64) >= 20);
}

static void names_are_bytes(void **state)
{
	static const char *const names[] = { "\xff\xfe", "new\nline", "esc\033]0;x\007", "-rf",
		"end ", "dot.", "\xc3\xa9t\xc3\xa9", "con", "back\\slash", "\xed\xa0\x80" };
	struct target *t = *state;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		autofree char *pax = xasprintf("%s.pax", names[i]);

		TAR_ADD(&t->tar, .name = names[i], .data = "x");
		tar_pax1(&t->tar, "path", pax);
		TAR_ADD(&t->tar, .name = "short", .data = "p");
	}
	assert_unpacked(t);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		autofree char *pax = xasprintf("%s.pax", names[i]);

		if (!file_is(t, names[i], "x") || !file_is(t, pax, "p"))
			fail_msg("name %zu was changed", i);
	}
}

static void link_targets_are_bytes(void **state)
{
	static const char *const targets[] = { "\xff\xfe", "\xc3\xa9", "a\nb", "../../x y" };
	struct target *t = *state;
	char name[8];

	for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
		(void)snprintf(name, sizeof(name), "p%zu", i);
		tar_pax1(&t->tar, "linkpath", targets[i]);
		TAR_ADD(&t->tar, .name = name, .type = '2', .link = "short");
		(void)snprintf(name, sizeof(name), "u%zu", i);
		TAR_ADD(&t->tar, .name = name, .type = '2', .link = targets[i]);
	}
	assert_unpacked(t);
	for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
		(void)snprintf(name, sizeof(name), "p%zu", i);
		assert_true(link_is(t, name, targets[i]));
		(void)snprintf(name, sizeof(name), "u%zu", i);
		assert_true(link_is(t, name, targets[i]));
	}
}

static void the_longest_component_fits_and_one_more_byte_does_not(void **state)
{
	struct target *t = *state;
	char name[300];

	memset(name, 'n', sizeof(name));
	name[255] = '\0';
	tar_gnu_long(&t->tar, 'L', name);
	TAR_ADD(&t->tar, .name = "short", .data = "x");
	assert_unpacked(t);
	assert_true(file_is(t, name, "x"));
	buf_reset(&t->tar);
	name[255] = 'n';
	name[256] = '\0';
	tar_gnu_long(&t->tar, 'L', name);
	TAR_ADD(&t->tar, .name = "short", .data = "x");
	assert_refused(t, "255 bytes");
}

/* Far longer than PATH_MAX, and with fewer descriptors than levels. */
static void deep_trees_are_walked(void **state)
{
	struct target *t = *state;
	autobuf struct buf name = BUF_INIT;
	int fd = t->layer;

	for (int i = 0; i < 2000; i++)
		buf_adds(&name, "deep/");
	buf_adds(&name, "file");
	tar_gnu_long(&t->tar, 'L', name.data);
	TAR_ADD(&t->tar, .name = "short", .data = "x");
	assert_unpacked(t);
	for (int i = 0; i < 2000; i++) {
		int next = openat(fd, "deep", O_PATH | O_DIRECTORY | O_NOFOLLOW);

		assert_true(next >= 0);
		if (fd != t->layer)
			(void)close(fd);
		fd = next;
	}
	assert_int_equal(faccessat(fd, "file", F_OK, 0), 0);
	(void)close(fd);
}

static void missing_parents_are_made(void **state)
{
	struct target *t = *state;

	TAR_ADD(&t->tar, .name = "a/b/c/file", .data = "x");
	TAR_ADD(&t->tar, .name = "a/b", .type = '5', .mode = 0700);
	assert_unpacked(t);
	assert_true(file_is(t, "a/b/c/file", "x"));
	assert_int_equal(in_layer(t, "a").st_mode & 07777, 0755);
	assert_int_equal(in_layer(t, "a/b").st_mode & 07777, 0700);
}

static void a_file_is_no_directory(void **state)
{
	struct target *t = *state;

	TAR_ADD(&t->tar, .name = "a", .data = "x");
	TAR_ADD(&t->tar, .name = "a/b", .data = "x");
	assert_refused(t, "not a directory");
}

static void an_empty_stream_is_an_empty_layer(void **state)
{
	struct target *t = *state;

	assert_int_equal(unpack_bytes(t, "", 0), 0);
	assert_unpacked(t); /* two zero blocks and nothing else */
}

TEST_MAIN(TARGET_TEST(modes_and_times_are_exact_whatever_the_umask), TARGET_TEST(owners_are_mapped),
	TARGET_TEST_SINGLE(a_single_id_keeps_owners_and_set_id_bits_as_metadata),
	TARGET_TEST(file_capabilities_are_kept), TARGET_TEST(names_are_bytes),
	TARGET_TEST(link_targets_are_bytes),
	TARGET_TEST(the_longest_component_fits_and_one_more_byte_does_not),
	TARGET_TEST(deep_trees_are_walked), TARGET_TEST(missing_parents_are_made),
	TARGET_TEST(a_file_is_no_directory), TARGET_TEST(an_empty_stream_is_an_empty_layer))
