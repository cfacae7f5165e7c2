/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"

#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* cmocka prints a skipped test as "not ok N # SKIP", which TAP readers take for a failure. */
static ssize_t tap_write(void *cookie, const char *data, size_t size)
{
	(void)cookie;
	for (size_t at = 0; at < size;) {
		const char *line = data + at, *end = memchr(line, '\n', size - at);
		size_t len = end ? (size_t)(end - line) + 1 : size - at;
		size_t cut = len > 7 && memcmp(line, "not ok ", 7) == 0 &&
					     memmem(line, len, "# SKIP", 6)
				     ? 4
				     : 0;

		if (write(STDOUT_FILENO, line + cut, len - cut) < 0)
			return 0;
		at += len;
	}
	return (ssize_t)size;
}

/*
 * A shell without job control starts `command &` with SIGINT and SIGQUIT ignored, nohup with SIGHUP; that
 * goes through every fork and exec, and a test that sends such a signal would wait for ever. Handlers,
 * a sanitizer's for instance, stay.
 */
static void undo_inherited_signals(void)
{
	struct sigaction now;
	sigset_t none;

	for (int signo = 1; signo <= SIGRTMAX; signo++)
		if (sigaction(signo, NULL, &now) == 0 && now.sa_handler == SIG_IGN)
			(void)signal(signo, SIG_DFL);
	if (sigemptyset(&none) < 0 || sigprocmask(SIG_SETMASK, &none, NULL) < 0)
		exit(2);
}

void harness_start(int argc, char **argv)
{
	undo_inherited_signals();
	if (argc > 2) {
		fprintf(stderr, "usage: %s [PATTERN]\n", argv[0]);
		exit(2);
	}
	cmocka_set_message_output(CM_OUTPUT_TAP);
	stdout = fopencookie(NULL, "w", (cookie_io_functions_t){ .write = tap_write });
	if (!stdout || setvbuf(stdout, NULL, _IOLBF, 0) != 0)
		exit(2);
	if (argc == 2)
		cmocka_set_test_filter(argv[1]);
}

int harness_status(int failed)
{
	return failed ? 1 : 0;
}

int harness_scratch(void **state)
{
	const char *base = getenv("TMPDIR");
	struct scratch *dir = calloc(1, sizeof(*dir));

	if (!dir)
		return -1;
	snprintf(dir->path, sizeof(dir->path), "%s/sbx-unit-XXXXXX", base ? base : "/tmp");
	if (!mkdtemp(dir->path)) {
		free(dir);
		return -1;
	}
	dir->fd = open(dir->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = dir;
	return dir->fd < 0 ? -1 : 0;
}

/* Tests make unreadable directories on purpose: unlock what can be unlocked on the way down. */
static int scratch_unlock(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)at;
	if (kind == FTW_D || kind == FTW_DNR)
		(void)chmod(path, 0700); /* not ours: the removal below reports it */
	return 0;
}

static int scratch_unlink(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

int harness_scratch_done(void **state)
{
	struct scratch *dir = *state;
	int failed;

	close(dir->fd);
	(void)nftw(dir->path, scratch_unlock, 16, FTW_PHYS | FTW_MOUNT);
	failed = nftw(dir->path, scratch_unlink, 16, FTW_PHYS | FTW_MOUNT | FTW_DEPTH);
	if (failed)
		fprintf(stderr, "# cannot remove %s\n", dir->path);
	free(dir);
	*state = NULL;
	return failed;
}

void scratch_write(const struct scratch *dir, const char *name, const char *text)
{
	int fd = openat(dir->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	ssize_t n = -1;

	if (fd >= 0) {
		n = write(fd, text, strlen(text));
		close(fd);
	}
	assert_int_equal(n, strlen(text));
}

void scratch_mkdir(const struct scratch *dir, const char *name)
{
	assert_int_equal(mkdirat(dir->fd, name, 0755), 0);
}

char *scratch_read(const struct scratch *dir, const char *name)
{
	int fd = openat(dir->fd, name, O_RDONLY | O_CLOEXEC);
	char *text = NULL;
	struct stat st;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) == 0 && (text = calloc(1, (size_t)st.st_size + 1)) &&
		read(fd, text, (size_t)st.st_size) != st.st_size) {
		free(text);
		text = NULL;
	}
	close(fd);
	return text;
}
