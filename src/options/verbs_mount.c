/* SPDX-License-Identifier: Apache-2.0 */
/* Options of unshare, mount and umount, volume export and import, autostart. See verbs.h. */
#include "options/internal.h"
#include "options/verbs.h"

#include <errno.h>
#include <stdlib.h>

#include "base/own.h"
#include "base/xalloc.h"

int unshare_opts_parse(int argc, char **argv, struct unshare_opts *ret, struct err *err)
{
	(void)argc;
	return opt_parse_command(CMD_UNSHARE, argv, ret, &ret->command, err);
}

void unshare_opts_done(struct unshare_opts *o)
{
	strv_done(&o->command);
}

const struct opt umount_table[] = {
	OPT_FLAG('a', "all", struct mount_opts, all, "All that `sbx mount` has mounted here"),
	OPT_END,
};

int mount_opts_parse(int argc, char **argv, struct mount_opts *ret, struct err *err)
{
	(void)argc;
	return opt_parse_command(CMD_MOUNT, argv, ret, &ret->names, err);
}

int umount_opts_parse(int argc, char **argv, struct mount_opts *ret, struct err *err)
{
	(void)argc;
	TRY(opt_parse_command(CMD_UMOUNT, argv, ret, &ret->names, err));
	if (ret->all == (ret->names.n > 0))
		return err_set(
			err, -EINVAL, "umount takes names of containers or images, or --all");
	return 0;
}

void mount_opts_done(struct mount_opts *o)
{
	strv_done(&o->names);
}

const struct opt volume_export_table[] = {
	OPT_STRING('o', "output", struct volume_tar_opts, file, "FILE",
		"Write to a file instead of standard output"),
	OPT_END,
};

int volume_export_opts_parse(int argc, char **argv, struct volume_tar_opts *ret, struct err *err)
{
	autostrv struct strv operands = STRV_INIT;

	(void)argc;
	TRY(opt_parse_command(CMD_VOLUME_EXPORT, argv, ret, &operands, err));
	ret->volume = xstrdup(operands.v[0]);
	return 0;
}

int volume_import_opts_parse(int argc, char **argv, struct volume_tar_opts *ret, struct err *err)
{
	autostrv struct strv operands = STRV_INIT;

	(void)argc;
	TRY(opt_parse_command(CMD_VOLUME_IMPORT, argv, ret, &operands, err));
	ret->volume = xstrdup(operands.v[0]);
	ret->file = operands.n > 1 ? xstrdup(operands.v[1]) : NULL;
	return 0;
}

void volume_tar_opts_done(struct volume_tar_opts *o)
{
	free(o->volume);
	free(o->file);
}

const struct opt autostart_table[] = {
	OPT_FLAG(0, "print", struct autostart_opts, print,
		"Show what would be written, write nothing"),
	OPT_FLAG(0, "remove", struct autostart_opts, remove, "Take it back"),
	OPT_END,
};

int autostart_opts_parse(int argc, char **argv, struct autostart_opts *ret, struct err *err)
{
	autostrv struct strv none = STRV_INIT;

	(void)argc;
	return opt_parse_command(CMD_AUTOSTART, argv, ret, &none, err);
}
