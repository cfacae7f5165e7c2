/* SPDX-License-Identifier: Apache-2.0 */
/* Plain lines, and what all three forms share. */
#include "builder/progress.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/xalloc.h"

#define VERTICES_MAX 65536

int64_t progress_now(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail for this clock */
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

struct progress *progress_new(enum build_progress mode, bool quiet)
{
	struct progress *p = xcalloc(1, sizeof(*p));
	const char *term = getenv("TERM");

	if (mode == PROGRESS_AUTO)
		mode = isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0 ? PROGRESS_TTY
										  : PROGRESS_PLAIN;
	p->mode = mode;
	p->quiet = quiet;
	p->fd = STDERR_FILENO;
	p->started = progress_now();
	p->list = xcalloc(VERTICES_MAX, sizeof(*p->list)); /* in place: `last` points into it */
	return p;
}

void progress_free(struct progress *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->n; i++) {
		free(p->list[i].name);
		buf_done(&p->list[i].line);
		strv_done(&p->list[i].tail);
	}
	free(p->list);
	free(p);
}

static struct vertex *find(struct progress *p, uint32_t id)
{
	for (size_t i = p->n; i-- > 0;)
		if (p->list[i].id == id)
			return &p->list[i];
	if (p->n == VERTICES_MAX)
		return &p->list[p->n - 1];
	p->list[p->n] = (struct vertex){ .id = id, .number = p->n + 1, .name = xstrdup("") };
	return &p->list[p->n++];
}

/* ---- plain ---- */

static void put(const struct progress *p, const struct buf *text)
{
	struct err ignored = ERR_INIT; /* nobody looks any more */

	if (text->len)
		(void)fs_write_all(p->fd, text->data, text->len, &ignored);
}

/* Lines of another vertex begin after a blank line and the vertex's name. */
static void turn_to(struct progress *p, const struct vertex *v, struct buf *out)
{
	if (p->last == v)
		return;
	if (p->last && !p->last->ended)
		buf_addc(out, '\n');
	buf_addf(out, "#%zu %s\n", v->number, v->name);
	p->last = v;
}

static double seconds(int64_t ns)
{
	return (double)(ns > 0 ? ns : 0) / 1e9;
}

static void plain_end(
	struct vertex *v, const struct report *head, const char *text, struct buf *out)
{
	if (v->cached)
		buf_addf(out, "#%zu CACHED\n\n", v->number);
	else if (head->kind == REPORT_ERROR)
		buf_addf(out, "#%zu ERROR: %s\n\n", v->number, text);
	else
		buf_addf(out, "#%zu DONE %.1fs\n\n", v->number, seconds(v->ended - v->started));
}

static void plain_line(
	struct vertex *v, int64_t when, const char *line, size_t len, struct buf *out)
{
	buf_addf(out, "#%zu %.3f ", v->number, seconds(when - v->started));
	buf_add(out, line, len);
	buf_addc(out, '\n');
}

/* ---- all forms ---- */

static void keep_line(struct vertex *v, const char *line, size_t len)
{
	if (v->tail.n == TAIL_LINES) {
		free(v->tail.v[0]);
		memmove(v->tail.v, v->tail.v + 1, TAIL_LINES * sizeof(*v->tail.v));
		v->tail.n--;
	}
	strv_adopt(&v->tail, xstrndup(line, len));
}

/* Whole lines; what follows a carriage return replaces what was before it. */
static void take_output(
	struct vertex *v, const struct report *head, const char *text, size_t len, struct buf *out)
{
	buf_add(&v->line, text, len);
	for (;;) {
		char *end = v->line.len ? memchr(v->line.data, '\n', v->line.len) : NULL;
		size_t n = end ? (size_t)(end - v->line.data) : v->line.len;

		if (!end && (n < 65536 && (head->kind == REPORT_OUTPUT || n == 0)))
			return;
		keep_line(v, v->line.data, n);
		plain_line(v, head->when, v->line.data, n, out);
		n += end != NULL;
		memmove(v->line.data, v->line.data + n, v->line.len - n);
		v->line.len -= n;
	}
}

static void begin(struct vertex *v, const struct report *head, const char *text)
{
	free(v->name);
	v->name = xstrdup(text);
	v->named = true;
	if (!v->started)
		v->started = head->when;
}

static void note_end(struct vertex *v, const struct report *head)
{
	v->ended = head->when;
	v->cached = head->kind == REPORT_CACHED;
	v->failed = head->kind == REPORT_ERROR;
}

void progress_report(struct progress *p, const struct report *head, const char *text, size_t len)
{
	struct vertex *v = find(p, head->vertex);
	autobuf struct buf out = BUF_INIT;

	if (head->kind == REPORT_START || head->kind == REPORT_CACHED)
		begin(v, head, text);
	turn_to(p, v, &out);
	if (head->kind == REPORT_OUTPUT) {
		take_output(v, head, text, len, &out);
	} else if (head->kind == REPORT_NOTE) {
		buf_addf(&out, "#%zu %s\n", v->number, text);
	} else if (head->kind != REPORT_START) {
		take_output(v, head, "", 0, &out);
		note_end(v, head);
		plain_end(v, head, text, &out);
	}
	if (p->quiet || p->paused)
		return;
	if (p->mode == PROGRESS_PLAIN)
		put(p, &out);
	else if (p->mode == PROGRESS_TTY)
		progress_draw(p, false);
	else
		progress_json(p, v, head, text, len);
}

void progress_pause(struct progress *p, bool pause)
{
	if (p->mode == PROGRESS_TTY && !p->quiet && pause && !p->paused)
		progress_draw(p, true);
	p->drawn = 0;
	p->paused = pause;
}

void progress_failure(const struct progress *p, struct buf *out)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct vertex *v = &p->list[i];

		if (!v->failed)
			continue;
		buf_addf(out, "------\n > %s:\n", v->name);
		strv_each (line, &v->tail)
			buf_addf(out, "%s\n", *line);
		buf_adds(out, "------\n");
	}
}
