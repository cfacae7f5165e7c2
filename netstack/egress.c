/* SPDX-License-Identifier: Apache-2.0 */
#include "netstack/egress.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/own.h"
#include "netstack/sniff.h"

_Static_assert(EGRESS_NAME == SNIFF_NAME, "one size of names");

enum rule_kind { RULE_ANY, RULE_NAME, RULE_BELOW, RULE_CIDR };

struct rule {
	enum rule_kind kind;
	char name[EGRESS_NAME]; /* of RULE_BELOW without "*." */
	struct in6_addr network;
	int prefix; /* of 128 */
	uint16_t first, last;
};

struct told {
	char name[EGRESS_NAME];
	struct in6_addr address;
	uint64_t when; /* by count; the least is the oldest */
};

struct egress {
	bool open; /* "all" and "learn" */
	bool by_address;
	struct rule *rules;
	size_t n_rules;
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

/* ---- rules ---- */

static bool parse_number(const char *text, size_t len, long max, long *ret)
{
	long value = 0;

	if (!len || len > 5)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!isdigit((unsigned char)text[i]))
			return false;
		value = value * 10 + (text[i] - '0');
	}
	*ret = value;
	return value <= max;
}

/* "443" or "8000-8010" */
static bool parse_ports(const char *text, struct rule *rule)
{
	size_t len = strcspn(text, "-");
	long first, last;

	if (!parse_number(text, len, UINT16_MAX, &first) || !first)
		return false;
	last = first;
	if (text[len] &&
		(!parse_number(text + len + 1, strlen(text + len + 1), UINT16_MAX, &last) ||
			last < first))
		return false;
	rule->first = (uint16_t)first;
	rule->last = (uint16_t)last;
	return true;
}

/* "10.0.0.0/8", "10.1.2.3", "fd00::/8" */
static bool parse_cidr(const char *text, struct rule *rule)
{
	char address[INET6_ADDRSTRLEN];
	size_t len = strcspn(text, "/");
	struct in_addr v4;
	long prefix;
	int base;

	if (len >= sizeof(address))
		return false;
	memcpy(address, text, len);
	address[len] = '\0';
	if (inet_pton(AF_INET, address, &v4) == 1) {
		rule->network = egress_from_v4(v4);
		base = 96;
	} else if (inet_pton(AF_INET6, address, &rule->network) == 1) {
		base = 0;
	} else {
		return false;
	}
	prefix = 128 - base;
	if (text[len] && !parse_number(text + len + 1, strlen(text + len + 1), 128 - base, &prefix))
		return false;
	rule->kind = RULE_CIDR;
	rule->prefix = base + (int)prefix;
	return true;
}

static bool parse_name(const char *text, struct rule *rule)
{
	size_t len;

	rule->kind = RULE_NAME;
	if (strncmp(text, "*.", 2) == 0) {
		rule->kind = RULE_BELOW;
		text += 2;
	}
	len = strlen(text);
	if (len && text[len - 1] == '.')
		len--;
	if (!len || len >= sizeof(rule->name) || text[0] == '.')
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!isalnum((unsigned char)text[i]) && !strchr("-_.", text[i]))
			return false;
		rule->name[i] = (char)tolower((unsigned char)text[i]);
	}
	rule->name[len] = '\0';
	return true;
}

/* Splits "[fd00::1]:443", "name:443" and ":443"; a bare IPv6 address has no port. */
static bool parse_rule(char *text, struct rule *rule)
{
	char *port = NULL, *end;

	*rule = (struct rule){ .last = UINT16_MAX };
	if (text[0] == '[') {
		end = strchr(text, ']');
		if (!end || (end[1] && end[1] != ':'))
			return false;
		port = end[1] ? end + 2 : NULL;
		*end = '\0';
		text++;
	} else if (!parse_cidr(text, rule)) {
		port = strrchr(text, ':');
		if (port)
			*port++ = '\0';
	}
	if (port && !parse_ports(port, rule))
		return false;
	if (!*text || strcmp(text, "*") == 0) {
		rule->kind = RULE_ANY;
		return port != NULL;
	}
	return parse_cidr(text, rule) || parse_name(text, rule);
}

static int parse_list(const char *text, struct egress *egress, struct err *err)
{
	while (*text) {
		char item[EGRESS_NAME + 16];
		size_t len = strcspn(text, ",");

		if (egress->n_rules == EGRESS_RULES_MAX)
			return err_set(
				err, -E2BIG, "--egress: more than %d rules", EGRESS_RULES_MAX);
		(void)snprintf(item, sizeof(item), "%.*s", (int)len, text);
		if (!len || len >= sizeof(item) ||
			!parse_rule(item, &egress->rules[egress->n_rules]))
			return err_set(err, -EINVAL,
				"--egress: '%.*s' is none of NAME, *.NAME, ADDRESS, CIDR, each with "
				":PORT or without, and :PORT",
				(int)(len < 200 ? len : 200), text);
		egress->by_address |= egress->rules[egress->n_rules].kind == RULE_ANY ||
				      egress->rules[egress->n_rules].kind == RULE_CIDR;
		egress->n_rules++;
		text += len + (text[len] == ',');
	}
	return 0;
}

static size_t count_items(const char *text)
{
	size_t n = 1;

	for (; *text; text++)
		n += *text == ',';
	return n < EGRESS_RULES_MAX ? n : EGRESS_RULES_MAX;
}

int egress_new(const char *rules, struct egress **ret, struct err *err)
{
	struct egress *egress = calloc(1, sizeof(*egress));
	int r = 0;

	if (!egress)
		return err_set(err, -ENOMEM, "out of memory");
	egress->open = strcmp(rules, "all") == 0 || strcmp(rules, "learn") == 0;
	if (!egress->open && strcmp(rules, "none") != 0) {
		egress->rules = calloc(count_items(rules), sizeof(*egress->rules));
		r = egress->rules ? parse_list(rules, egress, err)
				  : err_set(err, -ENOMEM, "out of memory");
	}
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
	free(egress->rules);
	free(egress->told);
	free(egress);
}

/* ---- judging ---- */

static bool in_network(const struct rule *rule, const struct in6_addr *address)
{
	int bytes = rule->prefix / 8, bits = rule->prefix % 8;
	uint8_t mask = (uint8_t)(0xff00 >> bits);

	if (memcmp(rule->network.s6_addr, address->s6_addr, (size_t)bytes) != 0)
		return false;
	return !bits || ((rule->network.s6_addr[bytes] ^ address->s6_addr[bytes]) & mask) == 0;
}

static bool names_match(const struct rule *rule, const char *name)
{
	size_t len = strlen(name), tail = strlen(rule->name);

	if (rule->kind == RULE_NAME)
		return strcasecmp(rule->name, name) == 0;
	return rule->kind == RULE_BELOW && len > tail + 1 && name[len - tail - 1] == '.' &&
	       strcasecmp(name + len - tail, rule->name) == 0;
}

/* ICMP has no port: a rule with one is not about it. */
static bool port_matches(const struct rule *rule, const struct egress_target *to)
{
	return to->port >= rule->first && to->port <= rule->last;
}

static bool name_allowed(
	const struct egress *egress, const char *name, const struct egress_target *to)
{
	for (size_t i = 0; i < egress->n_rules; i++) {
		if (names_match(&egress->rules[i], name) &&
			(!to || port_matches(&egress->rules[i], to)))
			return true;
	}
	return false;
}

static bool address_allowed(const struct egress *egress, const struct egress_target *to)
{
	for (size_t i = 0; i < egress->n_rules; i++) {
		const struct rule *rule = &egress->rules[i];

		if ((rule->kind == RULE_ANY ||
			    (rule->kind == RULE_CIDR && in_network(rule, &to->address))) &&
			port_matches(rule, to))
			return true;
	}
	return false;
}

bool egress_may_resolve(const struct egress *egress, const char *name)
{
	return egress->open || egress->by_address || name_allowed(egress, name, NULL);
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

static struct standing find_standing(const struct egress *egress, const struct egress_target *to)
{
	struct standing s = { 0 };

	for (size_t i = 0; i < egress->n_told; i++) {
		const struct told *told = &egress->told[i];

		if (memcmp(&told->address, &to->address, sizeof(to->address)) != 0)
			continue;
		if (!s.latest || told->when > s.latest->when)
			s.latest = told;
		if (!name_allowed(egress, told->name, to))
			s.foreign = true;
		else if (!s.allowed || told->when > s.allowed->when)
			s.allowed = told;
	}
	return s;
}

enum egress_verdict egress_ask(
	const struct egress *egress, const struct egress_target *to, const char **ret_name)
{
	struct standing s = find_standing(egress, to);

	if (ret_name)
		*ret_name = s.allowed ? s.allowed->name : s.latest ? s.latest->name : "";
	if (egress->open || address_allowed(egress, to))
		return EGRESS_ALLOW;
	if (!s.allowed)
		return EGRESS_REFUSE;
	if (to->proto == IPPROTO_TCP)
		return EGRESS_PEEK;
	return s.foreign ? EGRESS_REFUSE : EGRESS_ALLOW;
}

/* "Host: 192.0.2.1" is no name, as long as it is the address that is called. */
static bool is_own_address(const char *name, const struct in6_addr *address)
{
	struct in_addr v4;
	struct in6_addr v6;

	if (inet_pton(AF_INET, name, &v4) == 1)
		v6 = egress_from_v4(v4);
	else
		return false;
	return memcmp(&v6, address, sizeof(v6)) == 0;
}

enum egress_verdict egress_ask_bytes(const struct egress *egress, const struct egress_target *to,
	const uint8_t *data, size_t len, char name[EGRESS_NAME])
{
	switch (sniff_name(data, len, name)) {
	case SNIFF_MORE:
		return EGRESS_PEEK;
	case SNIFF_BAD:
		return EGRESS_REFUSE;
	case SNIFF_NAMED:
		if (!is_own_address(name, &to->address))
			return name_allowed(egress, name, to) ? EGRESS_ALLOW : EGRESS_REFUSE;
		break;
	case SNIFF_NONE:
		break;
	}
	return find_standing(egress, to).foreign ? EGRESS_REFUSE : EGRESS_ALLOW;
}
