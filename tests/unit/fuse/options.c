/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"

#include "fuse/options.h"

#include <errno.h>
#include <string.h>
#include <sys/mount.h>

static int parse(struct options *options, const char *const *args)
{
	struct err err = ERR_INIT;
	char *argv[16] = { (char *)"sbx-fuse" };
	int argc = 1;

	for (; args[argc - 1]; argc++)
		argv[argc] = (char *)args[argc - 1];
	return options_parse(argc, argv, options, &err);
}
#define PARSE(options, ...) parse(options, (const char *const[]){ __VA_ARGS__, NULL })

static void the_form_of_fuse_overlayfs_is_understood(void **state)
{
	struct options o;
	char *list;

	(void)state;
	assert_int_equal(PARSE(&o, "-f", "-o", "lowerdir=/a:/b,upperdir=/u,workdir=/w", "-o",
				 "ro,nosuid,volatile,timeout=3,fsname=x", "/mnt"),
		0);
	assert_string_equal(o.mountpoint, "/mnt");
	assert_string_equal(o.upper, "/u");
	assert_string_equal(o.work, "/w");
	assert_true(o.foreground);
	assert_true(o.volatile_);
	assert_int_equal(o.mount_flags, MS_RDONLY | MS_NOSUID);
	list = o.lower;
	assert_string_equal(options_next_layer(&list), "/a");
	assert_string_equal(options_next_layer(&list), "/b");
	assert_null(options_next_layer(&list));
	options_done(&o);
}

static void redirects_are_asked_for_in_the_kernels_words(void **state)
{
	struct options o;

	(void)state;
	assert_int_equal(PARSE(&o, "-o", "lowerdir=/a", "/mnt"), 0);
	assert_false(o.redirect || o.redirect_write);
	options_done(&o);
	assert_int_equal(PARSE(&o, "-o", "lowerdir=/a,redirect_dir=on", "/mnt"), 0);
	assert_true(o.redirect && o.redirect_write);
	options_done(&o);
	assert_int_equal(PARSE(&o, "-o", "lowerdir=/a,redirect_dir=follow", "/mnt"), 0);
	assert_true(o.redirect && !o.redirect_write);
	options_done(&o);
	assert_int_equal(
		PARSE(&o, "-o", "lowerdir=/a,redirect_dir=on,redirect_dir=off", "/mnt"), 0);
	assert_false(o.redirect || o.redirect_write);
	options_done(&o);
	assert_int_equal(PARSE(&o, "-o", "lowerdir=/a,redirect_dir=maybe", "/mnt"), -EINVAL);
	options_done(&o);
}

static void the_form_of_sbx_is_understood(void **state)
{
	struct options o;

	(void)state;
	assert_int_equal(PARSE(&o, "--fd", "7", "--lower=/a", "--upper", "/u", "--work", "/w",
				 "--exit-fd", "8", "--ready-fd=9", "--single-id"),
		0);
	assert_int_equal(o.fd, 7);
	assert_int_equal(o.exit_fd, 8);
	assert_int_equal(o.ready_fd, 9);
	assert_true(o.single_id);
	options_done(&o);
}

static void the_form_of_mounts_helpers_is_understood(void **state)
{
	struct options o;

	(void)state;
	assert_int_equal(
		PARSE(&o, "overlay", "/mnt", "-n", "-o", "rw,lowerdir=/a", "-t", "fuse.sbx"), 0);
	assert_string_equal(o.mountpoint, "/mnt");
	options_done(&o);
}

static void colons_and_commas_in_paths_are_escaped(void **state)
{
	struct options o;
	char *list;

	(void)state;
	assert_int_equal(PARSE(&o, "-o", "lowerdir=/a\\:b:/c\\,d", "/mnt"), 0);
	list = o.lower;
	assert_string_equal(options_next_layer(&list), "/a:b");
	assert_string_equal(options_next_layer(&list), "/c,d");
	assert_null(options_next_layer(&list));
	options_done(&o);
}

static void what_makes_no_sense_is_refused(void **state)
{
	static const char *const bad[][6] = {
		{ "-o", "lowerdir=/a", NULL },
		{ "/mnt", NULL },
		{ "-o", "lowerdir=/a,upperdir=/u", "/mnt", NULL },
		{ "-o", "lowerdir=", "/mnt", NULL },
		{ "-o", "lowerdir=/a,uidmapping=0:1:2", "/mnt", NULL },
		{ "-o", "lowerdir=/a", "/mnt", "/a", "/b", NULL },
		{ "-x", "-o", "lowerdir=/a", "/mnt", NULL },
		{ "--fd", "x", "--lower", "/a", NULL },
		{ "--fd", "3", "--lower", "/a", "/mnt", NULL },
		{ "--unknown", NULL },
		{ "-o", NULL },
		{ "-o", "lowerdir=/a,threads=0", "/mnt", NULL },
	};
	struct options o;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(parse(&o, bad[i]), -EINVAL);
		options_done(&o);
	}
}

TEST_MAIN(cmocka_unit_test(the_form_of_fuse_overlayfs_is_understood),
	cmocka_unit_test(redirects_are_asked_for_in_the_kernels_words),
	cmocka_unit_test(the_form_of_sbx_is_understood),
	cmocka_unit_test(the_form_of_mounts_helpers_is_understood),
	cmocka_unit_test(colons_and_commas_in_paths_are_escaped),
	cmocka_unit_test(what_makes_no_sense_is_refused))
