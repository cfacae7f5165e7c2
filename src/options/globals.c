/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where things live: flag, else environment, else XDG, else the classic place. Nothing is made here
 * but the fallback /tmp/sbx-UID, whose owner has to be checked at once.
 *
 * XDG_RUNTIME_DIR is believed only if it exists, is ours and can be written to: under su, cron, ssh and
 * batch systems it often names somebody else's directory or none. /run/user/UID is tried next, so
 * that a cron job sees the containers of a login session.
 */
#include "options/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/passwd.h"
#include "base/xalloc.h"

static int global_level(void *target, const char *value, struct err *err)
{
	if (log_parse_level(value, &((struct globals *)target)->log_level) < 0)
		return err_set(err, -EINVAL, "\"%s\" is not error, warn, info or debug", value);
	return 0;
}

int check_driver(const char *value, struct err *err)
{
	if (strcmp(value, "auto") != 0 && strcmp(value, "overlay") != 0 &&
		strcmp(value, "fuse") != 0)
		return err_set(err, -EINVAL, "unknown storage driver \"%s\": auto, overlay or fuse",
			value);
	return 0;
}

static int global_driver(void *target, const char *value, struct err *err)
{
	struct globals *g = target;

	TRY(check_driver(value, err));
	free(g->storage_driver);
	g->storage_driver = xstrdup(value);
	return 0;
}

struct raw {
	struct globals globals;
	bool debug;
};

#define GLOBAL struct raw
const struct opt global_table[] = {
	OPT_STRING(0, "config", GLOBAL, globals.config, "FILE", "Configuration file"),
	OPT_FLAG('D', "debug", GLOBAL, debug, "Say what is done (log level debug)"),
	OPT_FLAG(0, "help", GLOBAL, globals.help, "Show this help"),
	OPT_CALL('l', "log-level", global_level, "error|warn|info|debug",
		"What is said beside errors (default info)"),
	OPT_STRING(0, "root", GLOBAL, globals.root, "DIR", "Where images and containers are kept"),
	OPT_STRING(0, "runroot", GLOBAL, globals.runroot, "DIR",
		"Where sockets and locks of running containers are"),
	OPT_CALL(0, "storage-driver", global_driver, "auto|overlay|fuse",
		"How layers are stacked (default auto)"),
	OPT_FLAG('v', "version", GLOBAL, globals.version,
		"Show the version, what it was built with, and what is here"),
	OPT_END,
};
#undef GLOBAL

void globals_done(struct globals *g)
{
	free(g->root);
	free(g->runroot);
	free(g->config);
	free(g->storage_driver);
	json_free(g->settings);
	*g = (struct globals){ 0 };
}

/* An unset or empty variable is no answer. */
static const char *env(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

/* Makes *path absolute. */
static int make_absolute(char **path, struct err *err)
{
	autofree char *cwd = NULL, *joined = NULL;
	char *clean;

	if (**path != '/') {
		cwd = getcwd(NULL, 0);
		if (!cwd)
			return err_sys(
				err, "the working directory is gone: cannot resolve '%s'", *path);
		joined = xasprintf("%s/%s", cwd, *path);
	}
	clean = clean_path(joined ? joined : *path);
	if (!clean)
		return err_set(err, -EINVAL, "'%s' leads above the root directory", *path);
	free(*path);
	*path = clean;
	return 0;
}

static int find_home(char **ret, struct err *err)
{
	const char *home = env("HOME");
	autopasswd struct passwd_entry user = { 0 };

	if (home && *home == '/') {
		*ret = xstrdup(home);
		return 0;
	}
	if (passwd_lookup(getuid(), &user, err) < 0 || user.home[0] != '/')
		return err_set(err, -ENOENT,
			"no home directory: HOME is not set and user %u is unknown; name the places "
			"with --root and --config",
			(unsigned)getuid());
	*ret = move_ptr(&user.home);
	return 0;
}

/* $XDG_x/sbx or ~/fallback/sbx. The XDG specification says that relative values are ignored. */
static int xdg_path(const char *variable, const char *fallback, char **ret, struct err *err)
{
	const char *base = env(variable);
	autofree char *home = NULL;

	if (base && *base == '/') {
		*ret = xasprintf("%s/sbx", base);
		return 0;
	}
	TRY(find_home(&home, err));
	*ret = xasprintf("%s/%s/sbx", home, fallback);
	return 0;
}

static int find_root(struct globals *g, struct err *err)
{
	if (!g->root && env("SBX_ROOT"))
		g->root = xstrdup(env("SBX_ROOT"));
	if (!g->root)
		TRY(xdg_path("XDG_DATA_HOME", ".local/share", &g->root, err));
	return make_absolute(&g->root, err);
}

static bool usable_runtime_dir(const char *path)
{
	struct stat st;

	return path && *path == '/' && stat(path, &st) == 0 && S_ISDIR(st.st_mode) &&
	       st.st_uid == geteuid() && (st.st_mode & (S_IWGRP | S_IWOTH)) == 0 &&
	       access(path, W_OK | X_OK) == 0;
}

/* /tmp/sbx-UID, or when somebody else got there first, a folder of the store. */
static int fallback_runroot(struct globals *g, struct err *err)
{
	struct err refused = ERR_INIT;
	autofree char *path = xasprintf("/tmp/sbx-%u", (unsigned)geteuid());
	autofd int fd = fs_open_private_dir(path, &refused);

	if (fd >= 0) {
		g->runroot = move_ptr(&path);
		return 0;
	}
	if (!g->root)
		return err_set(err, refused.code, "%s", refused.text);
	log_msg(LOG_WARN, "%s: using %s/run instead", refused.text, g->root);
	g->runroot = xasprintf("%s/run", g->root);
	return 0;
}

static int find_runroot(struct globals *g, struct err *err)
{
	autofree char *login = xasprintf("/run/user/%u", (unsigned)geteuid());
	const char *candidates[] = { env("XDG_RUNTIME_DIR"), login };

	if (!g->runroot && env("SBX_RUNROOT"))
		g->runroot = xstrdup(env("SBX_RUNROOT"));
	for (size_t i = 0; i < ARRAY_SIZE(candidates) && !g->runroot; i++)
		if (usable_runtime_dir(candidates[i]))
			g->runroot = xasprintf("%s/sbx", candidates[i]);
	if (!g->runroot)
		TRY(fallback_runroot(g, err));
	return make_absolute(&g->runroot, err);
}

static int find_config(struct globals *g, struct err *err)
{
	autofree char *folder = NULL;
	bool named = true;

	if (!g->config && env("SBX_CONFIG"))
		g->config = xstrdup(env("SBX_CONFIG"));
	if (!g->config) {
		named = false;
		TRY(xdg_path("XDG_CONFIG_HOME", ".config", &folder, err));
		g->config = xasprintf("%s/config.json", folder);
	}
	TRY(make_absolute(&g->config, err));
	return config_read(g->config, named, &g->settings, err);
}

/* Flag, environment, configuration, "auto". */
static int find_driver(struct globals *g, struct err *err)
{
	const char *value = env("SBX_STORAGE_DRIVER");
	const char *from = "SBX_STORAGE_DRIVER";

	if (g->storage_driver)
		return 0;
	if (!value) {
		value = json_str(json_get(g->settings, "storageDriver"), "auto");
		from = g->config;
	}
	if (check_driver(value, err) < 0)
		return err_wrap(err, "%s", from);
	g->storage_driver = xstrdup(value);
	return 0;
}

static int resolve(struct globals *g, struct err *err)
{
	TRY(find_root(g, err));
	TRY(find_runroot(g, err));
	TRY(find_config(g, err));
	return find_driver(g, err);
}

int globals_parse(int argc, char **argv, struct globals *ret, int *ret_verb, struct err *err)
{
	static const struct opt_spec spec = { "", global_table, 0, OPT_UNLIMITED, true, NULL };
	struct raw raw = { .globals = { .log_level = LOG_INFO } };
	autostrv struct strv rest = STRV_INIT;
	int r = opt_parse(&spec, argv, &raw, &rest, err);

	if (r == OPT_HELP) /* -h */
		raw.globals.help = true;
	if (raw.debug)
		raw.globals.log_level = LOG_DEBUG;
	if (r == 0 && !raw.globals.help && !raw.globals.version && rest.n > 0)
		r = resolve(&raw.globals, err);
	if (r < 0) {
		globals_done(&raw.globals);
		return err->exit ? r : err_exit(err, 125);
	}
	*ret = raw.globals;
	*ret_verb = raw.globals.help || raw.globals.version ? argc : argc - (int)rest.n;
	return 0;
}

void globals_override(struct globals *globals, const struct run_opts *opts)
{
	if (!opts->storage_driver)
		return;
	free(globals->storage_driver);
	globals->storage_driver = xstrdup(opts->storage_driver);
}
