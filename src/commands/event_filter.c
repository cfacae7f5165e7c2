/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/event_filter.h"

#include <errno.h>
#include <string.h>

#include "base/own.h"
#include "base/xalloc.h"

static const char *attribute(const struct json *event, const char *key)
{
	return json_str(json_path(event, "Actor", "Attributes", key, NULL), NULL);
}

static bool is_text(const struct json *v, const char *wanted)
{
	return strcmp(json_str(v, ""), wanted) == 0;
}

/* An object by its whole id, a prefix of it as people type, or its name. */
static bool is_object(const struct json *event, const char *type, const char *wanted)
{
	const char *id = json_str(json_path(event, "Actor", "ID", NULL), "");
	const char *name = attribute(event, "name");

	if (!is_text(json_get(event, "Type"), type) || !*wanted)
		return false;
	return strncmp(id, wanted, strlen(wanted)) == 0 || (name && strcmp(name, wanted) == 0);
}

static bool match_container(const struct json *event, const char *value)
{
	const char *container = attribute(event, "container"); /* of a network or volume event */

	return is_object(event, "container", value) ||
	       (container && *value && strncmp(container, value, strlen(value)) == 0);
}

/* What was done to an image, or to a container of it; "busybox" is also "busybox:latest". */
static bool match_image(const struct json *event, const char *value)
{
	const char *image = attribute(event, "image");
	size_t len = strlen(value);

	if (is_object(event, "image", value))
		return true;
	return image && strncmp(image, value, len) == 0 && (!image[len] || image[len] == ':');
}

static bool match_network(const struct json *event, const char *value)
{
	return is_object(event, "network", value);
}

static bool match_volume(const struct json *event, const char *value)
{
	return is_object(event, "volume", value);
}

static bool match_type(const struct json *event, const char *value)
{
	return is_text(json_get(event, "Type"), value);
}

/* "exec_start" is also "exec_start: sh -c true", "health_status" any of them. */
static bool match_event(const struct json *event, const char *value)
{
	const char *action = json_str(json_get(event, "Action"), "");
	size_t len = strlen(value);

	return strncmp(action, value, len) == 0 && (!action[len] || action[len] == ':');
}

static bool match_scope(const struct json *event, const char *value)
{
	return is_text(json_get(event, "scope"), value);
}

static bool match_label(const struct json *event, const char *value)
{
	size_t len = strcspn(value, "=");
	autofree char *key = xstrndup(value, len);
	const char *have = attribute(event, key);

	return have && (!value[len] || strcmp(have, value + len + 1) == 0);
}

static const struct {
	const char *key;
	bool (*match)(const struct json *event, const char *value);
	bool all;
} kinds[] = {
	{ "container", match_container, false },
	{ "event", match_event, false },
	{ "image", match_image, false },
	{ "label", match_label, true },
	{ "network", match_network, false },
	{ "scope", match_scope, false },
	{ "type", match_type, false },
	{ "volume", match_volume, false },
};

static int kind_of(const char *filter)
{
	size_t len = strcspn(filter, "=");

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strlen(kinds[i].key) == len && memcmp(kinds[i].key, filter, len) == 0)
			return (int)i;
	return -ENOENT;
}

int event_filters_check(const struct strv *filters, struct err *err)
{
	strv_each (f, filters)
		if (kind_of(*f) < 0)
			return err_set(
				err, -EINVAL, "invalid filter '%.*s'", (int)strcspn(*f, "="), *f);
	return 0;
}

bool event_matches(const struct json *event, const struct strv *filters)
{
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		bool asked = false, hit = false, missed = false;

		strv_each (f, filters) {
			bool yes;

			if (kind_of(*f) != (int)k)
				continue;
			asked = true;
			yes = kinds[k].match(event, strchr(*f, '=') + 1);
			hit |= yes;
			missed |= !yes;
		}
		if (asked && (!hit || (kinds[k].all && missed)))
			return false;
	}
	return true;
}
