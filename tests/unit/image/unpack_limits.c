/* SPDX-License-Identifier: Apache-2.0 */
/* Archives that want too much, contradict themselves, or are something else than a tar. */
#include "tarball.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/own.h"
#include "base/xalloc.h"

static void devices_are_left_out(void **state)
{
	struct target *t = *state;

	TAR_ADD(&t->tar, .name = "sda", .type = '4', .major = 8);
	TAR_ADD(&t->tar, .name = "mem", .type = '3', .major = 1, .minor = 1);
	TAR_ADD(&t->tar, .name = "odd", .type = '3', .major = 07777777, .minor = 07777777);
	TAR_ADD(&t->tar, .name = "after", .data = "x");
	assert_unpacked(t);
	assert_int_equal(in_layer(t, "sda").st_mode, 0);
	assert_int_equal(in_layer(t, "mem").st_mode, 0);
	assert_true(file_is(t, "after", "x"));
}

/* Opening a fifo for writing would wait for a reader for ever. */
static void a_fifo_is_never_opened(void **state)
{
	struct target *t = *state;

	(void)alarm(60);
	TAR_ADD(&t->tar, .name = "p", .type = '6');
	TAR_ADD(&t->tar, .name = "h", .type = '1', .link = "p");
	TAR_ADD(&t->tar, .name = "h", .data = "x");
	TAR_ADD(&t->tar, .name = "p", .data = "y");
	TAR_ADD(&t->tar, .name = "p", .type = '6');
	assert_unpacked(t);
	(void)alarm(0);
	assert_true(S_ISFIFO(in_layer(t, "p").st_mode));
	assert_true(file_is(t, "h", "x"));
}

static void impossible_ids_are_refused_and_named(void **state)
{
	static const unsigned char huge[8] = { 0xff, 0, 0, 0, 0, 0, 0, 0 };
	static const char *const ids[] = { "4294967295", "4294967296", "-1",
		"9223372036854775807" };
	struct target *t = *state;

	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		buf_reset(&t->tar);
		tar_pax1(&t->tar, "uid", ids[i]);
		TAR_ADD(&t->tar, .name = "f", .data = "x");
		assert_refused(t, "user id");
		assert_int_equal(in_layer(t, "f").st_mode, 0);
		buf_reset(&t->tar);
		tar_pax1(&t->tar, "gid", ids[i]);
		TAR_ADD(&t->tar, .name = "d", .type = '5');
		assert_refused(t, "group id");
	}
	buf_reset(&t->tar);
	TAR_ADD(&t->tar, .name = "f", .data = "x", .raw_uid = huge);
	assert_true(unpack_tar(t) < 0);
}

static void impossible_ids_are_refused_for_a_single_id_too(void **state)
{
	impossible_ids_are_refused_and_named(state);
}

static void ids_outside_the_map_are_refused_and_named(void **state)
{
	struct target *t = *state;

	if (t->map.kind != IDMAP_SUBID)
		skip(); /* root's map has every id, a single id keeps them as metadata */
	tar_pax1(&t->tar, "uid", "2147483648");
	TAR_ADD(&t->tar, .name = "f", .data = "x");
	assert_refused(t, "2147483648");
	assert_string_equal(t->err.id, "E-ID-RANGE");
}

/* GNU 1.0: the map is decimal text in front of the data. */
static void add_sparse(
	struct buf *tar, const char *name, const char *real_size, const char *map, const char *data)
{
	autobuf struct buf records = BUF_INIT, body = BUF_INIT;
	struct member m = { .name = "GNUSparseFile.0/f" };

	pax_record(&records, "GNU.sparse.major", "1", 1);
	pax_record(&records, "GNU.sparse.minor", "0", 1);
	pax_record(&records, "GNU.sparse.name", name, strlen(name));
	pax_record(&records, "GNU.sparse.realsize", real_size, strlen(real_size));
	tar_pax(tar, 'x', &records);
	buf_adds(&body, map);
	while (body.len % 512)
		buf_addc(&body, '\0');
	buf_adds(&body, data);
	m.data = body.data;
	m.len = body.len;
	tar_add(tar, &m);
}

static void sparse_files_stay_sparse(void **state)
{
	struct target *t = *state;
	struct rusage a, b;
	struct stat st;

	assert_int_equal(getrusage(RUSAGE_CHILDREN, &a), 0);
	add_sparse(&t->tar, "big", "10000000000", "2\n0\n3\n9999999997\n3\n", "oneend");
	assert_unpacked(t);
	assert_int_equal(
		getrusage(RUSAGE_CHILDREN, &b), 0); /* what others do at the time is not counted */
	st = in_layer(t, "big");
	assert_int_equal(st.st_size, 10000000000);
	assert_true(st.st_blocks < 100);
	assert_true(
		b.ru_utime.tv_sec + b.ru_stime.tv_sec - a.ru_utime.tv_sec - a.ru_stime.tv_sec < 5);
}

static void bad_sparse_maps_are_refused(void **state)
{
	static const char *const maps[][2] = {
		{ "9000000000000000000", "1\n8999999999999999999\n1\n" }, /* larger than any file */
		{ "100", "2\n50\n3\n0\n3\n" },                            /* backwards */
		{ "100", "1\n-5\n3\n" },
		{ "100", "1\nx\n3\n" },
		{ "100", "99999999999999999999999\n0\n3\n" },
	};
	struct target *t = *state;

	for (size_t i = 0; i < ARRAY_SIZE(maps); i++) {
		buf_reset(&t->tar);
		add_sparse(&t->tar, "big", maps[i][0], maps[i][1], "abcdef");
		assert_true(unpack_tar(t) < 0);
	}
}

static void bytes_that_are_no_tar_are_refused(void **state)
{
	static const struct {
		const char *what;
		const char *bytes;
		size_t len;
	} rows[] = {
		{ "zip", "PK\003\004", 4 },
		{ "cpio", "070701", 6 },
		{ "7z", "7z\xbc\xaf\x27\x1c", 6 },
		{ "rar", "Rar!\x1a\x07", 6 },
		{ "ar", "!<arch>\n", 8 },
		{ "mtree", "#mtree\nx type=file contents=/etc/passwd\n", 40 },
		{ "xar", "xar!", 4 },
		{ "html", "<!doctype html><title>403</title>", 33 },
		{ "grzip", "GRZipII\0\002\004:)", 12 },
		{ "lrzip", "LRZI\0\006", 6 },
		{ "gzip", "\x1f\x8b\x08\0", 4 },
		{ "xz",
			"\xfd"
			"7zXZ",
			6 },
	};
	struct target *t = *state;
	char block[2048];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		memset(block, 'x', sizeof(block));
		memcpy(block, rows[i].bytes, rows[i].len);
		if (unpack_bytes(t, block, sizeof(block)) >= 0)
			fail_msg("%s was taken for a tar", rows[i].what);
		assert_non_null(strstr(t->err.text, "not a tar"));
	}
}

static void a_truncated_archive_is_refused(void **state)
{
	struct target *t = *state;

	TAR_ADD(&t->tar, .name = "f", .data = "0123456789");
	assert_true(unpack_bytes(t, t->tar.data, 515) < 0);
	assert_true(unpack_bytes(t, t->tar.data, 300) < 0);
}

/* As umoci writes its last file. */
static void padding_at_the_end_may_be_missing(void **state)
{
	struct target *t = *state;

	TAR_ADD(&t->tar, .name = "f", .data = "0123456789");
	assert_int_equal(unpack_bytes(t, t->tar.data, 522), 0);
	assert_true(file_is(t, "f", "0123456789"));
}

/* Both sizes are given; the PAX one counts, so what follows is where GNU tar sees it. */
static void the_pax_size_counts(void **state)
{
	struct target *t = *state;

	tar_pax1(&t->tar, "size", "512");
	TAR_ADD(&t->tar, .name = "f");
	for (int i = 0; i < 512; i++)
		buf_addc(&t->tar, 'd');
	TAR_ADD(&t->tar, .name = "next", .data = "n");
	assert_unpacked(t);
	assert_int_equal(in_layer(t, "f").st_size, 512);
	assert_true(file_is(t, "next", "n"));
}

static void a_long_name_header_beats_its_pax_neighbours_once(void **state)
{
	struct target *t = *state;

	tar_pax1(&t->tar, "mtime", "5");
	tar_gnu_long(&t->tar, 'L', "long-name");
	TAR_ADD(&t->tar, .name = "short", .data = "a");
	TAR_ADD(&t->tar, .name = "second", .data = "b");
	assert_unpacked(t);
	assert_true(file_is(t, "second", "b"));
	assert_true(file_is(t, "long-name", "a"));
}

static void giant_headers_are_refused_in_little_memory(void **state)
{
	struct target *t = *state;
	size_t len = 64u << 20;
	autofree char *path = xmalloc(len + 1);
	struct rusage usage;
	long before;

	(void)getrusage(RUSAGE_CHILDREN, &usage);
	before = usage.ru_maxrss;
	memset(path, 'a', len);
	path[len] = '\0';
	tar_pax1(&t->tar, "path", path);
	TAR_ADD(&t->tar, .name = "f", .data = "x");
	assert_true(unpack_tar(t) < 0);
	buf_reset(&t->tar);
	TAR_ADD(&t->tar, .name = "././@LongLink", .type = 'L', .data = "x");
	memcpy(t->tar.data + 124, "77777777777", 11); /* claims 8 GB; the checksum is wrong, too */
	assert_true(unpack_tar(t) < 0);
	(void)getrusage(RUSAGE_CHILDREN, &usage);
	/* The child inherits our 200 MB; it must not have added to them what the header claims. */
	assert_true(usage.ru_maxrss < before + (400L << 10));
}

static void bad_pax_records_are_refused(void **state)
{
	static const char *const bad[] = { "x path=a\n", "0 path=a\n",
		"99999999999999999999 path=a\n", "12 path=a\n", "7 path\n", "-5 a=b\n" };
	struct target *t = *state;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		buf_reset(&t->tar);
		TAR_ADD(&t->tar, .name = "h", .type = 'x', .data = bad[i]);
		TAR_ADD(&t->tar, .name = "f", .data = "x");
		assert_true(unpack_tar(t) < 0);
	}
}

static void too_large_xattrs_are_refused(void **state)
{
	struct target *t = *state;
	autobuf struct buf records = BUF_INIT;
	autofree char *value = xcalloc(1, 70000);

	pax_record(&records, "SCHILY.xattr.user.big", value, 70000);
	tar_pax(&t->tar, 'x', &records);
	TAR_ADD(&t->tar, .name = "f", .data = "x");
	assert_refused(t, "extended attributes");
}

static void a_nul_inside_a_pax_path_ends_it(void **state)
{
	struct target *t = *state;
	autobuf struct buf records = BUF_INIT;

	pax_record(&records, "path", "good\0/../../outside/x", 21);
	tar_pax(&t->tar, 'x', &records);
	TAR_ADD(&t->tar, .name = "f", .data = "x");
	(void)unpack_tar(t); /* taken as "good" or refused; unpack_tar() saw that nothing got out */
	assert_int_equal(in_layer(t, "x").st_mode, 0);
}

static void extreme_times_are_clamped(void **state)
{
	static const char *const times[] = { "-9223372036854775808", "9223372036854775807", "-1.5",
		"99999999999", "0.999999999" };
	struct target *t = *state;
	char name[8];

	for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
		(void)snprintf(name, sizeof(name), "f%zu", i);
		tar_pax1(&t->tar, "mtime", times[i]);
		TAR_ADD(&t->tar, .name = name, .data = "x");
		(void)snprintf(name, sizeof(name), "d%zu", i);
		tar_pax1(&t->tar, "mtime", times[i]);
		TAR_ADD(&t->tar, .name = name, .type = '5');
	}
	assert_unpacked(t);
	assert_true(file_is(t, "f0", "x"));
	assert_true(file_is(t, "f1", "x"));
}

static void too_many_hard_links_are_an_error_not_a_loop(void **state)
{
	struct target *t = *state;
	char name[16];

	TAR_ADD(&t->tar, .name = "f", .data = "x");
	for (int i = 0; i < 66000; i++) {
		(void)snprintf(name, sizeof(name), "l%d", i);
		TAR_ADD(&t->tar, .name = name, .type = '1', .link = "f");
	}
	if (unpack_tar(t) < 0)
		assert_non_null(strstr(t->err.text, "Too many links"));
	else
		assert_int_equal(in_layer(t, "f").st_nlink, 66001);
}

TEST_MAIN(TARGET_TEST(devices_are_left_out), TARGET_TEST(a_fifo_is_never_opened),
	TARGET_TEST(impossible_ids_are_refused_and_named),
	TARGET_TEST_SINGLE(impossible_ids_are_refused_for_a_single_id_too),
	TARGET_TEST(ids_outside_the_map_are_refused_and_named),
	TARGET_TEST(sparse_files_stay_sparse), TARGET_TEST(bad_sparse_maps_are_refused),
	TARGET_TEST(bytes_that_are_no_tar_are_refused), TARGET_TEST(a_truncated_archive_is_refused),
	TARGET_TEST(padding_at_the_end_may_be_missing), TARGET_TEST(the_pax_size_counts),
	TARGET_TEST(a_long_name_header_beats_its_pax_neighbours_once),
	TARGET_TEST(giant_headers_are_refused_in_little_memory),
	TARGET_TEST(bad_pax_records_are_refused), TARGET_TEST(too_large_xattrs_are_refused),
	TARGET_TEST(a_nul_inside_a_pax_path_ends_it), TARGET_TEST(extreme_times_are_clamped),
	TARGET_TEST(too_many_hard_links_are_an_error_not_a_loop))
