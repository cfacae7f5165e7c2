/* SPDX-License-Identifier: Apache-2.0 */
#include "image/image.h"

#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "harness.h"

#define HEX64  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define SHA    "sha256:" HEX64
#define SHA512 "sha512:" HEX64 HEX64
#define TAG128 HEX64 HEX64

struct good {
	const char *text, *full, *familiar, *name;
};

static void check_good(const struct good *g)
{
	struct err err = ERR_INIT;
	autoref struct ref ref = { 0 };
	autofree char *full = NULL, *familiar = NULL, *name = NULL;

	if (ref_parse(g->text, &ref, &err) < 0)
		fail_msg("'%s' was refused: %s", g->text, err.text);
	full = ref_full(&ref);
	familiar = ref_familiar(&ref);
	name = ref_name(&ref);
	assert_string_equal(full, g->full);
	assert_string_equal(familiar, g->familiar);
	assert_string_equal(name, g->name);
}

static void names_get_dockers_defaults(void **state)
{
	static const struct good table[] = {
		{ "redis", "docker.io/library/redis:latest", "redis:latest", "redis" },
		{ "redis:7", "docker.io/library/redis:7", "redis:7", "redis" },
		{ "bitnami/redis", "docker.io/bitnami/redis:latest", "bitnami/redis:latest",
			"bitnami/redis" },
		{ "docker.io/redis", "docker.io/library/redis:latest", "redis:latest", "redis" },
		{ "index.docker.io/redis", "docker.io/library/redis:latest", "redis:latest",
			"redis" },
		{ "docker.io/library/redis", "docker.io/library/redis:latest", "redis:latest",
			"redis" },
		{ "library/redis", "docker.io/library/redis:latest", "redis:latest", "redis" },
		{ "library/a/b", "docker.io/library/a/b:latest", "library/a/b:latest",
			"library/a/b" },
		{ "docker.io", "docker.io/library/docker.io:latest", "docker.io:latest",
			"docker.io" },
		{ "localhost", "docker.io/library/localhost:latest", "localhost:latest",
			"localhost" },
		{ "localhost/x", "localhost/x:latest", "localhost/x:latest", "localhost/x" },
		{ "localhost:5000/x:1", "localhost:5000/x:1", "localhost:5000/x:1",
			"localhost:5000/x" },
		{ "127.0.0.1:5000/a/b", "127.0.0.1:5000/a/b:latest", "127.0.0.1:5000/a/b:latest",
			"127.0.0.1:5000/a/b" },
		{ "[::1]:5000/x", "[::1]:5000/x:latest", "[::1]:5000/x:latest", "[::1]:5000/x" },
		{ "[fe80::aB]/x", "[fe80::aB]/x:latest", "[fe80::aB]/x:latest", "[fe80::aB]/x" },
		{ "ghcr.io/o/p:v1.2.3", "ghcr.io/o/p:v1.2.3", "ghcr.io/o/p:v1.2.3", "ghcr.io/o/p" },
		{ "Foo/bar", "Foo/bar:latest", "Foo/bar:latest", "Foo/bar" },
		{ "a-b.c-d/e", "a-b.c-d/e:latest", "a-b.c-d/e:latest", "a-b.c-d/e" },
		{ "redis@" SHA, "docker.io/library/redis@" SHA, "redis@" SHA, "redis" },
		{ "redis:7@" SHA, "docker.io/library/redis:7@" SHA, "redis:7@" SHA, "redis" },
		{ "q.io/x@" SHA512, "q.io/x@" SHA512, "q.io/x@" SHA512, "q.io/x" },
		{ "x:" TAG128, "docker.io/library/x:" TAG128, "x:" TAG128, "x" },
		{ "x:_A-.b", "docker.io/library/x:_A-.b", "x:_A-.b", "x" },
		{ "x/a.b_c__d-e---f", "docker.io/x/a.b_c__d-e---f:latest",
			"x/a.b_c__d-e---f:latest", "x/a.b_c__d-e---f" },
		{ "xn--n3h.com/myimage", "xn--n3h.com/myimage:latest", "xn--n3h.com/myimage:latest",
			"xn--n3h.com/myimage" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		check_good(&table[i]);
}

static void the_typed_tag_is_told_from_the_default(void **state)
{
	struct err err = ERR_INIT;
	autoref struct ref bare = { 0 }, tagged = { 0 }, pinned = { 0 };

	(void)state;
	assert_int_equal(ref_parse("redis", &bare, &err), 0);
	assert_int_equal(ref_parse("redis:latest", &tagged, &err), 0);
	assert_int_equal(ref_parse("redis@" SHA, &pinned, &err), 0);
	assert_true(bare.default_tag);
	assert_false(tagged.default_tag);
	assert_false(pinned.default_tag);
	assert_null(pinned.tag);
	assert_string_equal(pinned.digest, SHA);
	assert_string_equal(bare.domain, "docker.io");
	assert_string_equal(bare.path, "library/redis");
	assert_string_equal(bare.tag, "latest");
}

static void check_bad(const char *text, const char *wording)
{
	struct err err = ERR_INIT;
	struct ref ref = { 0 };

	if (ref_parse(text, &ref, &err) != -EINVAL)
		fail_msg("'%s' was accepted", text);
	if (!strstr(err.text, wording))
		fail_msg("'%s': \"%s\" does not say \"%s\"", text, err.text, wording);
	assert_null(ref.path);
}

static void malformed_names_are_refused_in_dockers_words(void **state)
{
	static const char *const bad[] = { "", ":tag", "@" SHA, "/redis", "redis/",
		"redis:", "redis:@" SHA, "redis@", "redis@sha256:", "redis@sha256:aa+b",
		"redis@sha256:" HEX64 "0", "redis@md5:" HEX64, "redis@sha512:" HEX64,
		"redis@sha256:" HEX64 ":x", "a//b", "-redis", "redis-", "redis.", "_x", "a___b",
		"a..b", "a.-b", "a/../b", "redis:-x", "redis:.x", "redis:a:b", "redis:" TAG128 "x",
		"redis tag", "redis\n", "re\tdis",
		"r\xc3\xa9"
		"dis",
		"host:/x", "host:a/x", "ho_st.io/x", "-host.io/x", "host-.io/x", "a..io/x",
		"[::1/x", "[]/x", "[::g]/x", "::1/x", "http://h.io/x", "https://redis",
		"h.io:1:2/x", "redis%2f", "redis?x", "redis#x", ".", "..", "../etc/passwd", "h.io/",
		"h.io//x", "$(id)", "x:\x7f" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		check_bad(bad[i], "invalid reference format");
}

static void upper_case_repositories_are_named(void **state)
{
	(void)state;
	check_bad("Redis", "repository name (library/Redis) must be lowercase");
	check_bad("docker.io/a/B:1", "repository name (a/B) must be lowercase");
	check_bad("localhost/X", "repository name (X) must be lowercase");
	check_bad("redis@SHA256:" HEX64, "invalid reference format");
}

static void image_ids_are_not_repositories(void **state)
{
	(void)state;
	check_bad(HEX64, "cannot specify 64-byte hexadecimal strings");
}

static void long_repositories_are_refused(void **state)
{
	char path[300];

	(void)state;
	memset(path, 'a', sizeof(path));
	path[255] = '\0';
	check_bad(path, "must not be more than 255 characters"); /* with library/ in front */
	memcpy(path, "b/", 2);
	check_good(&(struct good){ "b/c", "docker.io/b/c:latest", "b/c:latest", "b/c" });
	path[255] = 'a';
	path[256] = '\0';
	check_bad(path, "must not be more than 255 characters");
}

TEST_MAIN(cmocka_unit_test(names_get_dockers_defaults),
	cmocka_unit_test(the_typed_tag_is_told_from_the_default),
	cmocka_unit_test(malformed_names_are_refused_in_dockers_words),
	cmocka_unit_test(upper_case_repositories_are_named),
	cmocka_unit_test(image_ids_are_not_repositories),
	cmocka_unit_test(long_repositories_are_refused))
