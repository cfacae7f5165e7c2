/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seccomp=FILE: any bytes become an error or a filter whose every path ends in a verdict. The walk below is
 * the kernel's own check: forward jumps inside the program, a return at the end.
 */
#include <linux/audit.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/own.h"
#include "policy/bpf.h"
#include "policy/caps.h"
#include "policy/profile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Any name is some call, so that the fuzzer need not guess names. */
static int resolve(uint32_t arch, const char *name)
{
	unsigned hash = arch & 7;

	while (*name)
		hash = hash * 31 + (unsigned char)*name++;
	return (int)(hash % 600) - 50;
}

static void check(const struct sock_filter *prog, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t left = n - i - 1;
		if (BPF_CLASS(prog[i].code) != BPF_JMP)
			continue;
		if (BPF_OP(prog[i].code) == BPF_JA ? prog[i].k >= left
						   : prog[i].jt >= left || prog[i].jf >= left)
			abort();
	}
	if (n == 0 || n > BPF_MAXINSNS || prog[n - 1].code != (BPF_RET | BPF_K))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct machine machine = { .name = "amd64",
		.token = "SCMP_ARCH_X86_64",
		.arch = AUDIT_ARCH_X86_64,
		.compat_token = "SCMP_ARCH_X86",
		.compat_arch = AUDIT_ARCH_I386,
		.kernel = 6 << 16,
		.caps = CAPS_DEFAULT,
		.resolve = resolve };
	autofree struct sock_filter *prog = NULL;
	autoprofile struct profile profile = { 0 };
	autojson struct json *doc = NULL;
	struct err err = ERR_INIT;
	size_t n = 0;

	if (json_parse((const char *)data, size, &doc, &err) < 0)
		return 0;
	if (profile_parse(doc, &machine, &profile, &err) < 0)
		return 0;
	if (bpf_compile(&profile, &prog, &n, &err) >= 0)
		check(prog, n);
	return 0;
}
