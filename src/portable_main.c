/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In the relocatable folder (docs/package/portable.sh) each helper is this program under the helper's name: it starts
 * ../../lib/sbx/NAME with the C library and the other libraries of the folder, so that the machine's own need not fit.
 *
 * The loader lies there once for each helper, under the helper's name, which is then what `ps` shows. Linked statically; it
 * keeps descriptors, environment and arguments as they are, and ends with 127 where the folder is not whole.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIB          "../../lib/sbx"
#define ARRAY_LEN(a) (sizeof(a) / sizeof(*(a)))

static int start(const char *folder, const char *name, int argc, char **argv)
{
	char loader[PATH_MAX + 64], libraries[PATH_MAX + 64], program[PATH_MAX + 64];
	char path_option[] = "--library-path", name_option[] = "--argv0";
	char *lead[] = { argv[0], path_option, libraries, name_option, argv[0], program };
	char **args = calloc(ARRAY_LEN(lead) + (size_t)argc, sizeof(*args));

	if (!args) {
		perror(name);
		return 127;
	}

	(void)snprintf(loader, sizeof(loader), "%s/" LIB "/loader/%s", folder, name);
	(void)snprintf(libraries, sizeof(libraries), "%s/" LIB, folder);
	(void)snprintf(program, sizeof(program), "%s/" LIB "/program/%s", folder, name);
	memcpy(args, lead, sizeof(lead));
	memcpy(args + ARRAY_LEN(lead), argv + 1, (size_t)argc * sizeof(*argv)); /* with the NULL */
	(void)execv(loader, args);
	perror(loader);
	return 127;
}

int main(int argc, char **argv)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	char *slash;

	path[n > 0 ? n : 0] = '\0';
	slash = strrchr(path, '/');
	if (argc < 1 || !slash) {
		(void)fputs("sbx: cannot read /proc/self/exe\n", stderr);
		return 127;
	}
	*slash = '\0';
	return start(path, slash + 1, argc, argv);
}
