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
#pragma GCC poison localtime gmtime asctime mktemp tempnam tmpnam system popen
#ifndef SBX_FUSE_PROTOCOL /* linux/fuse.h has fields of this name */
#pragma GCC poison ctime
#endif
#pragma GCC poison atoi atol atoll

#endif
