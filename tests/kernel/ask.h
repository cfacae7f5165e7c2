/* SPDX-License-Identifier: Apache-2.0 */
/* How a belief is asked: in a child, because the answers change the process for good. */
#ifndef SBX_TESTS_KERNEL_ASK_H
#define SBX_TESTS_KERNEL_ASK_H

#include <stdbool.h>

/* Runs question(arg) in a child inside new user, mount, pid and network namespaces with one id
 * mapped (container root is the caller) and returns what it returned, 0 to 200. Fails the test when
 * the child does not come that far. */
int ask_inside(int (*question)(void *arg), void *arg);

/* The same without new namespaces. */
int ask_outside(int (*question)(void *arg), void *arg);

/* Prints the kernel's answer where sbx works either way. */
void note(const char *belief, bool holds);

#endif
