/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define HEX "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define ABC "sha256:" HEX

static void a_killed_download_is_continued(void **state)
{
	struct fixture *fx = *state;
	struct err err = ERR_INIT;
	int64_t have = -1;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		int fd = store_partial_open(&fx->store, ABC, &have, &err);

		_exit(fd >= 0 && have == 0 && write(fd, "ab", 2) == 2 ? kill(getpid(), SIGKILL)
								      : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	{
		int fd = store_partial_open(&fx->store, ABC, &have, &err);

		assert_true(fd >= 0);
		assert_int_equal(have, 2);
		assert_int_equal(pwrite(fd, "c", 1, 2), 1);
		assert_false(store_has_blob(&fx->store, ABC));
		assert_int_equal(store_partial_commit(&fx->store, ABC, fd, &err), 0);
		assert_true(store_has_blob(&fx->store, ABC));
		(void)close(fd);
	}
}

static void a_discarded_download_starts_from_nothing(void **state)
{
	struct fixture *fx = *state;
	struct err err = ERR_INIT;
	int64_t have = -1;
	int fd = store_partial_open(&fx->store, ABC, &have, &err);

	assert_int_equal(write(fd, "junk", 4), 4);
	assert_int_equal(store_partial_discard(&fx->store, ABC, &err), 0);
	(void)close(fd);
	fd = store_partial_open(&fx->store, ABC, &have, &err);
	assert_true(fd >= 0);
	assert_int_equal(have, 0);
	(void)close(fd);
}

/* The second process must wait for the first and then be handed the finished blob. */
static void a_second_download_waits_and_gets_the_finished_blob(void **state)
{
	struct fixture *fx = *state;
	struct err err = ERR_INIT;
	int64_t have = -1;
	int fd = store_partial_open(&fx->store, ABC, &have, &err);
	int status, ready[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		(void)close(fd); /* an inherited descriptor would share the parent's lock */
		(void)!write(ready[1], "r", 1);
		fd = store_partial_open(&fx->store, ABC, &have, &err);
		_exit(fd >= 0 && have == 3 && store_partial_commit(&fx->store, ABC, fd, &err) == 0
				? 0
				: 1);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(write(fd, "abc", 3), 3);
	assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
	assert_int_equal(store_partial_commit(&fx->store, ABC, fd, &err), 0);
	(void)close(fd);
	(void)close(ready[0]);
	(void)close(ready[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void a_digest_that_is_a_path_opens_nothing(void **state)
{
	struct fixture *fx = *state;
	struct err err = ERR_INIT;
	int64_t have = 0;

	assert_int_equal(store_partial_open(&fx->store, "sha256:../../x", &have, &err), -EINVAL);
	assert_int_equal(store_partial_discard(&fx->store, "../oci-layout", &err), -EINVAL);
}

TEST_MAIN(FIXTURE_TEST(a_killed_download_is_continued),
	FIXTURE_TEST(a_discarded_download_starts_from_nothing),
	FIXTURE_TEST(a_second_download_waits_and_gets_the_finished_blob),
	FIXTURE_TEST(a_digest_that_is_a_path_opens_nothing))
