/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers to 401. The stored login is read when a server first asks, not before, and goes only where
 * auth_check_realm() lets it. A login that is refused must not lock its owner out of public images:
 * the same request is made once more anonymously, and the user is told (W-AUTH-STALE). One that was
 * given on the command line is what is wanted: there its refusal is the end.
 */
#include "image/registry.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/own.h"
#include "base/xalloc.h"
#include "image/auth.h"
#include "image/url.h"

#define TOKEN_REPLY_MAX (128 << 10)

static void set_authorization(struct server *server, char *adopt)
{
	free(server->authorization);
	server->authorization = adopt;
	server->accepted = false;
	server->generation++;
}

static bool has_login(struct registry *registry, struct server *server)
{
	struct err err = ERR_INIT;
	int found;

	if (!server->creds_looked_up) {
		found = agent_ask(&registry->agent, (size_t)(server - registry->servers),
			&server->creds, &err);
		if (found < 0)
			log_msg(LOG_WARN, "stored logins are not used: %s", err.text);
		server->creds_found = found > 0;
	}
	server->creds_looked_up = true;
	return server->creds_found && server->login != LOGIN_REFUSED;
}

int login_denied(const struct registry *registry, const struct server *server, struct err *err)
{
	char tried[256] = "anonymous";

	if (server->login != LOGIN_UNUSED)
		(void)snprintf(tried, sizeof(tried), "user %.80s from %.120s%s",
			server->creds.user ? server->creds.user : "(token)", server->creds.source,
			server->login == LOGIN_REFUSED && !server->creds_given ? ", then anonymous"
									       : "");
	return err_id(err, -EACCES, "E-AUTH",
		"%s access denied for %s: %s does not exist or needs a login (registries do not say which). "
		"Tried: %s",
		registry->push ? "push" : "pull", registry->familiar, registry->full_name, tried);
}

void login_tell_stale(struct server *server)
{
	if (server->login != LOGIN_REFUSED || server->stale_told)
		return;
	server->stale_told = true;
	log_msg(LOG_WARN,
		"W-AUTH-STALE: the stored login for %s (%s) was refused; pulled anonymously. Renew it, or "
		"remove it: sbx login %s, sbx logout %s",
		server->endpoint->login_host, server->creds.source, server->endpoint->login_host,
		server->endpoint->login_host);
}

/* ---- Bearer ---- */

struct token_call {
	const struct challenge *challenge;
	struct url realm;
	bool with_login;
};

static char *refresh_form(const struct challenge *challenge, const char *scope, const char *token)
{
	autofree char *scope_code = url_encode(scope ? scope : "");
	autofree char *token_code = url_encode(token);
	autofree char *service = url_encode(challenge->service ? challenge->service : "");

	return xasprintf(
		"grant_type=refresh_token&client_id=sbx&service=%s&scope=%s&refresh_token=%s",
		service, scope_code, token_code);
}

/* A blob is mounted only with a token that is good for where it comes from, too: each repository is a scope. The
 * first comes with the URL; a form has all of them in one parameter, with spaces between them. */
static char *add_scopes(const struct registry *registry, const char *url)
{
	struct buf out = BUF_INIT;

	buf_adds(&out, url);
	strv_each (path, &registry->also) {
		autofree char *scope = xasprintf("repository:%s:pull", *path);
		autofree char *code = url_encode(scope);

		buf_addf(&out, "&scope=%s", code);
	}
	return buf_steal(&out);
}

static char *all_scopes(const struct registry *registry, const char *first)
{
	struct buf out = BUF_INIT;

	buf_adds(&out, first ? first : "");
	strv_each (path, &registry->also)
		buf_addf(&out, " repository:%s:pull", *path);
	return buf_steal(&out);
}

static char *scope_of(const struct registry *registry)
{
	return registry->path ? xasprintf("repository:%s:%s", registry->path,
					registry->push ? "pull,push" : "pull")
			      : NULL;
}

/* Asks the realm. 0: *ret is the token. -EACCES: it refused. */
static int call_realm(struct registry *registry, struct server *server,
	const struct token_call *call, char **ret, struct err *err)
{
	const struct creds *creds = &server->creds;
	const char *user = call->with_login ? creds->user : NULL;
	autofree char *scope = scope_of(registry);
	autofree char *bare = auth_token_url(call->challenge, scope, user);
	autofree char *url = add_scopes(registry, bare), *all = all_scopes(registry, scope);
	autofree char *basic = NULL, *form = NULL;
	autoreply struct http_reply reply = { 0 };
	struct http_request request = { .max_body = TOKEN_REPLY_MAX, .no_redirect = true };
	struct url base;

	TRY(url_parse(server->base, &base, err));
	if (call->with_login && creds->identity_token)
		form = refresh_form(call->challenge, all, creds->identity_token);
	else if (call->with_login)
		basic = auth_basic(creds->user, creds->secret);
	request.url = form ? call->challenge->realm : url;
	request.post = form;
	request.authorization = basic;
	request.plain_ok = !call->realm.https; /* auth_check_realm() has allowed it */
	request.insecure = server->endpoint->insecure && strcmp(base.host, call->realm.host) == 0;
	if (http_get(registry->http, &request, &reply, err) < 0)
		return err_wrap(err, "token for %s", server->endpoint->login_host);
	if (reply.status == 401 || reply.status == 403 || (form && reply.status == 400))
		return err_set(err, -EACCES, "%s refused to give a token", call->realm.authority);
	if (reply.status != 200)
		return err_set(err, -EIO, "%s answered %ld instead of a token",
			call->realm.authority, reply.status);
	return auth_parse_token(reply.body.data ? reply.body.data : "", reply.body.len, ret, err);
}

static int answer_bearer(struct registry *registry, struct server *server,
	const struct challenge *challenge, struct err *err)
{
	struct token_call call = { .challenge = challenge };
	autofree char *token = NULL;
	struct url base;
	bool may_send = false;
	int r;

	TRY(url_parse(server->base, &base, err));
	TRY(auth_check_realm(&base, challenge->realm, &server->endpoint->realms, &may_send, err));
	TRY(url_parse(challenge->realm, &call.realm, err));
	call.with_login = has_login(registry, server);
	if (call.with_login && !may_send) {
		log_msg(LOG_WARN,
			"the stored login for %s is not sent to %s, which is another host; if it is right, add "
			"it to \"authRealms\" in config.json",
			server->endpoint->login_host, call.realm.authority);
		call.with_login = false;
	}
	r = call_realm(registry, server, &call, &token, err);
	/* Some services refuse all for one, or do not know of several: nothing is mounted then. */
	if ((r == -EACCES || r == -EIO) && registry->also.n > 0) {
		strv_done(&registry->also);
		registry->also = (struct strv)STRV_INIT;
		r = call_realm(registry, server, &call, &token, err);
	}
	if (r == -EACCES && call.with_login) {
		server->login = LOGIN_REFUSED;
		if (server->creds_given)
			return login_denied(registry, server, err);
		call.with_login = false;
		r = call_realm(registry, server, &call, &token, err);
	}
	if (r == -EACCES)
		return login_denied(registry, server, err);
	TRY(r);
	if (call.with_login)
		server->login = LOGIN_USED;
	set_authorization(server, xasprintf("Bearer %s", token));
	return 0;
}

/* ---- any ---- */

static int answer_basic(struct registry *registry, struct server *server, struct err *err)
{
	if (!has_login(registry, server) || !server->creds.user || !server->creds.secret)
		return login_denied(registry, server, err);
	server->login = LOGIN_USED;
	set_authorization(server, auth_basic(server->creds.user, server->creds.secret));
	return 0;
}

/* All WWW-Authenticate lines as one value, which RFC 9110 allows. */
static char *collect(const struct http_reply *reply)
{
	static const char name[] = "www-authenticate: ";
	struct buf out = BUF_INIT;

	strv_each (line, &reply->headers)
		if (strncmp(*line, name, sizeof(name) - 1) == 0)
			buf_addf(&out, "%s%s", out.len ? ", " : "", *line + sizeof(name) - 1);
	return buf_steal(&out);
}

int login_answer(struct registry *registry, struct server *server, const struct http_reply *reply,
	struct err *err)
{
	autofree char *header = collect(reply);
	autochallenge struct challenge challenge = { 0 };

	if (!*header)
		return login_denied(registry, server, err);
	TRY(challenge_parse(header, &challenge, err));
	/* It was in the request that got this 401. A token that was good before has expired: that says nothing of the
	 * login it was given for. */
	if (server->login == LOGIN_USED && (challenge.scheme == AUTH_BASIC || !server->accepted))
		server->login = LOGIN_REFUSED;
	if (server->login == LOGIN_REFUSED && server->creds_given)
		return login_denied(registry, server, err);
	if (challenge.scheme == AUTH_BASIC)
		return answer_basic(registry, server, err);
	return answer_bearer(registry, server, &challenge, err);
}
