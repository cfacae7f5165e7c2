/* SPDX-License-Identifier: Apache-2.0 */
/* Who a container's process is, by the image's word: the first line is the user that was asked for, up
 * to a NUL comes /etc/passwd, then /etc/group. A number is never taken for another, a name never for
 * root unless the file says so. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/xalloc.h"
#include "process/user.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int root = -1;

static void clean(void)
{
	struct err err = ERR_INIT;
	autofree char *path = xasprintf("/proc/self/fd/%d", root);
	char real[256] = "";

	if (readlink(path, real, sizeof(real) - 1) > 0 && fs_remove_tree(AT_FDCWD, real, &err) < 0)
		fprintf(stderr, "%s\n", err.text);
}

static void prepare(void)
{
	char name[] = "/tmp/sbx-fuzz-user-XXXXXX";

	if (root >= 0)
		return;
	if (!mkdtemp(name))
		abort();
	root = open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0 || mkdirat(root, "etc", 0755) < 0 || atexit(clean) != 0)
		abort();
}

static void put(const char *name, const char *text, size_t len)
{
	autofd int fd = openat(root, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0 || write(fd, text, len) != (ssize_t)len)
		abort();
}

static void check(const char *spec, const struct user *user)
{
	uint32_t id;
	autofree char *name = xstrndup(spec, strcspn(spec, ":"));

	if (user->n_groups < 1 || !user->groups || user->groups[0] != user->gid || !user->home)
		abort();
	if (user_parse_id(name, &id) == 1 && user->uid != id)
		abort();
	if (user->uid == UINT32_MAX || user->gid == UINT32_MAX)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	autofree char *text = xmalloc(size + 1), *spec = NULL;
	autouser struct user user = USER_INIT;
	struct err err = ERR_INIT;
	size_t line, passwd;

	memcpy(text, data, size);
	text[size] = '\0';
	line = strcspn(text, "\n");
	spec = xstrndup(text, line);
	line += text[line] == '\n';
	passwd = strlen(text + line);
	prepare();
	put("etc/passwd", text + line, passwd);
	line += passwd;
	line += line < size;
	put("etc/group", text + line, size - line);
	if (user_resolve(root, spec, NULL, &user, &err) == 0)
		check(spec, &user);
	else if (!*err.text)
		abort();
	return 0;
}
