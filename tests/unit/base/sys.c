/* SPDX-License-Identifier: Apache-2.0 */
/* The fallbacks; what the kernel itself answers is tested where it is used. */
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

static void a_range_is_closed_and_the_rest_stays(void **state)
{
	int low = open("/dev/null", O_RDONLY), high = fcntl(low, F_DUPFD, 100);

	assert_true(low >= 3 && high >= 100);
	assert_int_equal(sys_close_range(100, UINT_MAX, 0), 0);
	assert_int_equal(fcntl(high, F_GETFD), -1);
	assert_true(fcntl(low, F_GETFD) >= 0);
	close(low);
}

static void a_range_can_be_marked_instead(void **state)
{
	int low = open("/dev/null", O_RDONLY), high = fcntl(low, F_DUPFD, 100);

	assert_int_equal(sys_close_range(100, UINT_MAX, CLOSE_RANGE_CLOEXEC), 0);
	assert_int_equal(fcntl(high, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fcntl(low, F_GETFD), 0);
	close(low);
	close(high);
}

static void a_clone_is_a_fork_with_a_pidfd(void **state)
{
	int pidfd = -1, status;
	pid_t pid = sys_clone(SIGCHLD, &pidfd);

	if (pid == 0)
		_exit(9);
	assert_true(pid > 0 && pidfd >= 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 9);
	assert_int_equal(sys_pidfd_send_signal(pidfd, 0), -1);
	assert_int_equal(errno, ESRCH);
	close(pidfd);
}

TEST_MAIN(cmocka_unit_test(a_range_is_closed_and_the_rest_stays),
	cmocka_unit_test(a_range_can_be_marked_instead),
	cmocka_unit_test(a_clone_is_a_fork_with_a_pidfd))
