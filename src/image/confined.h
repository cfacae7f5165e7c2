/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The processes of sbx-image that read what strangers have written lock themselves in before the first
 * byte of it (base/confine.h). None of them can execute a program, and none can write a file outside
 * the store:
 *
 *	registry   talks to servers, starts the processes that unpack. Reads files, writes the store.
 *	archive    reads a file to load or import, starts those, too. No sockets. Reads files, writes the store.
 *	unpack     one layer. No sockets, no processes, no files but tmp/ and layers/ of the store.
 *	pack       save and export: as archive, but what it writes is the folder of the output.
 *	extract    ADD of an archive: as unpack, but what it writes is the root of the build.
 *
 * The lists of the first two contain that of the third, which inherits them. What needs another program
 * is done before: the user namespace for unpacking (store_inside()), credential helpers (agent.h).
 */
#ifndef SBX_IMAGE_CONFINED_H
#define SBX_IMAGE_CONFINED_H

#include "base/err.h"
#include "image/store.h"

int confined_registry(
	const struct store *store, struct err *err); /* store NULL: nothing is written */
int confined_push(int folder, struct err *err);      /* as confined_pack(), and with sockets */
int confined_archive(const struct store *store, struct err *err);
int confined_pack(
	int folder, struct err *err); /* folder < 0: nothing is written but what is open */
int confined_extract(int root, struct err *err);
int confined_unpack(const struct store *store, struct err *err);

#endif
