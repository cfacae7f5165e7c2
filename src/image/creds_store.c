/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where `sbx login` keeps what it was told. A credential helper is used when one is configured for the
 * host; else it is our own file, in Docker's format, which nobody else may read. Files of other
 * programs are never written.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/xalloc.h"
#include "image/auth.h"
#include "image/creds.h"

#define FILE_BYTES_MAX (1 << 20)

/* The file that is ours to write, opened with its folder and locked. */
struct own_file {
	char *path, *name;
	int dir, lock;
	struct json *doc;
};

static void own_file_done(struct own_file *f)
{
	free(f->path);
	free(f->name);
	fd_drop(&f->dir);
	fd_drop(&f->lock);
	json_free(f->doc);
}
#define autoownfile __attribute__((cleanup(own_file_done)))

static int read_own(struct own_file *f, struct err *err)
{
	if (faccessat(f->dir, f->name, F_OK, 0) < 0) {
		f->doc = json_new_map();
		return 0;
	}
	if (json_read_at(f->dir, f->name, FILE_BYTES_MAX, &f->doc, err) < 0)
		return err_wrap(err, "login file %s", f->path);
	return 0;
}

static int open_own(struct own_file *f, struct err *err)
{
	autostrv struct strv files = STRV_INIT;
	autofree char *folder = NULL, *lock = NULL;
	const char *slash;

	creds_files(&files);
	if (files.n == 0)
		return err_set(err, -ENOENT,
			"there is no place for logins: neither HOME nor XDG_CONFIG_HOME is set");
	f->path = xstrdup(files.v[0]);
	slash = strrchr(f->path, '/');
	f->name = xstrdup(slash ? slash + 1 : f->path);
	folder = slash ? xasprintf("%.*s", (int)(slash - f->path) + 1, f->path) : xstrdup(".");
	TRY(fs_mkdirs(folder, 0700, err));
	f->dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (f->dir < 0)
		return err_sys(err, "open '%s'", folder);
	lock = xasprintf(".%s.lock", f->name);
	f->lock = fs_lock_at(f->dir, lock, true, err);
	TRY(f->lock);
	return read_own(f, err);
}

static int save_own(struct own_file *f, struct err *err)
{
	autobuf struct buf text = BUF_INIT;

	json_write(f->doc, 2, &text);
	buf_addc(&text, '\n');
	if (fs_write_at(f->dir, f->name, text.data, text.len, FS_SYNC, err) < 0)
		return err_wrap(err, "login file %s", f->path);
	return 0;
}

static const char *server_name(const char *host)
{
	return strcmp(host, "docker.io") == 0 ? CREDS_HUB_KEY : host;
}

static int store_with(
	const char *helper, const char *host, const struct creds *creds, struct err *err)
{
	autojson struct json *doc = json_new_map();
	autobuf struct buf text = BUF_INIT;
	int r;

	json_put_string(doc, "ServerURL", server_name(host));
	json_put_string(doc, "Username", creds->user);
	json_put_string(doc, "Secret", creds->secret);
	json_write(doc, 0, &text);
	r = creds_call_helper(helper, "store", text.data, NULL, err);
	explicit_bzero(text.data, text.len);
	if (r > 0)
		return err_set(err, -EIO, "docker-credential-%s could not store it (status %d)",
			helper, r);
	return r < 0 ? err_wrap(err, "credential helper docker-credential-%s", helper) : 0;
}

static int drop_keys(struct own_file *f, const char *host)
{
	struct json *auths = json_get(f->doc, "auths");
	autostrv struct strv keys = STRV_INIT;

	json_each (it, auths)
		if (!host || creds_key_is(it.key, host))
			strv_add(&keys, it.key);
	strv_each (key, &keys)
		json_del(auths, *key);
	return (int)keys.n;
}

static int store_own(
	struct own_file *f, const char *host, const struct creds *creds, struct err *err)
{
	autofree char *pair = xasprintf("%s:%s", creds->user, creds->secret);
	autofree char *code = base64_encode(pair, strlen(pair));
	struct json *entry = json_new_map();

	explicit_bzero(pair, strlen(pair));
	if (json_kind(json_get(f->doc, "auths")) != JSON_MAP)
		json_put(f->doc, "auths", json_new_map());
	(void)drop_keys(f, host);
	json_put_string(entry, "auth", code);
	json_put(json_get(f->doc, "auths"), server_name(host), entry);
	return save_own(f, err);
}

int creds_store(const char *host, const struct creds *creds, char **ret_where, struct err *err)
{
	autofree char *helper = creds_helper_of(host);
	autoownfile struct own_file f = { .dir = -EBADF, .lock = -EBADF };

	if (helper) {
		TRY(store_with(helper, host, creds, err));
		*ret_where = xasprintf("docker-credential-%s", helper);
		return 0;
	}
	TRY(open_own(&f, err));
	TRY(store_own(&f, host, creds, err));
	*ret_where = move_ptr(&f.path);
	return 0;
}

int creds_erase(const char *host, struct err *err)
{
	autofree char *helper = creds_helper_of(host);
	autoownfile struct own_file f = { .dir = -EBADF, .lock = -EBADF };
	int n, erased = 0;

	if (helper) {
		n = creds_call_helper(helper, "erase", server_name(host), NULL, err);
		if (n < 0)
			return err_wrap(err, "credential helper docker-credential-%s", helper);
		erased = n == 0;
	}
	TRY(open_own(&f, err));
	n = drop_keys(&f, host);
	if (n > 0)
		TRY(save_own(&f, err));
	return n > 0 || erased;
}

int creds_erase_all(struct err *err)
{
	autoownfile struct own_file f = { .dir = -EBADF, .lock = -EBADF };
	int n;

	TRY(open_own(&f, err));
	n = drop_keys(&f, NULL);
	if (n > 0)
		TRY(save_own(&f, err));
	return n;
}
