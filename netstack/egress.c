/* SPDX-License-Identifier: Apache-2.0 */
#include "netstack/egress.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/own.h"
#include "netstack/sniff.h"

_Static_assert(EGRESS_NAME == SNIFF_NAME, "one size of names");

struct told {
	char name[EGRESS_NAME];
	struct in6_addr address;
	uint64_t when; /* by count; the least is the oldest */
};

struct egress {
	struct egress_rules sets[EGRESS_SETS]; /* each must allow */
	size_t n_sets;
	struct told *told;
	size_t n_told, room;
	uint64_t count;
};

struct in6_addr egress_from_v4(struct in_addr address)
{
	struct in6_addr ret = { .s6_addr = { [10] = 0xff, [11] = 0xff } };

	memcpy(ret.s6_addr + 12, &address, 4);
	return ret;
}

static int parse_sets(const char *text, struct egress *egress, struct err *err)
{
	char *copy = strdup(text), *rest = copy, *line;
	int r = copy ? 0 : err_set(err, -ENOMEM, "out of memory");

	while (r == 0 && (line = strsep(&rest, "\n"))) {
		r = egress->n_sets == EGRESS_SETS
			    ? err_set(err, -E2BIG, "--egress: more than %d lists", EGRESS_SETS)
			    : egress_rules_parse(line, &egress->sets[egress->n_sets], err);
		egress->n_sets += r == 0;
	}
	free(copy);
	return r;
}

int egress_new(const char *rules, struct egress **ret, struct err *err)
{
	struct egress *egress = calloc(1, sizeof(*egress));
	int r;

	if (!egress)
		return err_set(err, -ENOMEM, "out of memory");
	r = parse_sets(rules, egress, err);
	if (r < 0)
		egress_free(egress);
	else
		*ret = egress;
	return r;
}

void egress_free(struct egress *egress)
{
	if (!egress)
		return;
	for (size_t i = 0; i < egress->n_sets; i++)
		egress_rules_done(&egress->sets[i]);
	free(egress->told);
	free(egress);
}

/* ---- judging ---- */

static bool in_network(const struct egress_rule *rule, const struct in6_addr *address)
{
	int bytes = rule->prefix / 8, bits = rule->prefix % 8;
	uint8_t mask = (uint8_t)(0xff00 >> bits);

	if (memcmp(rule->network.s6_addr, address->s6_addr, (size_t)bytes) != 0)
		return false;
	return !bits || ((rule->network.s6_addr[bytes] ^ address->s6_addr[bytes]) & mask) == 0;
}

static bool names_match(const struct egress_rule *rule, const char *name)
{
	size_t len = strlen(name), tail = strlen(rule->name);

	if (rule->kind == EGRESS_RULE_NAME)
		return strcasecmp(rule->name, name) == 0;
	return rule->kind == EGRESS_RULE_BELOW && len > tail + 1 && name[len - tail - 1] == '.' &&
	       strcasecmp(name + len - tail, rule->name) == 0;
}

/* ICMP has no port: a rule with one is not about it. */
static bool port_matches(const struct egress_rule *rule, const struct egress_target *to)
{
	return to->port >= rule->first && to->port <= rule->last;
}

static bool name_allowed(
	const struct egress_rules *rules, const char *name, const struct egress_target *to)
{
	for (size_t i = 0; i < rules->n; i++) {
		if (names_match(&rules->list[i], name) &&
			(!to || port_matches(&rules->list[i], to)))
			return true;
	}
	return false;
}

static bool address_allowed(const struct egress_rules *rules, const struct egress_target *to)
{
	for (size_t i = 0; i < rules->n; i++) {
		const struct egress_rule *rule = &rules->list[i];

		if ((rule->kind == EGRESS_RULE_ANY ||
			    (rule->kind == EGRESS_RULE_CIDR && in_network(rule, &to->address))) &&
			port_matches(rule, to))
			return true;
	}
	return false;
}

/* Any name may turn out to have one of the addresses. */
static bool lists_addresses(const struct egress_rules *rules)
{
	for (size_t i = 0; i < rules->n; i++) {
		if (rules->list[i].kind == EGRESS_RULE_ANY ||
			rules->list[i].kind == EGRESS_RULE_CIDR)
			return true;
	}
	return rules->open;
}

bool egress_may_resolve(const struct egress *egress, const char *name)
{
	for (size_t i = 0; i < egress->n_sets; i++) {
		if (!lists_addresses(&egress->sets[i]) &&
			!name_allowed(&egress->sets[i], name, NULL))
			return false;
	}
	return true;
}

bool egress_is_open(const struct egress *egress)
{
	for (size_t i = 0; i < egress->n_sets; i++) {
		if (!egress->sets[i].open)
			return false;
	}
	return true;
}

/* What a cloud tells each of its machines, credentials among it: Alibaba's, Azure's, Oracle's; the others' is link-local. */
static bool is_metadata_v4(uint32_t address)
{
	return address == 0x646464c8 || address == 0xa83f8110 || address == 0xc00000c0;
}

/* fd00:ec2::254 of Amazon, fd20:ce::254 of Google */
static bool is_metadata(const struct in6_addr *address)
{
	static const uint8_t known[][16] = { { 0xfd, 0x00, 0x0e, 0xc2, [14] = 2, 0x54 },
		{ 0xfd, 0x20, 0x00, 0xce, [14] = 2, 0x54 } };

	return memcmp(address, known[0], sizeof(known[0])) == 0 ||
	       memcmp(address, known[1], sizeof(known[1])) == 0;
}

static bool may_be_told_v4(uint32_t address)
{
	return !is_metadata_v4(address) && address >> 24 != 0 && address >> 24 != IN_LOOPBACKNET &&
	       address >> 16 != 0xa9fe && address >> 28 < 0xe;
}

bool egress_may_be_told(const struct in6_addr *address)
{
	static const uint8_t zero[12];
	uint32_t v4;

	memcpy(&v4, address->s6_addr + 12, sizeof(v4));
	if (IN6_IS_ADDR_V4MAPPED(address))
		return may_be_told_v4(ntohl(v4));
	return memcmp(address, zero, sizeof(zero)) != 0 && !IN6_IS_ADDR_LINKLOCAL(address) &&
	       !IN6_IS_ADDR_SITELOCAL(address) && !IN6_IS_ADDR_MULTICAST(address) &&
	       !is_metadata(address);
}

static struct told *find_told(
	const struct egress *egress, const char *name, const struct in6_addr *address)
{
	for (size_t i = 0; i < egress->n_told; i++) {
		struct told *told = &egress->told[i];

		if (memcmp(&told->address, address, sizeof(*address)) == 0 &&
			(!name || strcasecmp(told->name, name) == 0))
			return told;
	}
	return NULL;
}

/* A free place, grown by and by, or the oldest one's. */
static struct told *new_told(struct egress *egress)
{
	struct told *oldest = egress->told;
	size_t room = egress->room ? egress->room * 2 : 16;

	if (egress->n_told == egress->room && egress->room < EGRESS_NAMES_MAX) {
		struct told *grown = realloc(egress->told, room * sizeof(*grown));

		if (!grown)
			return NULL;
		egress->told = grown;
		egress->room = room;
	}
	if (egress->n_told < egress->room)
		return &egress->told[egress->n_told++];
	for (size_t i = 1; i < egress->n_told; i++) {
		if (egress->told[i].when < oldest->when)
			oldest = &egress->told[i];
	}
	return oldest;
}

void egress_learn(struct egress *egress, const char *name, const struct in6_addr *address)
{
	struct told *told = find_told(egress, name, address);

	if (!told) {
		told = new_told(egress);
		if (!told)
			return;
		(void)snprintf(told->name, sizeof(told->name), "%s", name);
		told->address = *address;
	}
	told->when = ++egress->count;
}

struct standing {
	const struct told *allowed, *latest; /* latest: of all, for the record */
	bool foreign;                        /* the address has names that are not allowed */
};

static struct standing find_standing(const struct egress *egress, const struct egress_rules *rules,
	const struct egress_target *to)
{
	struct standing s = { 0 };

	for (size_t i = 0; i < egress->n_told; i++) {
		const struct told *told = &egress->told[i];

		if (memcmp(&told->address, &to->address, sizeof(to->address)) != 0)
			continue;
		if (!s.latest || told->when > s.latest->when)
			s.latest = told;
		if (!name_allowed(rules, told->name, to))
			s.foreign = true;
		else if (!s.allowed || told->when > s.allowed->when)
			s.allowed = told;
	}
	return s;
}

static enum egress_verdict ask_set(
	const struct egress_rules *rules, const struct egress_target *to, const struct standing *s)
{
	if (rules->open || address_allowed(rules, to))
		return EGRESS_ALLOW;
	if (!s->allowed)
		return EGRESS_REFUSE;
	if (to->proto == IPPROTO_TCP)
		return EGRESS_PEEK;
	return s->foreign ? EGRESS_REFUSE : EGRESS_ALLOW;
}

enum egress_verdict egress_ask(
	const struct egress *egress, const struct egress_target *to, const char **ret_name)
{
	enum egress_verdict all = EGRESS_ALLOW;
	const struct told *name = NULL;

	for (size_t i = 0; i < egress->n_sets; i++) {
		struct standing s = find_standing(egress, &egress->sets[i], to);
		enum egress_verdict one = ask_set(&egress->sets[i], to, &s);

		if (s.allowed || !name)
			name = s.allowed ? s.allowed : s.latest;
		if (one == EGRESS_REFUSE || (one == EGRESS_PEEK && all == EGRESS_ALLOW))
			all = one;
		if (all == EGRESS_REFUSE)
			break;
	}
	if (ret_name)
		*ret_name = name ? name->name : "";
	return all;
}

/* "Host: 192.0.2.1" is no name, as long as it is the address that is called. */
static bool is_own_address(const char *name, const struct in6_addr *address)
{
	char bare[EGRESS_NAME];
	size_t len = strlen(name);
	struct in_addr v4;
	struct in6_addr v6;

	if (inet_pton(AF_INET, name, &v4) == 1) {
		v6 = egress_from_v4(v4);
	} else {
		if (len < 2 || name[0] != '[' || name[len - 1] != ']')
			return false;
		(void)snprintf(bare, sizeof(bare), "%.*s", (int)len - 2, name + 1);
		if (inet_pton(AF_INET6, bare, &v6) != 1)
			return false;
	}
	return memcmp(&v6, address, sizeof(v6)) == 0;
}

/* name: what the bytes say, NULL = nothing. */
static bool bytes_allowed(const struct egress *egress, const struct egress_rules *rules,
	const struct egress_target *to, const char *name)
{
	if (rules->open || address_allowed(rules, to))
		return true;
	return name ? name_allowed(rules, name, to) : !find_standing(egress, rules, to).foreign;
}

enum egress_verdict egress_ask_bytes(const struct egress *egress, const struct egress_target *to,
	const uint8_t *data, size_t len, char name[EGRESS_NAME])
{
	enum sniff found = sniff_name(data, len, name);
	const char *said = found == SNIFF_NAMED && !is_own_address(name, &to->address) ? name
										       : NULL;

	if (found == SNIFF_MORE)
		return EGRESS_PEEK;
	if (found == SNIFF_BAD)
		return EGRESS_REFUSE;
	for (size_t i = 0; i < egress->n_sets; i++) {
		if (!bytes_allowed(egress, &egress->sets[i], to, said))
			return EGRESS_REFUSE;
	}
	return EGRESS_ALLOW;
}
