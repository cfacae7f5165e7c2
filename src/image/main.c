/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sbx-image: the part of sbx that needs curl, OpenSSL and libarchive, as a program of its own so that
 * `sbx run` of a local image does not pay for loading them. Takes sbx's own command line: `sbx-image
 * [GLOBAL OPTIONS] pull [OPTIONS] NAME`. Errors are printed here, once.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/own.h"
#include "image/parcel.h"
#include "image/pull.h"
#include "image/transport.h"
#include "options/options.h"

#define EXIT_PULL_FAILED 1

static int run_pull(const struct globals *globals, int argc, char **argv, struct err *err)
{
	__attribute__((cleanup(pull_opts_done))) struct pull_opts opts = { 0 };
	autotransport struct transport file = { 0 };
	struct pull pull = { .out = STDOUT_FILENO };

	TRY(pull_opts_parse(argc, argv, &opts, err));
	if (transport_parse(opts.image, &file))
		return transport_pull(globals, &file, opts.platform, err);
	pull.name = opts.image;
	pull.platform = opts.platform;
	pull.quiet = opts.quiet;
	pull.server = &opts.server;
	pull.implicit = strcmp(argv[0], "pull-for-run") == 0;
	return opts.all_tags ? pull_all_tags(globals, &pull, err) : pull_image(globals, &pull, err);
}

typedef int (*verb_fn)(const struct globals *globals, int argc, char **argv, struct err *err);

static const struct {
	const char *name;
	verb_fn fn;
} verbs[] = {
	{ "check", check_main },
	{ "commit", commit_main },
	{ "compose", compose_main },
	{ "download", download_main },
	{ "export", export_main },
	{ "extract", extract_main },
	{ "import", import_main },
	{ "load", load_main },
	{ "login", login_main },
	{ "logout", logout_main },
	{ "manifest-inspect", manifest_main },
	{ "pull", run_pull },
	{ "pull-for-run", run_pull }, /* of an image that is not here */
	{ "push", push_main },
	{ "save", save_main },
	{ "search", search_main },
};

static int dispatch(int argc, char **argv, struct err *err)
{
	autoglobals struct globals globals = { 0 };
	int verb = argc;

	TRY(globals_parse(argc, argv, &globals, &verb, err));
	log_init("sbx", globals.log_level);
	for (size_t i = 0; verb < argc && i < ARRAY_SIZE(verbs); i++)
		if (strcmp(argv[verb], verbs[i].name) == 0)
			return verbs[i].fn(&globals, argc - verb, argv + verb, err);
	(void)err_set(err, -EINVAL, "usage: sbx-image [GLOBAL OPTIONS] VERB [OPTIONS] ...");
	return err_exit(err, 125);
}

int main(int argc, char **argv)
{
	const struct rlimit no_core = { 0 };
	struct err err = ERR_INIT;

	log_init("sbx", LOG_WARN);
	(void)signal(SIGPIPE, SIG_IGN); /* a closed connection is an error value, not a death, */
	(void)signal(SIGXFSZ, SIG_IGN); /* and so is a file that may not grow (ulimit -f) */
	(void)setrlimit(RLIMIT_CORE, &no_core); /* passwords and tokens are in this memory */
	if (dispatch(argc, argv, &err) >= 0 && (fflush(stdout) == 0 || err_sys(&err, "write") == 0))
		return 0;
	log_err(&err);
	return err.exit ? err.exit : EXIT_PULL_FAILED;
}
