/* SPDX-License-Identifier: Apache-2.0 */
/* The few questions a registry client asks of a URL. Pure. */
#ifndef SBX_IMAGE_URL_H
#define SBX_IMAGE_URL_H

#include <stdbool.h>

#include "base/err.h"

struct url {
	bool https;
	char host[256];      /* lower case; IPv6 with its brackets */
	char port[6];        /* "443" when not written */
	char authority[264]; /* host, and ":port" if it was written */
};

/* http and https only; no user information, no control bytes, no blanks, no backslash. -EINVAL. */
int url_parse(const char *text, struct url *ret, struct err *err);

bool url_same_origin(const struct url *a, const struct url *b); /* scheme, host and port */
bool url_is_loopback(const struct url *url); /* literal: localhost, 127.0.0.0/8, [::1] */
bool url_is_address(const struct url *url);  /* an IP literal */

/* Percent-encodes all but unreserved characters; caller frees. */
char *url_encode(const char *text);

#endif
