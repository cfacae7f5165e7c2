/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench-calls: what a thousand system calls cost here, in microseconds: the middle of 101 rounds, over calls that
 * stand at the front, in the middle and at the end of the table by number, and one whose arguments filters look at.
 * The calls fail at once or do next to nothing, so that the filter in front of them shows.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 101
#define CALLS  1000

static int64_t now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void four_calls(void)
{
	(void)syscall(SYS_read, -1, NULL, 0L);
	(void)syscall(SYS_getppid);
	(void)syscall(SYS_personality, 0xffffffffL);
	(void)syscall(SYS_faccessat2, -1, "", 0L, 0L);
}

int main(void)
{
	int64_t took[ROUNDS];

	for (int i = 0; i < ROUNDS; i++) {
		int64_t begun = now();

		for (int n = 0; n < CALLS / 4; n++)
			four_calls();
		took[i] = now() - begun;
	}
	qsort(took, ROUNDS, sizeof(*took), compare);
	return printf("%.1f\n", (double)took[ROUNDS / 2] / 1000) < 0;
}
