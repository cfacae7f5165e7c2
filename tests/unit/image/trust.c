/* SPDX-License-Identifier: Apache-2.0 */
#include "image/trust.h"

#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "harness.h"

static int load(const struct scratch *dir, struct trust *ret, struct err *err)
{
	autofree char *ca = xasprintf("%s/ca", dir->path),
		      *certs = xasprintf("%s/certs.d", dir->path);
	autofree char *base = xasprintf("%s/system.crt", dir->path);
	struct trust_source source = {
		.ca_dir = ca, .certs_dir = certs, .authority = "r.io:5000", .fallback = base
	};

	assert_int_equal(unsetenv("SSL_CERT_FILE"), 0);
	return trust_load(&source, ret, err);
}

static void without_private_authorities_curls_default_stands(void **state)
{
	autotrust struct trust trust = { 0 };
	struct err err = ERR_INIT;

	assert_int_equal(load(*state, &trust, &err), 0);
	assert_int_equal(trust.bundle.len, 0);
	assert_null(trust.base_file);
	assert_null(trust.client_cert);
}

static void private_authorities_join_the_systems(void **state)
{
	autotrust struct trust trust = { 0 };
	struct err err = ERR_INIT;

	scratch_write(*state, "system.crt", "SYSTEM");
	scratch_mkdir(*state, "ca");
	scratch_write(*state, "ca/corp.crt", "CORP");
	scratch_write(*state, "ca/notes.txt", "NOTES");
	scratch_mkdir(*state, "certs.d");
	scratch_mkdir(*state, "certs.d/r.io:5000");
	scratch_mkdir(*state, "certs.d/r.io");
	scratch_write(*state, "certs.d/r.io:5000/ca.crt", "HOST");
	scratch_write(*state, "certs.d/r.io/ca.crt", "OTHER");
	scratch_write(*state, "certs.d/r.io:5000/client.cert", "C");
	scratch_write(*state, "certs.d/r.io:5000/client.key", "K");
	assert_int_equal(load(*state, &trust, &err), 0);
	assert_non_null(strstr(trust.bundle.data, "SYSTEM"));
	assert_non_null(strstr(trust.bundle.data, "CORP"));
	assert_non_null(strstr(trust.bundle.data, "HOST"));
	assert_null(strstr(trust.bundle.data, "OTHER"));
	assert_null(strstr(trust.bundle.data, "NOTES"));
	assert_non_null(strstr(trust.client_cert, "client.cert"));
	assert_non_null(strstr(trust.client_key, "client.key"));
}

static void a_missing_system_bundle_is_an_error_not_less_trust(void **state)
{
	autotrust struct trust trust = { 0 };
	struct err err = ERR_INIT;

	scratch_mkdir(*state, "ca");
	scratch_write(*state, "ca/corp.crt", "CORP");
	assert_int_equal(load(*state, &trust, &err), -ENOENT);
	assert_non_null(strstr(err.text, "certificate authorities"));
}

#define WITH_FILES(test) \
	cmocka_unit_test_setup_teardown(test, harness_scratch, harness_scratch_done)

TEST_MAIN(WITH_FILES(without_private_authorities_curls_default_stands),
	WITH_FILES(private_authorities_join_the_systems),
	WITH_FILES(a_missing_system_bundle_is_an_error_not_less_trust))
