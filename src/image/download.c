/* SPDX-License-Identifier: Apache-2.0 */
#include "image/download.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/xalloc.h"
#include "image/confined.h"
#include "image/http.h"
#include "image/store_private.h"

struct download {
	int fd;
	bool done;
	int result;
	long status;
	time_t modified;
	struct err err;
};

static int on_begin(void *data, const struct http_reply *head, struct err *err)
{
	(void)data;
	(void)head;
	(void)err;
	return 0;
}

static int on_bytes(void *data, const void *bytes, size_t len, struct err *err)
{
	return fs_write_all(((struct download *)data)->fd, bytes, len, err);
}

/* "Sun, 06 Nov 1994 08:49:37 GMT". What is no such time is as none: 1970, as BuildKit has it. */
static time_t modified(const struct http_reply *reply)
{
	const char *text = http_reply_header(reply, "last-modified");
	struct tm tm = { 0 };
	const char *end = text ? strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm) : NULL;
	time_t t = end && !*end ? timegm(&tm) : 0;

	return t > 0 ? t : 0;
}

static void on_done(void *data, struct http_reply *reply, int result, const struct err *err)
{
	struct download *d = data;

	d->done = true;
	d->result = result;
	if (result < 0)
		d->err = *err;
	else
		d->status = reply->status;
	d->modified = result < 0 ? 0 : modified(reply);
}

/* ca/ beside the configuration file, as for registries. */
static char *ca_folder(const struct globals *globals)
{
	const char *slash = globals->config ? strrchr(globals->config, '/') : NULL;

	return slash ? xasprintf("%.*s/ca", (int)(slash - globals->config), globals->config) : NULL;
}

static int set_time(int fd, time_t t, struct err *err)
{
	const struct timespec times[2] = { { .tv_sec = t }, { .tv_sec = t } };

	return futimens(fd, times) < 0 ? err_sys(err, "set the time of the download") : 0;
}

struct order { /* borrowed */
	struct http *http;
	const char *url;
	const struct store *store;
	struct download *download;
};

/* In a process of its own, which locks itself in: the caller goes on with other work. */
static int fetch(void *data, struct err *err)
{
	const struct order *order = data;
	struct download *d = order->download;
	struct http *http = order->http;
	const char *url = order->url;
	struct http_request request = { .url = url,
		.max_body = 65536,
		.plain_ok = true,
		.begin = on_begin,
		.sink = on_bytes,
		.done = on_done,
		.data = d };
	struct http_transfer *transfer;

	TRY(confined_registry(order->store, err));
	TRY(http_start(http, &request, &transfer, err));
	while (!d->done)
		TRY(http_poll(http, 1000, NULL, 0, err));
	if (d->result < 0) {
		*err = d->err;
		return err_wrap(err, "download %.200s", url);
	}
	if (d->status != 200)
		return err_set(
			err, -ENOENT, "download %.200s: the server answers %ld", url, d->status);
	return set_time(d->fd, d->modified, err);
}

int download_file(
	const struct globals *globals, const struct store *store, const char *url, struct err *err)
{
	autofree char *ca_dir = ca_folder(globals);
	struct http_config config = { .ca_dir = ca_dir };
	autohttp struct http *http = NULL;
	struct download d = { .fd = -EBADF };
	struct order order = { .url = url, .store = store, .download = &d };
	autofd int fd = openat(store->tmp, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0)
		return fs_err(err, store->tmp, "make a temporary file in the image store");
	d.fd = fd;
	TRY(http_new(&config, &http, err));
	order.http = http;
	TRY(image_run_apart(fetch, &order, err));
	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_sys(err, "read the download");
	return move_fd(&fd);
}
