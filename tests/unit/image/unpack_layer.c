/* SPDX-License-Identifier: Apache-2.0 */
/* The whole way of a layer through the store: unpacked once, committed whole or not at all. */
#include "fixture.h"
#include "tarball.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/xalloc.h"
#include "image/digest.h"

#define TAR "application/vnd.oci.image.layer.v1.tar"

struct layer {
	struct layer_job job;
	char blob[DIGEST_MAX], diff[DIGEST_MAX];
};

static void digest_of(const struct buf *data, char ret[DIGEST_MAX])
{
	autodigester struct digester *d = NULL;
	struct err err = ERR_INIT;

	assert_int_equal(digester_new(NULL, &d, &err), 0);
	digester_update(d, data->data, data->len);
	digester_final(d, ret);
}

static void put_layer(struct fixture *fx, const struct buf *tar, struct layer *ret)
{
	struct err err = ERR_INIT;
	int64_t have;
	int fd;

	digest_of(tar, ret->blob);
	memcpy(ret->diff, ret->blob, DIGEST_MAX);
	fd = store_partial_open(&fx->store, ret->blob, &have, &err);
	assert_true(fd >= 0);
	assert_int_equal(fs_write_all(fd, tar->data, tar->len, &err), 0);
	assert_int_equal(store_partial_commit(&fx->store, ret->blob, fd, &err), 0);
	(void)close(fd);
	ret->job = (struct layer_job){
		.blob_digest = ret->blob, .media_type = TAR, .diff_id = ret->diff
	};
	(void)snprintf(ret->job.chain_id, sizeof(ret->job.chain_id), "%s", ret->diff + 7);
}

static void small_layer(struct fixture *fx, struct layer *ret)
{
	autobuf struct buf tar = BUF_INIT;

	TAR_ADD(&tar, .name = "etc", .type = '5');
	TAR_ADD(&tar, .name = "etc/file", .data = "hello");
	TAR_ADD(&tar, .name = "etc/link", .type = '1', .link = "etc/file");
	tar_end(&tar);
	put_layer(fx, &tar, ret);
}

static size_t count_tmp(const struct fixture *fx)
{
	autofd int fd = openat(fx->store.tmp, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	autodir DIR *dir = fdopendir(fd);
	struct dirent *e;
	size_t n = 0;

	(void)move_fd(&fd);
	while ((e = readdir(dir)) != NULL)
		n += e->d_name[0] != '.';
	return n;
}

static void a_layer_is_unpacked_once(void **state)
{
	struct fixture *fx = *state;
	autofree char *record = NULL, *path = NULL, *text = NULL;
	autojson struct json *doc = NULL;
	struct layer layer;
	struct err err = ERR_INIT;
	struct stat before, after;

	small_layer(fx, &layer);
	if (store_unpack_layer(&fx->store, &layer.job, &err) < 0)
		fail_msg("%s", err.text);
	assert_true(store_has_layer(&fx->store, layer.job.chain_id));
	assert_int_equal(count_tmp(fx), 0);
	record = xasprintf("root/layers/%s.json", layer.job.chain_id);
	text = scratch_read(fx->scratch, record);
	assert_non_null(text);
	assert_int_equal(json_parse(text, strlen(text), &doc, &err), 0);
	assert_string_equal(json_str(json_get(doc, "diffId"), ""), layer.diff);
	assert_int_equal(json_int(json_get(doc, "size"), -1), 5);
	assert_int_equal(json_int(json_get(doc, "inodes"), -1), 2);
	path = xasprintf("%s/etc/file", layer.job.chain_id);
	assert_int_equal(fstatat(fx->store.layers, path, &before, 0), 0);
	assert_int_equal(store_unpack_layer(&fx->store, &layer.job, &err), 0);
	assert_int_equal(fstatat(fx->store.layers, path, &after, 0), 0);
	assert_int_equal(before.st_ino, after.st_ino);
}

static void a_wrong_diff_id_keeps_nothing(void **state)
{
	struct fixture *fx = *state;
	struct layer layer;
	struct err err = ERR_INIT;

	small_layer(fx, &layer);
	layer.diff[10] = layer.diff[10] == 'a' ? 'b' : 'a';
	assert_int_equal(store_unpack_layer(&fx->store, &layer.job, &err), -EBADMSG);
	assert_string_equal(err.id, "E-DIGEST");
	assert_false(store_has_layer(&fx->store, layer.job.chain_id));
	assert_true(store_has_blob(&fx->store, layer.blob));
	assert_int_equal(count_tmp(fx), 0);
}

/* The disk's fault: the blob goes, so that another pull heals. The image's fault: it stays. */
static void a_rotten_blob_is_removed(void **state)
{
	struct fixture *fx = *state;
	struct layer layer;
	struct err err = ERR_INIT;
	autofd int fd = -EBADF;

	small_layer(fx, &layer);
	fd = openat(fx->store.blobs, layer.blob + 7, O_WRONLY);
	assert_int_equal(pwrite(fd, "H", 1, 2 * 512), 1); /* first byte of the file's data */
	assert_int_equal(store_unpack_layer(&fx->store, &layer.job, &err), -EBADMSG);
	assert_non_null(strstr(err.text, "Pull the image again"));
	assert_false(store_has_blob(&fx->store, layer.blob));
	small_layer(fx, &layer);
	assert_int_equal(store_unpack_layer(&fx->store, &layer.job, &err), 0);
}

/* Bytes behind the end of the archive are part of what the DiffID says. */
static void trailing_bytes_are_hashed(void **state)
{
	struct fixture *fx = *state;
	autobuf struct buf tar = BUF_INIT;
	static const char junk[100000] = "junk";
	struct layer layer;
	struct err err = ERR_INIT;

	TAR_ADD(&tar, .name = "f", .data = "x");
	tar_end(&tar);
	buf_add(&tar, junk, sizeof(junk));
	put_layer(fx, &tar, &layer);
	if (store_unpack_layer(&fx->store, &layer.job, &err) < 0)
		fail_msg("%s", err.text);
}

static void a_hostile_layer_is_rolled_back(void **state)
{
	struct fixture *fx = *state;
	autobuf struct buf tar = BUF_INIT;
	struct layer layer;
	struct err err = ERR_INIT;

	TAR_ADD(&tar, .name = "closed", .type = '5', .mode = MODE_NONE, .uid = 5);
	TAR_ADD(&tar, .name = "closed/f", .data = "x", .uid = 7);
	TAR_ADD(&tar, .name = "../escape", .data = "x");
	tar_end(&tar);
	put_layer(fx, &tar, &layer);
	assert_int_equal(store_unpack_layer(&fx->store, &layer.job, &err), -EINVAL);
	assert_non_null(strstr(err.text, "../escape"));
	assert_int_equal(count_tmp(fx), 0);
}

static void an_opaque_root_is_on_record(void **state)
{
	struct fixture *fx = *state;
	autobuf struct buf tar = BUF_INIT;
	autofree char *record = NULL;
	struct layer layer;
	struct err err = ERR_INIT;
	char value;

	TAR_ADD(&tar, .name = ".wh..wh..opq");
	tar_end(&tar);
	put_layer(fx, &tar, &layer);
	assert_int_equal(store_unpack_layer(&fx->store, &layer.job, &err), 0);
	record = xasprintf("%s/%s.json", fx->store.layers_path, layer.job.chain_id);
	assert_int_equal(getxattr(record, LAYER_OPAQUE, &value, 1), 1);
	assert_int_equal(value, 'y');
}

static void big_layer(struct fixture *fx, struct layer *ret)
{
	autobuf struct buf tar = BUF_INIT;
	autofree char *data = xcalloc(1, 100000);
	char name[20];

	for (int i = 0; i < 300; i++) {
		(void)snprintf(name, sizeof(name), "file%d", i);
		TAR_ADD(&tar, .name = name, .data = data, .len = 100000, .uid = i % 3);
	}
	tar_end(&tar);
	put_layer(fx, &tar, ret);
}

/* Killed at different moments: the store stays usable and the next one finishes the work. */
static void a_killed_unpacking_leaves_nothing_for_long(void **state)
{
	struct fixture *fx = *state;
	struct layer layer;
	struct err err = ERR_INIT;
	int killed = 0, status;

	/* the unpacking child of a killed one becomes a child of this process, and dies a moment later */
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	big_layer(fx, &layer);
	for (int i = 0; i < 30; i++) {
		struct timespec delay = { .tv_nsec = i * 1500000L };
		pid_t pid = fork();

		if (pid == 0)
			_exit(store_unpack_layer(&fx->store, &layer.job, &err) < 0);
		(void)nanosleep(&delay, NULL);
		(void)kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		killed += WIFSIGNALED(status);
		if (!store_has_layer(&fx->store, layer.job.chain_id))
			continue;
		if (killed)
			break;
		/* it was faster than we came to run: the same into another place */
		(void)snprintf(layer.job.chain_id, sizeof(layer.job.chain_id), "%064d", i);
	}
	assert_true(killed > 0);
	if (store_unpack_layer(&fx->store, &layer.job, &err) < 0)
		fail_msg("%s", err.text);
	assert_true(store_has_layer(&fx->store, layer.job.chain_id));
	while (waitpid(-1, &status, 0) > 0 || errno == EINTR)
		;
	assert_int_equal(gc_tmp(&fx->store, &err), 0);
	assert_int_equal(count_tmp(fx), 0);
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 0), 0);
}

static void two_at_once_make_one_layer(void **state)
{
	struct fixture *fx = *state;
	struct layer layer;
	struct err err = ERR_INIT;
	pid_t pids[4];
	int status;

	big_layer(fx, &layer);
	for (size_t i = 0; i < 4; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			if (store_unpack_layer(&fx->store, &layer.job, &err) < 0)
				(void)fprintf(stderr, "# %s\n", err.text);
			_exit(err.code < 0);
		}
	}
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	assert_true(store_has_layer(&fx->store, layer.job.chain_id));
	assert_int_equal(count_tmp(fx), 0);
}

static void a_live_workplace_is_not_collected(void **state)
{
	struct fixture *fx = *state;
	struct err err = ERR_INIT;
	autofd int dir = -EBADF;

	assert_int_equal(mkdirat(fx->store.tmp, "mine", 0700), 0);
	assert_int_equal(mkdirat(fx->store.tmp, "orphan", 0700), 0);
	assert_int_equal(mkdirat(fx->store.tmp, "orphan/root", 0), 0);
	scratch_write(fx->scratch, "root/tmp/stale.lock", "");
	dir = openat(fx->store.tmp, "mine", O_RDONLY | O_DIRECTORY);
	assert_int_equal(flock(dir, LOCK_EX), 0);
	assert_int_equal(gc_tmp(&fx->store, &err), 0);
	assert_int_equal(faccessat(fx->store.tmp, "mine", F_OK, 0), 0);
	assert_int_not_equal(faccessat(fx->store.tmp, "orphan", F_OK, 0), 0);
	assert_int_not_equal(faccessat(fx->store.tmp, "stale.lock", F_OK, 0), 0);
}

static void ids_that_are_paths_are_refused(void **state)
{
	struct fixture *fx = *state;
	struct layer layer;
	struct err err = ERR_INIT;

	small_layer(fx, &layer);
	(void)snprintf(layer.job.chain_id, sizeof(layer.job.chain_id), "../../escape");
	assert_int_equal(store_unpack_layer(&fx->store, &layer.job, &err), -EINVAL);
	(void)snprintf(layer.job.chain_id, sizeof(layer.job.chain_id), "%s", layer.diff + 7);
	layer.job.diff_id = "sha256:x";
	assert_int_equal(store_unpack_layer(&fx->store, &layer.job, &err), -EINVAL);
}

struct counter {
	int64_t *shared;
};

static void count(void *data, int64_t consumed)
{
	*((struct counter *)data)->shared = consumed;
}

static void progress_counts_up_to_the_blobs_size(void **state)
{
	struct fixture *fx = *state;
	struct counter counter = { mmap(
		NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0) };
	struct layer layer;
	struct err err = ERR_INIT;
	int64_t size;
	int fd;

	big_layer(fx, &layer);
	layer.job.progress = count;
	layer.job.data = &counter;
	assert_int_equal(store_unpack_layer(&fx->store, &layer.job, &err), 0);
	fd = store_open_blob(&fx->store, layer.blob, &size, &err);
	(void)close(fd);
	assert_int_equal(*counter.shared, size);
	(void)munmap(counter.shared, 4096);
}

TEST_MAIN(FIXTURE_TEST(a_layer_is_unpacked_once), FIXTURE_TEST(a_wrong_diff_id_keeps_nothing),
	FIXTURE_TEST(a_rotten_blob_is_removed), FIXTURE_TEST(trailing_bytes_are_hashed),
	FIXTURE_TEST(a_hostile_layer_is_rolled_back), FIXTURE_TEST(an_opaque_root_is_on_record),
	FIXTURE_TEST(a_killed_unpacking_leaves_nothing_for_long),
	FIXTURE_TEST(two_at_once_make_one_layer), FIXTURE_TEST(a_live_workplace_is_not_collected),
	FIXTURE_TEST(ids_that_are_paths_are_refused),
	FIXTURE_TEST(progress_counts_up_to_the_blobs_size))
