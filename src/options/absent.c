/* SPDX-License-Identifier: Apache-2.0 */
/* Two tables. A flag or command that sbx gets leaves its row here. */
#include "options/absent.h"

#include <stdbool.h>
#include <string.h>

#include "base/own.h"

#define WINDOWS "Windows only"
#define SWARM   "needs a swarm"
#define TRUST   "Docker Content Trust is not supported; digests are verified always"
#define PLUGINS "there are no plugins"
#define CRIU    "needs root (CRIU)"

static const struct absent flags[] = {
	{ "run,create", "cpu-count cpu-percent io-maxbandwidth io-maxiops isolation", WINDOWS },
	{ "run,create,build,pull,push", "disable-content-trust", TRUST },
	{ "run,create,network connect", "link-local-ip", "link-local addresses cannot be chosen" },
	{ "run,create", "storage-opt", "quotas of directories need root" },
	{ "run,create", "use-api-socket", "there is no API socket" },
	{ "build", "isolation", WINDOWS },
	{ "build", "squash", "not yet" },
	{ "image inspect", "platform", "the store keeps one platform of an image under a name" },
	{ "network connect", "driver-opt",
		"the options there are belong to network devices of the kernel" },
	{ "network connect", "gw-priority",
		"the first network is the way out, which --network of run chooses" },
	{ "network create", "config-from config-only ingress", SWARM },
	{ "network create", "ipam-opt", "there is one driver, without options" },
	{ "volume create", "scope", "networks are local" },
	{ "volume create",
		"availability group limit-bytes required-bytes secret sharing topology-preferred "
		"topology-required type",
		SWARM },
	{ "volume ls", "cluster", SWARM },
	{ "rm", "link", "links are lines of /etc/hosts and need no removal" },
	{ "start", "checkpoint checkpoint-dir", CRIU },
	{ "update", "cpu-rt-period cpu-rt-runtime", "real-time groups need root" },
};

static const struct absent commands[] = {
	{ "", "compose", "it speaks to the Engine API, which sbx does not serve" },
	{ "checkpoint", "create ls rm", CRIU },
	{ "context", "create export import inspect ls rm show update use",
		"there is no daemon to choose" },
	{ "manifest", "annotate create push rm", "not yet" },
	{ "plugin", "create disable enable inspect install ls push rm set upgrade", PLUGINS },
	{ "trust", "key signer inspect revoke sign", TRUST },
	{ "volume", "update", SWARM },
	{ "config", "create inspect ls rm", SWARM },
	{ "node", "demote inspect ls promote ps rm update", SWARM },
	{ "secret", "create inspect ls rm", SWARM },
	{ "service", "create inspect logs ls ps rm rollback scale update", SWARM },
	{ "stack", "config deploy ls ps rm services", SWARM },
	{ "swarm", "ca init join join-token leave unlock unlock-key update", SWARM },
};

static bool among(const char *list, char separator, const char *word, size_t len)
{
	const char *end;

	for (const char *s = list;; s = end + 1) {
		end = strchrnul(s, separator);
		if ((size_t)(end - s) == len && memcmp(s, word, len) == 0)
			return true;
		if (!*end)
			return false;
	}
}

const char *absent_flag(const char *path, const char *flag, size_t flag_len)
{
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (among(flags[i].of, ',', path, strlen(path)) &&
			among(flags[i].names, ' ', flag, flag_len))
			return flags[i].why;
	return NULL;
}

const char *absent_command(const char *group, const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (strcmp(commands[i].of, group ? group : "") == 0 &&
			(!word || among(commands[i].names, ' ', word, strlen(word))))
			return commands[i].why;
	return NULL;
}

const struct absent *absent_flags_at(size_t index)
{
	return index < ARRAY_SIZE(flags) ? &flags[index] : NULL;
}

const struct absent *absent_commands_at(size_t index)
{
	return index < ARRAY_SIZE(commands) ? &commands[index] : NULL;
}
