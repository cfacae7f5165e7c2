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

void inherited_drop(char *const *argv)
{
	for (; argv && *argv; argv++) {
		const char *text = *argv;

		for (int fd = next_named(&text); fd >= 0; fd = next_named(&text)) {
			int flags = fcntl(fd, F_GETFD);

			if (flags >= 0 && !(flags & FD_CLOEXEC))
				(void)close(fd); /* somebody's pipe or file, read already */
		}
	}
}
