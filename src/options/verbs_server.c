/* SPDX-License-Identifier: Apache-2.0 */
/* What pull and push share: how a registry is talked to (podman's words), and --platform of the verbs about images. */
#include "options/internal.h"
#include "options/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "base/xalloc.h"

#define RETRY_MAX 100

void server_opts_note(struct server_opts *o, const struct opt *opt)
{
	if (strcmp(opt->name, "tls-verify") == 0)
		o->tls_told = true;
}

int server_opts_check(const struct server_opts *o, struct err *err)
{
	if (o->creds && (*o->creds == ':' || !strchr(o->creds, ':')))
		return err_set(err, -EINVAL, "--creds wants USERNAME:PASSWORD");
	if (o->authfile && !*o->authfile)
		return err_set(err, -EINVAL, "--authfile wants the name of a file");
	if (o->retry < RETRY_DEFAULT || o->retry > RETRY_MAX)
		return err_set(err, -EINVAL, "--retry %lld is outside the range of [0, %d]",
			(long long)o->retry, RETRY_MAX);
	return 0;
}

void server_opts_args(const struct server_opts *o, struct strv *args)
{
	if (o->tls_told)
		strv_addf(args, "--tls-verify=%s", o->tls_verify ? "true" : "false");
	if (o->creds)
		strv_addf(args, "--creds=%s", o->creds);
	if (o->authfile)
		strv_addf(args, "--authfile=%s", o->authfile);
	if (o->retry != RETRY_DEFAULT)
		strv_addf(args, "--retry=%lld", (long long)o->retry);
}

void server_opts_done(struct server_opts *o)
{
	if (o->creds)
		explicit_bzero(o->creds, strlen(o->creds));
	free(o->creds);
	free(o->authfile);
	*o = (struct server_opts){ 0 };
}

int take_platform(char **slot, const char *value, struct err *err)
{
	TRY(parse_platform(value, err));
	free(*slot);
	*slot = xstrdup(value);
	return 0;
}
