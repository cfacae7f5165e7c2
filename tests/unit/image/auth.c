/* SPDX-License-Identifier: Apache-2.0 */
#include "image/auth.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/own.h"
#include "harness.h"

static struct challenge parsed(const char *header)
{
	struct err err = ERR_INIT;
	struct challenge challenge = { 0 };

	if (challenge_parse(header, &challenge, &err) < 0)
		fail_msg("'%s' was refused: %s", header, err.text);
	return challenge;
}

static void a_bearer_challenge_is_read(void **state)
{
	autochallenge struct challenge c = parsed(
		"Bearer realm=\"https://auth.docker.io/token\","
		"service=\"registry.docker.io\",scope=\"a:b:pull\"");

	(void)state;
	assert_int_equal(c.scheme, AUTH_BEARER);
	assert_string_equal(c.realm, "https://auth.docker.io/token");
	assert_string_equal(c.service, "registry.docker.io");
}

static void bearer_is_taken_before_basic(void **state)
{
	autochallenge struct challenge a = parsed("Basic realm=\"x\", Bearer realm=\"https://r/\"");
	autochallenge struct challenge b = parsed("bearer realm=https://r/ , basic realm=x");
	autochallenge struct challenge c = parsed("Negotiate, Basic realm=\"a, b\"");

	(void)state;
	assert_int_equal(a.scheme, AUTH_BEARER);
	assert_string_equal(a.realm, "https://r/");
	assert_int_equal(b.scheme, AUTH_BEARER);
	assert_int_equal(c.scheme, AUTH_BASIC);
	assert_string_equal(c.realm, "a, b");
}

static void quoting_is_undone(void **state)
{
	autochallenge struct challenge c = parsed(
		"Bearer service=\"a\\\"b\\\\c\", realm=\"https://r/\"");

	(void)state;
	assert_string_equal(c.service, "a\"b\\c");
}

static void bad_challenges_are_refused(void **state)
{
	static const char *const bad[] = { "", ",", "Bearer", "Digest realm=x",
		"Bearer realm=\"https://r/", "Bearer realm=\"a\nb\"", "=x", "Bearer =\"x\"",
		"Basic\x01", "Bearer realm" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct err err = ERR_INIT;
		struct challenge challenge = { 0 };

		if (challenge_parse(bad[i], &challenge, &err) >= 0)
			fail_msg("'%s' was accepted", bad[i]);
		assert_true(*err.text);
	}
}

static void an_endless_challenge_is_refused(void **state)
{
	autobuf struct buf header = BUF_INIT;
	struct err err = ERR_INIT;
	struct challenge challenge = { 0 };

	(void)state;
	buf_adds(&header, "Bearer realm=\"https://r/\"");
	while (header.len < 10000)
		buf_adds(&header, ",x=y");
	assert_int_equal(challenge_parse(header.data, &challenge, &err), -EINVAL);
}

/* registry, realm, verdict: 'y' with login, 'n' anonymous, 'x' not at all */
static void logins_go_to_their_own_realm_only(void **state)
{
	static const struct {
		const char *registry, *realm;
		char verdict;
	} table[] = {
		{ "https://r.io", "https://r.io/token", 'y' },
		{ "https://r.io", "https://r.io:444/token", 'y' },
		{ "https://r.io", "https://auth.r.io/token", 'n' },
		{ "https://r.io", "https://r.io.evil.test/token", 'n' },
		{ "https://r.io", "https://evil-r.io/token", 'n' },
		{ "https://r.io", "http://r.io/token", 'x' },
		{ "https://r.io", "http://evil.test/token", 'x' },
		{ "https://r.io", "https://169.254.169.254/latest", 'x' },
		{ "https://r.io", "https://127.0.0.1/x", 'x' },
		{ "https://r.io", "https://localhost/x", 'x' },
		{ "https://r.io", "https://user:pw@r.io/token", 'x' },
		{ "https://r.io", "file:///etc/passwd", 'x' },
		{ "https://r.io", "https://r.io/\r\nX: y", 'x' },
		{ "https://r.io", "https://login.example.com/t", 'y' }, /* configured */
		{ "https://registry-1.docker.io", "https://auth.docker.io/token", 'y' },
		{ "https://evil.io", "https://auth.docker.io/token", 'n' },
		{ "https://registry-1.docker.io", "https://auth.docker.io.evil.test/token", 'n' },
		{ "http://127.0.0.1:5000", "http://127.0.0.1:5000/token", 'y' },
		{ "http://127.0.0.1:5000", "http://127.0.0.1:5001/token", 'n' },
		{ "http://127.0.0.1:5000", "http://evil.test/token", 'x' },
		{ "http://127.0.0.1:5000", "https://127.0.0.1:5001/token", 'y' },
		{ "http://r.lan", "http://10.0.0.1/token", 'x' },
	};
	autostrv struct strv realms = STRV_INIT;

	(void)state;
	strv_add(&realms, "login.example.com");
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct err err = ERR_INIT;
		struct url registry;
		bool login = false;
		char verdict;

		assert_int_equal(url_parse(table[i].registry, &registry, &err), 0);
		verdict = auth_check_realm(&registry, table[i].realm, &realms, &login, &err) < 0
				  ? 'x'
			  : login ? 'y'
				  : 'n';
		if (verdict != table[i].verdict)
			fail_msg(
				"%s with realm %s: %c", table[i].registry, table[i].realm, verdict);
	}
}

static void token_urls_encode_what_the_server_said(void **state)
{
	struct challenge c = { .realm = (char *)"https://r/t?x=1#frag",
		.service = (char *)"a&b\r\nc" };
	autofree char *url = auth_token_url(&c, "repository:a/b:pull", "ana"), *bare = NULL;

	(void)state;
	assert_string_equal(url,
		"https://r/t?x=1&service=a%26b%0D%0Ac&scope=repository%3Aa%2Fb%3Apull&account=ana");
	c = (struct challenge){ .realm = (char *)"https://r/t" };
	bare = auth_token_url(&c, "s", NULL);
	assert_string_equal(bare, "https://r/t?scope=s");
}

static int token_of(const char *body, char **ret)
{
	struct err err = ERR_INIT;

	return auth_parse_token(body, strlen(body), ret, &err);
}

static void tokens_are_printable_and_bounded(void **state)
{
	autofree char *a = NULL, *b = NULL, *none = NULL;
	autobuf struct buf big = BUF_INIT;

	(void)state;
	assert_int_equal(token_of("{\"token\":\"abc.d-e_f\"}", &a), 0);
	assert_string_equal(a, "abc.d-e_f");
	assert_int_equal(token_of("{\"token\":\"\",\"access_token\":\"x\"}", &b), 0);
	assert_string_equal(b, "x");
	assert_int_equal(token_of("{\"token\":\"a\\r\\nEvil: 1\"}", &none), -EINVAL);
	assert_int_equal(token_of("{\"token\":\"a b\"}", &none), -EINVAL);
	assert_int_equal(token_of("{\"token\":7}", &none), -EINVAL);
	assert_int_equal(token_of("{}", &none), -EINVAL);
	assert_int_equal(token_of("<html>", &none), -EINVAL);
	assert_int_equal(token_of("", &none), -EINVAL);
	buf_adds(&big, "{\"token\":\"");
	while (big.len < 70000)
		buf_adds(&big, "0123456789");
	buf_adds(&big, "\"}");
	assert_int_equal(token_of(big.data, &none), -EINVAL);
	assert_null(none);
}

static void base64_follows_the_rfc(void **state)
{
	static const char *const table[][2] = { { "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" },
		{ "foo", "Zm9v" }, { "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" },
		{ "foobar", "Zm9vYmFy" }, { "\xff\xfe", "//4=" } };
	static const char *const bad[] = { "Z", "Zg===", "Z g=", "Zm9v!", "AA==", "Zm-v" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		autofree char *code = base64_encode(table[i][0], strlen(table[i][0]));
		autofree char *plain = base64_decode(table[i][1]);

		assert_string_equal(code, table[i][1]);
		assert_string_equal(plain, table[i][0]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (base64_decode(bad[i]))
			fail_msg("'%s' was decoded", bad[i]);
}

TEST_MAIN(cmocka_unit_test(a_bearer_challenge_is_read),
	cmocka_unit_test(bearer_is_taken_before_basic), cmocka_unit_test(quoting_is_undone),
	cmocka_unit_test(bad_challenges_are_refused),
	cmocka_unit_test(an_endless_challenge_is_refused),
	cmocka_unit_test(logins_go_to_their_own_realm_only),
	cmocka_unit_test(token_urls_encode_what_the_server_said),
	cmocka_unit_test(tokens_are_printable_and_bounded),
	cmocka_unit_test(base64_follows_the_rfc))
