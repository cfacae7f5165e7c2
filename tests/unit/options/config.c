/* SPDX-License-Identifier: Apache-2.0 */
#include "options/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "harness.h"

static int read_text(const struct scratch *dir, const char *text, mode_t mode, struct err *err)
{
	autofree char *path = xasprintf("%s/config.json", dir->path);
	autojson struct json *doc = NULL;

	scratch_write(dir, "config.json", text);
	assert_int_equal(chmod(path, mode), 0);
	return config_read(path, true, &doc, err);
}

static void strict_json_with_known_keys_is_read(void **state)
{
	struct scratch *dir = *state;
	struct err err = ERR_INIT;

	assert_int_equal(read_text(dir, "{}", 0644, &err), 0);
	assert_int_equal(read_text(dir,
				 "{\"registries\": {\"docker.io\": {\"mirrors\": "
				 "[\"http://127.0.0.1:5000\"]}}, \"storageDriver\": \"fuse\"}",
				 0600, &err),
		0);
	assert_int_equal(read_text(dir, "{} x", 0600, &err) < 0, 1);
	assert_int_equal(read_text(dir, "", 0600, &err) < 0, 1);
	assert_int_equal(
		read_text(dir, "{\"registries\": {}, \"registries\": {}}", 0600, &err) < 0, 1);
	assert_int_equal(read_text(dir, "[]", 0600, &err), -EINVAL);
	assert_int_equal(read_text(dir, "{\"mirrors\": {}}", 0600, &err), -EINVAL);
	assert_non_null(strstr(err.text, "unknown key \"mirrors\""));
	assert_int_equal(read_text(dir, "{\"registries\": []}", 0600, &err), -EINVAL);
	assert_non_null(strstr(err.text, "\"registries\" has the wrong type"));
}

/* threats S10 */
static void files_that_others_can_write_are_refused(void **state)
{
	struct scratch *dir = *state;
	struct err err = ERR_INIT;

	assert_int_equal(read_text(dir, "{}", 0602, &err), -EPERM);
	assert_non_null(strstr(err.text, "can be written by others"));
	assert_int_equal(read_text(dir, "{}", 0666, &err), -EPERM);
}

static void foreign_files_are_refused(void **state)
{
	struct scratch *dir = *state;
	autojson struct json *doc = NULL;
	struct err err = ERR_INIT;

	if (geteuid() != 0) { /* before anything is allocated: skip() jumps over the clean-up */
		print_message("needs root to give a file away\n");
		skip();
	}
	autofree char *path = xasprintf("%s/config.json", dir->path);

	scratch_write(dir, "config.json", "{}");
	assert_int_equal(chown(path, 12345, 12345), 0);
	assert_int_equal(config_read(path, true, &doc, &err), -EPERM);
	assert_non_null(strstr(err.text, "belongs to user 12345"));
}

static void a_missing_file_matters_only_when_it_was_named(void **state)
{
	struct scratch *dir = *state;
	autofree char *path = xasprintf("%s/none.json", dir->path);
	struct json *doc = NULL;
	struct err err = ERR_INIT;

	assert_int_equal(config_read(path, false, &doc, &err), 0);
	assert_null(doc);
	assert_int_equal(config_read(path, true, &doc, &err), -ENOENT);
	assert_non_null(strstr(err.text, path));
}

static void a_fifo_does_not_block(void **state)
{
	struct scratch *dir = *state;
	autofree char *path = xasprintf("%s/fifo", dir->path);
	struct json *doc = NULL;
	struct err err = ERR_INIT;

	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(config_read(path, true, &doc, &err), -EINVAL);
	assert_non_null(strstr(err.text, "not a regular file"));
}

#define IN_SCRATCH(test) \
	cmocka_unit_test_setup_teardown(test, harness_scratch, harness_scratch_done)
TEST_MAIN(IN_SCRATCH(strict_json_with_known_keys_is_read),
	IN_SCRATCH(files_that_others_can_write_are_refused), IN_SCRATCH(foreign_files_are_refused),
	IN_SCRATCH(a_missing_file_matters_only_when_it_was_named),
	IN_SCRATCH(a_fifo_does_not_block))
