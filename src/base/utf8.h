/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SBX_BASE_UTF8_H
#define SBX_BASE_UTF8_H

#include <stddef.h>

/* Bytes of the well-formed UTF-8 sequence at s (Unicode, table 3-7): 1 to 4; 0 when there is none, or
 * when it is cut off after len bytes. Overlong forms and surrogates are not well-formed. A NUL byte
 * never continues a sequence, so for a string len may be SIZE_MAX. */
size_t utf8_length(const void *s, size_t len);

#endif
