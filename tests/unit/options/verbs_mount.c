/* SPDX-License-Identifier: Apache-2.0 */
#include "options/options.h"

#include "base/own.h"
#include "harness.h"

static void options_of_unshares_command_are_its_own(void **state)
{
	char *argv[] = { (char *)"unshare", (char *)"rm", (char *)"-r", (char *)"--help", NULL };
	struct unshare_opts o = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(unshare_opts_parse(4, argv, &o, &err), 0);
	assert_int_equal(o.command.n, 3);
	assert_string_equal(o.command.v[2], "--help");
	unshare_opts_done(&o);
}

static void a_volume_goes_out_and_comes_in_by_name(void **state)
{
	char *out[] = { (char *)"export", (char *)"-o", (char *)"f.tar", (char *)"v", NULL };
	char *in[] = { (char *)"import", (char *)"v", (char *)"-", NULL };
	struct volume_tar_opts o = { 0 }, i = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(volume_export_opts_parse(4, out, &o, &err), 0);
	assert_string_equal(o.volume, "v");
	assert_string_equal(o.file, "f.tar");
	assert_int_equal(volume_import_opts_parse(3, in, &i, &err), 0);
	assert_string_equal(i.file, "-");
	volume_tar_opts_done(&o);
	volume_tar_opts_done(&i);
}

static void autostart_takes_no_operand(void **state)
{
	char *good[] = { (char *)"autostart", (char *)"--print", NULL };
	char *bad[] = { (char *)"autostart", (char *)"c", NULL };
	struct autostart_opts o = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(autostart_opts_parse(2, good, &o, &err), 0);
	assert_true(o.print);
	assert_true(autostart_opts_parse(2, bad, &o, &err) < 0);
}

static void umount_takes_names_or_all(void **state)
{
	char *all[] = { (char *)"umount", (char *)"-a", NULL };
	char *none[] = { (char *)"umount", NULL };
	char *both[] = { (char *)"umount", (char *)"-a", (char *)"c", NULL };
	struct mount_opts o = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(umount_opts_parse(2, all, &o, &err), 0);
	assert_true(o.all && o.names.n == 0);
	mount_opts_done(&o);
	o = (struct mount_opts){ 0 };
	assert_true(umount_opts_parse(1, none, &o, &err) < 0);
	assert_true(umount_opts_parse(3, both, &o, &err) < 0);
	mount_opts_done(&o);
	o = (struct mount_opts){ 0 };
	assert_int_equal(mount_opts_parse(1, (char *[]){ (char *)"mount", NULL }, &o, &err), 0);
}

TEST_MAIN(cmocka_unit_test(umount_takes_names_or_all),
	cmocka_unit_test(options_of_unshares_command_are_its_own),
	cmocka_unit_test(a_volume_goes_out_and_comes_in_by_name),
	cmocka_unit_test(autostart_takes_no_operand))
