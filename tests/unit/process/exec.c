/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands in a running container. The "container" is a process of ours in namespaces of its own, with
 * the machine's root, a fresh /proc and a fresh devpts, so that nothing but the kernel is needed.
 */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/own.h"
#include "base/sys.h"
#include "base/userns.h"
#include "process/attach.h"
#include "process/exec.h"
#include "process/user.h"

struct box {
	pid_t init;
	int pidfd;
	pid_t caller; /* who runs exec_run() */
	int in, out, errs, master;
};

static _Noreturn void init_main(int ready)
{
	const struct user root = { .groups = (gid_t[]){ 0 }, .n_groups = 1 };
	struct err err = ERR_INIT;
	char byte;

	if (read(ready, &byte, 1) != 1 || user_become(&root, KEEP_GROUPS_NOT, &err) < 0 ||
		prctl(PR_SET_DUMPABLE, 1) < 0)
		_exit(1);
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		mount("proc", "/proc", "proc", MS_NOSUID, NULL) < 0 ||
		mount("devpts", "/dev/pts", "devpts", 0, "newinstance,ptmxmode=0666,mode=0620") < 0)
		_exit(2);
	if (sethostname("inside", 6) < 0 || write(ready, "r", 1) != 1)
		_exit(3);
	for (;;)
		waitpid(-1, NULL, 0) < 0 ? pause() : 0;
}

static int setup(void **state)
{
	struct box *box = calloc(1, sizeof(*box));
	struct err err = ERR_INIT;
	struct idmap map;
	int ready[2];
	char byte;

	*state = box;
	if (!box || idmap_detect(&map, &err) < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, ready) < 0)
		return -1;
	box->in = box->out = box->errs = box->master = -1;
	box->init = sys_clone(SIGCHLD | CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC |
				      CLONE_NEWUTS | CLONE_NEWCGROUP | CLONE_NEWNET,
		&box->pidfd);
	if (box->init == 0) {
		close(ready[0]);
		init_main(ready[1]);
	}
	close(ready[1]);
	alarm(60);
	signal(SIGPIPE, SIG_IGN);
	if (box->init < 0 || idmap_write(box->init, &map, &err) < 0 ||
		write(ready[0], "g", 1) != 1 || read(ready[0], &byte, 1) != 1)
		return -1;
	close(ready[0]);
	return 0;
}

static int teardown(void **state)
{
	struct box *box = *state;

	for (int *fd = &box->in; fd <= &box->master; fd++)
		if (*fd >= 0)
			close(*fd);
	kill(box->init, SIGKILL);
	waitpid(box->init, NULL, 0);
	if (box->caller > 0) {
		kill(box->caller, SIGKILL);
		waitpid(box->caller, NULL, 0);
	}
	close(box->pidfd);
	free(box);
	return 0;
}

struct request {
	const char *argv[4];
	const char *user, *workdir, *path;
	bool interactive, tty, detach;
};

static _Noreturn void caller_main(const struct box *box, const struct request *rq, int fds[3])
{
	struct strv argv = STRV_INIT, env = STRV_INIT;
	struct globals globals = { 0 };
	struct run_opts opts = { 0 };
	struct policy policy = { 0 };
	struct err err = ERR_INIT;

	setsid();
	if (rq->tty)
		ioctl(fds[0], TIOCSCTTY, 0);
	for (int i = 0; i < 3; i++)
		dup2(fds[i], i);
	for (int fd = 3; fd < 200; fd++)
		if (fd != box->pidfd)
			close(fd);
	/* X02: what a careless caller leaves open must not get inside */
	if (open("/etc", O_RDONLY | O_DIRECTORY) < 0 || open("/", O_RDONLY | O_DIRECTORY) < 0)
		_exit(250);
	for (size_t i = 0; rq->argv[i]; i++)
		strv_add(&argv, rq->argv[i]);
	strv_addf(&env, "PATH=%s", rq->path ? rq->path : "/usr/bin:/bin");
	if (policy_plan(&globals, &opts, &policy, &err) < 0)
		_exit(251);
	const struct exec_spec spec = { .pidfd = box->pidfd,
		.pid = box->init,
		.argv = &argv,
		.env = &env,
		.user = rq->user,
		.workdir = rq->workdir,
		.policy = &policy,
		.interactive = rq->interactive,
		.tty = rq->tty,
		.detach = rq->detach };
	int r = exec_run(&spec, &err);
	if (r < 0 && write(2, err.text, strlen(err.text)) < 0)
		_exit(252);
	_exit(r < 0 ? (err.exit ? err.exit : 249) : r);
}

static void start(struct box *box, const struct request *rq)
{
	int in[2], out[2], errs[2], theirs[3];

	assert_int_equal(pipe2(errs, O_CLOEXEC), 0);
	if (rq->tty) {
		struct winsize size = { .ws_row = 33, .ws_col = 77 };
		int slave;
		assert_int_equal(openpty(&box->master, &slave, NULL, NULL, &size), 0);
		theirs[0] = theirs[1] = slave;
	} else {
		assert_int_equal(pipe2(in, O_CLOEXEC), 0);
		assert_int_equal(pipe2(out, O_CLOEXEC), 0);
		theirs[0] = in[0];
		theirs[1] = out[1];
		box->in = in[1];
		box->out = out[0];
	}
	theirs[2] = errs[1];
	box->errs = errs[0];
	box->caller = fork();
	assert_true(box->caller >= 0);
	if (box->caller == 0)
		caller_main(box, rq, theirs);
	close(theirs[0]);
	if (!rq->tty)
		close(theirs[1]);
	close(theirs[2]);
}

static const char *read_all(int fd, char *ret, size_t size)
{
	size_t len = 0;
	ssize_t n;

	while (len < size - 1 && (n = read(fd, ret + len, size - 1 - len)) > 0)
		len += (size_t)n;
	ret[len] = '\0';
	return ret;
}

static int finished(struct box *box)
{
	int status;

	assert_int_equal(waitpid(box->caller, &status, 0), box->caller);
	box->caller = 0;
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

#define SH(script) .argv = { "sh", "-c", script }

static void output_and_status_come_back(void **state)
{
	struct box *box = *state;
	char text[4096];

	start(box, &(struct request){ SH("hostname; echo oops >&2; exit 7") });
	assert_string_equal(read_all(box->out, text, sizeof(text)), "inside\n");
	assert_string_equal(read_all(box->errs, text, sizeof(text)), "oops\n");
	assert_int_equal(finished(box), 7);
}

static void a_signal_is_128_and_its_number(void **state)
{
	struct box *box = *state;

	start(box, &(struct request){ SH("kill -TERM $$") });
	assert_int_equal(finished(box), 143);
}

static void stdin_is_empty_unless_asked_for(void **state)
{
	struct box *box = *state;
	char text[4096];

	start(box, &(struct request){ .argv = { "cat" } });
	assert_int_equal(finished(box), 0);
	close(box->in);
	close(box->out);
	close(box->errs);
	start(box, &(struct request){ .argv = { "cat" }, .interactive = true });
	assert_int_equal(write(box->in, "typed", 5), 5);
	close(box->in);
	box->in = -1;
	assert_string_equal(read_all(box->out, text, sizeof(text)), "typed");
	assert_int_equal(finished(box), 0);
}

static void it_is_in_the_containers_namespaces(void **state)
{
	static const char *const names[] = { "ipc", "mnt", "net", "pid", "user", "uts", "cgroup" };
	struct box *box = *state;
	char text[4096], want[4096] = "";
	size_t len = 0;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct stat st;
		char path[64];
		snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)box->init, names[i]);
		assert_int_equal(stat(path, &st), 0);
		len += (size_t)snprintf(want + len, sizeof(want) - len, "%lu\n", st.st_ino);
	}
	snprintf(want + len, sizeof(want) - len, "0\n"); /* its parent is outside */
	start(box, &(struct request){ SH("cd /proc/self/ns; stat -L -c %i ipc mnt net pid user uts "
					 "cgroup; echo $PPID") });
	assert_string_equal(read_all(box->out, text, sizeof(text)), want);
	assert_int_equal(finished(box), 0);
}

static void it_gets_nothing_of_the_callers_descriptors(void **state)
{
	struct box *box = *state;
	char text[4096];

	/* ls has a descriptor of its own for the folder: 3 */
	start(box, &(struct request){ .argv = { "ls", "/proc/self/fd" } });
	assert_string_equal(read_all(box->out, text, sizeof(text)), "0\n1\n2\n3\n");
	assert_int_equal(finished(box), 0);
}

static void it_is_held_to_the_policy(void **state)
{
	struct box *box = *state;
	char text[4096];

	start(box, &(struct request){ SH("grep -E '^(Cap|Seccomp:)' "
					 "/proc/self/status") });
	assert_string_equal(read_all(box->out, text, sizeof(text)),
		"CapInh:\t0000000000000000\nCapPrm:\t00000000800405fb\n"
		"CapEff:\t00000000800405fb\nCapBnd:\t00000000800405fb\nCapAmb:\t0000000000000000\n"
		"Seccomp:\t2\n");
	assert_int_equal(finished(box), 0);
}

static void another_user_has_ids_groups_home_and_no_rights(void **state)
{
	struct box *box = *state;
	struct err err = ERR_INIT;
	struct idmap map;
	char text[4096];

	assert_int_equal(idmap_detect(&map, &err), 0);
	if (idmap_to_host(map.uid, map.n_uid, 33) == UINT32_MAX)
		skip(); /* a single id */
	start(box, &(struct request){ SH("id -u; id -g; echo $HOME; grep CapEff /proc/self/status"),
			   .user = "www-data" });
	assert_string_equal(read_all(box->out, text, sizeof(text)),
		"33\n33\n/var/www\nCapEff:\t0000000000000000\n");
	assert_int_equal(finished(box), 0);
}

static void failures_have_dockers_status(void **state)
{
	static const struct {
		struct request request;
		int status;
		const char *text;
	} cases[] = {
		{ { .argv = { "nosuch" } }, 127, "executable file not found in $PATH" },
		{ { .argv = { "/no/such" } }, 127, "no such file or directory" },
		{ { .argv = { "/etc" } }, 126, "directory" },
		{ { .argv = { "/etc/passwd" } }, 126, "ermission denied" },
		{ { .argv = { "true" }, .workdir = "/no/such" }, 126,
			"chdir to cwd (\"/no/such\")" },
		{ { .argv = { "true" }, .workdir = "/etc/passwd" }, 126, "chdir to cwd" },
		{ { .argv = { "true" }, .user = "nosuch" }, 249, "unable to find user nosuch" },
		{ { .argv = { "true" }, .user = "-1" }, 249, "invalid user '-1'" },
		{ { .argv = { "nosuch" }, .detach = true }, 127, "not found in $PATH" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct box *box = *state;
		char text[4096];
		start(box, &cases[i].request);
		read_all(box->errs, text, sizeof(text));
		int status = finished(box);
		if (status != cases[i].status || !strstr(text, cases[i].text))
			fail_msg("%s: status %d, %s", cases[i].request.argv[0], status, text);
		close(box->in);
		close(box->out);
		close(box->errs);
		box->in = box->out = box->errs = -1;
	}
}

static void the_working_directory_is_kept(void **state)
{
	struct box *box = *state;
	char text[4096];

	start(box, &(struct request){ .argv = { "pwd" }, .workdir = "/usr/bin" });
	assert_string_equal(read_all(box->out, text, sizeof(text)), "/usr/bin\n");
	assert_int_equal(finished(box), 0);
}

static void a_descriptor_path_is_no_way_out(void **state)
{
	static const char *const paths[] = { "/proc/self/fd/3", "/proc/self/fd/4",
		"/proc/self/fd/7", "/proc/self/fd/10",
		"/proc/self/cwd/../../../../proc/self/fd/5" };

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		struct box *box = *state;
		start(box, &(struct request){ .argv = { "pwd" }, .workdir = paths[i] });
		assert_int_equal(finished(box), 126);
		close(box->in);
		close(box->out);
		close(box->errs);
		box->in = box->out = box->errs = -1;
	}
}

static void a_terminal_is_the_containers_own(void **state)
{
	struct box *box = *state;
	char text[4096];

	start(box,
		&(struct request){ SH("tty; n=0; until stty size | grep '33 77' || [ $n = 1500 ]; "
				      "do n=$((n+1)); sleep 0.02; done"),
			.tty = true, .interactive = true });
	read_all(box->master, text, sizeof(text));
	assert_non_null(strstr(text, "/dev/pts/0\r\n"));
	assert_non_null(strstr(text, "33 77")); /* the client tells it, soon */
	assert_int_equal(finished(box), 0);
}

/* Not at once: a shell that has said something may not have started the next program yet. */
#define SEE_SLEEP                                                                                    \
	"n=0; until ps -e -o args= | grep '^sleep 30' || [ $n = 1500 ]; do n=$((n+1)); sleep 0.02; " \
	"done"

static void detached_it_returns_at_once_and_goes_on(void **state)
{
	struct box *box = *state;
	char text[4096];

	start(box, &(struct request){ SH("sleep 30"), .detach = true });
	assert_string_equal(read_all(box->out, text, sizeof(text)), ""); /* nobody holds our pipe */
	assert_int_equal(finished(box), 0);
	close(box->in);
	close(box->errs);
	close(box->out);
	start(box, &(struct request){ SH(SEE_SLEEP) });
	assert_string_equal(read_all(box->out, text, sizeof(text)), "sleep 30\n");
	assert_int_equal(finished(box), 0);
}

static void a_killed_caller_leaves_the_process_running(void **state)
{
	struct box *box = *state;
	char text[4096];

	start(box, &(struct request){ SH("echo up; sleep 30") });
	assert_int_equal(read(box->out, text, 3), 3);
	kill(box->caller, SIGKILL);
	assert_int_equal(finished(box), -SIGKILL);
	assert_string_equal(read_all(box->out, text, sizeof(text)), "");
	close(box->in);
	close(box->out);
	close(box->errs);
	start(box, &(struct request){ SH(SEE_SLEEP) });
	assert_string_equal(read_all(box->out, text, sizeof(text)), "sleep 30\n");
	assert_int_equal(finished(box), 0);
}

static void it_dies_with_the_container(void **state)
{
	struct box *box = *state;
	char text[4096];

	start(box, &(struct request){ SH("echo up; sleep 30") });
	assert_int_equal(read(box->out, text, 3), 3);
	kill(box->init, SIGKILL);
	assert_int_equal(finished(box), 137);
}

static void a_dead_container_is_an_error(void **state)
{
	struct box *box = *state;
	char text[4096];

	kill(box->init, SIGKILL);
	waitpid(box->init, NULL, 0);
	start(box, &(struct request){ .argv = { "true" } });
	assert_non_null(strstr(read_all(box->errs, text, sizeof(text)), "not running"));
	assert_int_equal(finished(box), 249);
	box->init = fork(); /* something for the teardown to kill */
	if (box->init == 0)
		pause();
}

static void background_children_do_not_hold_it_up(void **state)
{
	struct box *box = *state;
	char text[4096];

	start(box, &(struct request){ SH("sleep 30 & echo done") });
	assert_string_equal(read_all(box->out, text, sizeof(text)), "done\n");
	assert_int_equal(finished(box), 0);
}

#define BOXED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
TEST_MAIN(BOXED(output_and_status_come_back), BOXED(a_signal_is_128_and_its_number),
	BOXED(stdin_is_empty_unless_asked_for), BOXED(it_is_in_the_containers_namespaces),
	BOXED(it_gets_nothing_of_the_callers_descriptors), BOXED(it_is_held_to_the_policy),
	BOXED(another_user_has_ids_groups_home_and_no_rights), BOXED(failures_have_dockers_status),
	BOXED(the_working_directory_is_kept), BOXED(a_descriptor_path_is_no_way_out),
	BOXED(a_terminal_is_the_containers_own), BOXED(detached_it_returns_at_once_and_goes_on),
	BOXED(a_killed_caller_leaves_the_process_running), BOXED(it_dies_with_the_container),
	BOXED(a_dead_container_is_an_error), BOXED(background_children_do_not_hold_it_up))
