/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers by name, and the shipped policy beside the distribution's reference profile. */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "policy/bpf.h"
#include "policy/caps.h"
#include "policy/names.h"

#define REFERENCE "/usr/share/containers/seccomp.json"

static void known_names_have_the_kernels_numbers(void **state)
{
	(void)state;
	assert_int_equal(names_resolve(AUDIT_ARCH_X86_64, "read"), 0);
	assert_int_equal(names_resolve(AUDIT_ARCH_X86_64, "openat2"), 437);
	assert_int_equal(names_resolve(AUDIT_ARCH_AARCH64, "read"), 63);
	assert_int_equal(names_resolve(AUDIT_ARCH_I386, "socketcall"), 102);
	assert_int_equal(names_resolve(AUDIT_ARCH_X86_64, "socketcall"), -ENOENT);
	assert_int_equal(names_resolve(AUDIT_ARCH_X86_64, "no_such_call"), -ENOENT);
}

static void names_too_new_for_libseccomp_are_ours(void **state)
{
	(void)state;
	assert_int_equal(names_resolve(AUDIT_ARCH_X86_64, "mseal"), 462);
	assert_int_equal(names_resolve(AUDIT_ARCH_AARCH64, "getxattrat"), 464);
	assert_int_equal(names_resolve(AUDIT_ARCH_X86_64, "uretprobe"), 335);
	assert_int_equal(names_resolve(AUDIT_ARCH_AARCH64, "uretprobe"), -ENOENT);
#ifdef SYS_mseal
	assert_int_equal(names_resolve(AUDIT_ARCH_X86_64, "mseal"), SYS_mseal);
#endif
}

static struct json *load(const char *path)
{
	struct json *doc = NULL;
	struct err err = ERR_INIT;

	return json_read_at(AT_FDCWD, path, 1 << 20, &doc, &err) < 0 ? NULL : doc;
}

static void compile(const struct json *doc, uint64_t caps, struct profile *ret)
{
	struct err err = ERR_INIT;
	struct machine machine;

	assert_int_equal(names_machine(&machine, &err), 0);
	machine.caps = caps;
	if (profile_parse(doc, &machine, ret, &err) < 0)
		fail_msg("%s", err.text);
}

/* What a profile may at best do for a call: allow it for some arguments, or not at all. */
static bool may_allow(const struct profile *profile, uint32_t nr)
{
	bool found = false;

	for (size_t i = 0; i < profile->abi[0].n; i++) {
		if (profile->abi[0].v[i].nr != nr)
			continue;
		found = true;
		if (profile->abi[0].v[i].action == SECCOMP_RET_ALLOW)
			return true;
	}
	return !found && profile->default_action == SECCOMP_RET_ALLOW;
}

/* Where the policy allows what the reference does not, and why. */
static const char *const wider[] = {
	"vmsplice",         /* Docker allows it; pipes of one's own memory */
	"io_pgetevents",    /* as io_getevents */
	"mseal",            /* newer than the reference; takes rights away only */
	"cachestat",        /* newer; what mincore tells, for files */
	"fchmodat2",        /* newer; fchmodat with its flags */
	"map_shadow_stack", /* newer; one's own memory */
	"futex_wake", "futex_wait", "futex_requeue", "futex_waitv", /* newer; futex in parts */
	"statmount", "listmount", /* newer; what /proc/self/mountinfo tells */
	"setxattrat", "getxattrat", "listxattrat", "removexattrat", /* newer; by descriptor */
	"uretprobe", /* newer; only the kernel's own trampoline can use it */
};

static bool is_explained(const char *name)
{
	for (size_t i = 0; i < sizeof(wider) / sizeof(*wider); i++)
		if (strcmp(wider[i], name) == 0)
			return true;
	return false;
}

static void the_default_allows_no_more_than_the_reference(void **state)
{
	struct json *ours = load(POLICY), *theirs = load(REFERENCE);
	struct profile a, b;

	(void)state;
	assert_non_null(ours);
	if (!theirs)
		skip(); /* golang-github-containers-common is not installed */
	compile(ours, CAPS_DEFAULT, &a);
	compile(theirs, CAPS_DEFAULT, &b);
	for (size_t i = 0; i < a.abi[0].n; i++) {
		uint32_t nr = a.abi[0].v[i].nr;
		if (!may_allow(&a, nr) || may_allow(&b, nr))
			continue;
		char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, (int)nr);
		bool explained = name && is_explained(name);
		for (size_t k = 0; k < sizeof(wider) / sizeof(*wider); k++)
			explained |= names_resolve(a.abi[0].arch, wider[k]) == (int)nr;
		if (!explained)
			fail_msg("call %u (%s) is allowed here, not in %s", nr, name, REFERENCE);
		free(name);
	}
	profile_done(&a);
	profile_done(&b);
	json_free(ours);
	json_free(theirs);
}

/* Where the reference lets pass what the policy refuses, and why. */
static const char *const narrower[][2] = {
	{ "clone3",
		"its flags lie in memory, out of a filter's sight: ENOSYS, and libc takes clone" },
	{ "fsconfig", "mounts: only with SYS_ADMIN, as Docker" },
	{ "fsmount", "as fsconfig" },
	{ "fsopen", "as fsconfig" },
	{ "fspick", "as fsconfig" },
	{ "mount", "as fsconfig" },
	{ "mount_setattr", "as fsconfig" },
	{ "move_mount", "as fsconfig" },
	{ "open_tree", "as fsconfig" },
	{ "pivot_root", "as fsconfig" },
	{ "umount2", "as fsconfig" },
	{ "setns", "namespaces: only with SYS_ADMIN, as Docker" },
	{ "unshare", "as setns" },
	{ "get_mempolicy", "the host's memory layout: only with SYS_NICE, as Docker" },
	{ "mbind", "as get_mempolicy" },
	{ "set_mempolicy", "as get_mempolicy" },
	{ "keyctl", "keys are not namespaced: nobody's, as Docker" },
	{ "pidfd_getfd",
		"takes descriptors out of other processes: only with SYS_PTRACE, as Docker" },
	{ "reboot", "only with SYS_BOOT, as Docker" },
	{ "syslog", "the kernel's log: only with SYSLOG, as Docker" },
};

#define REASONS (sizeof(narrower) / sizeof(*narrower))

static int reason(const struct profile *profile, uint32_t nr)
{
	for (size_t i = 0; i < REASONS; i++)
		if (names_resolve(profile->abi[0].arch, narrower[i][0]) == (int)nr)
			return (int)i;
	return -1;
}

static void what_the_reference_allows_besides_is_refused_for_a_reason(void **state)
{
	struct json *ours = load(POLICY), *theirs = load(REFERENCE);
	struct profile a, b;
	bool met[REASONS] = { false };

	(void)state;
	assert_non_null(ours);
	if (!theirs) {
		print_message("# golang-github-containers-common is not installed\n");
		skip();
	}
	compile(ours, CAPS_DEFAULT, &a);
	compile(theirs, CAPS_DEFAULT, &b);
	for (size_t i = 0; i < b.abi[0].n; i++) {
		uint32_t nr = b.abi[0].v[i].nr;
		if (may_allow(&a, nr) || !may_allow(&b, nr))
			continue;
		char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, (int)nr);
		int why = reason(&a, nr);
		if (why < 0)
			fail_msg("call %u (%s) is allowed in %s, and nothing says why not here", nr,
				name, REFERENCE);
		else
			met[why] = true;
		free(name);
	}
	for (size_t i = 0; i < REASONS; i++)
		if (!met[i])
			fail_msg("%s differs no more: the reason is stale", narrower[i][0]);
	profile_done(&a);
	profile_done(&b);
	json_free(ours);
	json_free(theirs);
}

#define CALLS         1024 /* more than any machine has */
#define UNTRUSTED_MAX 300  /* docs/security.md says so: what makes it more is said there too */

static size_t count_allowed(const struct profile *profile, const struct json *deny)
{
	bool refused[CALLS] = { false };
	size_t n = 0;

	json_each (name, deny) {
		int nr = names_resolve(profile->abi[0].arch, json_str(name.value, ""));
		if (nr >= 0 && nr < CALLS)
			refused[nr] = true;
	}
	for (uint32_t nr = 0; nr < CALLS; nr++)
		n += !refused[nr] && may_allow(profile, nr);
	return n;
}

static void untrusted_leaves_few_calls(void **state)
{
	struct json *ours = load(POLICY), *untrusted = load(UNTRUSTED);
	const struct json *deny = json_get(json_get(untrusted, "seccomp"), "deny");
	struct profile profile;
	size_t all, few;

	(void)state;
	assert_non_null(ours);
	assert_non_null(untrusted);
	assert_int_equal(json_kind(json_get(untrusted, "capabilities")), JSON_LIST);
	compile(ours, 0, &profile);
	all = count_allowed(&profile, NULL);
	few = count_allowed(&profile, deny);
	print_message("# without capabilities: %zu calls, under untrusted %zu\n", all, few);
	assert_true(few > 100); /* else nothing has been counted */
	assert_true(few < all);
	assert_true(few <= UNTRUSTED_MAX);
	profile_done(&profile);
	json_free(untrusted);
	json_free(ours);
}

static void every_set_of_capabilities_compiles(void **state)
{
	struct json *ours = load(POLICY);

	(void)state;
	assert_non_null(ours);
	for (unsigned cap = 0; cap <= CAP_LAST_CAP; cap++) {
		struct sock_filter *prog = NULL;
		struct err err = ERR_INIT;
		struct profile profile;
		size_t n = 0;
		compile(ours, CAPS_DEFAULT ^ CAPS_BIT(cap), &profile);
		assert_int_equal(bpf_compile(&profile, &prog, &n, &err), 0);
		assert_true(
			n <
			400); /* beyond that, calls stop sharing leaves: the policy got ragged */
		free(prog);
		profile_done(&profile);
	}
	json_free(ours);
}

static void names_without_a_number_anywhere_are_typing_errors(void **state)
{
	struct json *ours = load(POLICY);

	(void)state;
	assert_non_null(ours);
	json_each (entry, json_get(ours, "syscalls"))
		json_each (name, json_get(entry.value, "names")) {
			const char *text = json_str(name.value, "");
			if (names_resolve(AUDIT_ARCH_X86_64, text) < 0 &&
				names_resolve(AUDIT_ARCH_AARCH64, text) < 0 &&
				names_resolve(AUDIT_ARCH_I386, text) < 0 &&
				names_resolve(AUDIT_ARCH_ARM, text) < 0)
				fail_msg("no machine has a call named '%s'", text);
		}
	json_free(ours);
}

TEST_MAIN(cmocka_unit_test(known_names_have_the_kernels_numbers),
	cmocka_unit_test(names_too_new_for_libseccomp_are_ours),
	cmocka_unit_test(the_default_allows_no_more_than_the_reference),
	cmocka_unit_test(what_the_reference_allows_besides_is_refused_for_a_reason),
	cmocka_unit_test(untrusted_leaves_few_calls),
	cmocka_unit_test(every_set_of_capabilities_compiles),
	cmocka_unit_test(names_without_a_number_anywhere_are_typing_errors))
