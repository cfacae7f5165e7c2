/* SPDX-License-Identifier: Apache-2.0 */
/* PATH search, exit status 126 and 127, and why an execve failed. */
#include "harness.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "process/lookup.h"

static int setup(void **state)
{
	if (harness_scratch(state) != 0)
		return -1;
	const struct scratch *dir = *state;
	scratch_mkdir(dir, "bin");
	scratch_mkdir(dir, "sbin");
	scratch_mkdir(dir, "bin/folder");
	scratch_write(dir, "sbin/tool", "#!/bin/sh\n");
	scratch_write(dir, "bin/tool", "#!/bin/sh\n");
	scratch_write(dir, "bin/plain", "data");
	if (fchmodat(dir->fd, "sbin/tool", 0755, 0) < 0 ||
		fchmodat(dir->fd, "bin/plain", 0644, 0) < 0)
		return -1;
	return fchmodat(dir->fd, "bin/tool", 0755, 0);
}

static void path_of(void **state, char *ret, size_t size)
{
	const struct scratch *dir = *state;

	snprintf(ret, size, "%s/sbin:%s/bin", dir->path, dir->path);
}

static void expect_error(void **state, const char *name, int status, const char *text)
{
	const struct scratch *dir = *state;
	struct err err = ERR_INIT;
	char path[600];
	char *ret = NULL;

	path_of(state, path, sizeof(path));
	assert_true(lookup_program(name, path, dir->path, &ret, &err) < 0);
	assert_null(ret);
	assert_int_equal(err.exit, status);
	if (!strstr(err.text, text))
		fail_msg("'%s': %s", name, err.text);
}

static void path_is_searched_in_order(void **state)
{
	const struct scratch *dir = *state;
	struct err err = ERR_INIT;
	char path[600], want[300];
	char *ret = NULL;

	path_of(state, path, sizeof(path));
	snprintf(want, sizeof(want), "%s/sbin/tool", dir->path);
	assert_int_equal(lookup_program("tool", path, NULL, &ret, &err), 0);
	assert_string_equal(ret, want);
	free(ret);
}

static void an_unexecutable_namesake_is_passed_over(void **state)
{
	const struct scratch *dir = *state;
	struct err err = ERR_INIT;
	char path[600], want[300];
	char *ret = NULL;

	path_of(state, path, sizeof(path));
	assert_int_equal(fchmodat(dir->fd, "sbin/tool", 0644, 0), 0);
	snprintf(want, sizeof(want), "%s/bin/tool", dir->path);
	assert_int_equal(lookup_program("tool", path, NULL, &ret, &err), 0);
	assert_string_equal(ret, want);
	free(ret);
}

static void a_slash_means_a_path_from_the_working_directory(void **state)
{
	const struct scratch *dir = *state;
	struct err err = ERR_INIT;
	char *ret = NULL;

	assert_int_equal(lookup_program("./bin/tool", "/nowhere", dir->path, &ret, &err), 0);
	assert_int_equal(access(ret, X_OK), 0);
	free(ret);
}

static void unknown_names_are_127_in_dockers_words(void **state)
{
	expect_error(state, "nosuch", 127, "exec: \"nosuch\": executable file not found in $PATH");
	expect_error(state, "", 127, "exec: \"\": executable file not found in $PATH");
	expect_error(state, "/no/such", 127,
		"exec: \"/no/such\": stat /no/such: no such file or directory");
	expect_error(state, "./bin/tool/x", 127, "no such file or directory");
	expect_error(state, "plain", 127, "is not executable");
}

static void what_cannot_be_executed_is_126(void **state)
{
	expect_error(state, "./bin/plain", 126, "ermission denied");
	expect_error(state, "./bin/folder", 126, "s a directory");
	expect_error(state, "/dev/null", 126, "ermission denied");
}

static void explained(void **state, int errnum, const char *id, const char *text)
{
	const struct scratch *dir = *state;
	struct err err = ERR_INIT;
	char path[300];

	snprintf(path, sizeof(path), "%s/bin/tool", dir->path);
	assert_int_equal(lookup_explain(path, errnum, &err), -errnum);
	assert_int_equal(err.exit, errnum == ENOENT ? 127 : 126);
	assert_string_equal(err.id, id);
	if (!strstr(err.text, text))
		fail_msg("%s", err.text);
}

static void a_script_whose_interpreter_is_missing_names_it(void **state)
{
	scratch_write(*state, "bin/tool", "#! /bin/nosuch-bash -e\n");
	explained(state, ENOENT, "E-NOT-FOUND", "its interpreter /bin/nosuch-bash does not");
	scratch_write(*state, "bin/tool", "#!/bin/sh\r\necho\r\n");
	explained(state, ENOENT, "E-NOT-FOUND", "CR LF");
}

static void a_script_without_shebang_is_explained(void **state)
{
	scratch_write(*state, "bin/tool", "echo hello\n");
	explained(state, ENOEXEC, "", "exec format error");
}

static void write_elf(void **state, unsigned machine, const char *interp)
{
	const struct scratch *dir = *state;
	struct {
		Elf64_Ehdr eh;
		Elf64_Phdr ph;
		char interp[64];
	} file;

	memset(&file, 0, sizeof(file));
	memcpy(file.eh.e_ident, ELFMAG, SELFMAG);
	file.eh.e_ident[EI_CLASS] = ELFCLASS64;
	file.eh.e_machine = (Elf64_Half)machine;
	file.eh.e_phoff = sizeof(file.eh);
	file.eh.e_phnum = 1;
	file.ph.p_type = PT_INTERP;
	file.ph.p_offset = sizeof(file.eh) + sizeof(file.ph);
	file.ph.p_filesz = strlen(interp) + 1;
	snprintf(file.interp, sizeof(file.interp), "%s", interp);
	int fd = openat(dir->fd, "bin/tool", O_WRONLY | O_TRUNC | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, &file, sizeof(file)), sizeof(file));
	assert_int_equal(close(fd), 0);
}

static void a_program_of_another_machine_is_e_arch(void **state)
{
	write_elf(state, EM_S390, "");
	explained(state, ENOEXEC, "E-ARCH", "s390x");
}

static void a_missing_loader_is_named(void **state)
{
	write_elf(state, EM_X86_64, "/lib/ld-musl-x86_64.so.9");
	explained(state, ENOENT, "E-NOT-FOUND", "/lib/ld-musl-x86_64.so.9");
}

static void damaged_programs_do_not_crash_the_explainer(void **state)
{
	scratch_write(*state, "bin/tool", ELFMAG);
	explained(state, ENOENT, "E-NOT-FOUND", "the loader");
	scratch_write(*state, "bin/tool", "#!");
	explained(state, ENOENT, "E-NOT-FOUND", "its interpreter");
	scratch_write(*state, "bin/tool", "");
	explained(state, ENOEXEC, "", "exec format error");
}

static void exec_reports_the_kernels_verdict(void **state)
{
	const struct scratch *dir = *state;
	struct err err = ERR_INIT;
	char path[300];
	char *argv[] = { path, NULL };

	scratch_write(*state, "bin/tool", "#!/bin/nosuch\n");
	snprintf(path, sizeof(path), "%s/bin/tool", dir->path);
	assert_int_equal(lookup_exec(path, argv, argv + 1, &err), -ENOENT);
	assert_int_equal(err.exit, 127);
	assert_string_equal(err.id, "E-NOT-FOUND");
}

#define ON_FILES(test) cmocka_unit_test_setup_teardown(test, setup, harness_scratch_done)
TEST_MAIN(ON_FILES(path_is_searched_in_order), ON_FILES(an_unexecutable_namesake_is_passed_over),
	ON_FILES(a_slash_means_a_path_from_the_working_directory),
	ON_FILES(unknown_names_are_127_in_dockers_words), ON_FILES(what_cannot_be_executed_is_126),
	ON_FILES(a_script_whose_interpreter_is_missing_names_it),
	ON_FILES(a_script_without_shebang_is_explained),
	ON_FILES(a_program_of_another_machine_is_e_arch), ON_FILES(a_missing_loader_is_named),
	ON_FILES(damaged_programs_do_not_crash_the_explainer),
	ON_FILES(exec_reports_the_kernels_verdict))
