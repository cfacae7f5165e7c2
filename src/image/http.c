/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The only file that knows curl. curl follows no redirect itself: each hop is checked here and gets a
 * header list of its own, so that no option of a later curl can carry a secret to another host.
 * Replies are not decoded (no Accept-Encoding is sent, and a reply that is encoded all the same is
 * refused), hence what is counted and hashed is what the registry stores. HTTP/1.1 only: blobs come
 * faster over connections of their own than as streams of one.
 */
#include "image/http.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "base/own.h"
#include "base/xalloc.h"
#include "image/trust.h"
#include "image/url.h"

#define HEADER_BYTES_MAX 65536
#define ERROR_BODY_MAX   65536
#define HOPS_MAX         5
#define DOCUMENT_SECONDS 300L /* a document must be here by then, however it trickles */
#define CONNECT_SECONDS  15L
#define IDLE_SECONDS     60
#define IDLE_BYTES       64L /* per second: less counts as silence */
#define EXTRA_MAX        64

struct http {
	CURLM *multi;
	char *ca_dir;
	int idle_seconds;
	struct http_transfer *transfers; /* all that have not called done */
};

struct http_transfer {
	struct http *http;
	struct http_transfer *next;
	struct http_request request;
	struct http_reply reply;
	char *authorization; /* a copy: the owner may replace its own while this runs */
	CURL *easy;
	struct curl_slist *headers;
	size_t header_bytes;
	int hops;
	bool begun;     /* the sink has been offered the head */
	bool foreign;   /* a redirect has left the origin: no Authorization any more */
	struct err err; /* why a callback stopped the transfer; code 0 = it did not */
	char why[CURL_ERROR_SIZE];
	int64_t uploaded; /* bytes of this hop */
};

/* ---- curl's callbacks ---- */

static size_t on_header(char *line, size_t size, size_t n, void *data)
{
	struct http_transfer *t = data;
	size_t len = size * n;

	if (len > 5 &&
		strncmp(line, "HTTP/", 5) == 0) { /* also after "100 Continue" and a proxy's 200 */
		strv_done(&t->reply.headers);
		t->header_bytes = 0;
	}
	t->header_bytes += len;
	if (t->header_bytes > HEADER_BYTES_MAX) {
		(void)err_set(
			&t->err, -EFBIG, "the server sent more than 64 KiB of headers: refused");
		return 0;
	}
	http_reply_add_header(&t->reply, line, len);
	return len;
}

static bool is_redirect(long status)
{
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static int check_encoding(struct http_transfer *t, struct err *err)
{
	const char *encoding = http_reply_header(&t->reply, "content-encoding");

	if (!encoding || !*encoding || strcasecmp(encoding, "identity") == 0)
		return 0;
	return err_set(err, -EPROTO,
		"the server sent a reply encoded as '%s', which nobody asked for", encoding);
}

/* What is due when the first byte of the body, or the end, is there. */
static int begin(struct http_transfer *t, struct err *err)
{
	(void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &t->reply.status);
	if (t->begun)
		return 0;
	t->begun = true;
	if (t->reply.status != 200 && t->reply.status != 206)
		return 0;
	TRY(check_encoding(t, err));
	return t->request.begin ? t->request.begin(t->request.data, &t->reply, err) : 0;
}

static int take_body(struct http_transfer *t, const char *bytes, size_t len, struct err *err)
{
	bool good;

	TRY(begin(t, err));
	good = t->reply.status == 200 || t->reply.status == 206;
	if (good && t->request.sink)
		return t->request.sink(t->request.data, bytes, len, err);
	if (!good && t->reply.body.len + len > ERROR_BODY_MAX)
		return err_set(err, -EFBIG, "the server answered %ld with an endless page",
			t->reply.status);
	if (good && t->reply.body.len + len > t->request.max_body)
		return err_set(err, -EFBIG,
			"the server sent a document of more than %zu KiB: refused",
			t->request.max_body / 1024);
	buf_add(&t->reply.body, bytes, len);
	return 0;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *data)
{
	struct http_transfer *t = data;

	return take_body(t, bytes, size * n, &t->err) < 0 ? CURL_WRITEFUNC_ERROR : size * n;
}

/* ---- one hop ---- */

static void set_trust(struct http_transfer *t, const struct trust *trust)
{
	struct curl_blob bundle = {
		.data = trust->bundle.data, .len = trust->bundle.len, .flags = CURL_BLOB_COPY
	};

	if (trust->bundle.len > 0)
		curl_easy_setopt(t->easy, CURLOPT_CAINFO_BLOB, &bundle);
	else if (trust->base_file)
		curl_easy_setopt(t->easy, CURLOPT_CAINFO, trust->base_file);
	if (!trust->client_cert)
		return;
	curl_easy_setopt(t->easy, CURLOPT_SSLCERT, trust->client_cert);
	curl_easy_setopt(t->easy, CURLOPT_SSLKEY, trust->client_key);
}

static int set_tls(struct http_transfer *t, const struct url *url, struct err *err)
{
	struct trust_source source = { .ca_dir = t->http->ca_dir,
		.certs_dir = "/etc/docker/certs.d",
		.authority = url->authority,
		.fallback = curl_version_info(CURLVERSION_NOW)->cainfo };
	autotrust struct trust trust = { 0 };

	if (!url->https)
		return 0;
	TRY(trust_load(&source, &trust, err));
	set_trust(t, &trust);
	curl_easy_setopt(t->easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(t->easy, CURLOPT_SSL_VERIFYPEER, t->request.insecure ? 0L : 1L);
	curl_easy_setopt(t->easy, CURLOPT_SSL_VERIFYHOST, t->request.insecure ? 0L : 2L);
	return 0;
}

static void add_header(struct http_transfer *t, const char *name, const char *value)
{
	autofree char *line = value ? xasprintf("%s: %s", name, value) : NULL;
	struct curl_slist *longer = line ? curl_slist_append(t->headers, line) : t->headers;

	if (!longer)
		(void)xmalloc(SIZE_MAX); /* out of memory: says so and exits */
	t->headers = longer;
}

static void set_headers(struct http_transfer *t)
{
	curl_slist_free_all(t->headers);
	t->headers = NULL;
	add_header(t, "User-Agent", "sbx/" SBX_VERSION);
	add_header(t, "Accept", t->request.accept);
	add_header(t, "Content-Type", t->request.content_type);
	add_header(t, "Content-Range", t->request.content_range);
	add_header(t, "Authorization", t->foreign ? NULL : t->authorization);
	curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers);
}

static void set_limits(struct http_transfer *t)
{
#if LIBCURL_VERSION_NUM >= 0x075500
	curl_easy_setopt(t->easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
	curl_easy_setopt(t->easy, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
	curl_easy_setopt(t->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(t->easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(t->easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(t->easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(t->easy, CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS);
	curl_easy_setopt(t->easy, CURLOPT_LOW_SPEED_LIMIT, IDLE_BYTES);
	curl_easy_setopt(t->easy, CURLOPT_LOW_SPEED_TIME, (long)t->http->idle_seconds);
	if (!t->request.sink && t->request.upload_size == 0)
		curl_easy_setopt(t->easy, CURLOPT_TIMEOUT, DOCUMENT_SECONDS);
	curl_easy_setopt(t->easy, CURLOPT_BUFFERSIZE, 512L * 1024);
}

static void set_callbacks(struct http_transfer *t)
{
	curl_easy_setopt(t->easy, CURLOPT_PRIVATE, t);
	curl_easy_setopt(t->easy, CURLOPT_ERRORBUFFER, t->why);
	curl_easy_setopt(t->easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(t->easy, CURLOPT_HEADERDATA, t);
	curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t);
}

/* curl's read callback: the next bytes of the part that is uploaded. */
static size_t on_upload(char *bytes, size_t size, size_t n, void *data)
{
	struct http_transfer *t = data;
	int64_t left = t->request.upload_size - t->uploaded;
	size_t want = left < (int64_t)(size * n) ? (size_t)left : size * n;
	ssize_t got = pread(
		t->request.upload_fd, bytes, want, t->request.upload_offset + t->uploaded);

	if (got < 0 || (got == 0 && left > 0)) {
		(void)err_set(
			&t->err, -EIO, "a blob of the store became shorter while it was sent");
		return CURL_READFUNC_ABORT;
	}
	t->uploaded += got;
	return (size_t)got;
}

static void set_body(struct http_transfer *t)
{
	if (t->request.post)
		curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, t->request.post);
	if (t->request.upload_size > 0) {
		t->uploaded = 0;
		curl_easy_setopt(t->easy, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(t->easy, CURLOPT_READFUNCTION, on_upload);
		curl_easy_setopt(t->easy, CURLOPT_READDATA, t);
		curl_easy_setopt(
			t->easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)t->request.upload_size);
	}
	if (t->request.method && strcmp(t->request.method, "HEAD") == 0)
		curl_easy_setopt(t->easy, CURLOPT_NOBODY, 1L);
	else if (t->request.method)
		curl_easy_setopt(t->easy, CURLOPT_CUSTOMREQUEST, t->request.method);
}

/* Puts the hop to t->reply.url on its way. */
static int send_hop(struct http_transfer *t, struct err *err)
{
	char range[32];
	struct url url;

	TRY(url_parse(t->reply.url, &url, err));
	if (!url.https && !t->request.plain_ok)
		return err_set(err, -EPERM,
			"plain http to %s is refused; if you trust it: {\"registries\": {\"%s\": "
			"{\"insecure\": true}}} in config.json",
			url.authority, url.authority);
	strv_done(&t->reply.headers);
	buf_reset(&t->reply.body);
	t->header_bytes = 0;
	t->begun = false;
	curl_easy_reset(t->easy);
	set_limits(t);
	set_callbacks(t);
	set_headers(t);
	TRY(set_tls(t, &url, err));
	curl_easy_setopt(t->easy, CURLOPT_URL, t->reply.url);
	if (url_is_loopback(&url))
		curl_easy_setopt(t->easy, CURLOPT_PROXY, "");
	set_body(t);
	if (t->request.offset > 0) { /* not RESUME_FROM: that fails when the server sends it all */
		(void)snprintf(range, sizeof(range), "%lld-", (long long)t->request.offset);
		curl_easy_setopt(t->easy, CURLOPT_RANGE, range);
	}
	log_msg(LOG_DEBUG, "%s %s",
		t->request.method ? t->request.method
		: t->request.post ? "POST"
				  : "GET",
		t->reply.url);
	if (curl_multi_add_handle(t->http->multi, t->easy) != CURLM_OK)
		return err_set(err, -ENOMEM, "curl: cannot start a transfer");
	return 0;
}

char *http_resolve(const char *base, const char *location)
{
	CURLU *url = curl_url();
	char *text = NULL, *copy = NULL;

	if (url && curl_url_set(url, CURLUPART_URL, base, 0) == CURLUE_OK &&
		curl_url_set(url, CURLUPART_URL, location, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK &&
		curl_url_get(url, CURLUPART_URL, &text, 0) == CURLUE_OK)
		copy = xstrdup(text);
	curl_free(text);
	curl_url_cleanup(url);
	return copy;
}

static int check_hop(struct http_transfer *t, const char *target, struct err *err)
{
	struct url from, to;

	TRY(url_parse(t->reply.url, &from, err));
	if (url_parse(target, &to, err) < 0)
		return err_wrap(err, "%s redirects", from.authority);
	if (from.https && !to.https)
		return err_set(err, -EPERM, "%s redirects from https to plain http on %s: refused",
			from.authority, to.authority);
	if (!to.https && strcmp(from.host, to.host) != 0 &&
		!(url_is_loopback(&from) && url_is_loopback(&to)))
		return err_set(err, -EPERM,
			"%s redirects to plain http on another host, %s: refused", from.authority,
			to.authority);
	if (!url_same_origin(&from, &to))
		t->foreign = true;
	return 0;
}

static int next_hop(struct http_transfer *t, struct err *err)
{
	const char *location = http_reply_header(&t->reply, "location");
	autofree char *target = location ? http_resolve(t->reply.url, location) : NULL;

	if (!target)
		return err_set(err, -EPROTO, "%s redirects without saying where to", t->reply.url);
	if (++t->hops > HOPS_MAX)
		return err_set(err, -ELOOP, "%s: more than %d redirects", t->reply.url, HOPS_MAX);
	TRY(check_hop(t, target, err));
	free(t->reply.url);
	t->reply.url = move_ptr(&target);
	return send_hop(t, err);
}

/* ---- what went wrong ---- */

/* The name of the authority that signed the server's chain, from a connection that sends nothing. */
static void find_issuer(struct http_transfer *t, char *ret, size_t size)
{
	struct curl_certinfo *chain = NULL;
	CURL *probe = curl_easy_init();

	(void)snprintf(ret, size, "an authority");
	if (!probe)
		return;
	curl_easy_setopt(probe, CURLOPT_URL, t->reply.url);
	curl_easy_setopt(probe, CURLOPT_CONNECT_ONLY, 1L);
	curl_easy_setopt(probe, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(probe, CURLOPT_TIMEOUT, 5L);
	curl_easy_setopt(probe, CURLOPT_SSL_VERIFYPEER, 0L);
	curl_easy_setopt(probe, CURLOPT_SSL_VERIFYHOST, 0L);
	curl_easy_setopt(probe, CURLOPT_CERTINFO, 1L);
	if (curl_easy_perform(probe) == CURLE_OK &&
		curl_easy_getinfo(probe, CURLINFO_CERTINFO, &chain) == CURLE_OK && chain &&
		chain->num_of_certs > 0) {
		struct curl_slist *line = chain->certinfo[chain->num_of_certs - 1];

		for (; line; line = line->next)
			if (strncmp(line->data, "Issuer:", 7) == 0)
				(void)snprintf(ret, size, "%.80s", line->data + 7);
	}
	curl_easy_cleanup(probe);
}

/* X509_V_ERR_* of the handshake (openssl/x509_vfy.h); curl hands the number through. */
enum { V_NOT_YET = 9, V_EXPIRED = 10, V_SELF_SIGNED = 18, V_UNKNOWN_ISSUER_LAST = 21 };

static int explain_tls(struct http_transfer *t, const char *authority, struct err *err)
{
	char issuer[96];
	long verdict = 0;

	(void)curl_easy_getinfo(t->easy, CURLINFO_SSL_VERIFYRESULT, &verdict);
	if (verdict == V_EXPIRED || verdict == V_NOT_YET)
		return err_set(err, -EKEYREJECTED,
			"the certificate of %s has expired or is not valid yet (%s). Is this machine's "
			"clock right?",
			authority, t->why);
	if (verdict < V_SELF_SIGNED || verdict > V_UNKNOWN_ISSUER_LAST)
		return err_set(err, -EKEYREJECTED, "the certificate of %s is not accepted: %s",
			authority, t->why);
	find_issuer(t, issuer, sizeof(issuer));
	return err_id(err, -EKEYREJECTED, "E-TLS-CA",
		"the certificate of %s is signed by %s, which this machine does not trust. If that is your "
		"organisation's authority, put its certificate into %s/ (NAME.crt)",
		authority, issuer, t->http->ca_dir ? t->http->ca_dir : "~/.config/sbx/ca");
}

static int explain(struct http_transfer *t, CURLcode code, struct err *err)
{
	struct url url = { 0 };
	const char *why = *t->why ? t->why : curl_easy_strerror(code);
	double connected = 0;

	TRY(url_parse(t->reply.url, &url, err));
	(void)curl_easy_getinfo(t->easy, CURLINFO_CONNECT_TIME, &connected);
	if (code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_RESOLVE_PROXY ||
		code == CURLE_COULDNT_CONNECT ||
		(code == CURLE_OPERATION_TIMEDOUT && connected <= 0))
		return err_id(
			err, -ENETUNREACH, "E-OFFLINE", "no route to %s: %s", url.authority, why);
	if (code == CURLE_PEER_FAILED_VERIFICATION)
		return explain_tls(t, url.authority, err);
	if (code == CURLE_SSL_CONNECT_ERROR)
		return err_set(err, -EPROTONOSUPPORT, "%s does not speak TLS as it must: %s",
			url.authority, why);
	if (code == CURLE_OPERATION_TIMEDOUT)
		return err_set(err, -ETIMEDOUT, "%s has stopped answering: %s", url.authority, why);
	if (code == CURLE_PARTIAL_FILE || code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR ||
		code == CURLE_GOT_NOTHING)
		return err_set(
			err, -ECONNRESET, "the connection to %s broke: %s", url.authority, why);
	return err_set(err, -EIO, "%s: %s", url.authority, why);
}

/* ---- the life of a transfer ---- */

static void unlink_transfer(struct http_transfer *t)
{
	struct http_transfer **at = &t->http->transfers;

	while (*at && *at != t)
		at = &(*at)->next;
	if (*at)
		*at = t->next;
}

void http_cancel(struct http_transfer *t)
{
	if (!t)
		return;
	unlink_transfer(t);
	if (t->easy) {
		(void)curl_multi_remove_handle(t->http->multi, t->easy);
		curl_easy_cleanup(t->easy);
	}
	curl_slist_free_all(t->headers);
	http_reply_done(&t->reply);
	free(t->authorization);
	free(t);
}

int http_start(struct http *http, const struct http_request *request, struct http_transfer **ret,
	struct err *err)
{
	struct http_transfer *t = xcalloc(1, sizeof(*t));
	int r;

	t->http = http;
	t->request = *request;
	t->reply.url = xstrdup(request->url);
	t->authorization = request->authorization ? xstrdup(request->authorization) : NULL;
	t->easy = curl_easy_init();
	t->next = http->transfers;
	http->transfers = t;
	r = t->easy ? send_hop(t, err) : err_set(err, -ENOMEM, "curl: out of memory");
	if (r < 0) {
		http_cancel(t);
		return r;
	}
	*ret = t;
	return 0;
}

/* A hop is over: result of the transfer, or 1 when another hop is under way. */
static int finish_hop(struct http_transfer *t, CURLcode code, struct err *err)
{
	if (t->err.code) {
		*err = t->err;
		return err->code;
	}
	if (code != CURLE_OK)
		return explain(t, code, err);
	TRY(begin(t, err)); /* an empty body has not called it */
	if (!is_redirect(t->reply.status) || t->request.no_redirect || t->request.post ||
		t->request.upload_size > 0)
		return 0;
	TRY(next_hop(t, err));
	return 1;
}

static void finish(struct http *http, CURLMsg *message)
{
	struct http_transfer *t = NULL;
	struct err err = ERR_INIT;
	CURLcode code = message->data.result;
	int r;

	(void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&t);
	(void)curl_multi_remove_handle(http->multi, message->easy_handle);
	r = finish_hop(t, code, &err);
	if (r > 0)
		return;
	t->request.done(t->request.data, &t->reply, r, &err);
	http_cancel(t);
}

/* Ends what is ready to end; returns how many. */
static int reap(struct http *http)
{
	CURLMsg *message;
	int left, n = 0;

	while ((message = curl_multi_info_read(http->multi, &left))) {
		if (message->msg != CURLMSG_DONE)
			continue;
		finish(http, message);
		n++;
	}
	return n;
}

static int perform(struct http *http, struct err *err)
{
	int running;

	if (curl_multi_perform(http->multi, &running) != CURLM_OK)
		return err_set(err, -EIO, "curl: cannot drive the transfers");
	return reap(http);
}

int http_poll(struct http *http, int ms, struct pollfd *extra, unsigned n_extra, struct err *err)
{
	struct curl_waitfd fds[EXTRA_MAX];
	int ended = perform(http, err); /* waiting after an end could wait for nothing at all */

	TRY(ended);
	if (n_extra > EXTRA_MAX)
		return err_set(err, -EINVAL, "too many descriptors to wait for");
	for (unsigned i = 0; i < n_extra; i++)
		fds[i] = (struct curl_waitfd){ .fd = extra[i].fd,
			.events = extra[i].events & POLLOUT ? CURL_WAIT_POLLOUT
							    : CURL_WAIT_POLLIN };
	if (curl_multi_poll(http->multi, n_extra ? fds : NULL, n_extra, ended ? 0 : ms, NULL) !=
		CURLM_OK)
		return err_set(err, -EIO, "curl: cannot wait for the network");
	for (unsigned i = 0; i < n_extra; i++)
		extra[i].revents = fds[i].revents;
	ended = perform(http, err);
	return ended < 0 ? ended : 0;
}

int http_new(const struct http_config *config, struct http **ret, struct err *err)
{
	struct http *http;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return err_set(err, -EIO, "curl: cannot start");
	http = xcalloc(1, sizeof(*http));
	http->multi = curl_multi_init();
	if (!http->multi) {
		free(http);
		return err_set(err, -ENOMEM, "curl: out of memory");
	}
	http->ca_dir = config->ca_dir ? xstrdup(config->ca_dir) : NULL;
	http->idle_seconds = config->idle_seconds > 0 ? config->idle_seconds : IDLE_SECONDS;
	*ret = http;
	return 0;
}

void http_free(struct http *http)
{
	if (!http)
		return;
	while (http->transfers)
		http_cancel(http->transfers);
	(void)curl_multi_cleanup(http->multi);
	free(http->ca_dir);
	free(http);
	curl_global_cleanup();
}

void http_free_(struct http **http)
{
	http_free(*http);
}
