/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "image/inflate.h"

#define GZIP "application/vnd.oci.image.layer.v1.tar+gzip"
#define ZSTD "application/vnd.oci.image.layer.v1.tar+zstd"
#define TAR  "application/vnd.oci.image.layer.v1.tar"

/* "hello\n" and "world\n" as gzip(1) and zstd(1) write them. */
static const unsigned char hello_gz[] = { 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xcb, 0x48, 0xcd,
	0xc9, 0xc9, 0xe7, 2, 0, 0x20, 0x30, 0x3a, 0x36, 6, 0, 0, 0 };
static const unsigned char world_gz[] = { 0x1f, 0x8b, 0x8, 0x0, 0x0, 0x0, 0x0, 0x0, 0x2, 0x3, 0x2b,
	0xcf, 0x2f, 0xca, 0x49, 0xe1, 0x2, 0x0, 0xa8, 0x61, 0x38, 0xdd, 0x6, 0x0, 0x0, 0x0 };
static const unsigned char hello_zst[] = { 0x28, 0xb5, 0x2f, 0xfd, 0x4, 0x58, 0x31, 0x0, 0x0, 0x68,
	0x65, 0x6c, 0x6c, 0x6f, 0xa, 0x53, 0x88, 0xbd, 0x91 };
static const unsigned char world_zst[] = { 0x28, 0xb5, 0x2f, 0xfd, 0x4, 0x58, 0x31, 0x0, 0x0, 0x77,
	0x6f, 0x72, 0x6c, 0x64, 0xa, 0xaa, 0x6e, 0x56, 0x9f };
/* A frame that wants a window of 2 GiB. */
static const unsigned char window_zst[] = { 0x28, 0xb5, 0x2f, 0xfd, 0, 0xa8, 0x31, 0, 0, 'h', 'e',
	'l', 'l', 'o', '\n' };

struct input {
	unsigned char data[1024];
	size_t len;
};

static void add(struct input *in, const void *data, size_t len)
{
	assert_true(in->len + len <= sizeof(in->data));
	memcpy(in->data + in->len, data, len);
	in->len += len;
}
#define ADD(in, array) add(in, array, sizeof(array))

/* Everything that comes out, or the error. */
static ssize_t inflate_all(
	const struct input *in, const char *type, char *out, size_t size, struct err *err)
{
	autoinflate struct inflate *f = NULL;
	autofd int fd = memfd_create("in", MFD_CLOEXEC);
	size_t at = 0;
	ssize_t n;

	*err = (struct err)ERR_INIT;
	assert_int_equal(pwrite(fd, in->data, in->len, 0), in->len);
	n = inflate_new(fd, type, &f, err);
	if (n < 0)
		return n;
	do {
		n = inflate_read(f, out + at, size - 1 - at < 5 ? size - 1 - at : 5, err);
		at += n > 0 ? (size_t)n : 0;
	} while (n > 0 && at < size - 1);
	out[at] = '\0';
	if (n == 0)
		assert_int_equal(inflate_consumed(f), in->len);
	return n < 0 ? n : (ssize_t)at;
}

static void assert_inflates(const struct input *in, const char *type, const char *want)
{
	char out[100];
	struct err err;

	if (inflate_all(in, type, out, sizeof(out), &err) < 0)
		fail_msg("%s", err.text);
	assert_string_equal(out, want);
}

static void assert_fails(const struct input *in, const char *type, const char *word)
{
	char out[100];
	struct err err;

	assert_true(inflate_all(in, type, out, sizeof(out), &err) < 0);
	if (!strstr(err.text, word))
		fail_msg("'%s' lacks '%s'", err.text, word);
}

static void each_compression_is_read(void **state)
{
	struct input gz = { 0 }, zst = { 0 }, plain = { 0 };

	(void)state;
	ADD(&gz, hello_gz);
	assert_inflates(&gz, GZIP, "hello\n");
	assert_inflates(&gz, "application/vnd.docker.image.rootfs.diff.tar.gzip", "hello\n");
	ADD(&zst, hello_zst);
	assert_inflates(&zst, ZSTD, "hello\n");
	add(&plain, "hello\n", 6);
	assert_inflates(&plain, TAR, "hello\n");
}

static void all_members_are_read(void **state)
{
	struct input gz = { 0 }, zst = { 0 };
	static const char zeros[100];

	(void)state;
	ADD(&gz, hello_gz);
	ADD(&gz, world_gz);
	ADD(&gz, zeros);
	ADD(&gz, hello_gz);
	ADD(&gz, zeros);
	assert_inflates(&gz, GZIP, "hello\nworld\nhello\n");
	ADD(&zst, hello_zst);
	add(&zst, "\x53\x2a\x4d\x18\3\0\0\0abc", 11); /* a skippable frame */
	ADD(&zst, world_zst);
	assert_inflates(&zst, ZSTD, "hello\nworld\n");
}

static void garbage_after_the_data_is_refused(void **state)
{
	struct input gz = { 0 }, zst = { 0 };

	(void)state;
	ADD(&gz, hello_gz);
	add(&gz, "garbage", 7);
	assert_fails(&gz, GZIP, "follows");
	ADD(&zst, hello_zst);
	add(&zst, "garbage", 7);
	assert_fails(&zst, ZSTD, "zstd");
}

static void every_truncation_is_noticed(void **state)
{
	struct input in = { 0 };

	(void)state;
	ADD(&in, hello_gz);
	for (in.len = sizeof(hello_gz) - 1; in.len > 1; in.len--)
		assert_fails(&in, GZIP, "");
	in.len = 0;
	ADD(&in, hello_zst);
	for (in.len = sizeof(hello_zst) - 1; in.len > 3; in.len--)
		assert_fails(&in, ZSTD, "");
}

static void a_wrong_checksum_is_noticed(void **state)
{
	struct input in = { 0 };

	(void)state;
	ADD(&in, hello_gz);
	in.data[in.len - 8] ^= 1;
	assert_fails(&in, GZIP, "gzip");
	in.data[in.len - 8] ^= 1;
	in.data[in.len - 1] ^= 1;
	assert_fails(&in, GZIP, "gzip");
}

static void the_label_and_the_bytes_must_agree(void **state)
{
	struct input gz = { 0 }, zst = { 0 }, plain = { 0 }, none = { 0 };

	(void)state;
	ADD(&gz, hello_gz);
	ADD(&zst, hello_zst);
	add(&plain, "<html>", 6);
	assert_fails(&gz, TAR, "labelled uncompressed");
	assert_fails(&gz, ZSTD, "it is gzip");
	assert_fails(&zst, GZIP, "it is zstd");
	assert_fails(&plain, GZIP, "neither");
	assert_fails(&none, GZIP, "neither");
}

static void a_giant_window_is_refused(void **state)
{
	struct input in = { 0 };

	(void)state;
	ADD(&in, window_zst);
	assert_fails(&in, ZSTD, "memory");
}

/* Only the outer level is taken away; what is inside is for the tar reader to refuse. */
static void one_level_is_inflated(void **state)
{
	struct input in = { 0 };
	char out[100];
	struct err err;

	(void)state;
	static const unsigned char nested[] = { 0x1f, 0x8b, 0x8, 0x0, 0x0, 0x0, 0x0, 0x0, 0x2, 0x3,
		0x93, 0xef, 0xe6, 0x60, 0x0, 0x3, 0xe6, 0xd3, 0x1e, 0x67, 0x4f, 0x9e, 0x7c, 0xce,
		0xc4, 0xa0, 0x60, 0x60, 0x65, 0xc6, 0x6, 0x14, 0x0, 0x0, 0x45, 0xe4, 0x6f, 0x47,
		0x1a, 0x0, 0x0, 0x0 };
	ADD(&in, nested);
	assert_int_equal(inflate_all(&in, GZIP, out, sizeof(out), &err), sizeof(hello_gz));
	assert_memory_equal(out, hello_gz, sizeof(hello_gz));
}

static void a_million_members_are_no_problem(void **state)
{
	autofree unsigned char *data = xmalloc(sizeof(hello_gz) * 50000);
	autoinflate struct inflate *f = NULL;
	autofd int fd = memfd_create("in", MFD_CLOEXEC);
	struct err err = ERR_INIT;
	static char out[1 << 16];
	size_t total = 0;
	ssize_t n;

	(void)state;
	for (size_t i = 0; i < 50000; i++)
		memcpy(data + i * sizeof(hello_gz), hello_gz, sizeof(hello_gz));
	for (size_t i = 0; i < 20; i++)
		assert_int_equal(
			write(fd, data, sizeof(hello_gz) * 50000), sizeof(hello_gz) * 50000);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(inflate_new(fd, GZIP, &f, &err), 0);
	while ((n = inflate_read(f, out, sizeof(out), &err)) > 0)
		total += (size_t)n;
	assert_int_equal(n, 0);
	assert_int_equal(total, 6000000);
}

TEST_MAIN(cmocka_unit_test(each_compression_is_read), cmocka_unit_test(all_members_are_read),
	cmocka_unit_test(garbage_after_the_data_is_refused),
	cmocka_unit_test(every_truncation_is_noticed),
	cmocka_unit_test(a_wrong_checksum_is_noticed),
	cmocka_unit_test(the_label_and_the_bytes_must_agree),
	cmocka_unit_test(a_giant_window_is_refused), cmocka_unit_test(one_level_is_inflated),
	cmocka_unit_test(a_million_members_are_no_problem))
