/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a libFuzzer entry point over files and directories of inputs, without libFuzzer: so that a
 * corpus, and every input that ever broke a parser, is an ordinary unit test. A missing
 * corpus is a failure: one that got lost must be noticed.
 */
#include <fcntl.h>
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	uint8_t *data;
	int fd;

	(void)at;
	if (kind != FTW_F)
		return 0;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	data = malloc((size_t)st->st_size + 1);
	if (fd < 0 || !data || read(fd, data, (size_t)st->st_size) != st->st_size) {
		perror(path);
		return -1;
	}
	close(fd);
	fprintf(stderr, "%s\n", path); /* the last line before a crash names the input */
	(void)LLVMFuzzerTestOneInput(data, (size_t)st->st_size); /* 0 or "not for the corpus" */
	free(data);
	return 0;
}

static int replay_any(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0) {
		perror(path);
		return -1;
	}
	return nftw(path, replay_file, 16, FTW_PHYS);
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		fprintf(stderr, "usage: %s FILE|DIRECTORY...\n", argv[0]);
		return 2;
	}
	for (int i = 1; i < argc; i++) {
		if (replay_any(argv[i]) != 0)
			return 1;
	}
	return 0;
}
