/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of --egress up to a NUL, then the first bytes of a connection, and what they say of its name.
 * Rules that name nothing let nothing out, whatever the bytes claim. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/egress_rules.h"
#include "base/own.h"
#include "base/xalloc.h"
#include "netstack/egress.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_rules(const struct egress_rules *rules)
{
	for (size_t i = 0; i < rules->n; i++) {
		const struct egress_rule *rule = &rules->list[i];

		if (rule->first > rule->last || rule->prefix < 0 || rule->prefix > 128 ||
			!memchr(rule->name, 0, sizeof(rule->name)))
			abort();
	}
}

static void ask(const char *rules, const uint8_t *bytes, size_t len)
{
	struct egress_target to = { .port = 443, .proto = IPPROTO_TCP };
	struct egress *egress = NULL;
	struct err err = ERR_INIT;
	char name[EGRESS_NAME];
	const char *which;

	if (egress_new(rules, &egress, &err) < 0)
		return;
	to.address = egress_from_v4((struct in_addr){ 0x08080808 });
	egress_learn(egress, "example.org", &to.address);
	(void)egress_may_resolve(egress, "a.example.org");
	(void)egress_ask(egress, &to, &which);
	(void)egress_ask_bytes(egress, &to, bytes, len, name);
	if (!memchr(name, 0, sizeof(name)))
		abort();
	if (strcmp(rules, "none") == 0 &&
		(egress_ask(egress, &to, NULL) != EGRESS_REFUSE ||
			egress_ask_bytes(egress, &to, bytes, len, name) == EGRESS_ALLOW))
		abort();
	egress_free(egress);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	autofree char *text = xstrndup((const char *)data, size);
	size_t used = strlen(text);
	size_t rest = used < size ? size - used - 1 : 0;
	struct egress_rules rules = { 0 };
	struct err err = ERR_INIT;

	if (egress_rules_parse(text, &rules, &err) == 0)
		check_rules(&rules);
	else if (!*err.text)
		abort();
	egress_rules_done(&rules);
	ask(text, data + size - rest, rest);
	ask("none", data, size);
	return 0;
}
