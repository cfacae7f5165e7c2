/* SPDX-License-Identifier: Apache-2.0 */
/* Each test locks in a child of its own; the child's exit status is the verdict. */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/confine.h"
#include "base/own.h"
#include "base/sys.h"

static const int calls[] = { SYS_openat, SYS_unlinkat, SYS_epoll_pwait, SYS_ppoll, SYS_socket,
	SYS_connect, SYS_renameat2, SYS_clone, 435 /* clone3 */, SYS_rseq, SYS_prctl };

static const struct confine base = {
	.name = "test", .calls = calls, .n_calls = ARRAY_SIZE(calls), .refuse = EPERM
};

/* Exit status of fn() in a child, or 128 + signal. */
static int in_child(int (*fn)(const struct scratch *dir), void **state)
{
	int status = 0;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(fn(*state));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int confined(const struct confine *rules)
{
	struct err err = ERR_INIT;
	int r = confine_self(rules, &err);

	if (r < 0)
		(void)!write(2, err.text, strlen(err.text));
	return r;
}

static int try_lists(const struct scratch *dir)
{
	struct pollfd none;
	struct epoll_event event;

	(void)dir;
	if (confined(&base) != CONFINE_SECCOMP)
		return 1;
	if (open("/", O_RDONLY | O_CLOEXEC) < 0 || syscall(SYS_gettid) < 0)
		return 2;
	if (poll(&none, 0, 0) != 0 || epoll_wait(-1, &event, 1, 0) != -1 || errno != EBADF)
		return 3; /* the older forms came along */
	if (syscall(SYS_getppid) != -1 || errno != EPERM)
		return 4;
	if (mkdir("/nonexistent/x", 0700) != -1 || errno != EPERM)
		return 5;
	if (execl("/bin/true", "true", (char *)NULL) != -1 || errno != EPERM)
		return 6;
	if (syscall(1999) != -1 || errno != EPERM)
		return 7;
	return 0;
}

static void only_listed_calls_work(void **state)
{
	assert_int_equal(in_child(try_lists, state), 0);
}

static int try_every_number(const struct scratch *dir)
{
	static const int harmless[] = { SYS_getppid, SYS_getuid, SYS_getgid, SYS_geteuid,
		SYS_getegid, SYS_getpgid, SYS_getsid, SYS_umask, SYS_getpriority, SYS_times };
	int sorted[ARRAY_SIZE(harmless)];

	(void)dir;
	for (size_t i = 0; i < ARRAY_SIZE(harmless); i += 2)
		sorted[i / 2] = harmless[i];
	const struct confine rules = { .name = "test",
		.calls = sorted,
		.n_calls = ARRAY_SIZE(harmless) / 2,
		.refuse = ENOSYS };
	if (confined(&rules) != CONFINE_SECCOMP)
		return 1;
	for (size_t i = 0; i < ARRAY_SIZE(harmless); i++) {
		bool refused = syscall(harmless[i], 0, 0, 0) == -1 && errno == ENOSYS;
		if (refused != (i % 2 == 1))
			return 10 + (int)i;
	}
	return 0;
}

static void neighbours_of_listed_calls_are_refused(void **state)
{
	assert_int_equal(in_child(try_every_number, state), 0);
}

static int try_kill(const struct scratch *dir)
{
	(void)dir;
	if (setenv("SBX_CONFINE", "kill", 1) < 0 || confined(&base) != CONFINE_SECCOMP)
		return 1;
	(void)syscall(SYS_getppid);
	return 0;
}

static void kill_mode_ends_the_process_at_a_miss(void **state)
{
	assert_int_equal(in_child(try_kill, state), 128 + SIGSYS);
}

#ifdef __x86_64__
static int try_int80(const struct scratch *dir)
{
	long ret = 20;

	(void)dir;
	if (confined(&base) != CONFINE_SECCOMP)
		return 1;
	__asm__ volatile("int $0x80" : "+a"(ret) : : "memory", "r8", "r9", "r10", "r11");
	return ret > 0 ? 2 : 3;
}

static int try_x32(const struct scratch *dir)
{
	(void)dir;
	if (confined(&base) != CONFINE_SECCOMP)
		return 1;
	(void)syscall(0x40000000 | 39);
	return 2;
}

static void other_abis_kill(void **state)
{
	int r = in_child(try_int80, state);
	assert_true(
		r == 128 + SIGSYS || r == 128 + SIGSEGV); /* SEGV: a kernel without 32-bit calls */
	assert_int_equal(in_child(try_x32, state), 128 + SIGSYS);
}
#endif

static int try_hardening(const struct scratch *dir)
{
	struct rlimit core;

	(void)dir;
	if (setenv("SBX_CONFINE", "off", 1) < 0 || confined(&base) != 0)
		return 1;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return 2;
	if (prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0)
		return 3;
	return getrlimit(RLIMIT_CORE, &core) < 0 || core.rlim_max != 0 ? 4 : 0;
}

static void off_leaves_the_hardening_in_place(void **state)
{
	assert_int_equal(in_child(try_hardening, state), 0);
}

#define SKIPPED 77

/* Of this run only: abstract names are the whole machine's. */
static struct sockaddr_un abstract_name(const struct scratch *dir)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };

	(void)snprintf(name.sun_path + 1, sizeof(name.sun_path) - 1, "%s", dir->path);
	return name;
}

static int connect_abstract(const struct scratch *dir)
{
	const struct sockaddr_un name = abstract_name(dir);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return connect(fd, (const struct sockaddr *)&name, sizeof(name)) < 0 ? errno : 0;
}

static int try_files(const struct scratch *dir)
{
	int in = openat(dir->fd, "in", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int ro = openat(dir->fd, "ro", O_PATH | O_DIRECTORY | O_CLOEXEC);
	const struct confine_dir dirs[] = { { .fd = in, .write = true }, { .fd = ro } };
	struct confine rules = base;

	rules.files = true;
	rules.dirs = dirs;
	rules.n_dirs = 2;
	int r = confined(&rules);
	if (r == CONFINE_SECCOMP)
		return SKIPPED;
	if (r != (CONFINE_SECCOMP | CONFINE_LANDLOCK))
		return 1;
	if (openat(in, "new", O_CREAT | O_WRONLY | O_CLOEXEC, 0600) < 0)
		return 2;
	if (renameat2(in, "new", in, "sub/newer", 0) < 0)
		return 3;
	if (openat(ro, "file", O_RDONLY | O_CLOEXEC) < 0)
		return 4;
	if (openat(ro, "file", O_WRONLY | O_CLOEXEC) != -1 || errno != EACCES)
		return 5;
	if (openat(dir->fd, "out/file", O_RDONLY | O_CLOEXEC) != -1 || errno != EACCES)
		return 6;
	if (openat(in, "../out/file", O_RDONLY | O_CLOEXEC) != -1 || errno != EACCES)
		return 7;
	if (openat(in, "link", O_RDONLY | O_CLOEXEC) != -1 || errno != EACCES)
		return 8;
	if (open("/etc/passwd", O_RDONLY | O_CLOEXEC) != -1 || errno != EACCES)
		return 9;
	return 0;
}

static void files_are_confined_to_the_given_directories(void **state)
{
	const struct scratch *dir = *state;

	scratch_mkdir(dir, "in");
	scratch_mkdir(dir, "in/sub");
	scratch_mkdir(dir, "ro");
	scratch_mkdir(dir, "out");
	scratch_write(dir, "ro/file", "x");
	scratch_write(dir, "out/file", "x");
	assert_int_equal(symlinkat("../out/file", dir->fd, "in/link"), 0);
	int r = in_child(try_files, state);
	if (r == SKIPPED)
		skip(); /* a kernel without Landlock */
	assert_int_equal(r, 0);
}

static int try_no_files(const struct scratch *dir)
{
	struct confine rules = base;

	rules.files = true;
	if (!(confined(&rules) & CONFINE_LANDLOCK))
		return SKIPPED;
	if (open("/", O_RDONLY | O_CLOEXEC) != -1 || errno != EACCES)
		return 1;
	if (openat(dir->fd, "file", O_RDONLY | O_CLOEXEC) != -1 || errno != EACCES)
		return 2;
	return connect_abstract(dir) == EPERM ? 0 : 3;
}

static void no_directories_means_no_paths_at_all(void **state)
{
	const struct sockaddr_un name = abstract_name(*state);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (const struct sockaddr *)&name, sizeof(name)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(connect_abstract(*state), 0);
	scratch_write(*state, "file", "x");
	int r = in_child(try_no_files, state);
	close(fd);
	if (r == SKIPPED)
		skip();
	if (r == 3 && sys_landlock_create(NULL, 0, 1) < 6)
		skip(); /* Landlock does not know abstract sockets before Linux 6.12 */
	assert_int_equal(r, 0);
}

static void *thread_body(void *data)
{
	free(malloc(3 << 20));
	return data;
}

static int try_threads(const struct scratch *dir)
{
	struct confine rules = base;
	pthread_t thread;
	void *ret = NULL;
	char text[64];

	(void)dir;
	rules.files = true;
	if (confined(&rules) < 0)
		return 1;
	if (pthread_create(&thread, NULL, thread_body, text) != 0 ||
		pthread_join(thread, &ret) != 0)
		return 2;
	return ret == text ? 0 : 3;
}

static void libc_keeps_working(void **state)
{
	assert_int_equal(in_child(try_threads, state), 0);
}

static int try_too_many(const struct scratch *dir)
{
	int many[CONFINE_CALLS_MAX + 1] = { 0 };
	const struct confine rules = { .name = "test", .calls = many, .n_calls = ARRAY_SIZE(many) };
	struct err err = ERR_INIT;

	(void)dir;
	return confine_self(&rules, &err) == -E2BIG ? 0 : 1;
}

static int try_most(const struct scratch *dir)
{
	int many[CONFINE_CALLS_MAX];
	const struct confine rules = {
		.name = "test", .calls = many, .n_calls = ARRAY_SIZE(many), .refuse = EPERM
	};

	(void)dir;
	for (int i = 0; i < CONFINE_CALLS_MAX; i++)
		many[i] = 1000 + 2 * i; /* nothing merges: the largest program there is */
	if (confined(&rules) != CONFINE_SECCOMP)
		return 1;
	for (int i = 0; i < CONFINE_CALLS_MAX; i++) {
		if (syscall(1000 + 2 * i) != -1 ||
			errno != ENOSYS) /* let through, unknown to the kernel */
			return 2;
		if (syscall(1001 + 2 * i) != -1 || errno != EPERM)
			return 3;
	}
	return 0;
}

static void the_largest_list_fits_and_a_larger_is_an_error(void **state)
{
	assert_int_equal(in_child(try_most, state), 0);
	assert_int_equal(in_child(try_too_many, state), 0);
}

#define IN_SCRATCH(test) \
	cmocka_unit_test_setup_teardown(test, harness_scratch, harness_scratch_done)
TEST_MAIN(IN_SCRATCH(only_listed_calls_work), IN_SCRATCH(neighbours_of_listed_calls_are_refused),
	IN_SCRATCH(kill_mode_ends_the_process_at_a_miss),
#ifdef __x86_64__
	IN_SCRATCH(other_abis_kill),
#endif
	IN_SCRATCH(off_leaves_the_hardening_in_place),
	IN_SCRATCH(files_are_confined_to_the_given_directories),
	IN_SCRATCH(no_directories_means_no_paths_at_all), IN_SCRATCH(libc_keeps_working),
	IN_SCRATCH(the_largest_list_fits_and_a_larger_is_an_error))
