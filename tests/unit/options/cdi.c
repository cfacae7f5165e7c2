/* SPDX-License-Identifier: Apache-2.0 */
#include "options/cdi.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/own.h"
#include "harness.h"

static void names_are_told_from_paths(void **state)
{
	static const char *const names[] = { "nvidia.com/gpu=0", "vendor.com/class=a.b:c_d-e",
		"v/c=all", "nvidia.com/gpu=GPU-1e2f" };
	static const char *const others[] = { "/dev/x", "/dev/a=b", "a/b", "a/b=", "=", "/=x",
		"a/=b", "-a/b=c", "a/-b=c", "a/b=-c", "a/b=c d", "a/b/c=d", "a/b=c/d" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!cdi_is_name(names[i]))
			fail_msg("%s", names[i]);
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		if (cdi_is_name(others[i]))
			fail_msg("%s", others[i]);
}

static void gpus(const char *value, const char *names)
{
	autostrv struct strv got = STRV_INIT;
	autobuf struct buf text = BUF_INIT;
	struct err err = ERR_INIT;

	if (cdi_parse_gpus(value, &got, &err) < 0)
		fail_msg("%s: %s", value, err.text);
	strv_each (name, &got)
		buf_addf(&text, "%s%s", text.len ? " " : "", *name);
	assert_string_equal(text.data, names);
}

static void gpus_are_short_for_names(void **state)
{
	static const char *const bad[] = { "", "0", "-2", "device=", "capabilities=utility",
		"device=a b", "gpu", "1025" };

	gpus("all", "nvidia.com/gpu=all");
	gpus("-1", "nvidia.com/gpu=all");
	gpus("2", "nvidia.com/gpu=0 nvidia.com/gpu=1");
	gpus("device=GPU-3a23", "nvidia.com/gpu=GPU-3a23");
	gpus("\"device=0,2\"", "nvidia.com/gpu=0 nvidia.com/gpu=2");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		autostrv struct strv got = STRV_INIT;
		struct err err = ERR_INIT;

		if (cdi_parse_gpus(bad[i], &got, &err) != -EINVAL)
			fail_msg("'%s' was taken", bad[i]);
	}
}

/* ---- descriptions ---- */

#define DEVICE(name, edits) "{\"name\":\"" name "\",\"containerEdits\":{" edits "}}"
#define SPEC(devices, edits)                                                        \
	"{\"cdiVersion\":\"0.6.0\",\"kind\":\"v.com/c\",\"devices\":[" devices "]," \
	"\"containerEdits\":{" edits "}}"

static int resolve(const struct scratch *dir, const char *names, struct cdi *ret, struct err *err)
{
	autostrv struct strv folders = STRV_INIT, faults = STRV_INIT, list = STRV_INIT;
	autojson struct json *specs = NULL;

	strv_addf(&folders, "%s/low", dir->path);
	strv_addf(&folders, "%s/high", dir->path);
	strv_addf(&folders, "%s/missing", dir->path);
	while (*names) {
		size_t len = strcspn(names, " ");

		strv_addf(&list, "%.*s", (int)len, names);
		names += len + (names[len] == ' ');
	}
	cdi_read(&folders, &specs, &faults);
	return cdi_resolve(specs, &faults, &list, ret, err);
}

static int setup(void **state)
{
	int r = harness_scratch(state);

	if (r == 0) {
		scratch_mkdir(*state, "low");
		scratch_mkdir(*state, "high");
	}
	return r;
}

static void refused(const struct scratch *dir, const char *names, int code, const char *says)
{
	struct cdi cdi = CDI_INIT;
	struct err err = ERR_INIT;

	assert_int_equal(resolve(dir, names, &cdi, &err), code);
	if (!strstr(err.text, says) && strcmp(err.id, says) != 0)
		fail_msg("'%s' lacks '%s'", err.text, says);
}

static void a_device_brings_its_edits_and_those_of_its_file_once(void **state)
{
	struct cdi cdi = CDI_INIT;
	struct err err = ERR_INIT;

	scratch_write(*state, "low/a.json",
		SPEC(DEVICE("0", "\"deviceNodes\":[{\"path\":\"/dev/v0\"}],\"env\":[\"V=0\"]") "," DEVICE(
			     "1",
			     "\"deviceNodes\":[{\"path\":\"/dev/v1\",\"hostPath\":\"/dev/null\"}]"),
			"\"mounts\":[{\"hostPath\":\"/lib/v.so\",\"containerPath\":\"/usr/lib/v.so\","
			"\"options\":[\"ro\",\"bind\",\"noexec\"]}],"
			"\"hooks\":[{\"hookName\":\"createContainer\",\"path\":\"/bin/ldc\",\"args\":[\"ldc\",\"x\"],"
			"\"timeout\":3},{\"hookName\":\"poststop\",\"path\":\"/bin/gone\"}],"
			"\"additionalGids\":[5]"));
	if (resolve(*state, "v.com/c=0 v.com/c=1", &cdi, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(cdi.devices.n, 2);
	assert_string_equal(cdi.devices.v[0], "/dev/v0:/dev/v0");
	assert_string_equal(cdi.devices.v[1], "/dev/null:/dev/v1");
	assert_string_equal(strv_env_get(&cdi.env, "V"), "0");
	assert_int_equal(cdi.n_mounts, 1);
	assert_string_equal(cdi.mounts[0].source, "/lib/v.so");
	assert_string_equal(cdi.mounts[0].destination, "/usr/lib/v.so");
	assert_true(
		cdi.mounts[0].read_only && cdi.mounts[0].no_exec && cdi.mounts[0].not_recursive);
	assert_int_equal(cdi.n_hooks, 1);
	assert_string_equal(cdi.hooks[0].argv.v[1], "x");
	assert_int_equal(cdi.hooks[0].timeout, 3);
	assert_int_equal(cdi.warnings.n, 2);
	cdi_done(&cdi);
}

static void the_later_folder_wins_and_twice_in_one_is_an_error(void **state)
{
	struct cdi cdi = CDI_INIT;
	struct err err = ERR_INIT;

	scratch_write(*state, "low/a.json", SPEC(DEVICE("0", "\"env\":[\"V=low\"]"), ""));
	scratch_write(*state, "high/a.yaml",
		"kind: v.com/c\ndevices:\n- name: \"0\"\n  containerEdits:\n    env: [V=high]\n");
	if (resolve(*state, "v.com/c=0", &cdi, &err) < 0)
		fail_msg("%s", err.text);
	assert_string_equal(strv_env_get(&cdi.env, "V"), "high");
	cdi_done(&cdi);
	scratch_write(*state, "high/b.json", SPEC(DEVICE("0", ""), ""));
	refused(*state, "v.com/c=0", -EEXIST, "described twice: in a.yaml and in b.json");
}

static void what_is_not_described_is_told_with_what_is(void **state)
{
	refused(*state, "v.com/c=9", -ENOENT, "there are: none");
	scratch_write(*state, "low/a.json", SPEC(DEVICE("0", "") "," DEVICE("1", ""), ""));
	scratch_write(*state, "low/b.json", "{");
	refused(*state, "v.com/c=9", -ENOENT, "there are: v.com/c=0, v.com/c=1. Not read: ");
	refused(*state, "v.com/cc=0", -ENOENT, "E-CDI-UNKNOWN");
	refused(*state, "v.co/c=0", -ENOENT, "b.json: ");
}

static void bad_edits_are_refused(void **state)
{
	scratch_write(*state, "low/a.json",
		SPEC(DEVICE("node", "\"deviceNodes\":[{\"path\":\"dev/x\"}]") "," DEVICE("mount",
			     "\"mounts\":[{\"hostPath\":\"x\",\"containerPath\":\"/x\"}]") "," DEVICE("hook",
			     "\"hooks\":[{\"hookName\":\"createContainer\",\"path\":\"x\"}]") "," DEVICE("env",
			     "\"env\":[\"=x\"]") "," DEVICE("colon",
			     "\"deviceNodes\":[{\"path\":\"/dev/a:b\"}]"),
			""));
	refused(*state, "v.com/c=node", -EINVAL, "'dev/x' is not an absolute path");
	refused(*state, "v.com/c=mount", -EINVAL, "hostPath 'x' is not an absolute path");
	refused(*state, "v.com/c=hook", -EINVAL, "hook 'x' is not an absolute path");
	refused(*state, "v.com/c=env", -EINVAL, "'=x' is no variable");
	refused(*state, "v.com/c=colon", -EINVAL, "has a colon");
}

static void files_that_others_can_write_do_not_count(void **state)
{
	const struct scratch *dir = *state;
	char path[300];

	scratch_write(dir, "low/a.json", SPEC(DEVICE("0", ""), ""));
	(void)snprintf(path, sizeof(path), "%s/low/a.json", dir->path);
	assert_int_equal(chmod(path, 0666), 0);
	refused(dir, "v.com/c=0", -ENOENT, "can be written by others");
}

#define IN_SCRATCH(f) cmocka_unit_test_setup_teardown(f, setup, harness_scratch_done)
TEST_MAIN(cmocka_unit_test(names_are_told_from_paths), cmocka_unit_test(gpus_are_short_for_names),
	IN_SCRATCH(a_device_brings_its_edits_and_those_of_its_file_once),
	IN_SCRATCH(the_later_folder_wins_and_twice_in_one_is_an_error),
	IN_SCRATCH(what_is_not_described_is_told_with_what_is), IN_SCRATCH(bad_edits_are_refused),
	IN_SCRATCH(files_that_others_can_write_do_not_count))
