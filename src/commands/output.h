/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What commands print: rows through --format, aligned tables, human sizes and durations. Data goes to
 * stdout, notices and errors to stderr (base/log.h).
 */
#ifndef SBX_COMMANDS_OUTPUT_H
#define SBX_COMMANDS_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "commands/template.h"

int out_write(const struct buf *text, struct err *err); /* to stdout */
int out_line(const char *text, struct err *err);        /* and a newline */

/* Control bytes, invalid UTF-8 and direction marks as \xHH, \uHHHH: foreign text in our tables. */
void out_escape(const char *text, struct buf *out);

/* ---- table.c: cells end with tabs, lines with newlines ---- */

/* Columns as wide as their widest cell and 3 more, at least 10, as Docker's. */
void table_align(const char *lines, struct buf *out);
void table_align_min(const char *lines, size_t min, struct buf *out); /* another least width */

/* ---- format.c: --format ---- */

struct format {
	struct template *template;
	bool table;   /* align, with a heading */
	bool marshal; /* whole rows as JSON */
	bool escape;  /* foreign text may meet a terminal */
	const char *type;
	/* May be changed between init and the first row: what is in front of messages (NULL: nothing),
	 * and the template's name in them. */
	const char *prefix, *name;
	struct buf out;
};
void format_done(struct format *format);
#define autoformat __attribute__((cleanup(format_done)))

/* user: --format or NULL; fallback: "table {{.ID}}\t…", also what a bare "table" means. "json" and
 * "table TEMPLATE" as Docker. type: for messages about wrong fields, borrowed. */
int format_init(struct format *format, const char *user, const char *fallback, const char *type,
	struct err *err);
int format_heading(struct format *format, const struct json *titles, struct err *err);
int format_row(
	struct format *format, const struct json *row, const struct json *methods, struct err *err);
int format_finish(struct format *format, struct err *err); /* prints */

/* ---- units.c: Docker's wording. Pure. ---- */

#define UNITS_MAX 40
void units_duration(int64_t seconds, char ret[UNITS_MAX]); /* "About a minute", "3 weeks" */
/* Decimal, "72.8MB"; digits: significant ones (3 for images). */
void units_size(int64_t bytes, int digits, char ret[UNITS_MAX]);
/* Binary, four digits, "1.5MiB". */
void units_binary(int64_t bytes, char ret[UNITS_MAX]);
void units_local_time(int64_t ns, char ret[UNITS_MAX]); /* "2026-11-22 09:00:00 +0100 CET" */

#endif
