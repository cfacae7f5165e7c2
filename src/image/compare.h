/* SPDX-License-Identifier: Apache-2.0 */
/* Two directory trees: are they the same layer? */
#ifndef SBX_IMAGE_COMPARE_H
#define SBX_IMAGE_COMPARE_H

#include <stdbool.h>

#include "base/err.h"

/* Kinds, sizes, contents, link targets and devices; with `owners` also modes, owners and the extended
 * attributes that are not the overlay's own. Times are not compared: the ways in which a layer comes here
 * keep them with different precision. 0: the same; -EUCLEAN: the text says what differs first, and where. */
int tree_compare(int want, int have, bool owners, struct err *err);

#endif
