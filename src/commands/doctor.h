/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What doctor.c asks, in groups. Each check tries the thing itself where that can be done without a trace, and
 * appends what it found; none of them fails. What they find together decides the predictions.
 */
#ifndef SBX_COMMANDS_DOCTOR_H
#define SBX_COMMANDS_DOCTOR_H

#include <stdbool.h>

#include "base/err.h"
#include "base/json.h"
#include "base/userns.h"
#include "options/options.h"

enum finding {
	FINDING_OK,
	FINDING_LESS,  /* sbx goes on, with less */
	FINDING_FAILS, /* something that it is named by does not work */
};

struct check {
	const char *name;
	enum finding finding;
	const char *found;
	const char *id;    /* message, or NULL */
	const char *mend;  /* without root, or NULL */
	const char *admin; /* what an administrator could do, or NULL */
};

struct doctor {
	const struct globals *globals;
	struct json *checks;
	struct idmap map;
	/* what the predictions are made of */
	bool has_map, userns, tun, overlay, fuse, store, limits, helpers;
	char run_id[24]; /* of the message that `run` will end with, "" = none known */
};

void doctor_add(struct doctor *doctor, const struct check *check);

/* "… Without root: X. With root: Y": the part after `mark`, or NULL. Borrowed. */
const char *doctor_part(const char *text, const char *mark);

void doctor_check_ids(struct doctor *doctor);   /* doctor_ids.c: user namespaces and maps */
void doctor_check_files(struct doctor *doctor); /* doctor_files.c: store, run directory, drivers */
void doctor_check_kernel(
	struct doctor *doctor); /* doctor_kernel.c: calls, devices, network, limits */

#endif
