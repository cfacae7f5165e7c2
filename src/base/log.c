/* SPDX-License-Identifier: Apache-2.0 */
/* See log.h. The tree's only mutable file-scope state: who speaks, how much, and where to. */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"

static struct {
	const char *program;
	enum log_level level;
	int fd;
} logger = { "sbx", LOG_INFO, STDERR_FILENO };

void log_init(const char *program, enum log_level level)
{
	logger.program = program;
	logger.level = level;
}

void log_to(int fd)
{
	logger.fd = fd;
}

int log_parse_level(const char *name, enum log_level *ret)
{
	static const struct {
		const char *name;
		enum log_level level;
	} levels[] = { { "debug", LOG_DEBUG }, { "info", LOG_INFO }, { "warn", LOG_WARN },
		{ "warning", LOG_WARN }, { "error", LOG_ERROR }, { "fatal", LOG_ERROR } };

	for (size_t i = 0; i < ARRAY_SIZE(levels); i++) {
		if (strcmp(levels[i].name, name) == 0) {
			*ret = levels[i].level;
			return 0;
		}
	}
	return -EINVAL;
}

static void log_line(const char *program, const char *id, const char *text)
{
	char safe[2048], line[2300];
	int n;

	err_escape(safe, sizeof(safe), text);
	n = snprintf(line, sizeof(line), "%s%s%s%s%s\n", program, *program ? ": " : "", id,
		*id ? ": " : "", safe);
	if (write(logger.fd, line, n < (int)sizeof(line) ? (size_t)n : sizeof(line) - 1) < 0)
		return; /* nowhere left to tell */
}

void log_msg(enum log_level level, const char *fmt, ...)
{
	char text[2048];
	va_list ap;

	if (level > logger.level)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_line(logger.program, "", text);
}

void log_plain(const char *fmt, ...)
{
	char text[2048];
	va_list ap;

	if (LOG_INFO > logger.level)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_line("", "", text);
}

void log_err(const struct err *err)
{
	if (err->id[0] || err->text[0])
		log_line(logger.program, err->id, err->text);
}
