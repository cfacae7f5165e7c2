/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Descriptions come from files of root's or the caller's, of whom nothing is feared but mistakes; a
 * name that is asked for and not there is an error, whatever else is wrong with a file only then.
 */
#include "options/cdi.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/xalloc.h"
#include "options/internal.h"
#include "options/yaml_doc.h"

#define SPEC_MAX (4 * 1024 * 1024) /* a machine with eight GPUs has 100 KiB */

static void hook_done(struct cdi_hook *hook)
{
	free(hook->path);
	strv_done(&hook->argv);
	strv_done(&hook->env);
}

void cdi_done(struct cdi *cdi)
{
	for (size_t i = 0; i < cdi->n_hooks; i++)
		hook_done(&cdi->hooks[i]);
	for (size_t i = 0; i < cdi->n_mounts; i++)
		volume_done(&cdi->mounts[i]);
	free(cdi->hooks);
	free(cdi->mounts);
	strv_done(&cdi->env);
	strv_done(&cdi->devices);
	strv_done(&cdi->warnings);
	*cdi = (struct cdi)CDI_INIT;
}

/* ---- names ---- */

static size_t word(const char *s, const char *also)
{
	size_t n = 0;

	while (isalnum((unsigned char)s[n]) || (n && s[n] && strchr(also, s[n])))
		n++;
	return n;
}

bool cdi_is_name(const char *device)
{
	const char *class = device + word(device, "_-.");

	if (class == device || *class != '/')
		return false;
	class ++;
	device = class + word(class, "_-");
	if (device == class || *device != '=')
		return false;
	device++;
	return *device && device[word(device, "_-.:")] == '\0';
}

static int add_gpus(const char *list, struct strv *ret_names, struct err *err)
{
	while (*list) {
		size_t len = strcspn(list, ",");
		autofree char *name = xasprintf("nvidia.com/gpu=%.*s", (int)len, list);

		if (!cdi_is_name(name))
			return err_set(err, -EINVAL, "'%.*s' is no device", (int)len, list);
		strv_add(ret_names, name);
		list += len + (list[len] == ',');
	}
	return 0;
}

int cdi_parse_gpus(const char *value, struct strv *ret_names, struct err *err)
{
	int64_t count;
	size_t len = strlen(value);
	autofree char *list = NULL;

	if (strcmp(value, "all") == 0 || strcmp(value, "-1") == 0)
		return add_gpus("all", ret_names, err);
	if (opt_parse_int(value, &count, err) == 0) {
		if (count < 1 || count > 1024)
			return err_set(err, -EINVAL, "count must be 'all' or a number from 1");
		for (int64_t i = 0; i < count; i++)
			strv_addf(ret_names, "nvidia.com/gpu=%lld", (long long)i);
		return 0;
	}
	*err = (struct err)ERR_INIT;
	if (*value == '"' && len > 1 && value[len - 1] == '"')
		list = xstrndup(value + 1, len - 2);
	else
		list = xstrdup(value);
	if (strncmp(list, "device=", 7) != 0 || !list[7])
		return err_set(err, -EINVAL,
			"'all', a number, or device=NAME[,NAME]: what a device can do is in its description");
	return add_gpus(list + 7, ret_names, err);
}

/* ---- files ---- */

struct strv cdi_folders(const struct globals *globals)
{
	struct strv folders = STRV_INIT;
	const char *slash = globals->config ? strrchr(globals->config, '/') : NULL;

	strv_add(&folders, "/etc/cdi");
	strv_add(&folders, "/var/run/cdi");
	if (slash)
		strv_addf(&folders, "%.*s/cdi", (int)(slash - globals->config), globals->config);
	return folders;
}

static bool has_suffix(const char *name, const char *suffix)
{
	size_t n = strlen(name), m = strlen(suffix);

	return n > m && strcmp(name + n - m, suffix) == 0;
}

static int read_spec(int dir, const char *name, struct json **ret, struct err *err)
{
	autofd int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	autofree char *text = NULL;
	size_t len;

	if (fd < 0)
		return err_sys(err, "open");
	TRY(check_file_owner(fd, err));
	TRY(read_to_end(fd, SPEC_MAX, &text, &len, err));
	if (has_suffix(name, ".json"))
		return json_parse(text, len, ret, err);
	return yaml_parse(text, len, ret, err);
}

static void read_folder(
	int64_t rank, const char *folder, struct json *specs, struct strv *ret_faults)
{
	struct dirent **entries = NULL;
	autofd int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int n = dir < 0 ? 0 : scandirat(dir, ".", &entries, NULL, alphasort);

	for (int i = 0; i < n; i++) {
		const char *name = entries[i]->d_name;
		struct json *spec = NULL, *item;
		struct err why = ERR_INIT;

		if (!has_suffix(name, ".json") && !has_suffix(name, ".yaml") &&
			!has_suffix(name, ".yml"))
			continue;
		if (read_spec(dir, name, &spec, &why) < 0) {
			strv_addf(ret_faults, "%s/%s: %s", folder, name, why.text);
			continue;
		}
		item = json_new_map();
		json_put_int(item, "folder", rank);
		json_put(item, "path", json_new_string(name));
		json_put(item, "spec", spec);
		json_push(specs, item);
	}
	for (int i = 0; i < n; i++)
		free(entries[i]);
	free(entries);
}

void cdi_read(const struct strv *folders, struct json **ret, struct strv *ret_faults)
{
	struct json *specs = json_new_list();

	for (size_t i = 0; i < folders->n; i++)
		read_folder((int64_t)i, folders->v[i], specs, ret_faults);
	*ret = specs;
}

int cdi_find(
	const struct globals *globals, const struct strv *devices, struct cdi *ret, struct err *err)
{
	autostrv struct strv names = STRV_INIT, faults = STRV_INIT, folders = STRV_INIT;
	autojson struct json *specs = NULL;

	strv_each (device, devices)
		if (cdi_is_name(*device) && !strv_has(&names, *device))
			strv_add(&names, *device);
	if (!names.n)
		return 0;
	folders = cdi_folders(globals);
	cdi_read(&folders, &specs, &faults);
	return cdi_resolve(specs, &faults, &names, ret, err);
}
