/* SPDX-License-Identifier: Apache-2.0 */
/*
 * While a password is typed the terminal neither shows nor interprets: ctrl-C arrives as a byte that
 * ends the line, so that no signal can end us before the echo is back.
 */
#include "image/prompt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/xalloc.h"

#define LINE_MAX_BYTES 4096
#define CTRL_C         3

static int read_line(char *line, size_t size, size_t *ret, struct err *err)
{
	ssize_t n;

	do {
		n = read(STDIN_FILENO, line, size);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_sys(err, "read from the terminal");
	if (n == 0 || memchr(line, CTRL_C, (size_t)n))
		return err_set(err, -ECANCELED, "cancelled");
	*ret = (size_t)n;
	return 0;
}

int prompt_line(const char *question, bool hidden, char **ret, struct err *err)
{
	struct termios before, quiet;
	char line[LINE_MAX_BYTES];
	size_t len = 0;
	int r;

	if (tcgetattr(STDIN_FILENO, &before) < 0)
		return err_sys(err, "ask at the terminal");
	quiet = before;
	quiet.c_lflag |= ICANON;
	if (hidden) {
		quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL | ISIG);
		quiet.c_cc[VEOL] = CTRL_C;
	}
	if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet) < 0)
		return err_sys(err, "ask at the terminal");
	/* Only now: what is typed after the question must not be shown, nor flushed. */
	r = fs_write_all(STDOUT_FILENO, question, strlen(question), err);
	if (r >= 0)
		r = read_line(line, sizeof(line), &len, err);
	(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &before); /* the terminal may be gone */
	if (hidden)
		(void)fs_write_all(STDOUT_FILENO, "\n", 1, &(struct err)ERR_INIT);
	TRY(r);
	while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == '\r'))
		len--;
	*ret = xstrndup(line, len);
	explicit_bzero(line, sizeof(line));
	return 0;
}

int prompt_stdin(char **ret, struct err *err)
{
	char text[LINE_MAX_BYTES];
	size_t len = 0;

	for (;;) {
		ssize_t n = read(STDIN_FILENO, text + len, sizeof(text) - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, "read the password");
		if (n == 0)
			break;
		len += (size_t)n;
		if (len == sizeof(text))
			return err_set(
				err, -EFBIG, "the password has more than %zu bytes", sizeof(text));
	}
	while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
		len--;
	*ret = xstrndup(text, len);
	explicit_bzero(text, sizeof(text));
	return 0;
}
