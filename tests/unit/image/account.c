/* SPDX-License-Identifier: Apache-2.0 */
#include "image/parcel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "harness.h"

static void a_registry_is_known_by_all_its_names(void **state)
{
	static const char *const pairs[][2] = { { "docker.io", "docker.io" },
		{ "https://index.docker.io/v1/", "docker.io" },
		{ "registry-1.docker.io", "docker.io" }, { "quay.io", "quay.io" },
		{ "https://quay.io/", "quay.io" },
		{ "http://127.0.0.1:5000/v2/", "127.0.0.1:5000" },
		{ "host.example:5000/team/web", "host.example:5000" } };
	struct err err = ERR_INIT;
	char *host = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		assert_int_equal(account_host(pairs[i][0], &host, &err), 0);
		assert_string_equal(host, pairs[i][1]);
		free(host);
	}
	assert_int_equal(account_host(NULL, &host, &err), 0);
	assert_string_equal(host, "docker.io");
	free(host);
}

static void what_is_no_host_is_refused(void **state)
{
	static const char *const bad[] = { "", "https://", "a b", "user@host", "host\n",
		"ftp:///x" };
	struct err err = ERR_INIT;
	char *host = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(account_host(bad[i], &host, &err), -EINVAL);
	assert_null(host);
}

TEST_MAIN(cmocka_unit_test(a_registry_is_known_by_all_its_names),
	cmocka_unit_test(what_is_no_host_is_refused))
