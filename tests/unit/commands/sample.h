/* SPDX-License-Identifier: Apache-2.0 */
/* A container as its record would give it, without a file. */
#ifndef SBX_TESTS_COMMANDS_SAMPLE_H
#define SBX_TESTS_COMMANDS_SAMPLE_H

#include "harness.h"

#include <string.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "commands/common.h"
#include "commands/output.h"

#define SAMPLE_ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static inline struct json *sample_json(const char *text)
{
	struct json *doc = NULL;
	struct err err = ERR_INIT;

	if (json_parse(text, strlen(text), &doc, &err) < 0)
		fail_msg("%s in %s", err.text, text);
	return doc;
}

static inline struct container sample(void)
{
	struct container c = CONTAINER_INIT;

	snprintf(c.id, sizeof(c.id), "%s", SAMPLE_ID);
	c.name = xstrdup("web");
	c.path = xstrdup("/store/containers/" SAMPLE_ID);
	c.status = STATUS_RUNNING;
	c.pid = 4711;
	c.started = state_now() - 65000000000LL;
	c.error = xstrdup("");
	c.config = sample_json(
		"{\"image\":\"redis:7\",\"imageId\":\"sha256:feed0000\",\"created\":\"2024-01-01T00:00:00Z\","
		"\"argv\":[\"docker-entrypoint.sh\",\"redis-server\",\"--save\"],\"network\":\"bridge\","
		"\"driver\":\"overlay\",\"layers\":[\"/l/base\",\"/l/top\"],\"env\":[\"A=1\"],"
		"\"entrypoint\":[\"docker-entrypoint.sh\"],\"cmd\":[\"redis-server\",\"--save\"],"
		"\"labels\":{\"z\":\"26\",\"a\":\"1\"},\"exposedPorts\":[\"6379/tcp\",\"53/udp\"],"
		"\"ports\":[{\"ip\":\"\",\"hostPort\":0,\"port\":6379,\"proto\":\"tcp\"}],"
		"\"mounts\":[{\"type\":\"bind\",\"source\":\"/home/ana/a/long/path\",\"destination\":\"/w\","
		"\"rw\":false},{\"type\":\"volume\",\"name\":\"data\",\"source\":\"/v/data/_data\","
		"\"destination\":\"/data\",\"rw\":true,\"anonymous\":false}],"
		"\"stopSignal\":\"SIGINT\",\"user\":\"redis\",\"workdir\":\"/data\",\"hostname\":\"web1\"}");
	c.network = sample_json(
		"{\"ip\":\"10.88.0.5\",\"gateway\":\"10.88.0.1\",\"prefix\":24,\"mac\":"
		"\"02:00:00:00:00:05\",\"ports\":[{\"ip\":\"\",\"hostPort\":32768,"
		"\"port\":6379,\"proto\":\"tcp\"}],\"networks\":[{\"network\":\"bridge\",\"ip\":"
		"\"10.88.0.5\",\"gateway\":\"10.88.0.1\",\"prefix\":24,\"mac\":\"02:00:00:00:00:05\"}]}");
	return c;
}

#endif
