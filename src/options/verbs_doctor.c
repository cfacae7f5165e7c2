/* SPDX-License-Identifier: Apache-2.0 */
/* Options of doctor and explain. See verbs.h. */
#include "options/internal.h"
#include "options/verbs.h"

#include <errno.h>

#include "base/own.h"
#include "options/command.h"

const struct opt doctor_table[] = {
	OPT_FLAG(0, "for-admin", struct doctor_opts, for_admin,
		"Write a mail to the administrator instead"),
	OPT_FLAG(0, "json", struct doctor_opts, json, "For programs"),
	OPT_END,
};

int doctor_opts_parse(int argc, char **argv, struct doctor_opts *ret, struct err *err)
{
	autostrv struct strv none = STRV_INIT;
	struct doctor_opts opts = { 0 };

	(void)argc;
	TRY(opt_parse_command(CMD_DOCTOR, argv, &opts, &none, err));
	if (opts.json && opts.for_admin)
		return err_exit(err,
			(err_set(err, -EINVAL, "--json and --for-admin exclude each other"), 125));
	*ret = opts;
	return 0;
}

int explain_ids_parse(int argc, char **argv, struct strv *ret, struct err *err)
{
	int none = 0;

	(void)argc;
	return opt_parse_command(CMD_EXPLAIN, argv, &none, ret, err);
}
