/* SPDX-License-Identifier: Apache-2.0 */
/* `sbx export` of a container that sbx has found: sbx-image export OUTPUT DIRECTORY..., the base
 * layer first; "" is stdout. */
#include "image/parcel.h"

#include <errno.h>

#include "base/own.h"
#include "image/confined.h"
#include "image/outfile.h"
#include "image/pack.h"

int export_main(const struct globals *globals, int argc, char **argv, struct err *err)
{
	autooutfile struct outfile file = OUTFILE_INIT;
	struct pack_result result;
	autostore struct store store = STORE_INIT; /* for its user namespace only */
	struct pack pack = { .layer = false, .inside = &store };
	int r;

	(void)globals;
	if (argc < 3)
		return err_set(err, -EINVAL, "usage: sbx-image export OUTPUT DIRECTORY...");
	TRY(outfile_open(*argv[1] ? argv[1] : NULL, "export", &file, err));
	pack.fd = file.fd;
	TRY(store_inside(&store, err));
	TRY(confined_pack(file.folder, err));
	strv_set(&pack.dirs, argv + 2);
	r = pack_run(&pack, &result, err);
	strv_done(&pack.dirs);
	TRY(r);
	return outfile_commit(&file, err);
}
