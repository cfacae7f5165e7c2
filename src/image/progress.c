/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Docker's words and shapes, since scripts and eyes know them. A painting is one write(2), so that it
 * cannot be torn; a reader that went away (EPIPE) does not stop the pull. When there are more layers
 * than lines, finished ones make room.
 */
#include "image/progress.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/own.h"
#include "base/xalloc.h"

#define REPAINT_MS    100
#define BAR_MAX       50
#define BAR_MIN       10
#define WIDTH_ASSUMED 80
#define ROWS_ASSUMED  24

static const char *const words[] = {
	[PROGRESS_WAITING] = "Pulling fs layer",
	[PROGRESS_EXISTS] = "Already exists",
	[PROGRESS_DOWNLOADING] = "Downloading",
	[PROGRESS_DOWNLOADED] = "Download complete",
	[PROGRESS_EXTRACTING] = "Extracting",
	[PROGRESS_COMPLETE] = "Pull complete",
};

static int64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void put(const struct progress *progress, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = write(progress->fd, text, len);

		if (n <= 0)
			return; /* nobody reads; the pull goes on */
		text += n;
		len -= (size_t)n;
	}
}

void progress_init(struct progress *progress, int fd, bool quiet)
{
	*progress = (struct progress){ .fd = fd, .quiet = quiet, .terminal = !quiet && isatty(fd) };
}

void progress_done(struct progress *progress)
{
	free(progress->rows);
	*progress = (struct progress){ 0 };
}

void progress_say(const struct progress *progress, const char *fmt, ...)
{
	autobuf struct buf line = BUF_INIT;
	va_list ap;

	if (progress->quiet)
		return;
	va_start(ap, fmt);
	buf_vaddf(&line, fmt, ap);
	va_end(ap);
	buf_addc(&line, '\n');
	put(progress, line.data, line.len);
}

/* ---- one line ---- */

static void add_bytes(struct buf *out, int64_t bytes)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB" };
	double value = (double)bytes;
	size_t unit = 0;

	while (value >= 1000 && unit + 1 < ARRAY_SIZE(units)) {
		value /= 1000;
		unit++;
	}
	buf_addf(out, "%.4g%s", value, units[unit]);
}

static void add_bar(struct buf *out, const struct progress_row *row, unsigned cells)
{
	int64_t done = row->done < row->total ? row->done : row->total;
	unsigned full = (unsigned)((double)done / (double)row->total * cells);

	buf_addc(out, '[');
	for (unsigned i = 0; i < cells; i++)
		buf_addc(out, i < full ? '=' : i == full ? '>' : ' ');
	buf_addc(out, ']');
}

void progress_format(const struct progress_row *row, unsigned width, struct buf *out)
{
	bool moving = row->state == PROGRESS_DOWNLOADING || row->state == PROGRESS_EXTRACTING;
	autobuf struct buf count = BUF_INIT;
	size_t start = out->len, used;

	buf_addf(out, "%s: %s", row->id, words[row->state]);
	if (moving && row->total > 0) {
		add_bytes(&count, row->done);
		buf_addc(&count, '/');
		add_bytes(&count, row->total);
		used = out->len - start + count.len + 5; /* blanks and brackets */
		if (used + BAR_MIN <= width) {
			buf_addc(out, ' ');
			add_bar(out, row,
				width - used < BAR_MAX ? (unsigned)(width - used) : BAR_MAX);
		}
		buf_addf(out, "  %s", count.data);
	}
	if (out->len - start > width) {
		out->len = start + width;
		out->data[out->len] = '\0';
	}
}

/* ---- the screen ---- */

static void window(const struct progress *progress, unsigned *ret_width, unsigned *ret_height)
{
	struct winsize size = { 0 };

	*ret_width = WIDTH_ASSUMED;
	*ret_height = ROWS_ASSUMED;
	if (ioctl(progress->fd, TIOCGWINSZ, &size) < 0)
		return;
	if (size.ws_col > 1)
		*ret_width = size.ws_col - 1u; /* the last column would wrap on some terminals */
	if (size.ws_row > 1)
		*ret_height = size.ws_row - 1u;
}

static bool finished(const struct progress_row *row)
{
	return row->state == PROGRESS_EXISTS || row->state == PROGRESS_COMPLETE;
}

static void paint(struct progress *progress)
{
	autobuf struct buf out = BUF_INIT;
	unsigned width, height, lines = 0;
	size_t surplus;

	window(progress, &width, &height);
	surplus = progress->n > height ? progress->n - height : 0;
	if (progress->painted)
		buf_addf(&out, "\033[%uA", progress->painted);
	for (size_t i = 0; i < progress->n && lines < height; i++) {
		if (surplus && finished(&progress->rows[i])) {
			surplus--;
			continue;
		}
		progress_format(&progress->rows[i], width, &out);
		buf_adds(&out, "\033[K\n");
		lines++;
	}
	buf_adds(&out, "\033[J");
	put(progress, out.data, out.len);
	progress->painted = lines;
	progress->painted_at = now_ms();
	progress->dirty = false;
}

size_t progress_add(struct progress *progress, const char *digest)
{
	const char *hex = strchr(digest, ':');
	struct progress_row row = { .state = PROGRESS_WAITING };

	(void)snprintf(row.id, sizeof(row.id), "%.12s", hex ? hex + 1 : digest);
	progress->rows = xreallocarray(progress->rows, progress->n + 1, sizeof(row));
	progress->rows[progress->n] = row;
	progress->dirty = true;
	return progress->n++;
}

void progress_set(struct progress *progress, size_t row, enum progress_state state)
{
	bool moving = state == PROGRESS_DOWNLOADING || state == PROGRESS_EXTRACTING;

	if (progress->rows[row].state == state && state != PROGRESS_WAITING)
		return;
	progress->rows[row].state = state;
	progress->dirty = true;
	if (!progress->terminal && !moving)
		progress_say(progress, "%s: %s", progress->rows[row].id, words[state]);
}

void progress_count(struct progress *progress, size_t row, int64_t done, int64_t total)
{
	progress->rows[row].done = done;
	progress->rows[row].total = total;
	progress->dirty = true;
}

void progress_tick(struct progress *progress)
{
	if (progress->terminal && progress->dirty && now_ms() - progress->painted_at >= REPAINT_MS)
		paint(progress);
}

void progress_settle(struct progress *progress)
{
	if (progress->terminal && (progress->dirty || progress->painted))
		paint(progress);
	progress->painted = 0;
	progress->dirty = false;
	progress->n = 0;
}
