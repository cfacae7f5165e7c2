/* SPDX-License-Identifier: Apache-2.0 */
/* The tests of inflate.c with zlib behind it, which builds without ISA-L use. */
#include "inflate.c" /* NOLINT */
