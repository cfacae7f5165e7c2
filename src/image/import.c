/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `sbx import`: a tar of a file system becomes an image of one layer. It has what -c says and nothing
 * else: no command, no environment, no history of the container it came from.
 */
#include "image/parcel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/own.h"
#include "base/xalloc.h"
#include "image/changes.h"
#include "image/confined.h"
#include "image/download.h"
#include "image/unpack.h"

#define OCI_CONFIG "application/vnd.oci.image.config.v1+json"

static bool is_url(const char *source)
{
	return strncmp(source, "http://", 7) == 0 || strncmp(source, "https://", 8) == 0;
}

/* "dir/Redis.tar.gz" → "redis" */
static char *base_name(const char *source)
{
	static const char *const ends[] = { ".gz", ".xz", ".zst", ".bz2", ".tar", ".tgz", ".txz" };
	const char *slash = strrchr(source, '/');
	autofree char *name = xstrdup(slash ? slash + 1 : source);
	size_t i = 0;

	name[strcspn(name, "?#")] = '\0';
	while (i < ARRAY_SIZE(ends)) {
		size_t n = strlen(name), m = strlen(ends[i]);

		if (n > m && strcasecmp(name + n - m, ends[i]) == 0) {
			name[n - m] = '\0';
			i = 0;
			continue;
		}
		i++;
	}
	for (char *p = name; *p; p++)
		*p = (char)(*p >= 'A' && *p <= 'Z' ? *p - 'A' + 'a' : *p);
	return move_ptr(&name);
}

/* ":TAG": Docker refuses it; here the archive gives the repository. */
static int name_after_archive(const char *source, const char *tag, char **ret, struct err *err)
{
	autofree char *base = base_name(source);
	autofree char *name = xasprintf("%s%s", base, tag);
	struct err ignored = ERR_INIT;
	autoref struct ref ref = { 0 };

	if (strcmp(source, "-") == 0)
		return err_set(err, -EINVAL,
			"'%s' has no repository, and standard input has no name to take one from: "
			"give REPOSITORY%s",
			tag, tag);
	if (ref_parse(name, &ref, &ignored) < 0)
		return err_set(err, -EINVAL,
			"'%s' has no repository, and '%.150s' cannot be one: give REPOSITORY%s",
			tag, base, tag);
	log_msg(LOG_WARN,
		"note: '%s' names no repository: the image is called %s, after the archive", tag,
		name);
	*ret = ref_full(&ref);
	return 0;
}

int import_name(const char *source, const char *target, char **ret, struct err *err)
{
	autoref struct ref ref = { 0 };

	*ret = NULL;
	if (!target)
		return 0;
	if (*target == ':')
		return name_after_archive(source, target, ret, err);
	TRY(ref_parse(target, &ref, err));
	if (ref.digest)
		return err_set(err, -EINVAL, "cannot import digest reference");
	*ret = ref_full(&ref);
	return 0;
}

static int on_piece(void *data, const void *bytes, size_t len, struct err *err)
{
	return spool_write(data, bytes, len, err);
}

/* The archive, decompressed, becomes a blob. */
static int take_layer(const struct store *store, int fd, struct descriptor *ret, struct err *err)
{
	autospool struct spool spool = { .fd = -EBADF };
	struct tar_visitor visitor = { .piece = on_piece, .data = &spool };
	int64_t size;

	TRY(spool_begin(&spool, store, NULL, err));
	size = tar_inflate(fd, &visitor, err);
	if (size < 0)
		return (int)size;
	if (size == 0)
		return err_set(err, -EINVAL, "the archive is empty");
	TRY(spool_commit(&spool, ret->digest, err));
	return install_layer_type(store, ret, err);
}

void archive_now(char ret[32])
{
	time_t now = (time_t)archive_time(time(NULL));
	struct tm tm = { 0 };

	(void)gmtime_r(&now, &tm); /* fails only in the year 2^31 */
	(void)strftime(ret, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

static struct json *history(const struct import_opts *opts, const char *now)
{
	struct json *list = json_new_list(), *entry = json_new_map();
	autofree char *from = xasprintf("Imported from %s", opts->source);

	json_put_string(entry, "created", now);
	json_put_string(entry, "comment", opts->message ? opts->message : from);
	json_push(list, entry);
	return list;
}

static int make_config(const struct store *store, const struct import_opts *opts,
	const char *diff_id, struct descriptor *ret, struct err *err)
{
	autojson struct json *doc = json_new_map();
	struct json *config = json_new_map(), *rootfs = json_new_map();
	struct strv diff_ids = STRV_INIT;
	char now[32];

	archive_now(now);
	json_put_string(doc, "created", now);
	json_put(doc, "config", config);
	TRY(platform_put(doc, opts->platform ? opts->platform : platform_host(), err));
	strv_each (change, &opts->changes)
		TRY(changes_apply(config, *change, err));
	strv_add(&diff_ids, diff_id);
	json_put_string(rootfs, "type", "layers");
	json_put(rootfs, "diff_ids", json_new_strv(&diff_ids));
	strv_done(&diff_ids);
	json_put(doc, "rootfs", rootfs);
	json_put(doc, "history", history(opts, now));
	(void)snprintf(ret->media_type, sizeof(ret->media_type), OCI_CONFIG);
	return install_document(store, doc, ret, err);
}

static int open_source(const struct globals *globals, const struct store *store, const char *source,
	struct err *err)
{
	int fd;

	if (is_url(source))
		return download_file(globals, store, source, err);
	if (strcmp(source, "-") != 0) {
		fd = open(source, O_RDONLY | O_CLOEXEC);
		return fd < 0 ? err_sys(err, "open '%s'", source) : fd;
	}
	if (isatty(STDIN_FILENO))
		return err_set(err, -EINVAL, "standard input is a terminal, not an archive");
	fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	return fd < 0 ? err_sys(err, "read standard input") : fd;
}

/* Before a long archive is read. */
static int check_changes(const struct strv *changes, struct err *err)
{
	autojson struct json *scratch = json_new_map();

	strv_each (change, changes)
		TRY(changes_apply(scratch, *change, err));
	return 0;
}

int import_main(const struct globals *globals, int argc, char **argv, struct err *err)
{
	__attribute__((cleanup(import_opts_done))) struct import_opts opts = { 0 };
	struct descriptor layer = { .size = 0 }, config = { .size = 0 }, manifest;
	autostore struct store store = STORE_INIT;
	autostrv struct strv names = STRV_INIT;
	autofree char *name = NULL;
	autofd int fd = -EBADF;
	char id[DIGEST_MAX];

	TRY(import_opts_parse(argc, argv, &opts, err));
	TRY(import_name(opts.source, opts.target, &name, err));
	TRY(check_changes(&opts.changes, err));
	TRY(store_open(globals, true, &store, err));
	fd = open_source(globals, &store, opts.source, err);
	TRY(fd);
	TRY(store_inside(&store, err));
	TRY(confined_archive(&store, err));
	TRY(take_layer(&store, fd, &layer, err));
	TRY(make_config(&store, &opts, layer.digest, &config, err));
	TRY(install_manifest(&store, &config, &layer, 1, &manifest, err));
	TRY(install_layers(&store, &manifest, NULL, id, err));
	if (name)
		strv_add(&names, name);
	TRY(install_names(&store, &manifest, &names, err));
	(void)printf("%s\n", id); /* main checks stdout */
	return 0;
}
