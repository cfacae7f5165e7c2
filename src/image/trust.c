/* SPDX-License-Identifier: Apache-2.0 */
/*
 * curl takes one bundle of authorities, so private ones are appended to the system's. A file that
 * cannot be read is an error: a connection that fails later for want of it would be hard to explain.
 */
#include "image/trust.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/xalloc.h"

#define BUNDLE_BYTES_MAX (4 << 20)
#define CERT_BYTES_MAX   (1 << 20)

void trust_done(struct trust *trust)
{
	buf_done(&trust->bundle);
	free(trust->base_file);
	free(trust->client_cert);
	free(trust->client_key);
	*trust = (struct trust){ 0 };
}

static bool ends_with(const char *name, const char *end)
{
	size_t n = strlen(name), m = strlen(end);

	return n > m && strcmp(name + n - m, end) == 0;
}

static int append(int dir, const char *name, size_t max, struct buf *out, struct err *err)
{
	autofree char *text = NULL;
	size_t len;

	TRY(fs_read_at(dir, name, max, &text, &len, err));
	buf_add(out, text, len);
	buf_addc(out, '\n');
	return 0;
}

/* NAME.cert and NAME.key side by side. */
static void take_client(const char *dir, const char *name, struct trust *ret)
{
	autofree char *key = NULL;

	if (ret->client_cert)
		return;
	key = xasprintf("%s/%.*s.key", dir, (int)(strlen(name) - strlen(".cert")), name);
	if (access(key, R_OK) < 0)
		return;
	ret->client_key = move_ptr(&key);
	ret->client_cert = xasprintf("%s/%s", dir, name);
}

static int load_dir(const char *path, struct trust *ret, struct err *err)
{
	autodir DIR *dir = opendir(path);
	struct dirent *entry;

	if (!dir && (errno == ENOENT || errno == ENOTDIR || errno == EACCES))
		return 0;
	if (!dir)
		return err_sys(err, "open '%s'", path);
	while ((entry = readdir(dir))) {
		const char *name = entry->d_name;

		if (ends_with(name, ".cert"))
			take_client(path, name, ret);
		if (!ends_with(name, ".crt") && !ends_with(name, ".pem"))
			continue;
		if (append(dirfd(dir), name, CERT_BYTES_MAX, &ret->bundle, err) < 0)
			return err_wrap(err, "certificate authority %s/%s", path, name);
	}
	return 0;
}

int trust_load(const struct trust_source *source, struct trust *ret, struct err *err)
{
	autofree char *host_dir = xasprintf("%s/%s", source->certs_dir, source->authority);
	const char *chosen = getenv("SSL_CERT_FILE");
	autotrust struct trust trust = { 0 };

	if (chosen && *chosen)
		trust.base_file = xstrdup(chosen);
	else
		chosen = source->fallback;
	if (source->ca_dir)
		TRY(load_dir(source->ca_dir, &trust, err));
	TRY(load_dir(host_dir, &trust, err));
	if (trust.bundle.len > 0 && chosen &&
		append(AT_FDCWD, chosen, BUNDLE_BYTES_MAX, &trust.bundle, err) < 0)
		return err_wrap(err, "the system's certificate authorities in %s", chosen);
	*ret = trust;
	trust = (struct trust){ 0 };
	return 0;
}
