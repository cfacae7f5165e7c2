/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes unpack into a directory or are an error, and nothing appears beside that directory. Runs
 * without a user namespace, as a single id: what root could do besides (owners) needs no path.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/own.h"
#include "image/unpack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *data;
	size_t left;
};

/* One piece after another, each as long as its first byte says. */
static ssize_t next(void *data, const void **ret, struct err *err)
{
	struct input *in = data;
	size_t n = in->left > 4096 ? 4096 : in->left;

	(void)err;
	*ret = in->data;
	in->data += n;
	in->left -= n;
	return (ssize_t)n;
}

static int make_yard(char path[64])
{
	(void)snprintf(path, 64, "/tmp/sbx-fuzz-untar-XXXXXX");
	if (!mkdtemp(path))
		abort();
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* The yard holds the layer and nothing else. */
static void check_yard(int yard)
{
	autofd int fd = openat(yard, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	autodir DIR *dir = fdopendir(fd);
	struct dirent *e;

	if (!dir)
		abort();
	(void)move_fd(&fd);
	while ((e = readdir(dir)) != NULL) {
		if (e->d_name[0] != '.' && strcmp(e->d_name, "layer") != 0)
			abort();
	}
}

static void unpack(int layer, const uint8_t *data, size_t size)
{
	struct input in = { .data = data, .left = size };
	struct tar_source source = { .next = next, .data = &in };
	struct idmap map = { .kind = IDMAP_SINGLE };
	struct err err = ERR_INIT;
	autowriter struct writer w;

	writer_init(&w, layer, &map);
	if (unpack_stream(&source, &w, &err) < 0 && (err.code >= 0 || !err.text[0]))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	autofd int yard = -EBADF, layer = -EBADF;
	struct err err = ERR_INIT;
	char path[64];

	log_init("untar", LOG_ERROR);
	yard = make_yard(path);
	if (yard < 0 || mkdirat(yard, "layer", 0700) < 0)
		abort();
	layer = openat(yard, "layer", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	unpack(layer, data, size);
	check_yard(yard);
	if (fs_remove_tree(yard, "layer", &err) < 0 || rmdir(path) < 0)
		abort();
	return 0;
}
