/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/own.h"
#include "image/store.h"

#define HEX63 "a7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

/* Entries are named by the first digit of their digest. */
static int choose(const char *const *platforms, const char *want, char *ret, struct err *err)
{
	autobuf struct buf text = BUF_INIT;
	automanifest struct manifest index = { 0 };
	struct descriptor d;
	int r;

	buf_adds(&text, "{\"schemaVersion\":2,\"manifests\":[");
	for (size_t i = 0; platforms[i]; i++)
		buf_addf(&text,
			"%s{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\","
			"\"size\":2,\"digest\":\"sha256:%zu" HEX63 "\"%s%s}",
			i ? "," : "", i, platforms[i][0] ? ",\"platform\":" : "", platforms[i]);
	buf_adds(&text, "]}");
	*err = (struct err)ERR_INIT;
	assert_int_equal(manifest_parse(text.data, text.len, NULL, &index, err), 0);
	r = manifest_select(&index, want, &d, err);
	if (r == 0)
		*ret = d.digest[7];
	return r;
}

#define AMD64 "{\"os\":\"linux\",\"architecture\":\"amd64\"}"
#define ARM64 "{\"os\":\"linux\",\"architecture\":\"arm64\",\"variant\":\"v8\"}"
#define ARM5  "{\"os\":\"linux\",\"architecture\":\"arm\",\"variant\":\"v5\"}"
#define ARM6  "{\"os\":\"linux\",\"architecture\":\"arm\",\"variant\":\"v6\"}"
#define ARM7  "{\"os\":\"linux\",\"architecture\":\"arm\",\"variant\":\"v7\"}"
#define AMD3  "{\"os\":\"linux\",\"architecture\":\"amd64\",\"variant\":\"v3\"}"
#define NONE  "{\"os\":\"unknown\",\"architecture\":\"unknown\"}"

static void the_exact_platform_is_taken(void **state)
{
	const char *const list[] = { NONE, ARM64, AMD64, ARM5, ARM7, ARM6, NULL };
	struct err err;
	char got = 0;

	(void)state;
	assert_int_equal(choose(list, "linux/amd64", &got, &err), 0);
	assert_int_equal(got, '2');
	assert_int_equal(choose(list, "linux/arm64", &got, &err), 0);
	assert_int_equal(got, '1');
	assert_int_equal(choose(list, "arm64", &got, &err), 0);
	assert_int_equal(choose(list, "linux/arm/v7", &got, &err), 0);
	assert_int_equal(got, '4');
	assert_int_equal(choose(list, "linux/arm/v6", &got, &err), 0);
	assert_int_equal(got, '5');
}

static void an_older_variant_does_but_a_newer_never(void **state)
{
	const char *const old[] = { ARM5, NULL };
	const char *const newer[] = { ARM7, AMD3, NULL };
	struct err err;
	char got = 0;

	(void)state;
	assert_int_equal(choose(old, "linux/arm/v7", &got, &err), 0);
	assert_int_equal(choose(newer, "linux/arm/v6", &got, &err), -ENOENT);
	assert_int_equal(choose(newer, "linux/amd64", &got, &err), -ENOENT);
}

static void a_foreign_image_says_what_there_is(void **state)
{
	const char *const list[] = { ARM64, NONE, ARM7, NULL };
	struct err err;
	char got = 0;

	(void)state;
	assert_int_equal(choose(list, "linux/amd64", &got, &err), -ENOENT);
	assert_string_equal(err.id, "E-ARCH");
	assert_non_null(strstr(err.text, "linux/amd64"));
	assert_non_null(strstr(err.text, "Available: linux/arm64/v8, linux/arm/v7"));
	assert_null(strstr(err.text, "unknown"));
}

static void a_lone_entry_without_platform_is_taken(void **state)
{
	const char *const list[] = { "", NULL };
	struct err err;
	char got = 0;

	(void)state;
	assert_int_equal(choose(list, NULL, &got, &err), 0);
}

static void platforms_that_are_none_are_refused(void **state)
{
	static const char *const bad[] = {
		"", "a/b/c/d",
		"0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
	};
	const char *const list[] = { AMD64, NULL };
	struct err err;
	char got = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(choose(list, bad[i], &got, &err), -EINVAL);
}

TEST_MAIN(cmocka_unit_test(the_exact_platform_is_taken),
	cmocka_unit_test(an_older_variant_does_but_a_newer_never),
	cmocka_unit_test(a_foreign_image_says_what_there_is),
	cmocka_unit_test(a_lone_entry_without_platform_is_taken),
	cmocka_unit_test(platforms_that_are_none_are_refused))
