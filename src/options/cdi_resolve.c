/* SPDX-License-Identifier: Apache-2.0 */
/* Names become edits. Pure: descriptions in, struct cdi out. */
#include "options/cdi.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "options/internal.h"

static struct json *find_device(const struct json *spec, const char *name, size_t kind)
{
	const char *of = json_str(json_get(spec, "kind"), "");

	if (strlen(of) != kind || strncmp(of, name, kind) != 0)
		return NULL;
	json_each (it, json_get(spec, "devices"))
		if (strcmp(json_str(json_get(it.value, "name"), ""), name + kind + 1) == 0)
			return it.value;
	return NULL;
}

static char *all_names(const struct json *specs)
{
	autobuf struct buf out = BUF_INIT;

	json_each (it, specs) {
		const struct json *spec = json_get(it.value, "spec");

		json_each (device, json_get(spec, "devices"))
			buf_addf(&out, "%s%s=%s", out.len ? ", " : "",
				json_str(json_get(spec, "kind"), ""),
				json_str(json_get(device.value, "name"), ""));
	}
	return out.len ? buf_steal(&out) : xstrdup("none");
}

static int unknown(
	const struct json *specs, const struct strv *faults, const char *name, struct err *err)
{
	autofree char *names = all_names(specs);
	autobuf struct buf bad = BUF_INIT;

	strv_each (fault, faults)
		buf_addf(&bad, "%s%s", bad.len ? "; " : ". Not read: ", *fault);
	return err_exit(err,
		(err_id(err, -ENOENT, "E-CDI-UNKNOWN",
			 "no description in /etc/cdi, /var/run/cdi or cdi beside config.json has the "
			 "device %s; there are: %s%s. Without root: nvidia-ctk cdi generate "
			 "--output=$HOME/.config/sbx/cdi/nvidia.json, or name the nodes with --device",
			 name, names, bad.len ? bad.data : ""),
			125));
}

/* The folder that is last in the list wins; two in it that describe one device contradict each other. */
static int choose(const struct json *specs, const struct strv *faults, const char *name,
	struct json **ret_spec, struct json **ret_device, struct err *err)
{
	size_t kind = strcspn(name, "=");
	int64_t best = -1;
	const char *path = "";

	json_each (it, specs) {
		struct json *spec = json_get(it.value, "spec");
		struct json *device = find_device(spec, name, kind);
		int64_t folder = json_int(json_get(it.value, "folder"), 0);
		const char *here = json_str(json_get(it.value, "path"), "");

		if (!device || folder < best)
			continue;
		if (folder == best)
			return err_exit(
				err, (err_set(err, -EEXIST,
					      "device %s is described twice: in %s and in %s", name,
					      path, here),
					     125));
		best = folder;
		path = here;
		*ret_spec = spec;
		*ret_device = device;
	}
	return best < 0 ? unknown(specs, faults, name, err) : 0;
}

/* ---- edits ---- */

static int absolute(const char *path, const char *what, const char *name, struct err *err)
{
	if (*path == '/')
		return 0;
	return err_set(err, -EINVAL, "%s: %s '%s' is not an absolute path", name, what, path);
}

static int add_nodes(const struct json *nodes, const char *name, struct cdi *ret, struct err *err)
{
	json_each (it, nodes) {
		const char *path = json_str(json_get(it.value, "path"), "");
		const char *host = json_str(json_get(it.value, "hostPath"), path);
		autofree char *pair = NULL;

		TRY(absolute(path, "path", name, err));
		TRY(absolute(host, "hostPath", name, err));
		if (strchr(host, ':'))
			return err_set(err, -EINVAL, "%s: hostPath '%s' has a colon", name, host);
		pair = xasprintf("%s:%s", host, path);
		if (!strv_has(&ret->devices, pair))
			strv_add(&ret->devices, pair);
	}
	return 0;
}

static bool has_option(const struct json *options, const char *option)
{
	json_each (it, options)
		if (strcmp(json_str(it.value, ""), option) == 0)
			return true;
	return false;
}

static int add_mounts(const struct json *mounts, const char *name, struct cdi *ret, struct err *err)
{
	json_each (it, mounts) {
		const char *host = json_str(json_get(it.value, "hostPath"), "");
		const char *path = json_str(json_get(it.value, "containerPath"), "");
		const char *type = json_str(json_get(it.value, "type"), "");
		const struct json *options = json_get(it.value, "options");
		bool known = false;

		TRY(absolute(path, "containerPath", name, err));
		if (strcmp(type, "tmpfs") != 0)
			TRY(absolute(host, "hostPath", name, err));
		for (size_t i = 0; i < ret->n_mounts; i++)
			known |= strcmp(ret->mounts[i].destination, path) == 0;
		if (known)
			continue; /* devices of one vendor share their libraries */
		ret->mounts = xreallocarray(ret->mounts, ret->n_mounts + 1, sizeof(*ret->mounts));
		ret->mounts[ret->n_mounts++] = (struct volume){
			.type = strcmp(type, "tmpfs") == 0 ? VOLUME_TMPFS : VOLUME_BIND,
			.source = strcmp(type, "tmpfs") == 0 ? NULL : xstrdup(host),
			.destination = xstrdup(path),
			.read_only = has_option(options, "ro"),
			.no_exec = has_option(options, "noexec"),
			.not_recursive = has_option(options, "bind") &&
					 !has_option(options, "rbind"),
		};
	}
	return 0;
}

static int add_hooks(const struct json *hooks, const char *name, struct cdi *ret, struct err *err)
{
	json_each (it, hooks) {
		const char *kind = json_str(json_get(it.value, "hookName"), "");
		const char *path = json_str(json_get(it.value, "path"), "");
		struct cdi_hook *hook;

		TRY(absolute(path, "hook", name, err));
		if (strcmp(kind, "createContainer") != 0) {
			strv_addf(&ret->warnings,
				"%s: its hook %s is not run: only createContainer is, not %s", name,
				path, kind);
			continue;
		}
		ret->hooks = xreallocarray(ret->hooks, ret->n_hooks + 1, sizeof(*ret->hooks));
		hook = &ret->hooks[ret->n_hooks++];
		*hook = (struct cdi_hook){ .path = xstrdup(path),
			.timeout = json_int(json_get(it.value, "timeout"), 0) };
		json_strv(json_get(it.value, "args"), &hook->argv);
		json_strv(json_get(it.value, "env"), &hook->env);
		if (!hook->argv.n)
			strv_add(&hook->argv, path);
	}
	return 0;
}

static int add_env(const struct json *env, const char *name, struct cdi *ret, struct err *err)
{
	json_each (it, env) {
		const char *item = json_str(it.value, "");

		if (*item == '=' || !strchr(item, '='))
			return err_set(err, -EINVAL, "%s: '%s' is no variable", name, item);
		strv_env_set(&ret->env, item);
	}
	return 0;
}

static int add_edits(const struct json *edits, const char *name, struct cdi *ret, struct err *err)
{
	static const char *const left_out[] = { "intelRdt", "additionalGids", "netDevices" };

	for (size_t i = 0; i < ARRAY_SIZE(left_out); i++)
		if (json_len(json_get(edits, left_out[i])))
			strv_addf(&ret->warnings, "%s: %s needs root and is left out", name,
				left_out[i]);
	TRY(add_env(json_get(edits, "env"), name, ret, err));
	TRY(add_nodes(json_get(edits, "deviceNodes"), name, ret, err));
	TRY(add_mounts(json_get(edits, "mounts"), name, ret, err));
	return add_hooks(json_get(edits, "hooks"), name, ret, err);
}

int cdi_resolve(const struct json *specs, const struct strv *faults, const struct strv *names,
	struct cdi *ret, struct err *err)
{
	struct cdi out __attribute__((cleanup(cdi_done))) = CDI_INIT;
	autofree const struct json **seen = xcalloc(names->n, sizeof(*seen));

	for (size_t i = 0; i < names->n; i++) {
		struct json *spec = NULL, *device = NULL;
		bool again = false;

		TRY(choose(specs, faults, names->v[i], &spec, &device, err));
		for (size_t j = 0; j < i; j++)
			again |= seen[j] == spec;
		seen[i] = spec;
		TRY(add_edits(json_get(device, "containerEdits"), names->v[i], &out, err));
		if (!again)
			TRY(add_edits(json_get(spec, "containerEdits"), names->v[i], &out, err));
	}
	*ret = out;
	out = (struct cdi)CDI_INIT;
	return 0;
}
