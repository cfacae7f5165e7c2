/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unpacks one layer blob into a fresh store and prints how long it took:
 *
 *	bench-unpack STORE BLOB MEDIA-TYPE DIFF-ID
 *
 * For comparing with other tools' unpacking of the same file; tests/bench runs it interleaved.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "image/digest.h"
#include "image/store.h"

static int hash_file(const char *path, char ret[DIGEST_MAX], struct err *err)
{
	autodigester struct digester *d = NULL;
	FILE *f = fopen(path, "re");
	static char block[1 << 16];
	size_t n;

	if (!f)
		return err_sys(err, "open '%s'", path);
	TRY(digester_new(NULL, &d, err));
	while ((n = fread(block, 1, sizeof(block), f)) > 0)
		digester_update(d, block, n);
	(void)fclose(f);
	digester_final(d, ret);
	return 0;
}

static int run(char **argv, struct err *err)
{
	struct globals globals = { .root = argv[1] };
	autostore struct store store = STORE_INIT;
	struct layer_job job = { .media_type = argv[3], .diff_id = argv[4] };
	struct timespec before, after;
	char digest[DIGEST_MAX], path[512];

	TRY(hash_file(argv[2], digest, err));
	TRY(store_open(&globals, true, &store, err));
	(void)snprintf(path, sizeof(path), "%s/images/blobs/sha256/%s", argv[1], digest + 7);
	(void)unlink(path);
	if (link(argv[2], path) < 0)
		return err_sys(err, "link '%s' (must be on the same file system)", path);
	job.blob_digest = digest;
	(void)snprintf(job.chain_id, sizeof(job.chain_id), "%s", strchr(argv[4], ':') + 1);
	(void)clock_gettime(CLOCK_MONOTONIC, &before);
	TRY(store_unpack_layer(&store, &job, err));
	(void)clock_gettime(CLOCK_MONOTONIC, &after);
	(void)printf("%.3f s\n", (double)(after.tv_sec - before.tv_sec) +
					 (double)(after.tv_nsec - before.tv_nsec) / 1e9);
	return 0;
}

int main(int argc, char **argv)
{
	struct err err = ERR_INIT;

	if (argc != 5) {
		(void)fprintf(stderr, "usage: bench-unpack STORE BLOB MEDIA-TYPE DIFF-ID\n");
		return 2;
	}
	if (run(argv, &err) < 0) {
		(void)fprintf(stderr, "bench-unpack: %s\n", err.text);
		return 1;
	}
	return 0;
}
