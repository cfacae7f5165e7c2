/* SPDX-License-Identifier: Apache-2.0 */
/*
 * version. There is no server, but scripts ask for {{.Server.Version}}: both halves are this program.
 */
#include "commands/commands.h"

#include <sys/utsname.h>

#include "base/own.h"
#include "commands/output.h"
#include "options/verbs.h"

#define TEXT                                                    \
	"Client: sbx\n"                                         \
	" Version:           {{.Client.Version}}\n"             \
	" API version:       {{.Client.ApiVersion}}\n"          \
	" OS/Arch:           {{.Client.Os}}/{{.Client.Arch}}\n" \
	" Kernel:            {{.Client.KernelVersion}}\n"       \
	" Server:            none, sbx works without a daemon"

#define API_VERSION "1.43" /* the Docker engine API whose JSON shapes inspect follows */

static const char *go_arch(const char *machine)
{
	static const char *const names[][2] = { { "x86_64", "amd64" }, { "aarch64", "arm64" },
		{ "i686", "386" }, { "armv7l", "arm" } };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(names[i][0], machine) == 0)
			return names[i][1];
	return machine;
}

static struct json *half(const struct utsname *uts)
{
	struct json *half = json_new_map();

	json_put_string(half, "Version", SBX_VERSION);
	json_put_string(half, "ApiVersion", API_VERSION);
	json_put_string(half, "Os", "linux");
	json_put_string(half, "Arch", go_arch(uts->machine));
	json_put_string(half, "KernelVersion", uts->release);
	return half;
}

int cmd_version(struct globals *globals, int argc, char **argv, struct err *err)
{
	__attribute__((cleanup(format_opts_done))) struct format_opts opts = { 0 };
	autojson struct json *doc = json_new_map();
	autoformat struct format format = { 0 };
	struct utsname uts;

	(void)globals;
	TRY(version_opts_parse(argc, argv, &opts, err));
	if (uname(&uts) < 0)
		return err_sys(err, "uname");
	json_put(doc, "Client", half(&uts));
	json_put(doc, "Server", half(&uts));
	TRY(format_init(&format, opts.format, TEXT, "system.versionInfo", err));
	format.prefix = NULL;
	format.name = "version";
	TRY(format_row(&format, doc, NULL, err));
	return format_finish(&format, err);
}
