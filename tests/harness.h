/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every unit test starts with. A test file holds functions whose names are sentences and ends
 * with
 *
 *	TEST_MAIN(cmocka_unit_test(overlapping_ranges_are_refused), ...)
 *
 * The program prints TAP and takes one argument, a pattern of test names: `unit-… 'overlapping*'`.
 * A failing assertion longjmps past cleanup attributes: what must be undone (a child, a mount, a
 * directory) belongs into a teardown function, such as those here.
 */
#ifndef SBX_TESTS_HARNESS_H
#define SBX_TESTS_HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define TEST_MAIN(...)                                                                          \
	int main(int argc, char **argv)                                                         \
	{                                                                                       \
		const struct CMUnitTest tests[] = { __VA_ARGS__ };                              \
		harness_start(argc, argv);                                                      \
		return harness_status(cmocka_run_group_tests_name(argv[0], tests, NULL, NULL)); \
	}

/*
 * Chooses TAP output and the filter; a second argument is a usage error (status 2). Whatever signals the
 * caller ignored or blocked, here none is.
 */
void harness_start(int argc, char **argv);
int harness_status(int failed); /* count of failures → exit status */

/*
 * A scratch directory per test:
 *
 *	cmocka_unit_test_setup_teardown(test, harness_scratch, harness_scratch_done)
 *
 * *state is then a struct scratch. The directory and all below it are gone afterwards.
 */
struct scratch {
	char path[256];
	int fd; /* O_DIRECTORY */
};
int harness_scratch(void **state);
int harness_scratch_done(void **state);

/* Files in the scratch directory; a failure fails the test. */
void scratch_write(const struct scratch *dir, const char *name, const char *text);
void scratch_mkdir(const struct scratch *dir, const char *name);
/* Contents, NUL-terminated, from malloc(); NULL when there is no such file. */
char *scratch_read(const struct scratch *dir, const char *name);

#endif
