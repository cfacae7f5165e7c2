/* SPDX-License-Identifier: Apache-2.0 */
#include "options/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "harness.h"

#define autovolume __attribute__((cleanup(volume_done)))

static void assert_refused(const char *text, const char *message)
{
	struct volume v = { 0 };
	struct err err = ERR_INIT;

	assert_int_equal(parse_mount(text, &v, &err) < 0, 1);
	if (!strstr(err.text, message))
		fail_msg("%s: %s", text, err.text);
	assert_null(v.destination);
	assert_null(v.source);
}

static void binds_never_make_their_source(void **state)
{
	autovolume struct volume v = { 0 };
	struct err err = ERR_INIT;

	assert_int_equal(parse_mount("type=bind,source=/a//b/,target=/c,readonly", &v, &err), 0);
	assert_int_equal(v.type, VOLUME_BIND);
	assert_string_equal(v.source, "/a/b");
	assert_string_equal(v.destination, "/c");
	assert_true(v.read_only);
	assert_false(v.create_source); /* acceptance row 66 */
}

static void other_spellings_mean_the_same(void **state)
{
	static const char *const same[] = { "type=bind,src=/a,dst=/c,ro",
		"dst=/c,type=bind,src=/a,ro=true",
		"type=bind,source=/a,destination=/c,readonly=1,consistency=cached",
		"type=bind,source=/x,source=/a,target=/c,bind-propagation=rprivate,ro=1" };

	for (size_t i = 0; i < ARRAY_SIZE(same); i++) {
		autovolume struct volume v = { 0 };
		struct err err = ERR_INIT;

		if (parse_mount(same[i], &v, &err) != 0)
			fail_msg("%s: %s", same[i], err.text);
		assert_string_equal(v.source, "/a");
		assert_string_equal(v.destination, "/c");
		assert_true(v.read_only);
	}
}

static void quotes_protect_commas(void **state)
{
	autovolume struct volume v = { 0 };
	struct err err = ERR_INIT;

	assert_int_equal(parse_mount("type=bind,\"source=/a,b:\"\"c\"\"\",target=/d", &v, &err), 0);
	assert_string_equal(v.source, "/a,b:\"c\"");
}

static void volumes_are_the_default_type(void **state)
{
	autovolume struct volume a = { 0 }, b = { 0 };
	struct err err = ERR_INIT;

	assert_int_equal(parse_mount("source=data,target=/d,volume-nocopy", &a, &err), 0);
	assert_int_equal(a.type, VOLUME_NAMED);
	assert_true(a.no_copy);
	assert_int_equal(parse_mount("type=volume,target=/d", &b, &err), 0);
	assert_int_equal(b.type, VOLUME_ANONYMOUS);
	assert_null(b.source);
}

static void tmpfs_sizes_become_mount_options(void **state)
{
	autovolume struct volume a = { 0 }, b = { 0 };
	struct err err = ERR_INIT;

	assert_int_equal(
		parse_mount("type=tmpfs,target=/t,tmpfs-size=64m,tmpfs-mode=1770", &a, &err), 0);
	assert_int_equal(a.type, VOLUME_TMPFS);
	assert_string_equal(a.tmpfs_options, "size=67108864,mode=1770");
	assert_int_equal(parse_mount("type=tmpfs,target=/t", &b, &err), 0);
	assert_null(b.tmpfs_options);
}

static void labels_and_options_are_the_volumes(void **state)
{
	struct volume v = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(
		parse_mount(
			"source=vol,target=/x,volume-label=a=1=2,volume-label=b,\"volume-opt=o=x,y\"",
			&v, &err),
		0);
	assert_string_equal(json_str(json_get(v.labels, "a"), ""), "1=2");
	assert_string_equal(json_str(json_get(v.labels, "b"), "none"), "");
	assert_string_equal(json_str(json_get(v.options, "o"), ""), "x,y");
	free(v.source);
	free(v.destination);
	json_free(v.labels);
	json_free(v.options);
}

static void mistakes_are_named(void **state)
{
	assert_refused("", "must be a key=value pair");
	assert_refused("type=bind,,target=/x", "invalid field '' must be");
	assert_refused("type=bind", "target is required");
	assert_refused("type=bind,target=/x", "field Source must not be empty");
	assert_refused("type=bind,source=a,target=/x", "'a' mount path must be absolute");
	assert_refused("type=bind,source=/a,target=x", "'x' mount path must be absolute");
	assert_refused("type=bind,source=/a,target=/", "destination can't be '/'");
	assert_refused("type=nfs,target=/x", "mount type unknown: \"nfs\"");
	assert_refused(
		"type=bind,source=/a,target=/x,bogus=1", "unexpected key 'bogus' in 'bogus=1'");
	assert_refused("bogus", "invalid field 'bogus' must be a key=value pair");
	assert_refused("type=bind,source=/a,target=/x,readonly=maybe",
		"invalid value for readonly: maybe");
	assert_refused("type=bind,source=/a,target=/x,volume-nocopy",
		"cannot mix 'volume-*' options with mount type 'bind'");
	assert_refused("type=volume,target=/x,tmpfs-size=1", "cannot mix 'tmpfs-*' options");
	assert_refused("type=volume,source=/a,target=/x", "includes invalid characters");
	assert_refused("type=tmpfs,source=/a,target=/x", "field Source must not be specified");
	assert_refused("type=tmpfs,target=/x,tmpfs-size=x", "invalid size: 'x'");
	assert_refused("type=tmpfs,target=/x,tmpfs-mode=8", "invalid value for tmpfs-mode: 8");
	assert_refused("type=bind,source=/a,target=/x,bind-propagation=shared", "needs root");
	assert_refused("type=bind,source=/a,target=/x,bind-propagation=odd", "invalid propagation");
	assert_refused("type=bind,source=/a,target=/x,bind-recursive=writable", "not supported");
	assert_refused("type=volume,source=data,target=/x,volume-subpath=/a", "relative path");
	assert_refused("type=volume,source=data,target=/x,volume-label==b", "empty name");
	assert_refused("type=volume,source=data,target=/x,volume-opt=a", "NAME=VALUE");
	assert_refused("type=tmpfs,target=/x,volume-label=a=b", "cannot mix 'volume-*'");
	assert_refused("type=volume,source=data,target=/x,squash", "cannot mix 'bind-*'");
	assert_refused("type=bind,source=/a,target=/x,volume-driver=nfs", "the only one is local");
}

static void images_are_read_only(void **state)
{
	autovolume struct volume v = { 0 };
	struct err err = ERR_INIT;

	assert_int_equal(
		parse_mount("type=image,src=alpine:3,dst=/c/,image-subpath=etc", &v, &err), 0);
	assert_int_equal(v.type, VOLUME_IMAGE);
	assert_string_equal(v.source, "alpine:3");
	assert_string_equal(v.destination, "/c");
	assert_string_equal(v.subpath, "etc");
	assert_true(v.read_only);
	assert_refused("type=image,target=/x", "Source must not be empty");
	assert_refused("type=image,src=a,target=/x,rw", "read-only");
	assert_refused("type=image,src=a,target=/x,subpath=", "must not be empty");
	assert_refused("type=image,src=a,target=/x,squash", "cannot mix 'bind-*'");
	assert_refused("type=image,src=a,target=/x,tmpfs-mode=7", "cannot mix 'tmpfs-*'");
	assert_refused("type=volume,src=a,target=/x,image-subpath=b", "cannot mix");
	assert_refused("type=bind,src=/a,target=/x,rw", "cannot mix");
}

static void more_keys_of_docker_and_podman(void **state)
{
	autovolume struct volume v = { 0 }, w = { 0 };
	struct err err = ERR_INIT;

	assert_int_equal(
		parse_mount("type=bind,src=/a,dst=/c,squash,noexec,bind-propagation=rslave,"
			    "bind-nonrecursive,relabel=shared",
			&v, &err),
		0);
	assert_true(v.squash && v.no_exec && v.slave && v.not_recursive);
	assert_int_equal(
		parse_mount("src=data,dst=/c,volume-driver=local,volume-subpath=a/b", &w, &err), 0);
	assert_string_equal(w.subpath, "a/b");
}

TEST_MAIN(cmocka_unit_test(binds_never_make_their_source),
	cmocka_unit_test(other_spellings_mean_the_same), cmocka_unit_test(quotes_protect_commas),
	cmocka_unit_test(volumes_are_the_default_type),
	cmocka_unit_test(tmpfs_sizes_become_mount_options),
	cmocka_unit_test(labels_and_options_are_the_volumes), cmocka_unit_test(mistakes_are_named),
	cmocka_unit_test(images_are_read_only), cmocka_unit_test(more_keys_of_docker_and_podman))
