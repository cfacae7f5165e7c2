/* SPDX-License-Identifier: Apache-2.0 */
/* Archives made by hand, byte by byte, so that they can be as wrong as an attacker likes; and a place
 * to unpack them with something outside that must not change. */
#ifndef SBX_TESTS_UNIT_IMAGE_TARBALL_H
#define SBX_TESTS_UNIT_IMAGE_TARBALL_H

#include "harness.h"

#include <sys/stat.h>

#include "base/buf.h"
#include "base/userns.h"
#include "image/unpack.h"

struct member {
	const char *name;
	char type; /* '0' file, '1' hard link, '2' symlink, '3' char, '4' block, '5' dir, '6' fifo */
	const char *link;
	const char *data; /* NUL-terminated unless len is given */
	size_t len;
	long uid, gid;
	unsigned mode; /* 0 = 0644 or 0755; MODE_NONE = 000 */
	long mtime;
	unsigned major, minor;
	const unsigned char *raw_uid; /* 8 bytes */
};
#define MODE_NONE 010000

void tar_add(struct buf *tar, const struct member *m);
#define TAR_ADD(tar, ...) tar_add(tar, &(struct member){ __VA_ARGS__ })
/* One PAX record; several may follow each other for one header. value may hold NULs. */
void pax_record(struct buf *records, const char *key, const void *value, size_t len);
void tar_pax(struct buf *tar, char type, const struct buf *records); /* type 'x' or 'g' */
void tar_pax1(struct buf *tar, const char *key, const char *value);  /* one 'x' record */
void tar_gnu_long(struct buf *tar, char type, const char *name);     /* 'L' or 'K' */
void tar_end(struct buf *tar);

struct target {
	struct scratch *scratch;
	int layer; /* <scratch>/layer */
	struct idmap map;
	struct err err;
	struct stat canary;
	struct buf tar;
	char outside[400]; /* absolute path of <scratch>/outside, where the canary is */
};
int target_setup(void **state);
int target_single(void **state); /* the same with a single id */
int target_teardown(void **state);
#define TARGET_TEST(f)        cmocka_unit_test_setup_teardown(f, target_setup, target_teardown)
#define TARGET_TEST_SINGLE(f) cmocka_unit_test_setup_teardown(f, target_single, target_teardown)

/* Ends the archive and unpacks it; the result, with the error in target->err. Fails the test when
 * anything outside the layer changed. */
int unpack_tar(struct target *t);
/* Unpacks any bytes as they are. */
int unpack_bytes(struct target *t, const void *data, size_t len);

/* What is in the layer. Missing: mode 0. */
struct stat in_layer(const struct target *t, const char *path);
bool file_is(const struct target *t, const char *path, const char *contents);
bool link_is(const struct target *t, const char *path, const char *text);
/* Length of the xattr, -1 when there is none. */
ssize_t xattr_of(
	const struct target *t, const char *path, const char *name, char *value, size_t size);

#define assert_refused(t, word)                                           \
	do {                                                              \
		assert_true(unpack_tar(t) < 0);                           \
		if (!strstr((t)->err.text, word))                         \
			fail_msg("'%s' lacks '%s'", (t)->err.text, word); \
	} while (0)
#define assert_unpacked(t)                             \
	do {                                           \
		if (unpack_tar(t) < 0)                 \
			fail_msg("%s", (t)->err.text); \
	} while (0)

#endif
