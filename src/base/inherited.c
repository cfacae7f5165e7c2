/* SPDX-License-Identifier: Apache-2.0 */
#include "base/inherited.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "base/sys.h"

#define NAMED_MAX 1024 /* numbers that can be spared; shells use 63 and below */

/* The next descriptor, above stderr, that text names; *text moves behind it. -1: no more. */
static int next_named(const char **text)
{
	/* what stands before it, /dev or /proc/self, matters little: one too many is closed later */
	while (*text && (*text = strstr(*text, "/fd/"))) {
		char *end;
		long fd;

		*text += strlen("/fd/");
		if (**text < '0' || **text > '9')
			continue;
		fd = strtol(*text, &end, 10);
		*text = end;
		if (fd > STDERR_FILENO && fd < NAMED_MAX)
			return (int)fd;
	}
	return -1;
}

/* "--preserve-fds=N" or "--preserve-fds N": how many from 3 on. Of a payload's own words too; what
 * inherited_keep() does not take is closed by inherited_drop(). */
static int preserved(char *const *argv)
{
	static const char option[] = "--preserve-fds";
	size_t len = strlen(option);
	long most = 0, n;

	for (; *argv; argv++) {
		if (strncmp(*argv, option, len) != 0)
			continue;
		n = (*argv)[len] == '='        ? strtol(*argv + len + 1, NULL, 10)
		    : !(*argv)[len] && argv[1] ? strtol(argv[1], NULL, 10)
					       : 0;
		most = n > most ? n : most;
	}
	return most > NAMED_MAX - 3 ? NAMED_MAX - 3 : (int)most;
}

static bool is_inherited(int fd)
{
	int flags = fcntl(fd, F_GETFD);

	return flags >= 0 && !(flags & FD_CLOEXEC);
}

static int close_between(int first, int last, struct err *err)
{
	if (first > last)
		return 0;
	return sys_close_range((unsigned)first, (unsigned)last, 0) < 0
		       ? err_sys(err, "close inherited descriptors")
		       : 0;
}

int inherited_tidy(char *const *argv, struct err *err)
{
	bool named[NAMED_MAX] = { false };
	int first = STDERR_FILENO + 1;

	for (int fd = 0; fd < first; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", O_RDWR) != fd)
			return err_sys(err, "open /dev/null");
	for (int fd = first; fd < first + preserved(argv); fd++)
		named[fd] = true;
	for (; *argv; argv++) {
		const char *text = *argv;

		for (int fd = next_named(&text); fd >= 0; fd = next_named(&text))
			named[fd] = true;
	}
	for (int fd = first; fd < NAMED_MAX; fd++) {
		if (!named[fd])
			continue;
		TRY(close_between(first, fd - 1, err));
		first = fd + 1;
	}
	if (sys_close_range((unsigned)first, UINT_MAX, 0) < 0)
		return err_sys(err, "close inherited descriptors");
	return 0;
}

int inherited_keep(int n, struct err *err)
{
	for (int fd = 3; fd < 3 + n; fd++) {
		if (!is_inherited(fd))
			return err_set(err, -EBADF,
				"--preserve-fds=%d: file descriptor %d is not open in the caller",
				n, fd);
		if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
			return err_sys(err, "keep descriptor %d", fd);
	}
	return 0;
}

void inherited_release(int n)
{
	for (int fd = 3; fd < 3 + n; fd++)
		(void)close(fd);
}

void inherited_drop(char *const *argv)
{
	if (!argv)
		return;
	for (int fd = 3, end = 3 + preserved(argv); fd < end; fd++)
		if (is_inherited(fd))
			(void)close(fd);
	for (; *argv; argv++) {
		const char *text = *argv;

		for (int fd = next_named(&text); fd >= 0; fd = next_named(&text))
			if (is_inherited(fd))
				(void)close(fd); /* somebody's pipe or file, read already */
	}
}
