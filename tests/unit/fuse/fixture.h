/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An overlay over plain directories, without a mount: scratch/{l1,l2,upper,work}, l1 the uppermost
 * lower layer. Tests fill the layers, call overlay_start(), and look at both sides.
 */
#ifndef SBX_TESTS_FUSE_FIXTURE_H
#define SBX_TESTS_FUSE_FIXTURE_H

#include "harness.h"

#include "fuse/layer.h"
#include "fuse/overlay.h"

struct overlay {
	struct scratch *dir;
	struct ovl *fs;
	bool single_id, xdev;
	bool redirect;       /* redirect_dir=on */
	struct layer *extra; /* a layer of another kind, below l2; set before overlay_start() */
};

int overlay_setup(void **state);
int overlay_teardown(void **state);
#define overlay_test(name) cmocka_unit_test_setup_teardown(name, overlay_setup, overlay_teardown)

void overlay_start(struct overlay *o);
void overlay_start_read_only(struct overlay *o);
void overlay_restart(struct overlay *o); /* what was written comes back from disk */

/* On disk, relative to the scratch directory. */
void disk_dir(struct overlay *o, const char *path);
void disk_file(struct overlay *o, const char *path, const char *text);
void disk_whiteout(struct overlay *o, const char *path);
void disk_xattr(struct overlay *o, const char *path, const char *name, const char *value);
int disk_stat(struct overlay *o, const char *path, struct stat *ret); /* lstat; 0 or -errno */
const char *disk_path(struct overlay *o, const char *path);           /* absolute; static buffer */
bool disk_is_whiteout(struct overlay *o, const char *path);
bool disk_is_opaque(struct overlay *o, const char *path);
bool disk_has(struct overlay *o, const char *path);
size_t disk_count(struct overlay *o, const char *path); /* entries of a directory */

/* Through the overlay, by path from its root ("" is the root). Lookups are never given back. */
int path_id(struct overlay *o, const char *path, uint64_t *ret);
uint64_t id(struct overlay *o, const char *path); /* must exist */
struct stat attr(struct overlay *o, const char *path);
int make(struct overlay *o, const char *path, mode_t mode); /* mode with type */
int make_file(struct overlay *o, const char *path, const char *text);
int unlink_path(struct overlay *o, const char *path);
int rmdir_path(struct overlay *o, const char *path);
int rename_path(struct overlay *o, const char *from, const char *to, unsigned flags);
int link_path(struct overlay *o, const char *from, const char *to);
const char *text_of(struct overlay *o, const char *path); /* contents; static buffer */
const char *text_of_id(struct overlay *o, uint64_t id);
const char *names_in(
	struct overlay *o, const char *path); /* "a b c", sorted, no dots; static buffer */

#endif
