/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes from an archive or a container become a blob. They go into a partial file as a download's do;
 * whether they get a name is decided by their digest alone. */
#include "image/parcel.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "image/digest.h"
#include "image/store_private.h"

/* A digest that nothing has. */
static int random_name(char ret[DIGEST_MAX], struct err *err)
{
	unsigned char bytes[32];
	size_t at = (size_t)snprintf(ret, DIGEST_MAX, "sha256:");

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return err_sys(err, "get a random name");
	for (size_t i = 0; i < sizeof(bytes); i++, at += 2)
		(void)snprintf(ret + at, 3, "%02x", bytes[i]);
	return 0;
}

int spool_begin(struct spool *spool, const struct store *store, const char *digest, struct err *err)
{
	int64_t have = 0;

	*spool = (struct spool){ .store = store, .named = digest != NULL, .fd = -EBADF };
	if (digest)
		(void)snprintf(spool->name, sizeof(spool->name), "%s", digest);
	else
		TRY(random_name(spool->name, err));
	spool->fd = store_partial_open(store, spool->name, &have, err);
	TRY(spool->fd);
	spool->have = store_has_blob(store, spool->name);
	if (!spool->have && have > 0 && ftruncate(spool->fd, 0) < 0)
		return err_sys(err, "start a blob anew");
	return digester_new(spool->name, &spool->digester, err);
}

int spool_write(struct spool *spool, const void *data, size_t len, struct err *err)
{
	spool->size += (int64_t)len;
	digester_update(spool->digester, data, len);
	return spool->have ? 0 : fs_write_all(spool->fd, data, len, err);
}

static int wrong_digest(const struct spool *spool, struct err *err)
{
	return err_id(err, -EBADMSG, "E-DIGEST",
		"the archive is damaged: the %lld bytes of %s have another digest. Nothing of it was "
		"loaded",
		(long long)spool->size, spool->name);
}

int spool_commit(struct spool *spool, char ret_digest[DIGEST_MAX], struct err *err)
{
	char got[DIGEST_MAX];

	digester_final(spool->digester, got);
	if (spool->named && strcmp(got, spool->name) != 0)
		return wrong_digest(spool, err);
	if (!digest_valid(got))
		return err_set(err, -EIO, "OpenSSL could not compute a digest");
	if (!spool->have)
		TRY(store_partial_commit_as(spool->store, spool->name, got, spool->fd, err));
	spool->have = true; /* nothing is left to remove */
	(void)memcpy(ret_digest, got, sizeof(got));
	return 0;
}

void spool_done(struct spool *spool)
{
	struct err ignored = ERR_INIT; /* the error that led here is the one to tell */

	if (spool->fd >= 0 && !spool->have)
		(void)store_partial_discard(spool->store, spool->name, &ignored);
	fd_drop(&spool->fd);
	digester_free(spool->digester);
	spool->digester = NULL;
}
