/* SPDX-License-Identifier: Apache-2.0 */
/* What file access rests on: openat2, write protection of running files, descriptors, death. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/own.h"
#include "base/sys.h"
#include "harness.h"
#include "kernel/ask.h"

static int open_below(const struct scratch *dir, const char *path, uint64_t resolve)
{
	struct open_how how = { .flags = O_RDONLY | O_CLOEXEC, .resolve = resolve };

	return sys_openat2(dir->fd, path, &how);
}

static void openat2_keeps_links_below_the_directory(void **state)
{
	const struct scratch *dir = *state;

	scratch_mkdir(dir, "etc");
	scratch_write(dir, "etc/passwd", "inside");
	assert_return_code(symlinkat("/etc/passwd", dir->fd, "link"), errno);
	int fd = open_below(dir, "link", RESOLVE_IN_ROOT);
	if (fd < 0 && errno == ENOSYS) {
		print_message(
			"# SKIP no openat2 (Linux 5.6): base/fs.c walks by itself, and has its own tests\n");
		skip();
	}
	assert_true(fd >= 0);
	char text[8] = "";
	assert_int_equal(read(fd, text, sizeof(text)), 6);
	assert_string_equal(text, "inside");
	(void)close(fd);
	assert_int_equal(open_below(dir, "link", RESOLVE_BENEATH), -1);
	assert_int_equal(errno, EXDEV);
	assert_int_equal(open_below(dir, "../..", RESOLVE_BENEATH), -1);
	assert_int_equal(errno, EXDEV);
}

/* Decision 0006: where this does not hold, sbx enters containers from a sealed copy. */
static void a_running_program_is_not_written(void **state)
{
	const struct scratch *dir = *state;
	char path[300];

	(void)snprintf(path, sizeof(path), "%s/program", dir->path);
	autofd int from = open("/bin/sleep", O_RDONLY | O_CLOEXEC);
	int to = openat(dir->fd, "program", O_WRONLY | O_CREAT | O_CLOEXEC, 0700);
	assert_true(from >= 0 && to >= 0);
	while (sendfile(to, from, NULL, 1 << 20) > 0)
		;
	(void)close(to);
	int started[2];
	assert_return_code(pipe2(started, O_CLOEXEC), errno);
	pid_t child = fork();
	if (child == 0) {
		(void)execl(path, "program", "60", NULL);
		_exit(127);
	}
	(void)close(started[1]);
	char c;
	assert_int_equal(read(started[0], &c, 1), 0); /* closed by the exec */
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	note("the file of a running program cannot be opened for writing",
		fd < 0 && errno == ETXTBSY);
	if (fd >= 0)
		(void)close(fd);
	(void)close(started[0]);
	assert_return_code(kill(child, SIGKILL), errno);
	assert_int_equal(waitpid(child, NULL, 0), child);
}

static void a_sealed_memfd_cannot_be_written_again(void **state)
{
	(void)state;
	autofd int fd = memfd_create("copy", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "x", 1), 1);
	assert_return_code(
		fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL),
		errno);
	assert_int_equal(write(fd, "x", 1), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
}

/* A child that asked to die with its parent, whose parent ends when the child says it has asked. */
static int orphaned(void *arg)
{
	int ends[2], status;
	char c;

	(void)arg;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return 1;
	pid_t parent = fork();
	if (parent == 0) {
		if (fork() == 0) {
			(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
			while (write(ends[1], "r", 1) == 1)
				pause();
			_exit(1);
		}
		_exit(read(ends[0], &c, 1) != 1);
	}
	(void)close(ends[1]);
	if (waitpid(parent, &status, 0) != parent || status != 0)
		return 2;
	return read(ends[0], &c, 1) == 0 ? 0 : 3; /* end of file once the child is gone */
}

static void a_child_dies_with_its_parent(void **state)
{
	(void)state;
	assert_int_equal(ask_outside(orphaned, NULL), 0);
}

/* Locks of the store end with the process however it ends; a pidfd tells of a death without a race. */
static void a_lock_ends_with_its_holder_and_a_pidfd_tells(void **state)
{
	const struct scratch *dir = *state;
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int ends[2];

	scratch_write(dir, "lock", "");
	autofd int fd = openat(dir->fd, "lock", O_RDWR | O_CLOEXEC);
	assert_return_code(pipe2(ends, O_CLOEXEC), errno);
	pid_t child = fork();
	if (child == 0) {
		autofd int own = openat(dir->fd, "lock", O_RDWR | O_CLOEXEC);

		(void)fcntl(own, F_OFD_SETLK, &lock);
		while (write(ends[1], "l", 1) == 1)
			pause();
		_exit(1);
	}
	char c;
	assert_int_equal(read(ends[0], &c, 1), 1);
	assert_int_equal(fcntl(fd, F_OFD_SETLK, &lock), -1);
	autofd int pidfd = sys_pidfd_open(child);
	note("pidfd_open", pidfd >= 0);
	assert_return_code(kill(child, SIGKILL), errno);
	assert_return_code(fcntl(fd, F_OFD_SETLKW, &lock), errno);
	assert_int_equal(waitpid(child, NULL, 0), child);
	if (pidfd >= 0) {
		assert_int_equal(sys_pidfd_send_signal(pidfd, 0), -1);
		assert_int_equal(errno, ESRCH);
	}
	(void)close(ends[0]);
	(void)close(ends[1]);
}

#define CASE(t) cmocka_unit_test_setup_teardown(t, harness_scratch, harness_scratch_done)
TEST_MAIN(CASE(openat2_keeps_links_below_the_directory), CASE(a_running_program_is_not_written),
	cmocka_unit_test(a_sealed_memfd_cannot_be_written_again),
	cmocka_unit_test(a_child_dies_with_its_parent),
	CASE(a_lock_ends_with_its_holder_and_a_pidfd_tells))
