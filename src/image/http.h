/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP GETs (and one POST) that never say more to a server than they must. Several run at once;
 * everything happens inside http_poll(), in one thread.
 *
 * TLS certificates are verified unless the request says insecure. Redirects: at most five, never
 * from https to http, to plain http only where the request allows it and on the same host, and the
 * Authorization header only to the origin it was given for. .netrc, .curlrc and cookies are not
 * used; proxies come from the environment, but never for a literal loopback host.
 */
#ifndef SBX_IMAGE_HTTP_H
#define SBX_IMAGE_HTTP_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/strv.h"

struct http;

struct http_config {
	char *ca_dir;     /* own certificate authorities (*.crt, *.pem), or NULL */
	int idle_seconds; /* give up when so long nothing comes; 0 = 60 */
};

int http_new(const struct http_config *config, struct http **ret, struct err *err);
void http_free(struct http *http); /* NULL ok; transfers end without their done callback */
void http_free_(struct http **http);
#define autohttp __attribute__((cleanup(http_free_)))

struct http_reply {
	long status;
	char *url;           /* of the last hop */
	struct strv headers; /* "name: value" of the last hop, names in lower case */
	struct buf body;     /* what did not go to the sink */
};
void http_reply_done(struct http_reply *reply);
#define autoreply __attribute__((cleanup(http_reply_done)))
const char *http_reply_header(const struct http_reply *reply, const char *name); /* or NULL */
void http_reply_add_header(struct http_reply *reply, const char *line, size_t len);

struct http_transfer;

/* url and authorization are copied; other pointers are borrowed until done() was called. */
struct http_request {
	const char *url;
	const char *accept;        /* media types, or NULL */
	const char *authorization; /* value of the header, for url's origin only; or NULL */
	const char *post;          /* form body: a POST, which is never redirected */
	/* Uploads are never redirected. A method other than GET or POST: "HEAD", "PUT", "PATCH". The body
	 * is `post`, or upload_size > 0 bytes of a file. */
	const char *method, *content_type, *content_range;
	int upload_fd;
	int64_t upload_offset, upload_size;
	size_t max_body; /* of reply.body; more is -EFBIG */
	int64_t offset;  /* > 0: ask for the bytes from there on */
	bool plain_ok;   /* http:// may be spoken with this host */
	bool insecure;   /* do not verify the certificate */
	bool no_redirect;

	/* A body with status 200 or 206 goes here instead of reply.body: begin once, when the head is
	 * there, then sink for each piece. Negative ends the transfer with that error. */
	int (*begin)(void *data, const struct http_reply *head, struct err *err);
	int (*sink)(void *data, const void *bytes, size_t len, struct err *err);

	/* Called once, from http_poll(). result 0: there is a reply, whatever its status. May not start
	 * or poll. reply may be emptied by moving out of it. */
	void (*done)(void *data, struct http_reply *reply, int result, const struct err *err);
	void *data;
};

int http_start(struct http *http, const struct http_request *request, struct http_transfer **ret,
	struct err *err);
void http_cancel(struct http_transfer *transfer); /* NULL ok; done is not called */

/* Waits at most ms for the network or one of the descriptors in extra (POLLIN or POLLOUT; revents is
 * not 0 when it is time), and does what is to be done. */
int http_poll(struct http *http, int ms, struct pollfd *extra, unsigned n_extra, struct err *err);

/* start + poll until done. begin, sink, done and data of the request are ignored. */
int http_get(struct http *http, const struct http_request *request, struct http_reply *ret,
	struct err *err);

/* The absolute URL of a Location header, malloc'ed. NULL: it is no URL. */
char *http_resolve(const char *base, const char *location);

/* Results that another try may cure: a cut connection, silence. */
bool http_is_transient(int result);

#endif
