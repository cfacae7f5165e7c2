/* SPDX-License-Identifier: Apache-2.0 */
/* Signal names and numbers. Own table: sigabbrev_np() is missing in musl and before glibc 2.32. */
#include "options/options.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/own.h"

static const struct {
	const char *name;
	int number;
} names[] = {
	{ "ABRT", SIGABRT },
	{ "ALRM", SIGALRM },
	{ "BUS", SIGBUS },
	{ "CHLD", SIGCHLD },
	{ "CLD", SIGCHLD },
	{ "CONT", SIGCONT },
	{ "FPE", SIGFPE },
	{ "HUP", SIGHUP },
	{ "ILL", SIGILL },
	{ "INT", SIGINT },
	{ "IO", SIGIO },
	{ "IOT", SIGABRT },
	{ "KILL", SIGKILL },
	{ "PIPE", SIGPIPE },
	{ "POLL", SIGIO },
	{ "PROF", SIGPROF },
	{ "PWR", SIGPWR },
	{ "QUIT", SIGQUIT },
	{ "SEGV", SIGSEGV },
	{ "STKFLT", SIGSTKFLT },
	{ "STOP", SIGSTOP },
	{ "SYS", SIGSYS },
	{ "TERM", SIGTERM },
	{ "TRAP", SIGTRAP },
	{ "TSTP", SIGTSTP },
	{ "TTIN", SIGTTIN },
	{ "TTOU", SIGTTOU },
	{ "URG", SIGURG },
	{ "USR1", SIGUSR1 },
	{ "USR2", SIGUSR2 },
	{ "VTALRM", SIGVTALRM },
	{ "WINCH", SIGWINCH },
	{ "XCPU", SIGXCPU },
	{ "XFSZ", SIGXFSZ },
};

#define RT_FIRST 34 /* what programs inside see as SIGRTMIN: libc keeps 32 and 33 */
#define RT_LAST  64

/* 1 or 2 digits without sign, or -1. */
static int small_number(const char *s)
{
	int n = 0;

	if (!*s || strlen(s) > 2)
		return -1;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return -1;
		n = n * 10 + (*s - '0');
	}
	return n;
}

/* RTMIN, RTMIN+n, RTMAX, RTMAX-n; 0 if it is none of them. */
static int real_time(const char *name)
{
	bool min = strncasecmp(name, "RTMIN", 5) == 0;
	int n = 0;

	if (!min && strncasecmp(name, "RTMAX", 5) != 0)
		return 0;
	if (name[5] && name[5] != (min ? '+' : '-'))
		return 0;
	if (name[5])
		n = small_number(name + 6);
	if (n < 0 || n > RT_LAST - RT_FIRST)
		return 0;
	return min ? RT_FIRST + n : RT_LAST - n;
}

int parse_signal(const char *value, struct err *err)
{
	const char *name = strncasecmp(value, "SIG", 3) == 0 ? value + 3 : value;
	int number = small_number(value);

	if (number >= 1 && number <= RT_LAST)
		return number;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcasecmp(name, names[i].name) == 0)
			return names[i].number;
	number = real_time(name);
	if (number > 0)
		return number;
	return err_set(err, -EINVAL, "invalid signal: %s", value);
}
