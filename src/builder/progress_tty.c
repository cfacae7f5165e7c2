/* SPDX-License-Identifier: Apache-2.0 */
/* The live tree: one line per step, the last lines of what runs below it. Redrawn as a whole; never more
 * lines than the terminal has, so that the cursor can go back to the first. */
#include "builder/progress.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/xalloc.h"

#define SHOWN_OUTPUT 4

static void size_of(const struct progress *p, unsigned *ret_rows, unsigned *ret_columns)
{
	struct winsize size = { 0 };

	(void)ioctl(p->fd, TIOCGWINSZ, &size); /* no answer: zeros */
	*ret_rows = size.ws_row > 4 ? size.ws_row : 24;
	*ret_columns = size.ws_col > 20 ? size.ws_col : 80;
}

/* One line of at most `columns`, ending with the time at the right edge. */
static void put_step(const struct vertex *v, int64_t now, unsigned columns, struct strv *lines)
{
	int64_t took = (v->ended ? v->ended : now) - v->started;
	char time[32], text[1024], name[800];
	int room;

	(void)snprintf(time, sizeof(time), "%.1fs", (double)(took > 0 ? took : 0) / 1e9);
	room = (int)columns - (int)strlen(time) - 2;
	(void)snprintf(text, sizeof(text), " => %s%s%s", v->cached ? "CACHED " : "",
		v->failed ? "ERROR " : "", err_escape(name, sizeof(name), v->name));
	if ((int)strlen(text) > room) /* bytes, not cells: a cut name is no harm */
		text[room] = '\0';
	strv_addf(lines, "%-*s %s", room, text, time);
}

static void put_output(const struct vertex *v, unsigned columns, struct strv *lines)
{
	size_t from = v->tail.n > SHOWN_OUTPUT ? v->tail.n - SHOWN_OUTPUT : 0;
	char text[1024];

	for (size_t i = from; i < v->tail.n; i++)
		strv_addf(lines, " => => # %.*s", (int)columns - 10,
			err_escape(text, sizeof(text), v->tail.v[i]));
}

void progress_draw(struct progress *p, bool last)
{
	autostrv struct strv lines = STRV_INIT;
	autobuf struct buf out = BUF_INIT;
	unsigned rows, columns;
	int64_t now = progress_now();
	size_t done = 0, first;

	size_of(p, &rows, &columns);
	for (size_t i = 0; i < p->n; i++) {
		done += p->list[i].ended != 0;
		put_step(&p->list[i], now, columns, &lines);
		if (!p->list[i].ended)
			put_output(&p->list[i], columns, &lines);
	}
	first = !last && lines.n > rows - 2 ? lines.n - (rows - 2) : 0;
	if (p->drawn)
		buf_addf(&out, "\033[%uA\033[J", p->drawn);
	buf_addf(&out, "[+] Building %.1fs (%zu/%zu)%s\n", (double)(now - p->started) / 1e9, done,
		p->n, last ? " FINISHED" : "");
	for (size_t i = first; i < lines.n; i++)
		buf_addf(&out, "%s\n", lines.v[i]);
	p->drawn = (unsigned)(lines.n - first) + 1;
	(void)fs_write_all(p->fd, out.data, out.len, &(struct err)ERR_INIT); /* nobody looks */
}
