/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Docker's lists, and what else shows the host's kernel and hardware without being of use to ordinary
 * programs. Missing paths are no error: whoever applies the plan skips them.
 * /sys/kernel as a whole stays: redis, Java and databases read mm/transparent_hugepage there.
 */
#include "policy/paths.h"

#include <fnmatch.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/own.h"
#include "base/xalloc.h"

static const char *const docker_masked[] = { "/proc/acpi", "/proc/asound", "/proc/interrupts",
	"/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/sched_debug", "/proc/scsi",
	"/proc/timer_list", "/proc/timer_stats", "/sys/devices/virtual/powercap", "/sys/firmware" };

static const char *const own_masked[] = { "/proc/config.gz", "/proc/iomem", "/proc/kallsyms",
	"/proc/key-users", "/proc/kpagecgroup", "/proc/kpagecount", "/proc/kpageflags",
	"/proc/modules", "/proc/mtrr", "/proc/slabinfo", "/proc/vmallocinfo", "/sys/fs/selinux",
	"/sys/kernel/debug", "/sys/kernel/notes", "/sys/kernel/security", "/sys/kernel/tracing",
	"/sys/kernel/vmcoreinfo" };

static const char *const docker_read_only[] = { "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
	"/proc/sysrq-trigger" };

#define THROTTLE "/sys/devices/system/cpu/cpu%ld/thermal_throttle"

/* Load and heat of the host's processors tell what its other programs do. */
static void add_throttle(struct strv *masked)
{
	long cpus = sysconf(_SC_NPROCESSORS_CONF);
	autofree char *first = xasprintf(THROTTLE, 0L);

	if (access(first, F_OK) < 0)
		return;
	for (long cpu = 0; cpu < cpus; cpu++)
		strv_addf(masked, THROTTLE, cpu);
}

void paths_default(struct strv *masked, struct strv *read_only)
{
	for (size_t i = 0; i < ARRAY_SIZE(docker_masked); i++)
		strv_add(masked, docker_masked[i]);
	for (size_t i = 0; i < ARRAY_SIZE(own_masked); i++)
		strv_add(masked, own_masked[i]);
	add_throttle(masked);
	for (size_t i = 0; i < ARRAY_SIZE(docker_read_only); i++)
		strv_add(read_only, docker_read_only[i]);
}

void paths_add(struct strv *paths, const char *list)
{
	autofree char *copy = xstrdup(list);
	char *rest = copy;

	for (char *path = strsep(&rest, ":"); path; path = strsep(&rest, ":"))
		if (*path && !strv_has(paths, path))
			strv_add(paths, path);
}

static void remove_matching(struct strv *list, const char *pattern)
{
	autostrv struct strv kept = STRV_INIT;

	strv_each (path, list)
		if (fnmatch(pattern, *path, 0) != 0)
			strv_add(&kept, *path);
	strv_set(list, kept.v);
}

void paths_unmask(struct strv *masked, struct strv *read_only, const char *list)
{
	autofree char *copy = xstrdup(list);
	char *rest = copy;

	for (char *item = strsep(&rest, ":"); item; item = strsep(&rest, ":")) {
		const char *pattern = strcasecmp(item, "ALL") == 0 ? "*" : item;
		remove_matching(masked, pattern);
		remove_matching(read_only, pattern);
	}
}
