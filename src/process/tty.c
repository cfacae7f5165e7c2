/* SPDX-License-Identifier: Apache-2.0 */
#include "process/tty.h"

#include <errno.h>
#include <unistd.h>

static bool in_foreground(int fd)
{
	pid_t group = tcgetpgrp(fd);

	return group < 0 ||
	       group == getpgrp(); /* -1: not our controlling terminal, nobody's turn */
}

static int set_raw(const struct tty *tty)
{
	struct termios raw = tty->saved;

	cfmakeraw(&raw);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	return tcsetattr(tty->fd, TCSANOW, &raw);
}

int tty_make_raw(struct tty *tty, int fd, struct err *err)
{
	*tty = (struct tty)TTY_INIT;
	if (!isatty(fd))
		return err_set(err, -ENOTTY, "the input device is not a TTY");
	tty->fd = fd;
	if (tcgetattr(fd, &tty->saved) < 0 || set_raw(tty) < 0)
		return err_sys(err, "set the terminal to raw mode");
	tty->raw = true;
	return 0;
}

void tty_resume(struct tty *tty)
{
	if (tty->fd >= 0 && in_foreground(tty->fd))
		tty->raw = set_raw(tty) == 0;
}

void tty_restore(struct tty *tty)
{
	if (tty->fd >= 0 && tty->raw && in_foreground(tty->fd))
		(void)tcsetattr(tty->fd, TCSANOW, &tty->saved); /* hung up: nothing to restore */
	tty->raw = false;
}

bool tty_size(int fd, int other, struct winsize *ret)
{
	return (fd >= 0 && ioctl(fd, TIOCGWINSZ, ret) == 0) ||
	       (other >= 0 && ioctl(other, TIOCGWINSZ, ret) == 0);
}
