/* SPDX-License-Identifier: Apache-2.0 */
#include "base/egress_rules.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct in6_addr from_v4(struct in_addr address)
{
	struct in6_addr ret = { .s6_addr = { [10] = 0xff, [11] = 0xff } };

	memcpy(ret.s6_addr + 12, &address, 4);
	return ret;
}

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
static bool parse_ports(const char *text, struct egress_rule *rule)
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
static bool parse_cidr(const char *text, struct egress_rule *rule)
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
		rule->network = from_v4(v4);
		base = 96;
	} else if (inet_pton(AF_INET6, address, &rule->network) == 1) {
		base = 0;
	} else {
		return false;
	}
	prefix = 128 - base;
	if (text[len] && !parse_number(text + len + 1, strlen(text + len + 1), 128 - base, &prefix))
		return false;
	rule->kind = EGRESS_RULE_CIDR;
	rule->prefix = base + (int)prefix;
	return true;
}

static bool parse_name(const char *text, struct egress_rule *rule)
{
	size_t len;

	rule->kind = EGRESS_RULE_NAME;
	if (strncmp(text, "*.", 2) == 0) {
		rule->kind = EGRESS_RULE_BELOW;
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
static bool parse_rule(char *text, struct egress_rule *rule)
{
	char *port = NULL, *end;

	*rule = (struct egress_rule){ .last = UINT16_MAX };
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
		rule->kind = EGRESS_RULE_ANY;
		return port != NULL;
	}
	return parse_cidr(text, rule) || parse_name(text, rule);
}

static int parse_list(const char *text, struct egress_rules *rules, struct err *err)
{
	while (*text) {
		char item[EGRESS_NAME + 16];
		size_t len = strcspn(text, ",");

		if (rules->n == EGRESS_RULES_MAX)
			return err_set(
				err, -E2BIG, "--egress: more than %d rules", EGRESS_RULES_MAX);
		(void)snprintf(item, sizeof(item), "%.*s", (int)len, text);
		if (!len || len >= sizeof(item) || !parse_rule(item, &rules->list[rules->n]))
			return err_set(err, -EINVAL,
				"--egress: '%.*s' is none of NAME, *.NAME, ADDRESS, CIDR, each with "
				":PORT or without, and :PORT",
				(int)(len < 200 ? len : 200), text);
		rules->n++;
		text += len;
		if (*text && !*++text)
			return err_set(err, -EINVAL, "--egress: nothing after the last comma");
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

int egress_rules_parse(const char *text, struct egress_rules *ret, struct err *err)
{
	struct egress_rules rules = { 0 };
	int r = 0;

	rules.open = strcmp(text, "all") == 0 || strcmp(text, "learn") == 0;
	if (!rules.open && strcmp(text, "none") != 0) {
		rules.list = calloc(count_items(text), sizeof(*rules.list));
		r = rules.list ? parse_list(text, &rules, err)
			       : err_set(err, -ENOMEM, "out of memory");
	}
	if (r < 0)
		egress_rules_done(&rules);
	else
		*ret = rules;
	return r;
}

void egress_rules_done(struct egress_rules *rules)
{
	free(rules->list);
	*rules = (struct egress_rules){ 0 };
}
