/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The code generator. The shape of a filter:
 *
 *	load arch; for each ABI: is it this one? its block
 *	return ENOSYS
 *	block: load nr; a tree of "nr >= K" jumps whose leaves are a verdict, or a chain of conditional
 *	rules and then a verdict
 *
 * A leaf spans the calls from its start to the next leaf's. Jumps only go forward; one whose target is
 * more than 255 instructions away goes through an unconditional jump, which has 32 bits.
 */
#include "policy/bpf.h"

#include <endian.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <string.h>

#include "base/own.h"
#include "base/xalloc.h"

#define FAIL     0xff /* placeholder in jt or jf: "this rule does not hold" */
#define X32_BASE 0x40000000u

struct code {
	struct sock_filter *v;
	size_t n;
	size_t cap;
};
#define autocode __attribute__((cleanup(code_done)))

struct leaf {
	uint32_t start;
	uint32_t action;           /* when no condition holds */
	const struct rule **rules; /* conditional ones, in file order; owned */
	size_t n_rules;
};

struct leaves {
	struct leaf *v;
	size_t n;
	size_t cap;
};
#define autoleaves __attribute__((cleanup(leaves_done)))

static void code_done(struct code *code)
{
	free(code->v);
}

static void leaves_done(struct leaves *leaves)
{
	for (size_t i = 0; i < leaves->n; i++)
		free(leaves->v[i].rules);
	free(leaves->v);
}

static void emit(struct code *code, unsigned op, uint32_t k, unsigned jt, unsigned jf)
{
	if (code->n == code->cap) {
		code->cap = code->cap ? code->cap * 2 : 64;
		code->v = xreallocarray(code->v, code->cap, sizeof(*code->v));
	}
	code->v[code->n++] = (struct sock_filter){
		.code = (uint16_t)op,
		.jt = (uint8_t)jt,
		.jf = (uint8_t)jf,
		.k = k,
	};
}

static void emit_load(struct code *code, size_t offset)
{
	emit(code, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static void emit_jump(struct code *code, unsigned test, uint32_t k, unsigned jt, unsigned jf)
{
	emit(code, BPF_JMP | test | BPF_K, k, jt, jf);
}

static void emit_return(struct code *code, uint32_t action)
{
	emit(code, BPF_RET | BPF_K, action, 0, 0);
}

static void append(struct code *code, const struct code *more)
{
	for (size_t i = 0; i < more->n; i++)
		emit(code, more->v[i].code, more->v[i].k, more->v[i].jt, more->v[i].jf);
}

static size_t arg_offset(unsigned arg, bool high)
{
	bool first = high == (__BYTE_ORDER == __BIG_ENDIAN);

	return offsetof(struct seccomp_data, args) + arg * 8 + (first ? 0 : 4);
}

static void emit_masked(struct code *code, const struct cond *cond, bool high)
{
	uint32_t mask = (uint32_t)(high ? cond->mask >> 32 : cond->mask);
	uint32_t value = (uint32_t)(high ? cond->value >> 32 : cond->value);

	if (mask == 0 && value == 0)
		return; /* nothing of this half is looked at: TIOCSTI with high bits is TIOCSTI */
	emit_load(code, arg_offset(cond->arg, high));
	if (mask != UINT32_MAX)
		emit(code, BPF_ALU | BPF_AND | BPF_K, mask, 0, 0);
	emit_jump(code, BPF_JEQ, value, 0, FAIL);
}

/* Falls through when the condition holds, else jumps to FAIL. */
static void emit_cond(struct code *code, const struct cond *cond)
{
	uint32_t high = (uint32_t)(cond->value >> 32), low = (uint32_t)cond->value;
	size_t at_high = arg_offset(cond->arg, true), at_low = arg_offset(cond->arg, false);

	if (cond->op == COND_MASKED_EQ) {
		emit_masked(code, cond, true);
		emit_masked(code, cond, false);
		return;
	}
	emit_load(code, at_high);
	switch (cond->op) {
	case COND_EQ:
		emit_jump(code, BPF_JEQ, high, 0, FAIL);
		emit_load(code, at_low);
		emit_jump(code, BPF_JEQ, low, 0, FAIL);
		return;
	case COND_NE:
		emit_jump(code, BPF_JEQ, high, 0, 2);
		emit_load(code, at_low);
		emit_jump(code, BPF_JEQ, low, FAIL, 0);
		return;
	case COND_GT:
	case COND_GE:
		emit_jump(code, BPF_JGT, high, 3, 0);
		emit_jump(code, BPF_JEQ, high, 0, FAIL);
		emit_load(code, at_low);
		emit_jump(code, cond->op == COND_GT ? BPF_JGT : BPF_JGE, low, 0, FAIL);
		return;
	case COND_LT:
	case COND_LE:
		emit_jump(code, BPF_JGT, high, FAIL, 0);
		emit_jump(code, BPF_JEQ, high, 0, 2);
		emit_load(code, at_low);
		emit_jump(code, cond->op == COND_LT ? BPF_JGE : BPF_JGT, low, FAIL, 0);
		return;
	case COND_MASKED_EQ:
		return;
	}
}

/* At most 6 conditions of 6 instructions, so FAIL is no real distance here. */
static void emit_rule(struct code *out, const struct rule *rule)
{
	autocode struct code code = { 0 };

	for (unsigned i = 0; i < rule->n_conds; i++)
		emit_cond(&code, &rule->conds[i]);
	emit_return(&code, rule->action);
	for (size_t i = 0; i < code.n; i++) {
		if (BPF_CLASS(code.v[i].code) != BPF_JMP)
			continue;
		uint8_t away = (uint8_t)(code.n - i - 1);
		if (code.v[i].jt == FAIL)
			code.v[i].jt = away;
		if (code.v[i].jf == FAIL)
			code.v[i].jf = away;
	}
	append(out, &code);
}

static void emit_tree(struct code *out, const struct leaf *leaf, size_t n)
{
	autocode struct code left = { 0 };
	size_t half = n / 2;

	if (n == 1) {
		for (size_t i = 0; i < leaf->n_rules; i++)
			emit_rule(out, leaf->rules[i]);
		emit_return(out, leaf->action);
		return;
	}
	emit_tree(&left, leaf, half);
	if (left.n <= 255) {
		emit_jump(out, BPF_JGE, leaf[half].start, (unsigned)left.n, 0);
	} else {
		emit_jump(out, BPF_JGE, leaf[half].start, 0, 1);
		emit_jump(out, BPF_JA, (uint32_t)left.n, 0, 0);
	}
	append(out, &left);
	emit_tree(out, leaf + half, n - half);
}

/* Opens a leaf at nr, unless the one before says the same. */
static struct leaf *add_leaf(struct leaves *leaves, uint32_t start, uint32_t action, size_t rules)
{
	struct leaf *last = leaves->n ? &leaves->v[leaves->n - 1] : NULL;

	if (last && last->start == start && last->n_rules == 0) { /* an empty gap: replace it */
		leaves->n--;
		return add_leaf(leaves, start, action, rules);
	}
	if (last && rules == 0 && last->n_rules == 0 && last->action == action)
		return last;
	if (leaves->n == leaves->cap) {
		leaves->cap = leaves->cap ? leaves->cap * 2 : 256;
		leaves->v = xreallocarray(leaves->v, leaves->cap, sizeof(*leaves->v));
	}
	last = &leaves->v[leaves->n++];
	*last = (struct leaf){ .start = start, .action = action };
	if (rules)
		last->rules = xcalloc(rules, sizeof(const struct rule *));
	return last;
}

/* rules[0…n-1] are those of one call, in file order. */
static void add_call(
	struct leaves *leaves, const struct rule *const *rules, size_t n, uint32_t default_action)
{
	const struct rule *plain = NULL;
	size_t conditional = 0;

	for (size_t i = 0; i < n; i++) {
		if (rules[i]->n_conds)
			conditional++;
		else if (!plain ||
			 profile_severity(rules[i]->action) > profile_severity(plain->action))
			plain = rules[i];
	}
	struct leaf *leaf = add_leaf(
		leaves, rules[0]->nr, plain ? plain->action : default_action, conditional);
	for (size_t i = 0; i < n && conditional; i++)
		if (rules[i]->n_conds)
			leaf->rules[leaf->n_rules++] = rules[i];
	(void)add_leaf(leaves, rules[0]->nr + 1, default_action, 0);
}

static int by_number(const void *a, const void *b)
{
	const struct rule *const *left = a, *const *right = b;

	if ((*left)->nr != (*right)->nr)
		return (*left)->nr < (*right)->nr ? -1 : 1;
	return *left < *right ? -1 : *left > *right; /* one array: the address is the file order */
}

static void emit_abi(
	struct code *out, const struct rules *abi, uint32_t default_action, uint32_t refusal)
{
	autofree const struct rule **sorted = xcalloc(abi->n + 1, sizeof(*sorted));
	autoleaves struct leaves leaves = { 0 };

	for (size_t i = 0; i < abi->n; i++)
		sorted[i] = &abi->v[i];
	qsort(sorted, abi->n, sizeof(*sorted), by_number);
	(void)add_leaf(&leaves, 0, default_action, 0);
	for (size_t i = 0, next; i < abi->n; i = next) {
		for (next = i + 1; next < abi->n && sorted[next]->nr == sorted[i]->nr; next++)
			;
		add_call(&leaves, sorted + i, next - i, default_action);
	}
	if (abi->arch == AUDIT_ARCH_X86_64)
		(void)add_leaf(&leaves, X32_BASE, refusal, 0);
	emit_load(out, offsetof(struct seccomp_data, nr));
	emit_tree(out, leaves.v, leaves.n);
}

int bpf_compile(
	const struct profile *profile, struct sock_filter **ret, size_t *ret_n, struct err *err)
{
	autocode struct code code = { 0 };
	uint32_t refusal = SECCOMP_RET_ERRNO | ENOSYS;

	if (profile_severity(profile->default_action) > profile_severity(refusal))
		refusal = profile->default_action;
	emit_load(&code, offsetof(struct seccomp_data, arch));
	for (size_t i = 0; i < profile->n_abis; i++) {
		autocode struct code block = { 0 };
		emit_abi(&block, &profile->abi[i], profile->default_action, refusal);
		emit_jump(&code, BPF_JEQ, profile->abi[i].arch, 1, 0);
		emit_jump(&code, BPF_JA, (uint32_t)block.n, 0, 0);
		append(&code, &block);
	}
	emit_return(&code, refusal);
	if (code.n > BPF_MAXINSNS)
		return err_set(err, -E2BIG,
			"the profile needs %zu instructions, the kernel takes %d", code.n,
			BPF_MAXINSNS);
	*ret = move_ptr(&code.v);
	*ret_n = code.n;
	return 0;
}
