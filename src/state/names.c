/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Container names: the rule they follow, and random ones for containers that get none. The surnames
 * are of people who made computers, networks and operating systems what they are.
 */
#include "state/internal.h"

#include <sys/random.h>

#include "base/own.h"

static const char *const adjectives[] = { "able", "agile", "amber", "ample", "apt", "azure", "bold",
	"brave", "bright", "brisk", "calm", "candid", "cheerful", "civil", "clear", "clever",
	"cosy", "crisp", "curious", "daring", "dapper", "deft", "eager", "early", "easy", "elegant",
	"exact", "fair", "fearless", "fleet", "fluent", "fond", "frank", "free", "fresh", "gentle",
	"glad", "golden", "graceful", "grand", "happy", "hardy", "hearty", "honest", "humble",
	"ideal", "jolly", "jovial", "keen", "kind", "lively", "lucid", "lucky", "mellow", "merry",
	"mild", "modest", "neat", "nimble", "noble", "open", "patient", "placid", "plucky",
	"polite", "prime", "proud", "prudent", "quick", "quiet", "rapid", "ready", "robust",
	"serene", "sharp", "silent", "simple", "sleek", "smart", "smooth", "snug", "sober", "solid",
	"spry", "steady", "stoic", "sturdy", "subtle", "sunny", "swift", "tender", "tidy",
	"tranquil", "true", "upbeat", "valiant", "vivid", "warm", "wise", "witty", "zesty" };

static const char *const surnames[] = { "aiken", "allen", "allman", "antonelli", "atanasoff",
	"babbage", "bachman", "backus", "baran", "bartik", "bauer", "bell", "berners", "bezier",
	"boole", "booth", "brooks", "burks", "bush", "byron", "carmack", "cerf", "chomsky",
	"church", "clarke", "codd", "conway", "cook", "corbato", "cray", "curry", "dahl", "davies",
	"diffie", "dijkstra", "easley", "eckert", "edmonds", "engelbart", "estrin", "fano",
	"feinler", "floyd", "forrester", "fujio", "godel", "goldberg", "goldstine", "granville",
	"gray", "hamilton", "hamming", "hartmanis", "hellman", "hoare", "holberton", "hollerith",
	"hopcroft", "hopper", "huffman", "iverson", "jacobson", "jacquard", "jennings", "johnson",
	"joy", "kahan", "kahn", "karp", "kay", "keller", "kernighan", "kilburn", "kleene",
	"kleinrock", "knuth", "lamarr", "lampson", "leibniz", "licklider", "liskov", "lovelace",
	"lukasik", "markov", "mauchly", "mccarthy", "mcilroy", "mcnulty", "merkle", "metcalfe",
	"milner", "minsky", "mockapetris", "moore", "morris", "naur", "newell", "noyce", "nygaard",
	"ossanna", "papert", "pascal", "perlis", "perlman", "pike", "postel", "rabin", "ritchie",
	"rivest", "roberts", "sammet", "scott", "shamir", "shannon", "shaw", "simon", "sketchley",
	"spence", "stallman", "stearns", "stibitz", "stonebraker", "strachey", "sutherland",
	"tanenbaum", "tarjan", "thacker", "thompson", "tomlinson", "torvalds", "tukey", "turing",
	"ullman", "valiant", "watson", "weizenbaum", "wiener", "wilkes", "wilkinson", "williams",
	"yao", "zuse" };

bool state_name_valid(const char *name)
{
	return valid_name(name, 1);
}

/* Later attempts add digits, so that a full name space costs looks but never a failure. */
void name_random(char *ret, size_t size, unsigned attempt)
{
	unsigned short r[3] = { 0 };
	int n;

	while (getrandom(r, sizeof(r), 0) != (ssize_t)sizeof(r))
		; /* interrupted before the pool was ready; cannot fail otherwise */
	n = snprintf(ret, size, "%s_%s", adjectives[r[0] % ARRAY_SIZE(adjectives)],
		surnames[r[1] % ARRAY_SIZE(surnames)]);
	if (attempt > 5)
		snprintf(ret + n, size - (size_t)n, "%u", r[2]);
}
