/* SPDX-License-Identifier: Apache-2.0 */
/* See err.h. Formatting truncates silently at the struct's size: a cut message beats a lost one. */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

__attribute__((format(printf, 4, 0))) static void err_fill(
	struct err *err, int code, const char *id, const char *fmt, va_list ap)
{
	char text[sizeof(err->text)]; /* a message may quote the one it replaces */

	(void)vsnprintf(text, sizeof(text), fmt, ap);
	err->code = code;
	err->exit = 0;
	(void)snprintf(err->id, sizeof(err->id), "%s", id); /* ids are ours and short */
	(void)snprintf(err->text, sizeof(err->text), "%s", text);
}

int err_sys(struct err *err, const char *fmt, ...)
{
	int saved = errno;
	size_t len;
	va_list ap;

	va_start(ap, fmt);
	err_fill(err, saved ? -saved : -EIO, "", fmt, ap);
	va_end(ap);
	len = strlen(err->text);
	(void)snprintf(err->text + len, sizeof(err->text) - len, ": %s", strerror(saved));
	return err->code;
}

int err_set(struct err *err, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	err_fill(err, code, "", fmt, ap);
	va_end(ap);
	return code;
}

int err_id(struct err *err, int code, const char *id, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	err_fill(err, code, id, fmt, ap);
	va_end(ap);
	return code;
}

int err_wrap(struct err *err, const char *fmt, ...)
{
	char old[sizeof(err->text)];
	size_t len;
	va_list ap;

	memcpy(old, err->text, sizeof(old));
	va_start(ap, fmt);
	(void)vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	len = strlen(err->text);
	(void)snprintf(err->text + len, sizeof(err->text) - len, ": %s", old);
	return err->code;
}

int err_told(struct err *err, int code, int status)
{
	*err = (struct err){ .code = code, .exit = status };
	return code;
}

int err_exit(struct err *err, int status)
{
	err->exit = status;
	return err->code;
}

/* Length of the valid UTF-8 sequence at s that a terminal may see as it is, or 0. C1 controls
 * (U+0080..U+009F) are refused: terminals obey them like escape sequences. */
static size_t printable_utf8(const unsigned char *s)
{
	bool control = s[0] < 0x20 || s[0] == 0x7f || (s[0] == 0xc2 && s[1] < 0xa0);

	return control ? 0 : utf8_length(s, SIZE_MAX);
}

char *err_escape(char *dst, size_t size, const char *src)
{
	const unsigned char *s = (const unsigned char *)src;
	size_t at = 0;

	while (*s && size > 0) {
		size_t n = printable_utf8(s);

		if (at + (n ? n : 4) + 1 > size)
			break;
		if (n) {
			memcpy(dst + at, s, n);
			at += n;
			s += n;
		} else {
			(void)snprintf(dst + at, size - at, "\\x%02x", *s++);
			at += 4;
		}
	}
	if (size > 0)
		dst[at] = '\0';
	return dst;
}
