/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `sbx login` and `sbx logout`. A login is tried before it is kept, against the registry itself: a
 * mirror has logins of its own.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/own.h"
#include "base/xalloc.h"
#include "image/confined.h"
#include "image/parcel.h"
#include "image/prompt.h"
#include "image/registry.h"
#include "image/url.h"

#define ANSWER_MAX ((size_t)1 << 20)

/* "https://index.docker.io/v1/" and the like → "docker.io"; "https://host:5000/v2/" → "host:5000". */
int account_host(const char *server, char **ret, struct err *err)
{
	static const char *const hub[] = { "docker.io", "index.docker.io", "registry-1.docker.io",
		"registry.hub.docker.com" };
	const char *rest = server ? server : "docker.io", *scheme = strstr(rest, "://");
	autofree char *host = NULL, *probe = NULL;
	struct url url;

	if (scheme)
		rest = scheme + 3;
	host = xstrndup(rest, strcspn(rest, "/"));
	for (size_t i = 0; i < ARRAY_SIZE(hub); i++) {
		if (strcmp(host, hub[i]) != 0)
			continue;
		*ret = xstrdup("docker.io");
		return 0;
	}
	probe = xasprintf("https://%s", host);
	if (!*host || url_parse(probe, &url, err) < 0)
		return err_set(
			err, -EINVAL, "'%.150s' is not a registry: HOST[:PORT] is wanted", server);
	*ret = move_ptr(&host);
	return 0;
}

/* ---- login ---- */

static int ask_user(const struct login_opts *opts, const char *known, char **ret, struct err *err)
{
	autofree char *question = known ? xasprintf("Username (%s): ", known)
					: xstrdup("Username: ");
	autofree char *answer = NULL;

	if (opts->user) {
		*ret = xstrdup(opts->user);
		return 0;
	}
	if (!isatty(STDIN_FILENO))
		return err_set(err, -EINVAL,
			"cannot ask for the user name: standard input is not a terminal. Give -u NAME "
			"--password-stdin");
	TRY(prompt_line(question, false, &answer, err));
	if (!*answer && known)
		*ret = xstrdup(known);
	else
		*ret = move_ptr(&answer);
	return 0;
}

static int ask_secret(const struct login_opts *opts, char **ret, struct err *err)
{
	if (opts->password_stdin)
		return prompt_stdin(ret, err);
	if (opts->password) {
		log_msg(LOG_WARN,
			"WARNING! Using --password via the CLI is insecure. Use --password-stdin.");
		*ret = xstrdup(opts->password);
		return 0;
	}
	if (!isatty(STDIN_FILENO))
		return err_set(err, -EINVAL,
			"cannot ask for the password: standard input is not a terminal. Use "
			"--password-stdin");
	return prompt_line("Password: ", true, ret, err);
}

static int take_creds(
	const struct login_opts *opts, const char *host, struct creds *ret, struct err *err)
{
	autocreds struct creds known = { 0 };

	if (!opts->user && !opts->password && !opts->password_stdin)
		(void)creds_find(host, "", &known); /* its user is a good guess */
	TRY(ask_user(opts, known.user, &ret->user, err));
	TRY(ask_secret(opts, &ret->secret, err));
	if (!*ret->user)
		return err_set(err, -EINVAL, "a user name is needed");
	if (strchr(ret->user, ':'))
		return err_set(err, -EINVAL, "a user name has no colon in it");
	if (!*ret->secret)
		return err_set(err, -EINVAL, "a password is needed");
	return 0;
}

static int refused(const struct creds *creds, const char *host, struct err *err)
{
	return err_id(err, -EACCES, "E-AUTH",
		"login to %s failed: it refused user '%.100s' with this password", host,
		creds->user);
}

struct trial { /* borrowed */
	const struct globals *globals;
	const char *host;
	const struct creds *creds;
};

/* Does the registry take it? What it says of no login at all does not count. In a process of its own:
 * this one has to start a credential helper later. */
static int try_login(void *data, struct err *err)
{
	const struct trial *trial = data;
	const struct globals *globals = trial->globals;
	const struct creds *creds = trial->creds;
	const char *host = trial->host;
	autofree char *domain = xstrdup(host);
	struct ref ref = { .domain = domain };
	autoregistry struct registry *registry = NULL;
	autoreply struct http_reply reply = { 0 };
	struct server *server;
	int r;

	TRY(registry_open(&ref, globals, NULL, &registry, err));
	TRY(confined_registry(NULL, err));
	server = &registry->servers[registry->endpoints.n - 1];
	server->creds = (struct creds){ .user = xstrdup(creds->user),
		.secret = xstrdup(creds->secret),
		.source = xstrdup("this login") };
	server->creds_looked_up = server->creds_found = true;
	r = registry_read(registry, server, "/v2/", ANSWER_MAX, &reply, err);
	if (r == -EACCES || (r >= 0 && server->login == LOGIN_REFUSED))
		return refused(creds, host, err);
	if (r == -ENOENT)
		return err_set(err, -ENOENT, "%s is not a registry: it has no /v2/", host);
	TRY(r);
	if (server->login == LOGIN_UNUSED)
		log_msg(LOG_WARN, "note: %s asked for no login; it is stored all the same", host);
	return 0;
}

int login_main(const struct globals *globals, int argc, char **argv, struct err *err)
{
	__attribute__((cleanup(login_opts_done))) struct login_opts opts = { 0 };
	autofree char *host = NULL, *where = NULL;
	autocreds struct creds creds = { 0 };
	struct trial trial = { .globals = globals, .creds = &creds };

	TRY(login_opts_parse(argc, argv, &opts, err));
	TRY(account_host(opts.server, &host, err));
	TRY(take_creds(&opts, host, &creds, err));
	trial.host = host;
	TRY(image_run_apart(try_login, &trial, err));
	TRY(creds_store(host, &creds, &where, err));
	log_msg(LOG_DEBUG, "the login is kept in %s", where);
	(void)printf("Login Succeeded\n"); /* main checks stdout */
	return 0;
}

/* ---- logout ---- */

static int logout_all(struct err *err)
{
	int n = creds_erase_all(err);

	TRY(n);
	(void)printf("Removed %d login%s\n", n, n == 1 ? "" : "s"); /* main checks stdout */
	return 0;
}

int logout_main(const struct globals *globals, int argc, char **argv, struct err *err)
{
	__attribute__((cleanup(logout_opts_done))) struct logout_opts opts = { 0 };
	autofree char *host = NULL, *left = NULL;
	int n;

	(void)globals;
	TRY(logout_opts_parse(argc, argv, &opts, err));
	if (opts.all)
		return logout_all(err);
	TRY(account_host(opts.server, &host, err));
	n = creds_erase(host, err);
	TRY(n);
	left = creds_source(host);
	(void)printf("%s %s\n", n > 0 ? "Removing login credentials for" : "Not logged in to",
		host); /* main checks stdout */
	if (left)
		log_msg(LOG_WARN,
			"note: %s has a login for %s, too, which sbx reads and does not change",
			left, host);
	return 0;
}
