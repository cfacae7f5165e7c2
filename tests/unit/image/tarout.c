/* SPDX-License-Identifier: Apache-2.0 */
#include "image/tarout.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/own.h"
#include "harness.h"
#include "image/unpack.h"

static int new_file(void)
{
	int fd = memfd_create("tar", MFD_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

struct seen {
	unsigned n;
	struct unpack_entry last;
	char path[6000], link[6000];
	struct buf data;
	unsigned ends;
};

static int on_member(void *data, const struct unpack_entry *e, struct err *err)
{
	struct seen *seen = data;

	(void)err;
	seen->n++;
	seen->last = *e;
	(void)snprintf(seen->path, sizeof(seen->path), "%s", e->path);
	(void)snprintf(seen->link, sizeof(seen->link), "%s", e->link ? e->link : "");
	return e->type == UNPACK_FILE;
}

static int on_piece(void *data, const void *bytes, size_t len, struct err *err)
{
	(void)err;
	buf_add(&((struct seen *)data)->data, bytes, len);
	return 0;
}

static int on_end(void *data, struct err *err)
{
	(void)err;
	((struct seen *)data)->ends++;
	return 0;
}

static int visit(int fd, struct seen *seen, struct err *err)
{
	struct tar_visitor v = { on_member, on_piece, on_end, seen };

	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return tar_visit(fd, &v, err);
}

/* Writes one member, reads it back. */
static void round_trip(const struct tar_member *m, struct seen *seen)
{
	struct err err = ERR_INIT;
	struct tar_out out;
	int fd = new_file();

	tar_out_init(&out, fd, NULL);
	assert_int_equal(tar_out_member(&out, m, &err), 0);
	assert_int_equal(tar_out_end(&out, &err), 0);
	assert_int_equal(out.total % 512, 0);
	tar_out_done(&out);
	if (visit(fd, seen, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(seen->n, 1);
	(void)close(fd);
}

static void a_directory_keeps_owner_mode_and_time(void **state)
{
	struct tar_member m = { .type = TAR_DIR,
		.path = "a/b",
		.mode = 01777,
		.uid = 33,
		.gid = 65534,
		.mtime = 1700000000 };
	struct seen seen = { 0 };

	(void)state;
	round_trip(&m, &seen);
	assert_int_equal(seen.last.type, UNPACK_DIR);
	assert_string_equal(seen.path, "a/b/");
	assert_int_equal(seen.last.mode, 01777);
	assert_int_equal(seen.last.uid, 33);
	assert_int_equal(seen.last.gid, 65534);
	assert_int_equal(seen.last.mtime.tv_sec, 1700000000);
}

static void what_does_not_fit_goes_into_pax(void **state)
{
	char path[5001], link[5001];
	struct tar_member m = { .type = TAR_SYMLINK,
		.path = path,
		.link = link,
		.uid = 4000000000,
		.gid = 3000000,
		.mtime = -5 };
	struct seen seen = { 0 };

	(void)state;
	memset(path, 'p', 5000);
	memset(link, 'l', 5000);
	path[5000] = link[5000] = '\0';
	round_trip(&m, &seen);
	assert_string_equal(seen.path, path);
	assert_string_equal(seen.link, link);
	assert_int_equal(seen.last.uid, 4000000000);
	assert_int_equal(seen.last.gid, 3000000);
	assert_int_equal(seen.last.mtime.tv_sec, -5);
}

static void a_name_of_exactly_a_hundred_bytes_needs_no_pax(void **state)
{
	char path[101];
	struct tar_member m = { .type = TAR_SYMLINK, .path = path, .link = "x" };
	struct seen seen = { 0 };

	(void)state;
	memset(path, 'p', 100);
	path[100] = '\0';
	round_trip(&m, &seen);
	assert_string_equal(seen.path, path);
}

static void strange_bytes_in_names_survive(void **state)
{
	struct tar_member m = {
		.type = TAR_SYMLINK, .path = "-a\nb\x1b[2J\xff", .link = "\xc3\x28"
	};
	struct seen seen = { 0 };

	(void)state;
	round_trip(&m, &seen);
	assert_string_equal(seen.path, m.path);
	assert_string_equal(seen.link, m.link);
}

static void pax_records_count_their_own_length(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	tar_pax_add(&b, "a", "b", 1);
	assert_string_equal(b.data, "6 a=b\n");
	buf_reset(&b);
	tar_pax_add(&b, "abc", "12", 2); /* 8 bytes without the number's second digit */
	assert_string_equal(b.data, "9 abc=12\n");
	buf_reset(&b);
	tar_pax_add(&b, "abc", "123", 3);
	assert_string_equal(b.data, "11 abc=123\n");
	buf_done(&b);
}

static void a_file_shorter_than_told_is_filled_with_zeros(void **state)
{
	struct tar_member m = { .type = TAR_FILE, .path = "f", .mode = 0644, .size = 1000 };
	struct seen seen = { 0 };
	struct err err = ERR_INIT;
	struct tar_out out;
	int fd = new_file(), source = new_file();

	(void)state;
	assert_int_equal(write(source, "abc", 3), 3);
	assert_int_equal(lseek(source, 0, SEEK_SET), 0);
	tar_out_init(&out, fd, NULL);
	assert_int_equal(tar_out_member(&out, &m, &err), 0);
	assert_int_equal(tar_out_copy(&out, source, m.size, NULL, &err), 1);
	assert_int_equal(tar_out_end(&out, &err), 0);
	tar_out_done(&out);
	assert_int_equal(visit(fd, &seen, &err), 0);
	assert_int_equal(seen.ends, 1);
	assert_int_equal(seen.data.len, 1000);
	assert_memory_equal(seen.data.data, "abc\0\0", 5);
	buf_done(&seen.data);
	(void)close(fd);
	(void)close(source);
}

static void the_digest_is_that_of_the_whole_archive(void **state)
{
	struct tar_member m = { .type = TAR_FILE, .path = "f", .mode = 0644, .size = 3 };
	struct digester *own = NULL, *again = NULL;
	char got[DIGEST_MAX], want[DIGEST_MAX];
	struct buf text = BUF_INIT;
	struct err err = ERR_INIT;
	struct tar_out out;
	char *bytes;
	int fd = new_file();

	(void)state;
	assert_int_equal(digester_new(NULL, &own, &err), 0);
	assert_int_equal(digester_new(NULL, &again, &err), 0);
	tar_out_init(&out, fd, own);
	buf_adds(&text, "abc");
	assert_int_equal(tar_out_text(&out, &m, &text, &err), 0);
	buf_done(&text);
	assert_int_equal(tar_out_end(&out, &err), 0);
	bytes = mmap(NULL, (size_t)out.total, PROT_READ, MAP_SHARED, fd, 0);
	assert_true(bytes != MAP_FAILED);
	digester_update(again, bytes, (size_t)out.total);
	digester_final(own, got);
	digester_final(again, want);
	assert_string_equal(got, want);
	(void)munmap(bytes, (size_t)out.total);
	tar_out_done(&out);
	digester_free(own);
	digester_free(again);
	(void)close(fd);
}

static void a_truncated_archive_is_refused(void **state)
{
	struct tar_member m = { .type = TAR_FILE, .path = "f", .mode = 0644, .size = 100000 };
	struct seen seen = { 0 };
	struct err err = ERR_INIT;
	struct tar_out out;
	int fd = new_file(), zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);

	(void)state;
	tar_out_init(&out, fd, NULL);
	assert_int_equal(tar_out_member(&out, &m, &err), 0);
	assert_int_equal(tar_out_copy(&out, zero, m.size, NULL, &err), 0);
	assert_int_equal(tar_out_end(&out, &err), 0);
	tar_out_done(&out);
	assert_int_equal(ftruncate(fd, 5000), 0);
	assert_int_equal(visit(fd, &seen, &err), -EBADMSG);
	assert_int_equal(seen.ends, 0);
	buf_done(&seen.data);
	(void)close(fd);
	(void)close(zero);
}

TEST_MAIN(cmocka_unit_test(a_directory_keeps_owner_mode_and_time),
	cmocka_unit_test(what_does_not_fit_goes_into_pax),
	cmocka_unit_test(a_name_of_exactly_a_hundred_bytes_needs_no_pax),
	cmocka_unit_test(strange_bytes_in_names_survive),
	cmocka_unit_test(pax_records_count_their_own_length),
	cmocka_unit_test(a_file_shorter_than_told_is_filled_with_zeros),
	cmocka_unit_test(the_digest_is_that_of_the_whole_archive),
	cmocka_unit_test(a_truncated_archive_is_refused))
