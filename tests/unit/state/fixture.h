/* SPDX-License-Identifier: Apache-2.0 */
/* A store of containers of its own in a scratch directory, for each test of src/state. */
#ifndef SBX_TESTS_STATE_FIXTURE_H
#define SBX_TESTS_STATE_FIXTURE_H

#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "state/state.h"

struct fixture {
	struct scratch *scratch;
	struct globals globals;
	struct err err;
};

static inline int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (harness_scratch(state) != 0)
		return -1;
	f->scratch = *state;
	f->globals.root = xasprintf("%s/root", f->scratch->path);
	f->globals.runroot = xasprintf("%s/run", f->scratch->path);
	*state = f;
	return 0;
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;

	*state = f->scratch;
	free(f->globals.root);
	free(f->globals.runroot);
	free(f);
	return harness_scratch_done(state);
}

static inline int make_with(
	struct fixture *f, const char *name, struct json *config, struct container *ret)
{
	return state_create(&f->globals, name, config, ret, &f->err);
}

static inline int make(struct fixture *f, const char *name, struct container *ret)
{
	return make_with(f, name, json_new_map(), ret);
}

static inline size_t count(struct fixture *f)
{
	struct container *list = NULL;
	size_t n = 0;

	assert_int_equal(state_list(&f->globals, &list, &n, &f->err), 0);
	state_list_free(list, n);
	return n;
}

static inline bool exists(struct fixture *f, const char *folder, const char *name)
{
	autofree char *path = xasprintf("%s/%s%s", f->scratch->path, folder, name);
	struct stat st;

	return lstat(path, &st) == 0;
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
