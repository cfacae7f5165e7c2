/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of a build: the result becomes an image of the store, gets its names, and goes where --output
 * says. Packing layers and writing documents is sbx-image's work; it is not started when the same
 * result was written before, which <root>/build/images/<key>.json remembers.
 */
#include "builder/export.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/xalloc.h"
#include "builder/progress.h"

#define RECORD_MAX 65536

/* Everything but times: those of a result that is there already are as good. */
static void key_of(const struct build *b, const struct snapshot *result, char ret[SHA256_HEX])
{
	autobuf struct buf config = BUF_INIT;
	struct key key = { 0 };

	key_add(&key, "image");
	key_add(&key, result->base);
	key_add_list(&key, &result->layers);
	json_write(json_get(result->doc, "config"), 0, &config);
	key_add(&key, config.data);
	key_add(&key, json_str(json_get(result->doc, "author"), NULL));
	key_add(&key, json_str(json_get(result->doc, "architecture"), NULL));
	key_add_int(&key, b->epoch);
	json_each (it, json_get(result->doc, CACHE_KEYS))
		key_add(&key, json_str(it.value, ""));
	json_each (it, json_get(result->doc, "history"))
		key_add(&key, json_str(json_get(it.value, "created_by"), ""));
	key_end(&key, ret);
}

static int read_written(int dir, const char *name, struct image_written *ret, struct err *err)
{
	autojson struct json *doc = NULL;

	TRY(json_read_at(dir, name, RECORD_MAX, &doc, err));
	*ret = (struct image_written){ .size = json_int(json_get(doc, "size"), 0) };
	(void)snprintf(ret->id, sizeof(ret->id), "%s", json_str(json_get(doc, "id"), ""));
	(void)snprintf(ret->manifest, sizeof(ret->manifest), "%s",
		json_str(json_get(doc, "manifest"), ""));
	(void)snprintf(ret->media_type, sizeof(ret->media_type), "%s",
		json_str(json_get(doc, "mediaType"), ""));
	return *ret->manifest ? 0 : err_set(err, -EINVAL, "sbx-image gave no answer");
}

static void write_spec(const struct snapshot *result, struct buf *text)
{
	autojson struct json *spec = json_new_map();

	json_put_string(spec, "base", result->base);
	json_put(spec, "layers", json_new_strv(&result->layers));
	json_put(spec, "config", json_ref(result->doc));
	json_write(spec, 0, text);
	buf_addc(text, '\n');
}

static int start_composer(struct build *b, struct err *err)
{
	autofd int answer = openat(
		b->work_fd, "written.json", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (answer < 0)
		return fs_err(err, b->work_fd, "written.json");
	return image_compose_start(b->globals, answer, b->userns, &b->composer, err);
}

int export_compose(
	struct build *b, const struct snapshot *result, struct image_written *ret, struct err *err)
{
	autobuf struct buf spec = BUF_INIT;
	int status;

	if (b->composer.pid <= 0)
		TRY(start_composer(b, err));
	write_spec(result, &spec);
	status = image_compose_finish(&b->composer, spec.data, spec.len, err);
	if (status > 0) /* the helper has said why */
		return err_told(err, -EIO, 1);
	TRY(status);
	TRY(read_written(b->work_fd, "written.json", ret, err));
	ret->fresh = true;
	return 0;
}

static int keep_record(const struct build *b, const char *name, struct err *err)
{
	autofree char *text = NULL;
	autofd int dir = -EBADF;
	size_t len;

	if (mkdirat(b->cache.build, "images", 0700) < 0 && errno != EEXIST)
		return fs_err(err, b->cache.build, "images");
	dir = openat(b->cache.build, "images", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return err_sys(err, "open the build cache");
	TRY(fs_read_at(b->work_fd, "written.json", RECORD_MAX, &text, &len, err));
	return fs_write_at(dir, name, text, len, FS_NOSYNC, err);
}

static int write_image(
	struct build *b, const struct snapshot *result, struct image_written *ret, struct err *err)
{
	char key[SHA256_HEX];
	autofree char *path = NULL, *name = NULL;

	key_of(b, result, key);
	name = xasprintf("%s.json", key);
	path = xasprintf("images/%s", name);
	if (!b->opts->no_cache &&
		read_written(b->cache.build, path, ret, &(struct err)ERR_INIT) == 0 &&
		image_is_whole(b->globals, ret))
		return 0;
	TRY(export_compose(b, result, ret, err));
	return keep_record(b, name, err);
}

static void put_labels(const struct build *b, const struct snapshot *result)
{
	struct json *config = snapshot_config(result);

	if (b->opts->labels.n && json_kind(json_get(config, "Labels")) != JSON_MAP)
		json_put(config, "Labels", json_new_map());
	strv_each (label, &b->opts->labels) {
		autofree char *name = xstrndup(*label, strcspn(*label, "="));

		json_put_string(json_get(config, "Labels"), name, strchr(*label, '=') + 1);
	}
}

static void note(struct build *b, const char *what, const char *which)
{
	autofree char *text = xasprintf("%s %s done", what, which);

	report(b, REPORT_NOTE, VERTEX_EXPORT, text);
}

static int give_names(struct build *b, const struct image_written *image, struct err *err)
{
	if (b->opts->tags.n == 0)
		return image_set_name(b->globals, image, NULL, err);
	strv_each (tag, &b->opts->tags) {
		autoref struct ref ref = { 0 };
		autofree char *full = NULL;

		TRY(image_set_name(b->globals, image, *tag, err));
		TRY(ref_parse(*tag, &ref, err));
		full = ref_full(&ref);
		note(b, "naming to", full);
	}
	return 0;
}

static int write_file(const char *path, const char *text, struct err *err)
{
	autofd int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0)
		return err_sys(err, "write '%s'", path);
	return fs_write_all(fd, text, strlen(text), err);
}

static int write_metadata(const struct build *b, const struct image_written *image, struct err *err)
{
	autojson struct json *doc = json_new_map();
	struct json *descriptor = json_new_map();
	autobuf struct buf names = BUF_INIT, text = BUF_INIT;

	strv_each (tag, &b->opts->tags) {
		autoref struct ref ref = { 0 };
		autofree char *full = NULL;

		TRY(ref_parse(*tag, &ref, err));
		full = ref_full(&ref);
		buf_addf(&names, "%s%s", names.len ? "," : "", full);
	}
	json_put_string(descriptor, "mediaType", image->media_type);
	json_put_string(descriptor, "digest", image->manifest);
	json_put_int(descriptor, "size", image->size);
	json_put_string(doc, "containerimage.config.digest", image->id);
	json_put(doc, "containerimage.descriptor", descriptor);
	json_put_string(doc, "containerimage.digest", image->manifest);
	if (names.len)
		json_put_string(doc, "image.name", names.data);
	json_write(doc, 2, &text);
	buf_addc(&text, '\n');
	return write_file(b->opts->metadata_file, text.data, err);
}

/* Only where --output sends it elsewhere does the store get no name for it. */
static bool wants_image(const struct build *b)
{
	if (b->opts->n_outputs == 0 || b->opts->load || b->opts->push)
		return true;
	for (size_t i = 0; i < b->opts->n_outputs; i++)
		if (b->opts->outputs[i].type != OUTPUT_LOCAL &&
			b->opts->outputs[i].type != OUTPUT_TAR)
			return true;
	return false;
}

void export_prepare(struct build *b)
{
	struct err ignored = ERR_INIT;

	if (wants_image(b))
		(void)start_composer(
			b, &ignored); /* tried again, and told, when there is a result */
}

static int push(const struct build *b, struct err *err)
{
	strv_each (tag, &b->opts->tags) {
		char *args[] = { (char *)"push", (char *)"--quiet", *tag, NULL };
		int status = image_helper(b->globals, args, STDERR_FILENO, err);

		if (status > 0)
			return err_told(err, -EIO, 1);
		TRY(status);
	}
	return 0;
}

bool export_pushes(const struct build *b)
{
	for (size_t i = 0; i < b->opts->n_outputs; i++)
		if (b->opts->outputs[i].push)
			return true;
	return b->opts->push;
}

static int make_image(struct build *b, const struct snapshot *result, struct image_written *image,
	struct err *err)
{
	TRY(write_image(b, result, image, err));
	note(b, "writing image", image->id);
	TRY(give_names(b, image, err));
	if (b->opts->iidfile)
		TRY(write_file(b->opts->iidfile, image->id, err));
	if (b->opts->metadata_file)
		TRY(write_metadata(b, image, err));
	if (export_pushes(b))
		TRY(push(b, err));
	return 0;
}

int export_all(struct build *b, const struct snapshot *result, struct err *err)
{
	struct image_written image = { .size = 0 };
	int r = 0;

	put_labels(b, result);
	cache_export_keys(b, result);
	report(b, REPORT_START, VERTEX_EXPORT,
		wants_image(b) ? "exporting to image" : "exporting to client");
	if (wants_image(b))
		r = make_image(b, result, &image, err);
	for (size_t i = 0; r >= 0 && i < b->opts->n_outputs; i++)
		r = export_output(b, result, &image, &b->opts->outputs[i], err);
	if (r >= 0)
		r = cache_export(b, err);
	if (r < 0) {
		report(b, REPORT_ERROR, VERTEX_EXPORT, err->text);
		return r;
	}
	report(b, REPORT_DONE, VERTEX_EXPORT, NULL);
	if (b->opts->quiet && *image.id) {
		autofree char *line = xasprintf("%s\n", image.id);

		return fs_write_all(STDOUT_FILENO, line, strlen(line), err);
	}
	return 0;
}
