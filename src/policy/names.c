/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libseccomp 2.5.4 ends at Linux 5.17. Calls added since have one number on every ABI (since 5.1),
 * so one small table serves all; the exceptions are x86's own. Its tables are asked first.
 */
#include "policy/names.h"

#include <linux/audit.h>
#include <seccomp.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/own.h"
#include "base/xalloc.h"

static const struct {
	const char *name;
	int nr;
	uint32_t only; /* 0 = every ABI */
} newer[] = {
	{ "uretprobe", 335, AUDIT_ARCH_X86_64 },
	{ "uprobe", 336, AUDIT_ARCH_X86_64 },
	{ "cachestat", 451, 0 },
	{ "fchmodat2", 452, 0 },
	{ "map_shadow_stack", 453, 0 },
	{ "futex_wake", 454, 0 },
	{ "futex_wait", 455, 0 },
	{ "futex_requeue", 456, 0 },
	{ "statmount", 457, 0 },
	{ "listmount", 458, 0 },
	{ "lsm_get_self_attr", 459, 0 },
	{ "lsm_set_self_attr", 460, 0 },
	{ "lsm_list_modules", 461, 0 },
	{ "mseal", 462, 0 },
	{ "setxattrat", 463, 0 },
	{ "getxattrat", 464, 0 },
	{ "listxattrat", 465, 0 },
	{ "removexattrat", 466, 0 },
	{ "open_tree_attr", 467, 0 },
	{ "file_getattr", 468, 0 },
	{ "file_setattr", 469, 0 },
};

_Static_assert(SCMP_ARCH_X86_64 == AUDIT_ARCH_X86_64 && SCMP_ARCH_X86 == AUDIT_ARCH_I386 &&
		       SCMP_ARCH_AARCH64 == AUDIT_ARCH_AARCH64 && SCMP_ARCH_ARM == AUDIT_ARCH_ARM,
	"libseccomp's tokens are the kernel's");

int names_resolve(uint32_t arch, const char *name)
{
	int nr = seccomp_syscall_resolve_name_arch(arch, name);

	if (nr >= 0)
		return nr;
	for (size_t i = 0; i < ARRAY_SIZE(newer); i++)
		if (strcmp(name, newer[i].name) == 0 &&
			(newer[i].only == 0 || newer[i].only == arch))
			return newer[i].nr;
	return -ENOENT;
}

char *names_of(const struct machine *machine, int nr)
{
	for (size_t i = 0; i < ARRAY_SIZE(newer); i++)
		if (newer[i].nr == nr && (newer[i].only == 0 || newer[i].only == machine->arch))
			return xstrdup(newer[i].name);
	return seccomp_syscall_resolve_num_arch(machine->arch, nr);
}

int names_machine(struct machine *ret, struct err *err)
{
	struct utsname uts;
	unsigned major = 0, minor = 0;

	if (uname(&uts) < 0)
		return err_sys(err, "uname");
	if (sscanf(uts.release, "%3u.%3u", &major, &minor) != 2)
		return err_set(err, -EINVAL, "kernel release '%s' is no version", uts.release);
	switch (seccomp_arch_native()) {
	case SCMP_ARCH_X86_64:
		*ret = (struct machine){ .name = "amd64",
			.token = "SCMP_ARCH_X86_64",
			.arch = AUDIT_ARCH_X86_64,
			.compat_token = "SCMP_ARCH_X86",
			.compat_arch = AUDIT_ARCH_I386 };
		break;
	case SCMP_ARCH_AARCH64:
		*ret = (struct machine){ .name = "arm64",
			.token = "SCMP_ARCH_AARCH64",
			.arch = AUDIT_ARCH_AARCH64,
			.compat_token = "SCMP_ARCH_ARM",
			.compat_arch = AUDIT_ARCH_ARM };
		break;
	default:
		return err_set(
			err, -ENOSYS, "no seccomp filter for machines of the kind %s", uts.machine);
	}
	ret->kernel = major << 16 | minor;
	ret->resolve = names_resolve;
	return 0;
}
