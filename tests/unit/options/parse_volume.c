/* SPDX-License-Identifier: Apache-2.0 */
#include "options/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "harness.h"

#define autovolume __attribute__((cleanup(volume_done)))

/* acceptance rows 63, 64, 74 */
static void dockers_forms_are_understood(void **state)
{
	static const struct {
		const char *text;
		enum volume_type type;
		const char *source, *destination;
		bool read_only, no_copy;
	} good[] = {
		{ "/a:/b", VOLUME_BIND, "/a", "/b", false, false },
		{ "/a:/b:ro", VOLUME_BIND, "/a", "/b", true, false },
		{ "/a:/b:rw", VOLUME_BIND, "/a", "/b", false, false },
		{ "/a:/b:z", VOLUME_BIND, "/a", "/b", false, false },
		{ "/a:/b:ro,Z", VOLUME_BIND, "/a", "/b", true, false },
		{ "/a/../c/./d//:/b/", VOLUME_BIND, "/c/d", "/b", false, false },
		{ "/:/host", VOLUME_BIND, "/", "/host", false, false },
		{ "data:/var/lib", VOLUME_NAMED, "data", "/var/lib", false, false },
		{ "my-data.1:/d:nocopy", VOLUME_NAMED, "my-data.1", "/d", false, true },
		{ "/data", VOLUME_ANONYMOUS, NULL, "/data", false, false },
		{ "/with blank/x:/b c/d", VOLUME_BIND, "/with blank/x", "/b c/d", false, false },
		{ "/\xe6\x96\x87:/\xe4\xbb\xb6", VOLUME_BIND, "/\xe6\x96\x87", "/\xe4\xbb\xb6",
			false, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		autovolume struct volume v = { 0 };
		struct err err = ERR_INIT;

		if (parse_volume(good[i].text, &v, &err) != 0)
			fail_msg("%s: %s", good[i].text, err.text);
		assert_int_equal(v.type, good[i].type);
		if (good[i].source)
			assert_string_equal(v.source, good[i].source);
		else
			assert_null(v.source);
		assert_string_equal(v.destination, good[i].destination);
		assert_int_equal(v.read_only, good[i].read_only);
		assert_int_equal(v.no_copy, good[i].no_copy);
		assert_int_equal(v.create_source, v.type == VOLUME_BIND);
	}
}

static void everything_else_is_refused(void **state)
{
	static const struct {
		const char *text, *message;
	} bad[] = {
		{ "", "empty section" },
		{ ":/b", "empty section" },
		{ "/a:", "empty section" },
		{ "/a::ro", "empty section" },
		{ "/a:/b:", "empty section" },
		{ "/a:/b:ro:x", "too many colons" },
		{ "/a:b", "'b' mount path must be absolute" },
		{ "data", "mount path must be absolute" },
		{ "/data:ro", "'ro' mount path must be absolute" },
		{ "/a:/", "destination can't be '/'" },
		{ "/a:/b/..", "destination can't be '/'" },
		{ "/a:/../b", "leads above '/'" },
		{ "/a:/b:xx", "invalid mode: xx" },
		{ "/a:/b:ro,", "invalid mode: " },
		{ "/a:/b:nocopy", "invalid mode: nocopy" },
		{ "/a:/b:shared", "needs root" },
		{ "/a:/b:U", "use squash" },
		{ "/a:/b:suid", "needs root" },
		{ "name:/b:squash", "invalid mode: squash" },
		{ "a b:/c", "includes invalid characters for a local volume name" },
		{ "a/b:/c", "If you intended to pass a host directory, use absolute path" },
		{ "~/x:/c", "includes invalid characters" },
		{ "/a\n:/b", "character 3 is a control character" },
		{ "/a\x1b[2J:/b", "character 3 is a control character" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct volume v = { 0 };
		struct err err = ERR_INIT;

		assert_int_equal(parse_volume(bad[i].text, &v, &err), -EINVAL);
		if (!strstr(err.text, bad[i].message))
			fail_msg("%s: %s", bad[i].text, err.text);
		assert_null(v.destination);
	}
}

/* acceptance row 73 */
static void odd_characters_are_pointed_at(void **state)
{
	static const struct {
		const char *text, *message;
	} bad[] = {
		{ "/a:/b\xef\xbc\x9aro",
			"character 6, '\xef\xbc\x9a' (U+FF1A FULLWIDTH COLON), is not ':'" },
		{ "/a\xef\xbc\x9a/b", "character 3, '\xef\xbc\x9a'" },
		{ "/\xe6\x96\x87\xef\xbc\x9a/b", "character 3, '\xef\xbc\x9a'" },
		{ "/a: /b", "character 4 is a blank next to ':'" },
		{ "/a :/b", "character 3 is a blank next to ':'" },
		{ " /a:/b", "character 1 is a blank" },
		{ "/a:/b ", "character 6 is a blank" },
		{ "/a:\xe3\x80\x80/b", "U+3000 IDEOGRAPHIC SPACE" },
		{ "/a:/b\xc2\xa0", "U+00A0 NO-BREAK SPACE" },
		{ "\xef\xbc\x8f"
		  "a:/b",
			"U+FF0F FULLWIDTH SOLIDUS), is not '/'" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct volume v = { 0 };
		struct err err = ERR_INIT;

		assert_int_equal(parse_volume(bad[i].text, &v, &err), -EINVAL);
		if (!strstr(err.text, bad[i].message))
			fail_msg("%s: %s", bad[i].text, err.text);
		assert_non_null(strstr(err.text, "--mount"));
	}
}

static void dotted_sources_start_at_the_working_directory(void **state)
{
	struct scratch *dir = *state;
	struct err err = ERR_INIT;
	autovolume struct volume v = { 0 };
	size_t len = strlen(dir->path);

	assert_int_equal(chdir(dir->path), 0);
	assert_int_equal(parse_volume("./x/../y:/b", &v, &err), 0);
	assert_int_equal(v.type, VOLUME_BIND);
	assert_memory_equal(v.source, dir->path, len);
	assert_string_equal(v.source + len, "/y");
}

static void tmpfs_takes_mount_options(void **state)
{
	autovolume struct volume a = { 0 }, b = { 0 };
	struct volume c = { 0 };
	struct err err = ERR_INIT;

	assert_int_equal(parse_tmpfs("/run", &a, &err), 0);
	assert_int_equal(a.type, VOLUME_TMPFS);
	assert_null(a.tmpfs_options);
	assert_int_equal(parse_tmpfs("/run:rw,noexec,size=64m,mode=1777", &b, &err), 0);
	assert_string_equal(b.destination, "/run");
	assert_string_equal(b.tmpfs_options, "rw,noexec,size=64m,mode=1777");
	assert_int_equal(parse_tmpfs("run", &c, &err), -EINVAL);
	assert_int_equal(parse_tmpfs("/", &c, &err), -EINVAL);
	assert_int_equal(parse_tmpfs("/run:bogus", &c, &err), -EINVAL);
	assert_string_equal(err.text, "invalid tmpfs option \"bogus\"");
	assert_int_equal(parse_tmpfs("/run:size=", &c, &err), -EINVAL);
	assert_int_equal(parse_tmpfs("/run:", &c, &err), -EINVAL);
}

static void modes_may_be_joined(void **state)
{
	autovolume struct volume v = { 0 };
	struct err err = ERR_INIT;

	assert_int_equal(parse_volume("/a:/b:ro,z,squash,noexec,rslave,bind", &v, &err), 0);
	assert_true(v.read_only && v.squash && v.no_exec && v.slave && v.not_recursive);
}

static void volumes_from_names_a_container_and_a_mode(void **state)
{
	static const char *const good[] = { "c", "c:ro", "c:rw", "c:z" };
	static const char *const bad[] = { "", ":ro", "c:", "c:rx", "c:ro:rw" };
	struct err err = ERR_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_int_equal(parse_volumes_from(good[i], &err), 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(parse_volumes_from(bad[i], &err), -EINVAL);
}

TEST_MAIN(cmocka_unit_test(dockers_forms_are_understood),
	cmocka_unit_test(everything_else_is_refused),
	cmocka_unit_test(odd_characters_are_pointed_at),
	cmocka_unit_test_setup_teardown(dotted_sources_start_at_the_working_directory,
		harness_scratch, harness_scratch_done),
	cmocka_unit_test(tmpfs_takes_mount_options), cmocka_unit_test(modes_may_be_joined),
	cmocka_unit_test(volumes_from_names_a_container_and_a_mode))
