/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a container's start and end mean for its volumes and networks, told as Docker tells it: a volume is
 * mounted and unmounted, a network connected and disconnected.
 */
#include "commands/launch.h"

#include <string.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "commands/endpoints.h"

static void tell_volumes(const struct globals *globals, const struct container *c, bool up)
{
	json_each (it, json_get(c->config, "mounts")) {
		const char *name = json_str(json_get(it.value, "name"), "");
		bool rw = json_bool(json_get(it.value, "rw"), true);
		autojson struct json *more = NULL;

		if (!*name)
			continue;
		more = json_new_map();
		json_put_string(more, "container", c->id);
		json_put_string(more, "driver", "local");
		if (up) {
			json_put_string(more, "destination",
				json_str(json_get(it.value, "destination"), ""));
			json_put_string(more, "propagation", "");
			json_put_string(more, "read/write", rw ? "true" : "false");
		}
		event_tell(globals, "volume", up ? "mount" : "unmount", name, more);
	}
}

static void tell_networks(const struct globals *globals, const struct container *c, bool up)
{
	autojson struct json *list = container_endpoints(c);

	json_each (it, list) {
		const char *name = json_str(json_get(it.value, "network"), "");
		autojson struct json *more = json_new_map();

		if (strncmp(name, "container:", strlen("container:")) == 0)
			continue;
		json_put_string(more, "container", c->id);
		json_put_string(more, "name", name);
		json_put_string(more, "type",
			strcmp(name, "host") == 0   ? "host"
			: strcmp(name, "none") == 0 ? "null"
						    : "bridge");
		event_tell(globals, "network", up ? "connect" : "disconnect",
			json_str(json_get(it.value, "id"), name), more);
	}
}

void launch_tell_members(const struct launch *launch, bool up)
{
	tell_volumes(launch->globals, &launch->container, up);
	tell_networks(launch->globals, &launch->container, up);
}
