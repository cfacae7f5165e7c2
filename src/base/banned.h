/* SPDX-License-Identifier: Apache-2.0 */
/* Force-included: functions with no safe use become compile errors. */
#ifndef SBX_BASE_BANNED_H
#define SBX_BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#undef sprintf /* a macro in clang's fortified build */
#pragma GCC poison strcpy strcat sprintf vsprintf strncpy strncat gets strtok
#pragma GCC poison localtime gmtime ctime asctime mktemp tempnam tmpnam system popen
#pragma GCC poison atoi atol atoll

#endif
