/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PATH search with access checks, execve, and the post-mortem of a failed execve.
 *
 * The search only stats; files are opened after a failure alone, so a good start costs nothing here.
 * The kernel's verdict comes first: a foreign binary may have a binfmt_misc handler.
 */
#include "process/lookup.h"

#include <elf.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>

#include "base/own.h"
#include "base/xalloc.h"

#define EXIT_NOT_EXECUTABLE 126
#define EXIT_NOT_FOUND      127

static int fail(struct err *err, int code, int status)
{
	err->code = code;
	return err_exit(err, status);
}

/* 0, or the errno that execve would meet: a directory is EISDIR, no x bit or a noexec mount EACCES. */
static int check_executable(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return errno;
	if (S_ISDIR(st.st_mode))
		return EISDIR;
	if (!S_ISREG(st.st_mode))
		return EACCES;
	return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0 ? errno : 0;
}

static char *join(const char *dir, const char *name)
{
	size_t len = strlen(dir);

	return xasprintf("%s%s%s", dir, len && dir[len - 1] == '/' ? "" : "/", name);
}

/* `path` as seen from cwd. */
static char *from_cwd(const char *cwd, const char *path)
{
	return *path == '/' || !cwd ? xstrdup(path) : join(cwd, path);
}

static bool on_noexec(const char *path)
{
	struct statvfs vfs;

	return statvfs(path, &vfs) == 0 && (vfs.f_flag & ST_NOEXEC);
}

static int lookup_path(const char *name, const char *cwd, char **ret, struct err *err)
{
	autofree char *path = from_cwd(cwd, name);
	int e = check_executable(path);

	if (e == 0) {
		*ret = move_ptr(&path);
		return 0;
	}
	if (e == ENOENT || e == ENOTDIR) {
		(void)err_set(
			err, -e, "exec: \"%s\": stat %s: no such file or directory", name, name);
		return fail(err, -e, EXIT_NOT_FOUND);
	}
	return lookup_explain(path, e, err);
}

int lookup_program(
	const char *name, const char *path_env, const char *cwd, char **ret, struct err *err)
{
	autofree char *refused = NULL;

	if (strchr(name, '/'))
		return lookup_path(name, cwd, ret, err);
	autofree char *list = xstrdup(path_env ? path_env : LOOKUP_DEFAULT_PATH);
	char *rest = *name ? list : NULL;
	for (char *elem = strsep(&rest, ":"); elem; elem = strsep(&rest, ":")) {
		autofree char *dir = from_cwd(cwd, *elem ? elem : ".");
		autofree char *path = join(dir, name);
		int e = check_executable(path);
		if (e == 0) {
			*ret = move_ptr(&path);
			return 0;
		}
		if (e == EACCES && !refused && access(path, F_OK) == 0)
			refused = move_ptr(&path);
	}
	if (refused)
		(void)err_set(err, -ENOENT,
			"exec: \"%s\": executable file not found in $PATH (%s exists, but %s)",
			name, refused,
			on_noexec(refused) ? "its mount is noexec" : "is not executable");
	else
		(void)err_set(
			err, -ENOENT, "exec: \"%s\": executable file not found in $PATH", name);
	return fail(err, -ENOENT, EXIT_NOT_FOUND);
}

int lookup_exec(const char *path, char *const *argv, char *const *envp, struct err *err)
{
	(void)execve(path, argv, envp);
	return lookup_explain(path, errno, err);
}

/* The first bytes of the file, zero-padded; -1 if it cannot be read. */
static ssize_t read_head(const char *path, off_t offset, void *head, size_t size)
{
	autofd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	memset(head, 0, size);
	return fd < 0 ? -1 : pread(fd, head, size - 1, offset);
}

static bool missing(const char *path)
{
	return access(path, F_OK) < 0 && (errno == ENOENT || errno == ENOTDIR);
}

static const char *machine_name(unsigned machine)
{
	static const struct {
		unsigned machine;
		const char *name;
	} names[] = {
		{ EM_X86_64, "amd64" },
		{ EM_386, "386" },
		{ EM_AARCH64, "arm64" },
		{ EM_ARM, "arm" },
		{ EM_PPC64, "ppc64le" },
		{ EM_S390, "s390x" },
		{ EM_RISCV, "riscv64" },
		{ EM_MIPS, "mips" },
		{ 258, "loong64" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].machine == machine)
			return names[i].name;
	return "another machine";
}

static const char *host_name(struct utsname *uts)
{
	if (uname(uts) < 0)
		return "different";
	if (strcmp(uts->machine, "x86_64") == 0)
		return "amd64";
	return strcmp(uts->machine, "aarch64") == 0 ? "arm64" : uts->machine;
}

static int explain_arch(const char *path, const Elf64_Ehdr *elf, struct err *err)
{
	struct utsname uts;
	const char *host = host_name(&uts);
	const char *want = machine_name(elf->e_machine); /* at one offset in both ELF classes */

	if (strcmp(want, host) == 0)
		(void)err_set(err, -ENOEXEC, "exec %s: exec format error (damaged %s program)",
			path, want);
	else
		(void)err_id(err, -ENOEXEC, "E-ARCH",
			"exec %s: exec format error. The program is for %s, this machine is %s and has no "
			"emulator registered (binfmt_misc). Use an image for %s",
			path, want, host, host);
	return fail(err, -ENOEXEC, EXIT_NOT_EXECUTABLE);
}

/* Copies the PT_INTERP string of a 64-bit ELF file; "" if there is none. */
static void elf_interpreter(const char *path, const Elf64_Ehdr *elf, char *ret, size_t size)
{
	struct {
		Elf64_Phdr ph;
		char pad;
	} entry;

	*ret = '\0';
	for (unsigned i = 0; i < elf->e_phnum && i < 64; i++) {
		off_t at = (off_t)(elf->e_phoff + (uint64_t)i * sizeof(entry.ph));
		if (at < 0 ||
			read_head(path, at, &entry, sizeof(entry)) < (ssize_t)sizeof(entry.ph))
			return;
		if (entry.ph.p_type != PT_INTERP)
			continue;
		size_t len = entry.ph.p_filesz < size ? (size_t)entry.ph.p_filesz + 1 : size;
		(void)read_head(path, (off_t)entry.ph.p_offset, ret, len);
		return;
	}
}

/* ENOENT although the file is there: its interpreter is not. */
static int explain_interpreter(const char *path, char *head, struct err *err)
{
	char interp[256] = "";

	if (head[0] == '#' && head[1] == '!') {
		char *name = head + 2 + strspn(head + 2, " \t");
		size_t len = strcspn(name, " \t\n");
		bool crlf = len > 0 && name[len - 1] == '\r';
		name[len - crlf] = '\0';
		if (crlf)
			(void)err_id(err, -ENOENT, "E-NOT-FOUND",
				"%s exists, but its first line ends in CR LF (Windows line ends), so its "
				"interpreter '%s' is not found. Convert it: sed -i 's/\\r$//' FILE",
				path, name);
		else
			(void)err_id(err, -ENOENT, "E-NOT-FOUND",
				"%s exists, its interpreter %s does not. Try sh, or an image that has it",
				path, name);
		return fail(err, -ENOENT, EXIT_NOT_FOUND);
	}
	if (memcmp(head, ELFMAG, SELFMAG) == 0 && head[EI_CLASS] == ELFCLASS64)
		elf_interpreter(
			path, (const Elf64_Ehdr *)(const void *)head, interp, sizeof(interp));
	(void)err_id(err, -ENOENT, "E-NOT-FOUND",
		"%s exists, the loader %s it needs does not (built for another C library?). Use a "
		"statically linked program, or an image with that library",
		path, interp[0] ? interp : "that");
	return fail(err, -ENOENT, EXIT_NOT_FOUND);
}

static int explain_noexec(const char *path, const char *head, struct err *err)
{
	if (memcmp(head, ELFMAG, SELFMAG) == 0)
		return explain_arch(path, (const Elf64_Ehdr *)(const void *)head, err);
	(void)err_set(err, -ENOEXEC,
		"exec %s: exec format error (no program of this machine, and no \"#!\" line that names "
		"an interpreter; try: sh %s)",
		path, path);
	return fail(err, -ENOEXEC, EXIT_NOT_EXECUTABLE);
}

int lookup_explain(const char *path, int errnum, struct err *err)
{
	union {
		Elf64_Ehdr elf; /* for its alignment */
		char bytes[257];
	} head;
	ssize_t n;

	if (errnum == EACCES && on_noexec(path)) {
		(void)err_id(err, -EACCES, "E-NOEXEC",
			"%s cannot run: its file system is mounted noexec. Try: sh %s, or copy it "
			"elsewhere in the container",
			path, path);
		return fail(err, -EACCES, EXIT_NOT_EXECUTABLE);
	}
	n = errnum == ENOEXEC || errnum == ENOENT
		    ? read_head(path, 0, head.bytes, sizeof(head.bytes))
		    : -1;
	if (errnum == ENOEXEC && n >= 0)
		return explain_noexec(path, head.bytes, err);
	if (errnum == ENOENT && n > 0 && !missing(path))
		return explain_interpreter(path, head.bytes, err);
	bool absent = errnum == ENOENT || errnum == ENOTDIR;
	errno = errnum;
	(void)err_sys(err, "exec: \"%s\"", path);
	return fail(err, -errnum, absent ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE);
}
