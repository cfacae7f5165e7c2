/* SPDX-License-Identifier: Apache-2.0 */
/* Each test locks in a child of its own; the child's exit status is the number of the line that failed. */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/own.h"
#include "base/sys.h"
#include "image/confined.h"

#define CHECK(n, what)              \
	do {                        \
		if (!(what))        \
			return (n); \
	} while (0)
#define SKIPPED 77

static int in_child(int (*fn)(const struct fixture *fx), void **state)
{
	int status = 0;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		(void)unsetenv("SBX_CONFINE");
		_exit(fn(*state));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* Nothing can be executed, whatever it is. */
static bool can_execute(void)
{
	char name[] = "true", *argv[] = { name, NULL };

	(void)execv("/bin/true", argv);
	return errno != ENOSYS;
}

static bool can_write(int dir, const char *name)
{
	autofd int fd = openat(dir, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	return fd >= 0;
}

static bool can_read(const char *path)
{
	autofd int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd >= 0;
}

/* Kernels without Landlock confine calls only. */
static bool has_landlock(void)
{
	return sys_landlock_create(NULL, 0, 1 /* tell the version */) >= 2;
}

static int try_unpack(const struct fixture *fx)
{
	bool landlock = has_landlock();
	struct err err = ERR_INIT;

	CHECK(1, confined_unpack(&fx->store, &err) >= 0);
	CHECK(2, prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
	CHECK(3, socket(AF_INET, SOCK_STREAM, 0) < 0 && errno == ENOSYS);
	CHECK(4, !can_execute());
	CHECK(5, kill(getppid(), 0) < 0 && errno == ENOSYS);
	CHECK(6, can_write(fx->store.tmp, "x") && can_write(fx->store.layers, "x"));
	CHECK(7, renameat(fx->store.tmp, "x", fx->store.layers, "y") == 0);
	CHECK(8, !landlock || !can_read("/etc/passwd"));
	CHECK(9, !landlock || !can_write(fx->store.images, "x"));
	return landlock ? 0 : SKIPPED;
}

static int try_archive(const struct fixture *fx)
{
	bool landlock = has_landlock();
	struct err err = ERR_INIT;
	pid_t pid;

	CHECK(1, confined_archive(&fx->store, &err) >= 0);
	CHECK(2, socket(AF_INET, SOCK_STREAM, 0) < 0 && errno == ENOSYS);
	CHECK(3, !can_execute());
	CHECK(4, can_write(fx->store.images, "x") && can_read("/etc/passwd"));
	pid = fork();
	if (pid == 0)
		_exit(confined_unpack(&fx->store, &err) < 0);
	CHECK(5, pid > 0 && waitpid(pid, NULL, 0) == pid);
	CHECK(6, !landlock || !can_write(fx->scratch->fd, "outside"));
	return landlock ? 0 : SKIPPED;
}

static int try_registry(const struct fixture *fx)
{
	bool landlock = has_landlock();
	struct err err = ERR_INIT;
	autofd int sock = -EBADF;

	CHECK(1, confined_registry(&fx->store, &err) >= 0);
	sock = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(2, sock >= 0);
	CHECK(3, !can_execute());
	CHECK(4, can_write(fx->store.blobs, "x") && can_read("/etc/passwd"));
	CHECK(5, !landlock || !can_write(fx->scratch->fd, "outside"));
	return landlock ? 0 : SKIPPED;
}

static int try_reader(const struct fixture *fx)
{
	bool landlock = has_landlock();
	struct err err = ERR_INIT;

	CHECK(1, confined_registry(NULL, &err) >= 0);
	CHECK(2, can_read("/etc/passwd"));
	CHECK(3, !landlock || !can_write(fx->store.blobs, "x"));
	return landlock ? 0 : SKIPPED;
}

static void tell(int verdict)
{
	if (verdict == SKIPPED)
		print_message("# this kernel has no Landlock: files were not tested\n");
	else
		assert_int_equal(verdict, 0);
}

static void unpacking_has_no_sockets_no_programs_and_no_files_but_layers(void **state)
{
	tell(in_child(try_unpack, state));
}

static void reading_an_archive_writes_the_store_only(void **state)
{
	tell(in_child(try_archive, state));
}

static void talking_to_servers_writes_the_store_only(void **state)
{
	tell(in_child(try_registry, state));
}

static void asking_servers_writes_nothing(void **state)
{
	tell(in_child(try_reader, state));
}

TEST_MAIN(FIXTURE_TEST(unpacking_has_no_sockets_no_programs_and_no_files_but_layers),
	FIXTURE_TEST(reading_an_archive_writes_the_store_only),
	FIXTURE_TEST(talking_to_servers_writes_the_store_only),
	FIXTURE_TEST(asking_servers_writes_nothing))
