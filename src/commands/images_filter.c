/* SPDX-License-Identifier: Apache-2.0 */
/*
 * images --filter. Docker's rules: filters of one key are alternatives, except labels, which must all be
 * there; different keys must all hold. What is no filter is an error, also where there is no image.
 */
#include "commands/common.h"

#include <errno.h>
#include <fnmatch.h>
#include <string.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "image/image.h"
#include "options/options.h"
#include "state/state.h"

#define NS 1000000000

enum key { DANGLING, REFERENCE, LABEL, LABEL_NOT, BEFORE, SINCE, UNTIL, KEYS };
static const char *const key_names[KEYS] = { "dangling", "reference", "label", "label!", "before",
	"since", "until" };

static int key_of(const char *filter, struct err *err)
{
	size_t len = strcspn(filter, "=");

	for (int i = 0; i < KEYS; i++)
		if (strlen(key_names[i]) == len && memcmp(key_names[i], filter, len) == 0)
			return i;
	return err_set(err, -EINVAL, "invalid filter '%.*s'", (int)len, filter);
}

static int is_dangling(const struct image_row *image, const char *value, struct err *err)
{
	bool dangling = !image->repository || !image->tag;
	bool yes = strcmp(value, "true") == 0 || strcmp(value, "1") == 0;

	if (!yes && strcmp(value, "false") != 0 && strcmp(value, "0") != 0)
		return err_set(err, -EINVAL, "invalid filter 'dangling=%s'", value);
	return dangling == yes;
}

static bool matches_reference(const struct image_row *image, const char *pattern)
{
	autofree char *whole = NULL;

	if (!image->repository || !image->tag)
		return false;
	whole = xasprintf("%s:%s", image->repository, image->tag);
	return fnmatch(pattern, whole, FNM_PATHNAME) == 0 ||
	       fnmatch(pattern, image->repository, FNM_PATHNAME) == 0;
}

static int has_label(const struct globals *globals, const struct image_row *image, const char *want,
	struct err *err)
{
	size_t len = strcspn(want, "=");
	autofree char *key = xstrndup(want, len);
	autojson struct json *doc = NULL;
	const char *value;

	TRY(image_inspect(globals, image->id, &doc, err));
	value = json_str(json_path(doc, "Config", "Labels", key, NULL), NULL);
	return value && (!want[len] || strcmp(value, want + len + 1) == 0);
}

/* *ret < 0: the image is older than the named one, > 0: newer. */
static int compare_age(const struct globals *globals, const struct image_row *image,
	const char *with, int *ret, struct err *err)
{
	autojson struct json *doc = NULL;
	int64_t ns = 0;

	TRY(image_inspect(globals, with, &doc, err));
	(void)state_time_parse(
		json_str(json_get(doc, "Created"), ""), &ns); /* undated: the epoch */
	*ret = (image->created > ns / NS) - (image->created < ns / NS);
	return 0;
}

static int is_until(const struct image_row *image, const char *value, struct err *err)
{
	int64_t until;

	TRY(parse_time(value, state_now(), &until, err));
	return image->created * NS < until;
}

static int holds(const struct globals *globals, const struct image_row *image, enum key key,
	const char *value, struct err *err)
{
	int age = 0, r;

	switch (key) {
	case DANGLING:
		return is_dangling(image, value, err);
	case REFERENCE:
		return matches_reference(image, value);
	case LABEL:
		return has_label(globals, image, value, err);
	case LABEL_NOT:
		r = has_label(globals, image, value, err);
		return r < 0 ? r : !r;
	case BEFORE:
	case SINCE:
		TRY(compare_age(globals, image, value, &age, err));
		return key == BEFORE ? age < 0 : age > 0;
	case UNTIL:
		return is_until(image, value, err);
	case KEYS:
		break;
	}
	return err_set(err, -EINVAL, "invalid filter");
}

int images_check_filters(const struct strv *filters, struct err *err)
{
	strv_each (filter, filters) {
		const struct image_row none = { .size = 0 };
		int key = key_of(*filter, err);

		TRY(key);
		if (key == DANGLING || key == UNTIL)
			TRY(holds(NULL, &none, (enum key)key, strchr(*filter, '=') + 1, err));
	}
	return 0;
}

int images_filter_match(const struct globals *globals, const struct strv *filters,
	const struct image_row *image, struct err *err)
{
	bool asked[KEYS] = { false }, met[KEYS] = { false };

	strv_each (filter, filters) {
		int key = key_of(*filter, err), r;

		TRY(key);
		r = holds(globals, image, (enum key)key, strchr(*filter, '=') + 1, err);
		TRY(r);
		if (r == 0 && (key == LABEL || key == LABEL_NOT))
			return 0;
		asked[key] = true;
		met[key] |= r > 0;
	}
	for (int i = 0; i < KEYS; i++)
		if (asked[i] && !met[i])
			return 0;
	return 1;
}
