/* SPDX-License-Identifier: Apache-2.0 */
#include "options/options.h"

#include <errno.h>
#include <stdlib.h>

#include "base/own.h"
#include "harness.h"

static void an_output_is_a_type_and_a_place(void **state)
{
	struct build_output o = { .push = false };
	struct err err = ERR_INIT;

	assert_int_equal(parse_build_output("type=tar,dest=a.tar", &o, &err), 0);
	assert_int_equal(o.type, OUTPUT_TAR);
	assert_string_equal(o.dest, "a.tar");
	free(o.dest);
	assert_int_equal(parse_build_output("out", &o, &err), 0);
	assert_int_equal(o.type, OUTPUT_LOCAL);
	assert_string_equal(o.dest, "out");
	free(o.dest);
	assert_int_equal(parse_build_output("-", &o, &err), 0);
	assert_int_equal(o.type, OUTPUT_TAR);
	free(o.dest);
	assert_int_equal(parse_build_output("type=image,push=true", &o, &err), 0);
	assert_true(o.push && !o.dest);
	assert_int_equal(parse_build_output("type=registry,name=a/b:1", &o, &err), 0);
	assert_true(o.push && o.type == OUTPUT_IMAGE);
	assert_string_equal(o.name, "a/b:1");
	free(o.name);
}

static void an_output_without_its_place_is_refused(void **state)
{
	static const char *const bad[] = { "type=local", "type=tar,dest=", "type=x,dest=y",
		"type=local,dest=-", "type=image,dest=f", "type=oci,wrong=1", "type=oci,flag",
		"type=image,compression=zstd", "type=image,name=x,dest=f" };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct build_output o;
		struct err err = ERR_INIT;

		assert_int_equal(parse_build_output(bad[i], &o, &err), -EINVAL);
		assert_true(err.text[0]);
	}
}

static void a_secret_comes_from_a_file_or_a_variable(void **state)
{
	static const char *const bad[] = { "", "src=f", "id=a,src=f,env=E", "id=a,what=b",
		"id=a,src" };
	struct build_secret s = { 0 };
	struct err err = ERR_INIT;

	assert_int_equal(parse_build_secret("id=a,src=/f", &s, &err), 0);
	assert_string_equal(s.id, "a");
	assert_string_equal(s.file, "/f");
	assert_null(s.env);
	free(s.id);
	free(s.file);
	assert_int_equal(parse_build_secret("type=env,id=a,env=E", &s, &err), 0);
	assert_string_equal(s.env, "E");
	free(s.id);
	free(s.env);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(parse_build_secret(bad[i], &s, &err), -EINVAL);
}

static void a_cache_has_a_type_and_a_place(void **state)
{
	static const char *const bad[] = { "", "type=gha", "type=local", "type=local,src=d",
		"type=registry,ref=", "type=registry,ref=x,mode=max", "type=local,dest=d,mode=all",
		"type=inline,mode=max", "type=local,dest" };
	struct build_cache c = { .max = false };
	struct err err = ERR_INIT;

	assert_int_equal(parse_build_cache("a/b:1", false, &c, &err), 0);
	assert_true(c.type == CACHE_REGISTRY && !c.asked);
	assert_string_equal(c.where, "a/b:1");
	free(c.where);
	assert_int_equal(parse_build_cache("type=local,src=d", false, &c, &err), 0);
	assert_true(c.type == CACHE_LOCAL && !c.max);
	free(c.where);
	assert_int_equal(parse_build_cache("type=local,dest=d,mode=max", true, &c, &err), 0);
	assert_true(c.type == CACHE_LOCAL && c.max);
	free(c.where);
	assert_int_equal(parse_build_cache("type=inline", true, &c, &err), 0);
	assert_true(c.type == CACHE_INLINE && !c.where);
	assert_int_equal(parse_build_cache("type=inline", false, &c, &err), -EINVAL);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(parse_build_cache(bad[i], true, &c, &err), -EINVAL);
}

TEST_MAIN(cmocka_unit_test(a_cache_has_a_type_and_a_place),
	cmocka_unit_test(an_output_is_a_type_and_a_place),
	cmocka_unit_test(an_output_without_its_place_is_refused),
	cmocka_unit_test(a_secret_comes_from_a_file_or_a_variable))
