/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pid 1 for --init. A pid namespace's init gets no default signal actions and inherits orphans
 * (pid_namespaces(7)); this one passes every signal to the payload and reaps what others leave.
 * All signals are blocked before anything else, so none is lost; from here on it cannot fail.
 */
#include "process/child.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static _Noreturn void leave_with(int status)
{
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

_Noreturn void init_main(pid_t payload)
{
	sigset_t all;
	int status;

	(void)sigfillset(&all); /* cannot fail */
	(void)sigprocmask(SIG_BLOCK, &all, NULL);
	for (;;) {
		siginfo_t info;
		int signo = sigwaitinfo(&all, &info);
		pid_t pid;

		if (signo < 0 && errno != EINTR) /* a filter without sigwaitinfo: no signals then */
			(void)waitid(P_ALL, 0, &info, WEXITED | WNOWAIT);
		if (signo == SIGCHLD || signo < 0) {
			while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
				if (pid == payload)
					leave_with(status); /* the kernel ends the rest with us */
			if (pid < 0 && errno == ECHILD)
				_exit(125); /* cannot be: the payload was ours */
			continue;
		}
		if (signo != SIGTTIN && signo != SIGTTOU && signo != SIGTSTP)
			(void)kill(payload, signo);
	}
}
