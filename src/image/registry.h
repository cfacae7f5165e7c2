/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One repository, seen through its mirrors and its origin: the pull half of the distribution API
 * (v2). Documents are fetched whole and verified; blobs are left to fetch.h, which asks here for
 * their requests and what to do with replies that are no blob.
 */
#ifndef SBX_IMAGE_REGISTRY_H
#define SBX_IMAGE_REGISTRY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "image/agent.h"
#include "image/creds.h"
#include "image/http.h"
#include "image/image.h"
#include "image/mirrors.h"
#include "image/store.h"

enum login_state {
	LOGIN_UNUSED,  /* nothing was asked of us, or anonymous was enough */
	LOGIN_USED,    /* the stored login is part of `authorization` */
	LOGIN_REFUSED, /* the server did not take it */
};

/* One server and how far we have come with it. */
struct server {
	struct endpoint *endpoint; /* borrowed */
	char *base;          /* endpoint's, with the other scheme once the first proved wrong */
	char *authorization; /* header value, NULL = anonymous */
	unsigned generation; /* counts changes of authorization */
	bool accepted;       /* a request with this authorization was answered */
	struct creds creds;
	bool creds_looked_up, creds_found;
	bool creds_given; /* on the command line: nothing is asked anonymously in their place */
	enum login_state login;
	bool stale_told;
	bool switched; /* the other scheme has been tried */
	bool reached;  /* it has served us: silence now is a fault of the moment */
};

struct registry {
	struct http *http;
	char *path;      /* "library/redis"; NULL asks for no repository: login, search */
	char *familiar;  /* "redis", for messages */
	char *full_name; /* "docker.io/library/redis" */
	bool push;       /* ask for the right to write, too */
	struct strv
		also; /* repositories that a push may mount blobs from: the right to read them, too */
	struct endpoints endpoints;
	struct server *servers; /* one per endpoint */
	size_t current;         /* the one that served the last document */
	struct agent agent;     /* knows the stored logins */
	unsigned failures_max;  /* of the moment, of one request */
};

/* Starts the agent; the caller may lock itself in afterwards. opts NULL: as configured. A login that opts
 * give is for the registry itself, not for its mirrors. */
int registry_open(const struct ref *ref, const struct globals *globals,
	const struct server_opts *opts, struct registry **ret, struct err *err);
void registry_free(struct registry *registry); /* NULL ok */
void registry_free_(struct registry **registry);
#define autoregistry __attribute__((cleanup(registry_free_)))

struct document {
	struct buf text;
	char content_type[128];  /* "" when the server did not say */
	char digest[DIGEST_MAX]; /* computed */
};
void document_done(struct document *document);
#define autodocument __attribute__((cleanup(document_done)))

struct wanted {
	const char *kind;      /* "manifests" or "blobs" */
	const char *reference; /* tag or digest */
	const char *digest;    /* what it must have, or NULL */
	int64_t size;          /* what it must have, or -1 */
	size_t max;            /* bytes */
};

/* Asks the servers in order, beginning with the current one, until one delivers what is wanted,
 * undamaged. Errors: E-AUTH, E-IMAGE-NAME, E-RATE, E-OFFLINE, E-DIGEST, E-TLS-CA. */
int registry_fetch(struct registry *registry, const struct wanted *wanted, struct document *ret,
	struct err *err);

/* GET base + path ("/v2/_catalog?n=100") from one server, logging in and trying again as needed. The reply
 * has status 200. */
int registry_read(struct registry *registry, struct server *server, const char *path, size_t max,
	struct http_reply *ret, struct err *err);

/* The Link header of a page fetched as `from`: '<URL>; rel="next"' → the path after base, NULL when there is no
 * such page. -EPERM: it is on another server. Pure. */
int registry_next_page(
	const char *base, const char *from, const char *link, char **ret, struct err *err);

/* The strings of a list that comes in pages ("tags" of /v2/<path>/tags/list, "repositories" of
 * /v2/_catalog), appended. Pages are followed on this server only. */
int registry_list(struct registry *registry, struct server *server, const char *path,
	const char *key, struct strv *ret, struct err *err);

/* The same of the first server that has it. path: after the base, as above. */
int registry_list_any(struct registry *registry, const char *path, const char *key,
	struct strv *ret, struct err *err);

/* Where one request stands in its tries. Zeroed at first. */
struct attempt {
	unsigned challenges; /* 401s in a row */
	unsigned failures;   /* answers and silences that may be cured by waiting */
	unsigned waits;      /* for a rate limit */
	unsigned generation; /* of the authorization that was sent */
};

/* URL of a blob or manifest on a server. Caller frees. */
char *registry_url(const struct registry *registry, const struct server *server, const char *kind,
	const char *reference);

/* Completes a request for this server: authorization and TLS rules. Borrows from server. */
void registry_prepare(
	const struct server *server, struct attempt *attempt, struct http_request *ret);

/* What to do after a transfer that did not bring what was wanted: >= 0 try again after so many
 * milliseconds, negative: give up. reply is NULL when there was none: err then says why. Talks to
 * the token service; may not be called from a callback. */
int registry_react(struct registry *registry, struct server *server, struct attempt *attempt,
	const struct http_reply *reply, struct err *err);

/* login.c: answers a 401 by changing server->authorization. E-AUTH when there is nothing to try. */
int login_answer(struct registry *registry, struct server *server, const struct http_reply *reply,
	struct err *err);
/* After success: W-AUTH-STALE, once, if it came without the stored login. */
void login_tell_stale(struct server *server);
/* E-AUTH for this repository. */
int login_denied(const struct registry *registry, const struct server *server, struct err *err);

/* suggest.c: E-IMAGE-NAME for a 404, with what there is instead. */
int suggest_name(
	struct registry *registry, struct server *server, const char *reference, struct err *err);

#endif
