/* SPDX-License-Identifier: Apache-2.0 */
/* The caller's terminal: raw while a container uses it, as it was afterwards. */
#ifndef SBX_PROCESS_TTY_H
#define SBX_PROCESS_TTY_H

#include <stdbool.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "base/err.h"

struct tty {
	int fd; /* borrowed; -1 = none */
	bool raw;
	struct termios saved;
};
#define TTY_INIT         \
	{                \
		.fd = -1 \
	}
#define autotty __attribute__((cleanup(tty_restore)))

/* Saves the modes of fd and makes it raw. -ENOTTY: "the input device is not a TTY". */
int tty_make_raw(struct tty *tty, int fd, struct err *err);

/* Raw again after tty_restore(), or after a shell has changed the modes meanwhile. No effect without
 * a terminal, nor from the background. */
void tty_resume(struct tty *tty);

/* Back to the saved modes. No effect unless raw; from the background it leaves the terminal to whoever
 * has it now. */
void tty_restore(struct tty *tty);

/* Size of the first of the two that is a terminal. */
bool tty_size(int fd, int other, struct winsize *ret);

#endif
