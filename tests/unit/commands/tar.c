/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/tar.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "harness.h"

static int file(void)
{
	int fd = memfd_create("tar", MFD_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static void rewind_to(int fd, off_t at)
{
	assert_int_equal(lseek(fd, at, SEEK_SET), at);
}

static void entries_come_back_as_they_were(void **state)
{
	char path[300], link[3000];
	int fd = file(), in = file(), out = file();
	struct err err = ERR_INIT;
	struct tar_entry e = { .type = TAR_FILE,
		.path = path,
		.size = 5,
		.uid = 3000000,
		.gid = 7,
		.mode = 04755,
		.mtime = { 1700000000, 123456789 } };
	struct tar_entry l = { .type = TAR_SYMLINK, .path = (char *)"l", .link = link };
	struct tar_reader r = { .in = fd };
	struct tar_entry got = { 0 };
	char data[6] = "";

	memset(path, 'p', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	memset(link, 'l', sizeof(link));
	link[sizeof(link) - 1] = '\0';
	assert_int_equal(write(in, "hello", 5), 5);
	rewind_to(in, 0);
	assert_int_equal(tar_write_entry(fd, &e, &err), 0);
	assert_int_equal(tar_write_data(fd, in, 5, &err), 0);
	assert_int_equal(tar_write_entry(fd, &l, &err), 0);
	assert_int_equal(tar_write_end(fd, &err), 0);
	rewind_to(fd, 0);
	assert_int_equal(tar_read_entry(&r, &got, &err), 1);
	assert_string_equal(got.path, path);
	assert_int_equal(got.uid, 3000000);
	assert_int_equal(got.mode, 04755);
	assert_int_equal(got.mtime.tv_nsec, 123456789);
	tar_entry_done(&got);
	assert_int_equal(tar_read_data(&r, out, &err), 0);
	assert_int_equal(pread(out, data, 6, 0), 5);
	assert_string_equal(data, "hello");
	assert_int_equal(tar_read_entry(&r, &got, &err), 1);
	assert_int_equal(got.type, TAR_SYMLINK);
	assert_string_equal(got.link, link);
	tar_entry_done(&got);
	assert_int_equal(tar_read_entry(&r, &got, &err), 0);
	(void)close(fd);
	(void)close(in);
	(void)close(out);
}

static void a_file_that_shrinks_is_filled_up(void **state)
{
	int fd = file(), in = file();
	struct err err = ERR_INIT;

	assert_int_equal(write(in, "ab", 2), 2);
	rewind_to(in, 0);
	assert_int_equal(tar_write_data(fd, in, 600, &err), 0);
	assert_int_equal(lseek(fd, 0, SEEK_END), 1024);
	(void)close(fd);
	(void)close(in);
}

static int first_entry(const void *bytes, size_t len)
{
	int fd = file(), r;
	struct err err = ERR_INIT;
	struct tar_reader reader = { .in = fd };
	struct tar_entry e = { 0 };

	assert_int_equal(write(fd, bytes, len), len);
	rewind_to(fd, 0);
	r = tar_read_entry(&reader, &e, &err);
	tar_entry_done(&e);
	(void)close(fd);
	return r;
}

static void streams_that_just_stop_are_errors(void **state)
{
	struct tar_entry e = { .type = TAR_FILE, .path = (char *)"f", .size = 5000 };
	char bytes[1024] = "";
	int fd = file(), out = file();
	struct err err = ERR_INIT;
	struct tar_reader r = { .in = fd };
	struct tar_entry got = { 0 };

	assert_int_equal(first_entry("", 0), -EPROTO);
	assert_int_equal(first_entry(bytes, 100), -EPROTO);
	assert_int_equal(first_entry(bytes, 512), 0);
	memset(bytes, 'x', sizeof(bytes));
	assert_int_equal(first_entry(bytes, sizeof(bytes)), -EPROTO);
	assert_int_equal(tar_write_entry(fd, &e, &err), 0);
	assert_int_equal(write(fd, bytes, 1024), 1024);
	rewind_to(fd, 0);
	assert_int_equal(tar_read_entry(&r, &got, &err), 1);
	tar_entry_done(&got);
	assert_int_equal(tar_read_data(&r, out, &err), -EPROTO);
	(void)close(fd);
	(void)close(out);
}

static void one_changed_byte_of_a_header_is_seen(void **state)
{
	struct tar_entry e = { .type = TAR_DIR, .path = (char *)"dir/", .mode = 0755 };
	char bytes[512];
	int fd = file();
	struct err err = ERR_INIT;

	assert_int_equal(tar_write_entry(fd, &e, &err), 0);
	assert_int_equal(pread(fd, bytes, sizeof(bytes), 0), sizeof(bytes));
	assert_int_equal(first_entry(bytes, sizeof(bytes)), 1);
	bytes[1] ^= 1;
	assert_int_equal(first_entry(bytes, sizeof(bytes)), -EPROTO);
	(void)close(fd);
}

TEST_MAIN(cmocka_unit_test(entries_come_back_as_they_were),
	cmocka_unit_test(a_file_that_shrinks_is_filled_up),
	cmocka_unit_test(streams_that_just_stop_are_errors),
	cmocka_unit_test(one_changed_byte_of_a_header_is_seen))
