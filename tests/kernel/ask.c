/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/ask.h"

#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/userns.h"
#include "harness.h"

enum { NOT_REACHED = 201 };

static int enter(void)
{
	const struct idmap one = {
		.kind = IDMAP_SINGLE,
		.uid = { { 0, getuid(), 1 } },
		.gid = { { 0, getgid(), 1 } },
		.n_uid = 1,
		.n_gid = 1,
	};
	struct err err = ERR_INIT;

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET) < 0)
		return -1;
	if (idmap_write(getpid(), &one, &err) < 0)
		return -1;
	return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
}

static int ask(bool inside, int (*question)(void *), void *arg)
{
	int status = 0;
	pid_t child;

	(void)fflush(NULL);
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		_exit(inside && enter() < 0 ? NOT_REACHED : question(arg));
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFSIGNALED(status))
		return 128 + WTERMSIG(status);
	assert_int_not_equal(WEXITSTATUS(status), NOT_REACHED);
	return WEXITSTATUS(status);
}

int ask_inside(int (*question)(void *arg), void *arg)
{
	return ask(true, question, arg);
}

int ask_outside(int (*question)(void *arg), void *arg)
{
	return ask(false, question, arg);
}

void note(const char *belief, bool holds)
{
	printf("# %s: %s\n", belief, holds ? "yes" : "no");
}
