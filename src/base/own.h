/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ownership in the type: a variable declared auto* is released when its scope ends.
 * Parameters borrow. A function that takes ownership has "adopt" in its name and the caller
 * writes move_fd(&fd) or move_ptr(&p) at the call.
 */
#ifndef SBX_BASE_OWN_H
#define SBX_BASE_OWN_H

#include <dirent.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#define autofree      __attribute__((cleanup(own_free_)))
#define autofd        __attribute__((cleanup(own_close_)))
#define autodir       __attribute__((cleanup(own_closedir_)))

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Return early with the callee's negative errno; only where nothing needs undoing by hand. */
#define TRY(x)                       \
	do {                         \
		int try_ = (x);      \
		if (try_ < 0)        \
			return try_; \
	} while (0)

#define move_ptr(p)                             \
	__extension__({                         \
		__typeof__(*(p)) moved_ = *(p); \
		*(p) = NULL;                    \
		moved_;                         \
	})

static inline int move_fd(int *fd)
{
	int moved = *fd;

	*fd = -EBADF; /* a stray "return fd" is then a true errno, not EPERM */
	return moved;
}

static inline void own_free_(void *p)
{
	void *block;

	__builtin_memcpy(&block, p, sizeof(block));
	free(block);
}

static inline void own_close_(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		(void)close(*fd); /* never retried: after EINTR Linux has already let go of it */
	errno = saved;
}

static inline void own_closedir_(DIR **dir)
{
	if (*dir)
		(void)closedir(*dir); /* read-only handle: nothing can be lost */
}

/* Close now and forget; safe on a closed slot. */
static inline void fd_drop(int *fd)
{
	own_close_(fd);
	*fd = -EBADF;
}

#endif
