/* SPDX-License-Identifier: Apache-2.0 */
/* A login file in a scratch directory; the agent finds in it what creds_find() would. */
#include "harness.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/own.h"
#include "image/agent.h"

#define ANA "YW5hOnMzY3JldA==" /* ana:s3cret */

static char nobody[] = "nobody.test", host[] = "h.test:5000";
static struct endpoint hosts[] = { { .login_host = nobody }, { .login_host = host } };
static const struct endpoints endpoints = { hosts, 2 };

static int setup(void **state)
{
	struct scratch *dir;
	char path[300];

	if (harness_scratch(state) != 0)
		return -1;
	dir = *state;
	scratch_write(dir, "auth.json", "{\"auths\":{\"h.test:5000\":{\"auth\":\"" ANA "\"}}}");
	(void)snprintf(path, sizeof(path), "%s/auth.json", dir->path);
	if (chmod(path, 0600) < 0)
		return -1;
	return setenv("REGISTRY_AUTH_FILE", path, 1);
}

static void it_answers_for_the_registries_it_was_started_for(void **state)
{
	struct agent agent = { 0 };
	autocreds struct creds found = { 0 }, none = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(agent_start(&endpoints, "some/image", &agent, &err), 0);
	assert_int_equal(agent_ask(&agent, 0, &none, &err), 0);
	assert_int_equal(agent_ask(&agent, 2, &none, &err), 0);
	assert_int_equal(agent_ask(&agent, (size_t)-1, &none, &err), 0);
	assert_int_equal(agent_ask(&agent, 1, &found, &err), 1);
	assert_string_equal(found.user, "ana");
	assert_string_equal(found.secret, "s3cret");
	assert_null(found.identity_token);
	assert_non_null(strstr(found.source, "/auth.json"));
	agent_stop(&agent);
	assert_int_equal(agent.pid, 0);
	agent_stop(&agent); /* once more does nothing */
}

static void a_dead_one_is_an_error_and_no_login(void **state)
{
	struct agent agent = { 0 };
	autocreds struct creds found = { 0 };
	struct err err = ERR_INIT;
	siginfo_t ended;
	void (*before)(int) = signal(SIGPIPE, SIG_IGN); /* as in sbx-image */

	(void)state;
	assert_int_equal(agent_start(&endpoints, NULL, &agent, &err), 0);
	assert_int_equal(kill(agent.pid, SIGKILL), 0);
	assert_int_equal(waitid(P_PID, (id_t)agent.pid, &ended, WEXITED | WNOWAIT), 0);
	assert_true(agent_ask(&agent, 1, &found, &err) < 0);
	assert_null(found.user);
	agent_stop(&agent);
	(void)signal(SIGPIPE, before);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, harness_scratch_done)

TEST_MAIN(TEST(it_answers_for_the_registries_it_was_started_for),
	TEST(a_dead_one_is_an_error_and_no_login))
