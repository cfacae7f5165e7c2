/* SPDX-License-Identifier: Apache-2.0 */
/* Characters as Go's unicode package sees them, which is what BuildKit's answers come from. */
#ifndef SBX_BUILDER_TEXT_H
#define SBX_BUILDER_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define TEXT_BROKEN 0x110000U /* added to a byte that begins no UTF-8 sequence */

/* The character at s, its length in *ret_len (at least 1, also for NUL and broken bytes). */
uint32_t text_decode(const char *s, size_t *ret_len);

/* Bytes of the white space character at s; 0 if there is none. */
size_t text_space(const char *s);

bool text_is_letter(
	uint32_t c); /* ASCII exactly; beyond it, everything but blanks and punctuation */
bool text_is_digit(char c);

/* The part of s[0..len) without white space at both ends. */
struct span {
	const char *at;
	size_t len;
};
struct span text_trim(const char *s, size_t len);

/* "…" as Go's %q writes it; C0 80 is a NUL character. */
void text_quote(const char *s, struct buf *out);

void text_lower(char *s); /* ASCII, in place */

/* Go's filepath.Clean: "." and ".." resolved as text, no slash at the end; "" is ".". Caller frees. */
char *text_clean_path(const char *path);

#endif
