/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Container Device Interface (CDI 1.0): "vendor.com/class=name" stands for device nodes, mounts,
 * variables and hooks that a file of the vendor's tool describes. --device takes such names, --gpus is
 * short for those of nvidia.com/gpu.
 *
 * Files: *.json, *.yaml and *.yml in /etc/cdi, /var/run/cdi and cdi beside config.json; a name in a
 * later folder wins, twice in one folder is an error. They are read at each start, since a driver's
 * update changes them. Hooks run with the rights the container gets, before it is entered: files that
 * others than root and the caller can write are refused.
 */
#ifndef SBX_OPTIONS_CDI_H
#define SBX_OPTIONS_CDI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
#include "base/strv.h"
#include "options/options.h"

struct cdi_hook {
	char *path;       /* on the host, absolute */
	struct strv argv; /* argv[0] included */
	struct strv env;  /* all it gets */
	int64_t timeout;  /* seconds; 0 = none */
};

struct cdi {
	struct strv env;       /* "A=b"; they win over -e, as with Docker */
	struct strv devices;   /* "/host/node:/node", as run_opts' */
	struct volume *mounts; /* binds; owned */
	size_t n_mounts;
	struct cdi_hook *hooks; /* createContainer's */
	size_t n_hooks;
	struct strv warnings; /* what was asked for and is left out */
};
#define CDI_INIT  \
	{         \
		0 \
	}
void cdi_done(struct cdi *cdi);

/* What these options ask for, read and resolved; nothing is read where no name of CDI's is among the devices. */
int cdi_find(const struct globals *globals, const struct strv *devices, struct cdi *ret,
	struct err *err);

/* Whether a --device is a name of CDI's and no path. */
bool cdi_is_name(const char *device);

/* --gpus all|N|device=0,1|"device=UUID": appends the names. Errors are Docker's. */
int cdi_parse_gpus(const char *value, struct strv *ret_names, struct err *err);

/* The folders, the least important first. Caller frees. */
struct strv cdi_folders(const struct globals *globals);

/* Every readable description: a list of {"folder": 0, "path": "/etc/cdi/x.json", "spec": {…}}. What
 * cannot be read is told in *ret_faults, a line each, and does not count: it may be about others. */
void cdi_read(const struct strv *folders, struct json **ret, struct strv *ret_faults);

/* Pure. -ENOENT: E-CDI-UNKNOWN, with the names there are and the faults. */
int cdi_resolve(const struct json *specs, const struct strv *faults, const struct strv *names,
	struct cdi *ret, struct err *err);

#endif
