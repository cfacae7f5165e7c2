/* SPDX-License-Identifier: Apache-2.0 */
#include "base/self.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/strv.h"
#include "base/sys.h"

#define CMDLINE_MAX (8u << 20) /* ARG_MAX is a quarter of the stack limit; 6 MiB at most */
#define SEALS       (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)
/* Where the sealed copy came from. The caller's own environment: whoever can set it can run any
 * program as himself anyway. */
#define EXE_VARIABLE "SBX_EXE"

static int copy_sealed(int from, off_t size, struct err *err)
{
	autofd int memory = memfd_create("sbx", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	off_t at = 0;

	if (memory < 0)
		return err_sys(err, "memfd_create");
	while (at < size) {
		ssize_t n = sendfile(memory, from, &at, (size_t)(size - at));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_sys(err, "copy the sbx binary into memory");
	}
	if (fcntl(memory, F_ADD_SEALS, SEALS) < 0)
		return err_sys(err, "seal the copy of the sbx binary");
	return move_fd(&memory);
}

/* Bytes that execve needs: up to the end of the last loaded segment (elf(5)). What follows, debug
 * information mostly, need not be copied at each start. The whole file when it is no ELF of ours. */
static off_t needed_bytes(int fd, off_t size)
{
	ElfW(Ehdr) head;
	ElfW(Phdr) segments[32];
	off_t end = 0;

	if (pread(fd, &head, sizeof(head), 0) != sizeof(head) ||
		head.e_phnum > ARRAY_SIZE(segments) || head.e_phentsize != sizeof(*segments) ||
		pread(fd, segments, head.e_phnum * sizeof(*segments), (off_t)head.e_phoff) !=
			(ssize_t)(head.e_phnum * sizeof(*segments)))
		return size;
	for (int i = 0; i < head.e_phnum; i++)
		if ((off_t)(segments[i].p_offset + segments[i].p_filesz) > end)
			end = (off_t)(segments[i].p_offset + segments[i].p_filesz);
	return end > 0 && end < size ? end : size;
}

static int running_path(char ret[PATH_MAX], struct err *err)
{
	ssize_t n = readlink("/proc/self/exe", ret, PATH_MAX - 1);

	if (n < 0)
		return err_sys(err, "read /proc/self/exe");
	ret[n] = '\0';
	return 0;
}

/* ETXTBSY: nobody can write while anybody runs it. Some kernels (6.11, 6.12) do not refuse. */
static bool writable(void)
{
	autofd int fd = open("/proc/self/exe", O_WRONLY | O_CLOEXEC);

	return fd >= 0;
}

static bool owned(int self, struct stat *ret)
{
	return fstat(self, ret) == 0 && (ret->st_uid == geteuid() || ret->st_mode & 022);
}

static bool sealed_already(int self)
{
	int seals = fcntl(self, F_GET_SEALS);

	return seals >= 0 && (seals & SEALS) == SEALS;
}

/* Our arguments once more, as the kernel keeps them. */
static int own_arguments(struct strv *ret, struct err *err)
{
	autofree char *text = NULL;
	size_t len;

	TRY(fs_read_at(AT_FDCWD, "/proc/self/cmdline", CMDLINE_MAX, &text, &len, err));
	for (size_t at = 0; at < len; at += strlen(text + at) + 1)
		strv_add(ret, text + at);
	return 0;
}

int self_seal(bool always, struct err *err)
{
	autofd int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	autofd int sealed = -EBADF;
	autostrv struct strv argv = STRV_INIT;
	char path[PATH_MAX];
	struct stat st;

	if (self < 0)
		return err_sys(err, "open /proc/self/exe");
	if (!owned(self, &st) || sealed_already(self) || !(always || writable()))
		return 0;
	TRY(running_path(path, err));
	TRY(own_arguments(&argv, err));
	if (setenv(EXE_VARIABLE, path, 1) < 0)
		return err_sys(err, "setenv");
	sealed = copy_sealed(self, needed_bytes(self, st.st_size), err);
	if (sealed < 0)
		return sealed;
	(void)sys_execveat(sealed, "", argv.v, environ, AT_EMPTY_PATH);
	return err_sys(err, "execute the sealed copy of sbx");
}

int self_path(char **ret, struct err *err)
{
	const char *origin = getenv(EXE_VARIABLE);
	char path[PATH_MAX];

	TRY(running_path(path, err));
	if (strncmp(path, "/memfd:", 7) != 0)
		origin = path;
	if (!origin)
		return err_set(err, -ENOENT, "cannot tell where sbx is installed: %s is not set",
			EXE_VARIABLE);
	*ret = strdup(origin);
	return *ret ? 0 : err_set(err, -ENOMEM, "out of memory");
}
