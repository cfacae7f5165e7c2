/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SBX_BUILDER_EXPORT_H
#define SBX_BUILDER_EXPORT_H

#include "builder/build.h"

/* One --output: a directory, a tar of the file system, or an archive of the image (which is in the store). */
int export_output(struct build *b, const struct snapshot *result, const struct image_written *image,
	const struct build_output *output, struct err *err);

#endif
